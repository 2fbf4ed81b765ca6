import { type EpochMillis, floorTo } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { highest } from '#runtime/bounds.ts'
import type { CloseBody } from '#runtime/close-item.ts'
import { isSessionOutput } from '#runtime/close-sessions.ts'
import type { CloseGoal } from '#runtime/close-step.ts'
import type { Closer } from '#runtime/close-work.ts'
import type { DirtyWindow } from '#runtime/dirty.ts'
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
 * partition had seen when its last batch ended, or a later one. The writer of a batch that came after we read the end offsets may not
 * know the mark of the previous close yet, but finds it in its progress, and looks what was settled by then.
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
 * Windows that are computed once more now aren't settled by the same close: what is folded into them while it reads their pages would be
 * in their rows, and its writer would take it for late.
 */
export function settledBefore(
  outputs: readonly WindowOutput[],
  dirty: readonly DirtyWindow[],
  { settled }: Pick<CloseBody, 'settled'>,
): EpochMillis {
  let before = Number.POSITIVE_INFINITY
  for (const { output, window } of dirty) {
    const until = window.end + outputs[output]!.window.grace
    if (!isSessionOutput(outputs[output]!) && (settled === null || until > settled))
      before = Math.min(before, until - 1)
  }
  return before
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
