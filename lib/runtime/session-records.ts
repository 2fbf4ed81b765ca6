import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { loadPages, type PagesOf, pageRange } from '#runtime/close-pages.ts'
import { isSessionOutput } from '#runtime/close-sessions.ts'
import type { DirtyWindow } from '#runtime/dirty.ts'
import type { FoldedRows } from '#runtime/reopened.ts'
import type { ColumnBatch } from '#schema/vector.ts'
import type { Folder } from '#window/fold.ts'
import type { LateEntry, Page } from '#window/page.ts'

/**
 * What records beyond the grace of sessions may still join: of the pages from the first of them to where sessions are not beyond grace,
 * the pieces that hold their groups. Nothing, and no request, where there are no such records.
 *
 * @param of the outputs that the rows are folded for, by index
 */
export async function pagesNearby(
  { runtime, codec, layout, outputs }: PagesOf & { readonly outputs: readonly WindowOutput[] },
  folder: Folder,
  of: readonly number[],
  { rows, eventTimes, batch }: Pick<FoldedRows, 'rows' | 'eventTimes'> & { readonly batch: ColumnBatch },
  mark: EpochMillis | null,
): Promise<readonly Page[]> {
  if (mark === null) return []
  let from = Number.POSITIVE_INFINITY
  let to = Number.NEGATIVE_INFINITY
  const hashes = new Set<number>()
  for (const index of of) {
    const output = outputs[index]!
    if (!isSessionOutput(output)) continue
    const { gap, grace } = output.window
    const behind = rows.filter((row) => eventTimes[row]! + gap + grace <= mark)
    if (behind.length === 0) continue
    for (const hash of folder.hashesOf(index, batch, behind)) hashes.add(hash)
    for (const row of behind) from = Math.min(from, eventTimes[row]! - gap)
    to = Math.max(to, mark - grace + 1)
  }
  return from < to ? loadPages({ runtime, codec, layout }, [pageRange(layout, from, to)], hashes) : []
}

/**
 * The sessions that are published, or would be, and count one of the rows: by group, records that are not further apart than the
 * gap together. Rows after what is published − gap need no mention: closing looks at everything from there on.
 *
 * @param published by output, its sessions with end ≤ this are published; null for none
 */
export function reopenedSessions(
  outputs: readonly WindowOutput[],
  folder: Folder,
  batch: ColumnBatch,
  { rows, eventTimes, offsets }: FoldedRows,
  published: readonly (EpochMillis | null)[],
  late: readonly LateEntry[],
): readonly DirtyWindow[] {
  return outputs.flatMap((output, index) => {
    const upTo = published[index]!
    if (!isSessionOutput(output) || upTo === null) return []
    const { gap } = output.window
    const missed = new Set(late.flatMap((entry) => (entry.output === index ? [entry.offset] : [])))
    const closed = rows.filter((row) => eventTimes[row]! + gap <= upTo && !missed.has(offsets[row]!))
    const keys = folder.keysOf(index, batch, closed)
    const timesOf = new Map<string, EpochMillis[]>()
    for (const [i, key] of keys.entries()) {
      const time = eventTimes[closed[i]!]!
      const own = timesOf.get(key)
      if (own === undefined) timesOf.set(key, [time])
      else own.push(time)
    }
    return [...timesOf].flatMap(([key, times]) => stretches(index, key, times, gap))
  })
}

function stretches(output: number, key: string, times: EpochMillis[], gap: number): readonly DirtyWindow[] {
  times.sort((a, b) => a - b)
  const found: { output: number; key: string; window: { start: EpochMillis; end: EpochMillis } }[] = []
  for (const time of times) {
    const last = found.at(-1)
    if (last !== undefined && time <= last.window.end) last.window.end = time + gap
    else found.push({ output, key, window: { start: time, end: time + gap } })
  }
  return found
}
