import type { EpochMillis, Millis } from '#core/time.ts'

export interface Clock {
  now(): EpochMillis
  /** Resolves after `millis`, or at once when the signal aborts; never rejects. */
  sleep(millis: Millis, signal?: AbortSignal): Promise<void>
}
