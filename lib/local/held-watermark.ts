import type { EpochMillis, Millis } from '#core/time.ts'
import type { WatermarkReading } from '#window/watermark.ts'

/** A partition that lags, and because of which no window closes. */
export interface HeldBack {
  readonly partition: number
  /** Records appended and not applied. */
  readonly lag: number
  /** When that was first seen. */
  readonly since: EpochMillis
}

/** Tells of partitions that hold the watermark back for longer than `after`: of each once, until it lets go and does it again. */
export class HeldWatermark {
  readonly #after: Millis
  readonly #held = new Map<number, { readonly since: EpochMillis; told: boolean }>()

  constructor(after: Millis) {
    this.#after = after
  }

  /** Those to tell of now. */
  look({ holding, partitions }: WatermarkReading, now: EpochMillis): readonly HeldBack[] {
    // A look that was given up says nothing.
    if (partitions.length === 0) return []
    for (const partition of this.#held.keys()) if (!holding.includes(partition)) this.#held.delete(partition)
    return holding.flatMap((partition) => {
      const held = this.#held.get(partition) ?? { since: now, told: false }
      this.#held.set(partition, held)
      if (held.told || now - held.since < this.#after) return []
      held.told = true
      return [{ partition, lag: partitions[partition]!.lag, since: held.since }]
    })
  }
}
