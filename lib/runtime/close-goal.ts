import { type EpochMillis, floorTo } from '#core/time.ts'
import { highest } from '#runtime/bounds.ts'
import { isSessionOutput } from '#runtime/close-sessions.ts'
import type { CloseGoal } from '#runtime/close-step.ts'
import type { Closer } from '#runtime/close-work.ts'
import type { Progress } from '#runtime/progress.ts'
import { readBounds } from '#runtime/raise-bounds.ts'
import { endsOfInput } from '#window/chained.ts'
import { readWatermark, type WatermarkReading } from '#window/watermark.ts'

export function watermarkOf(
  { runtime }: Closer,
  endOffsets: readonly number[],
  progress: ReadonlyMap<number, Progress>,
  moreToCome: boolean,
): WatermarkReading {
  const partitions = endOffsets.map((endOffset, partition) => ({
    partition,
    offset: progress.get(partition)?.last.offset ?? -1,
    endOffset,
    maxEventTime: progress.get(partition)?.maxEventTime ?? null,
    maxEventAppendTime: progress.get(partition)?.maxEventAppendTime ?? null,
  }))
  return readWatermark(
    partitions,
    runtime.plan.topic.outOfOrder,
    moreToCome ? Number.NEGATIVE_INFINITY : runtime.clock.now(),
  )
}

/**
 * Windows with end + grace at or below this can't get another record, not even from a batch that is in flight: their pages and
 * what was published of them may go. A batch in flight belongs to a partition that lags, and is judged by the mark that its
 * progress vouches for, or a later one. A batch that came after we read the end offsets is judged by
 * the mark of the previous close at least.
 */
export function settledUpTo(
  upTo: EpochMillis | null,
  watermark: WatermarkReading,
  progress: ReadonlyMap<number, Progress>,
): EpochMillis {
  let settled = upTo ?? Number.NEGATIVE_INFINITY
  for (const { partition, lag } of watermark.partitions) {
    if (lag === 0) continue
    settled = Math.min(settled, progress.get(partition)?.mark ?? Number.NEGATIVE_INFINITY)
  }
  return settled
}

/**
 * Never below the mark: writers have judged lateness by it. Whole slices, because nothing happens in between; but sessions may end
 * anywhere.
 */
export async function goalOf(
  closer: Closer,
  endOfInput: boolean,
  progress: ReadonlyMap<number, Progress>,
  watermark: EpochMillis | null,
): Promise<CloseGoal> {
  const { runtime, outputs, layout } = closer
  const { mark: raised } = await readBounds(runtime.state, runtime)
  const mark = highest(
    raised,
    watermark === null ? null : floorTo(watermark, outputs.some(isSessionOutput) ? 1 : layout.width),
  )
  const times = [...progress.values()].flatMap(({ maxEventTime }) => (maxEventTime === null ? [] : [maxEventTime]))
  if (!endOfInput || times.length === 0) return { mark, ended: null }
  return { mark, ended: endsOfInput(outputs, Math.max(...times)) }
}
