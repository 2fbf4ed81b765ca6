import type { Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'

/** A clock that stands still but for its sleepers: each sleep takes no time and moves it on. */
export class ManualClock implements Clock {
  readonly sleeps: Millis[] = []
  #now: number

  constructor(now = 1_000_000) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  async sleep(millis: Millis, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return
    this.sleeps.push(millis)
    this.#now += millis
  }
}
