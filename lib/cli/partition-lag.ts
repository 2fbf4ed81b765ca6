import type { EpochMillis, Millis } from '#core/time.ts'
import type { StateStore } from '#ports/state-store.ts'
import { acceptedItems } from '#runtime/accepted.ts'
import { lakeGroup, progressGroup, type Scope } from '#runtime/keys.ts'
import { listProgress } from '#runtime/progress.ts'
import { readBounds } from '#runtime/raise-bounds.ts'
import { type PartitionState, readWatermark } from '#window/watermark.ts'

export interface PartitionLag {
  readonly partition: number
  /** The next record to apply, as it is stored; of the windows, where the pipeline has any, else of the lake. */
  readonly offset: number
  /** The next record that will be appended. */
  readonly endOffset: number
  /** Records appended and not applied. */
  readonly lag: number
  /** Records appended and not in a file yet: the stage that writes bronze and silver is a consumer of its own. */
  readonly lakeLag: number
  readonly maxEventTime: EpochMillis | null
  /** Append time of the record with that event time. */
  readonly maxEventAppendTime: EpochMillis | null
  readonly watermark: EpochMillis | null
  readonly state: PartitionState
  /** It keeps the pipeline's watermark from rising. */
  readonly holdsBack: boolean
}

export interface Lag {
  readonly partitions: readonly PartitionLag[]
  readonly maxEventTime: EpochMillis | null
  readonly watermark: EpochMillis | null
  /** Every window that ends at or before it is closed; null before the first. */
  readonly closedUpTo: EpochMillis | null
}

export interface LagSource {
  readonly state: StateStore
  readonly scope: Scope
  /** By partition, given the offset of the last applied record by partition: as `readableEnds` has them. */
  readonly endOffsets: (applied: ReadonlyMap<number, number>) => Promise<readonly number[]>
  readonly outOfOrder: Millis
  readonly hasWindows: boolean
  readonly now: EpochMillis
}

/** How far each partition is. Two LISTs and a read of the state. */
export async function readLag(from: LagSource): Promise<Lag> {
  const { state, scope, outOfOrder, hasWindows, now } = from
  const progress = await listProgress(state, progressGroup(scope))
  const accepted = await acceptedItems(state, lakeGroup(scope)).list()
  const lakeOffset = (partition: number): number => (accepted.get(partition)?.body?.last.offset ?? -1) + 1
  const appliedTo = (partition: number): number =>
    hasWindows ? (progress.get(partition)?.last.offset ?? -1) + 1 : lakeOffset(partition)
  const endOffsets = await from.endOffsets(
    new Map(
      hasWindows
        ? [...progress].map(([partition, { last }]) => [partition, last.offset])
        : [...accepted.keys()].map((partition) => [partition, lakeOffset(partition) - 1]),
    ),
  )
  const reading = readWatermark(
    endOffsets.map((endOffset, partition) => {
      const one = progress.get(partition)
      return {
        partition,
        offset: appliedTo(partition) - 1,
        endOffset,
        maxEventTime: one?.maxEventTime ?? null,
        maxEventAppendTime: one?.maxEventAppendTime ?? null,
      }
    }),
    outOfOrder,
    now,
  )
  const times = [...progress.values()].flatMap(({ maxEventTime }) => (maxEventTime === null ? [] : [maxEventTime]))
  return {
    partitions: reading.partitions.map(({ partition, lag, watermark, state: found }) => ({
      partition,
      offset: appliedTo(partition),
      endOffset: endOffsets[partition]!,
      lag,
      lakeLag: Math.max(0, endOffsets[partition]! - lakeOffset(partition)),
      maxEventTime: progress.get(partition)?.maxEventTime ?? null,
      maxEventAppendTime: progress.get(partition)?.maxEventAppendTime ?? null,
      watermark,
      state: found,
      holdsBack: reading.holding.includes(partition),
    })),
    maxEventTime: times.length === 0 ? null : Math.max(...times),
    watermark: hasWindows ? reading.watermark : null,
    closedUpTo: (await readBounds(state, scope)).mark,
  }
}
