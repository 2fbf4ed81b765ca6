import { DAY, type EpochMillis, type Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'

/** How fast records are handed over; both limits hold if both are given. */
export interface Pace {
  readonly clock: Clock
  /** Records a second. */
  readonly rate?: number
  /** Seconds of event time a second: 3600 plays a day in 24 seconds. */
  readonly speed?: number
}

/** What is packed is appended at least so often. */
const FLUSH_EVERY: Millis = 100
/** Sleeping less isn't worth a timer: records come in small bursts instead. */
const SLEEP_MIN: Millis = 10
/** A longer step in event time is jumped over, forwards and backwards: a pause in the data, or a wrong date. */
const STEP_MAX: Millis = 7 * DAY

/** Holds records back until they are due. Event time runs with the latest seen so far, so disorder causes no waiting. */
export class Pacer {
  readonly #pace: Pace
  readonly #start: EpochMillis
  #records = 0
  #eventTime = Number.NaN
  /** Event time that has passed since the first record, jumps left out. */
  #passed: Millis = 0
  /** An event time far from all others until the next record says that it was right. */
  #far = Number.NaN
  #flushed: EpochMillis

  constructor(pace: Pace) {
    this.#pace = pace
    this.#start = pace.clock.now()
    this.#flushed = this.#start
  }

  /**
   * Resolves when the next record is due, or the signal aborts; NaN for a record without an event time. `flush` is called
   * before records that are packed would wait for longer than 100 ms. Undefined when there is nothing to wait for.
   */
  next(eventTime: EpochMillis, flush: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> | undefined {
    const { clock, rate, speed } = this.#pace
    let due = this.#start
    if (rate !== undefined) due += (this.#records++ * 1000) / rate
    if (speed !== undefined) {
      this.#observe(eventTime)
      due = Math.max(due, this.#start + this.#passed / speed)
    }
    const now = clock.now()
    if (due <= now && now - this.#flushed < FLUSH_EVERY) return undefined
    return this.#wait(due, flush, signal)
  }

  async #wait(due: EpochMillis, flush: () => Promise<void>, signal: AbortSignal | undefined): Promise<void> {
    const { clock } = this.#pace
    for (;;) {
      const now = clock.now()
      const rest = due - now
      const wake = rest > 0 ? now + Math.max(rest, SLEEP_MIN) : now
      if (wake - this.#flushed >= FLUSH_EVERY) {
        await flush()
        this.#flushed = Math.max(wake, clock.now())
      }
      if (rest <= 0 || signal?.aborted === true) return
      await clock.sleep(Math.max(rest, SLEEP_MIN), signal)
    }
  }

  #observe(eventTime: EpochMillis): void {
    if (Number.isNaN(eventTime)) return
    if (Number.isNaN(this.#eventTime)) this.#eventTime = eventTime
    const step = eventTime - this.#eventTime
    if (Math.abs(step) <= STEP_MAX) {
      if (step > 0) {
        this.#passed += step
        this.#eventTime = eventTime
      }
      this.#far = Number.NaN
    } else if (Math.abs(eventTime - this.#far) <= STEP_MAX) {
      this.#eventTime = eventTime
      this.#far = Number.NaN
    } else {
      this.#far = eventTime
    }
  }
}
