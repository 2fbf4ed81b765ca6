import { type S3Request, s3Error } from '#adapters/aws/s3-errors.ts'
import { faultOf, isPassing } from '#adapters/aws/s3-fault.ts'
import { isSluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'

export interface S3RetryOptions {
  readonly clock: Clock
  /** In [0, 1): spreads the retries of many clients. */
  readonly random: () => number
  /** How often a request is tried, the first time included. */
  readonly tries: number
}

const PAUSE_FIRST: Millis = 50
const PAUSE_MAX: Millis = 5_000

/** Tries requests again that met throttling, conflicts, faults of the server and of the network. */
export class S3Retry {
  private readonly options: S3RetryOptions

  constructor(options: S3RetryOptions) {
    this.options = options
  }

  /** @throws SluiceError what `s3Error` makes of the last failure; a SluiceError of the call itself as it is */
  async run<T>(request: S3Request, call: () => Promise<T>): Promise<T> {
    const { clock, random, tries } = this.options
    for (let tried = 1; ; tried++) {
      try {
        return await call()
      } catch (error) {
        if (isSluiceError(error)) throw error
        const fault = faultOf(error)
        if (tried >= tries || !isPassing(fault)) throw s3Error(fault, request, tried, error)
      }
      // Anything from nothing to twice as much each time: clients that met once should not meet again.
      await clock.sleep(random() * Math.min(PAUSE_MAX, PAUSE_FIRST * 2 ** tried))
    }
  }
}
