import type { EpochMillis, Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'

/** A clock that moves when told to and when somebody sleeps, which takes no time. */
export class StillClock implements Clock {
  #now: EpochMillis

  constructor(now: EpochMillis) {
    this.#now = now
  }

  now(): EpochMillis {
    return this.#now
  }

  advance(by: Millis): void {
    this.#now += by
  }

  async sleep(by: Millis): Promise<void> {
    this.#now += by
  }
}
