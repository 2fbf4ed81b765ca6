import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import type { DirtyWindow } from '#runtime/dirty.ts'
import type { LateEntry } from '#window/page.ts'
import { type SliceLayout, sliceStart } from '#window/slices.ts'
import { type WindowBounds, windowsContaining } from '#window/windows.ts'

/** Rows of a batch: row i has offset `offsets[i]` and event time `eventTimes[i]`. */
export interface FoldedRows {
  readonly rows: Int32Array
  readonly eventTimes: Float64Array
  readonly offsets: Float64Array
}

/**
 * The windows, sessions apart, that are published and count one of the rows: what was published of them may lack it. A row counts in every
 * window that no verdict in `late` says it missed. Whether the window is within grace *now* is no question: the mark may have
 * passed its grace since the row was folded.
 *
 * @param published by output, its windows with end ≤ this are published; null for none
 */
export function reopenedWindows(
  outputs: readonly WindowOutput[],
  layout: SliceLayout,
  { rows, eventTimes, offsets }: FoldedRows,
  published: readonly (EpochMillis | null)[],
  late: readonly LateEntry[],
): readonly DirtyWindow[] {
  const upTo = published.map((bound) => bound ?? Number.NEGATIVE_INFINITY)
  const highest = Math.max(...upTo)
  const found = outputs.map(() => new Map<EpochMillis, WindowBounds>())
  const reopen = (slice: EpochMillis, missed: readonly LateEntry[]): void => {
    outputs.forEach(({ window }, output) => {
      if (window.kind === 'session') return
      const missedUpTo = missed.find((entry) => entry.output === output)?.lastEnd ?? Number.NEGATIVE_INFINITY
      for (const bounds of windowsContaining(window, slice)) {
        if (bounds.end <= upTo[output]! && bounds.end > missedUpTo) found[output]!.set(bounds.end, bounds)
      }
    })
  }
  const verdicts = Map.groupBy(late, ({ offset }) => offset)
  const onTime = new Set<EpochMillis>()
  for (const row of rows) {
    const time = eventTimes[row]!
    // Every window ends after the records in it.
    if (time >= highest) continue
    const missed = verdicts.get(offsets[row]!)
    if (missed === undefined) onTime.add(sliceStart(layout, time))
    else reopen(sliceStart(layout, time), missed)
  }
  for (const slice of onTime) reopen(slice, [])
  return found.flatMap((windows, output) =>
    [...windows.values()].sort((a, b) => a.end - b.end).map((window) => ({ output, window })),
  )
}
