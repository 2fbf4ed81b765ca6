import { type DynamoFault, type DynamoRequest, dynamoError, isPassingFault } from '#adapters/aws/dynamodb-errors.ts'
import { faultOf, isNetworkFault } from '#adapters/aws/s3-fault.ts'
import { isSluiceError } from '#core/errors.ts'
import type { EpochMillis, Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'

export interface DynamoRetryOptions {
  readonly clock: Clock
  /** In [0, 1): spreads the retries of many clients. */
  readonly random: () => number
  /** By when a request that is asked for now must have been answered; asked once a request. */
  readonly deadline: () => EpochMillis
}

const PAUSE_FIRST: Millis = 25
const PAUSE_MAX: Millis = 2_000

/** Tries requests again that met throttling, faults of the server and of the network, until the deadline. */
export class DynamoRetry {
  private readonly options: DynamoRetryOptions

  constructor(options: DynamoRetryOptions) {
    this.options = options
  }

  /**
   * @param call is given a signal that ends it at the deadline
   * @throws SluiceError what `dynamoError` makes of the last failure; a SluiceError of the call itself as it is
   */
  async run<T>(request: DynamoRequest, call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const { clock, random } = this.options
    const deadline = this.options.deadline()
    for (let tried = 1; ; tried++) {
      const left = deadline - clock.now()
      try {
        return await call(AbortSignal.timeout(Math.ceil(Math.max(1, Math.min(left, LONGEST_TIMEOUT)))))
      } catch (error) {
        if (isSluiceError(error)) throw error
        const fault = dynamoFaultOf(error)
        // Full jitter: anything from nothing to twice as much each time, so that clients that met once don't meet again.
        const pause = random() * Math.min(PAUSE_MAX, PAUSE_FIRST * 2 ** tried)
        if (!isPassingFault(fault) || clock.now() + pause >= deadline) throw dynamoError(fault, request, tried, error)
        await clock.sleep(pause)
      }
    }
  }
}

/** What a timer takes. */
const LONGEST_TIMEOUT: Millis = 2 ** 31 - 1

interface SdkError {
  readonly code?: unknown
  readonly ThrottlingReasons?: readonly { readonly reason?: string }[]
  /** Some of the exceptions spell it so. */
  readonly throttlingReasons?: readonly { readonly reason?: string }[]
}

export function dynamoFaultOf(error: unknown): DynamoFault {
  const { code, status, requestId } = faultOf(error)
  const sdk = (typeof error === 'object' && error !== null ? error : {}) as SdkError
  // The status of an answer whose body was cut off says nothing: not even whether a condition held.
  if (typeof sdk.code === 'string' && isNetworkFault(sdk.code)) {
    return { code: sdk.code, status: undefined, requestId, reasons: [] }
  }
  const named = sdk.ThrottlingReasons ?? sdk.throttlingReasons ?? []
  const reasons = named.flatMap(({ reason }) => (reason === undefined ? [] : [reason]))
  return { code, status, requestId, reasons }
}
