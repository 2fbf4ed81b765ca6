import type { EpochMillis, Millis } from '#core/time.ts'

/** How far a stage has come in one partition. */
export interface PartitionProgress {
  readonly partition: number
  /** Of the last record applied; −1 for none. */
  readonly offset: number
  /** Offset that the next record appended will get. */
  readonly endOffset: number
  /** Largest event time applied; null before the first record that has one. */
  readonly maxEventTime: EpochMillis | null
  /** Append time of that record. */
  readonly maxEventAppendTime: EpochMillis | null
}

/**
 * - `empty`: nothing was ever appended.
 * - `caught up`: everything appended is applied.
 * - `lagging`: there is more to read, and what was read is older than the topic's newest event time by more than
 *   `outOfOrder` (or nothing was read, or nothing with an event time): disorder in the topic can't be the reason.
 * - `live`: there is more to read, and what was read is about as new as in the other partitions.
 */
export type PartitionState = 'live' | 'caught up' | 'lagging' | 'empty'

export interface PartitionReading {
  readonly partition: number
  readonly state: PartitionState
  /** Its own largest event time − `outOfOrder`. */
  readonly watermark: EpochMillis | null
  /** Records appended and not applied. */
  readonly lag: number
}

export interface WatermarkReading {
  /** No more event times below it; null while nothing can be said. */
  readonly watermark: EpochMillis | null
  /** Lagging partitions that hold it back. */
  readonly holding: readonly number[]
  readonly partitions: readonly PartitionReading[]
}

/**
 * Reads the watermark off the progress of all partitions of a topic.
 *
 * What is promised is a bound per *topic*: a record's event time is ≥ the topic's largest event time so far − `outOfOrder`,
 * at the moment it is appended. So:
 *
 * - A partition with unread records holds the watermark at its own largest event time − `outOfOrder`: what it still has was
 *   appended later than what was read of it. Never read, it holds the watermark at null.
 * - A partition that is caught up leaves the minimum: its next record will be appended after everything that was read, so the
 *   topic's bound covers it, however old its own last record is. It may not be ignored *without* that promise: with a bound per
 *   partition, a partition that had been quiet for a day could go on from yesterday.
 * - When all are caught up, event time goes on at the speed of the clock since the append of the newest record, so the last
 *   window of the evening closes. On a replay of old data that is a second a second. A clock behind the broker's adds nothing.
 *
 * A reading may be lower than an earlier one (records arrive in a partition that was caught up, a clock is set back). What is
 * closed stays closed: callers keep the largest.
 */
export function readWatermark(
  progress: readonly PartitionProgress[],
  outOfOrder: Millis,
  now: EpochMillis,
): WatermarkReading {
  const newest = progress.reduce(
    (max, { maxEventTime }) => Math.max(max, maxEventTime ?? max),
    Number.NEGATIVE_INFINITY,
  )
  const partitions = progress.map((one): PartitionReading => {
    const watermark = one.maxEventTime === null ? null : one.maxEventTime - outOfOrder
    return {
      partition: one.partition,
      state: stateOf(one, newest - outOfOrder),
      watermark,
      lag: Math.max(0, one.endOffset - one.offset - 1),
    }
  })
  const behind = partitions.filter(({ state }) => state === 'live' || state === 'lagging')
  const watermark = behind.length > 0 ? lowest(behind) : movingOn(progress, outOfOrder, now)
  const holding = behind
    .filter((one) => one.state === 'lagging' && one.watermark === watermark)
    .map(({ partition }) => partition)
  return { watermark, holding, partitions }
}

function stateOf({ offset, endOffset, maxEventTime }: PartitionProgress, oldestLive: EpochMillis): PartitionState {
  if (endOffset === 0) return 'empty'
  if (offset + 1 >= endOffset) return 'caught up'
  return maxEventTime === null || maxEventTime < oldestLive ? 'lagging' : 'live'
}

/** Null if one of them has none. */
function lowest(partitions: readonly PartitionReading[]): EpochMillis | null {
  let least = Number.POSITIVE_INFINITY
  for (const { watermark } of partitions) {
    if (watermark === null) return null
    least = Math.min(least, watermark)
  }
  return least
}

/** The watermark when all partitions are caught up. */
function movingOn(progress: readonly PartitionProgress[], outOfOrder: Millis, now: EpochMillis): EpochMillis | null {
  let watermark: EpochMillis | null = null
  for (const { maxEventTime, maxEventAppendTime } of progress) {
    if (maxEventTime === null) continue
    const elapsed = Math.max(0, now - (maxEventAppendTime ?? now))
    watermark = Math.max(watermark ?? Number.NEGATIVE_INFINITY, maxEventTime + elapsed - outOfOrder)
  }
  return watermark
}
