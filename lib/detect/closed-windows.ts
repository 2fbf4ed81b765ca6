import type { EpochMillis } from '#core/time.ts'
import { type ClosedWindow, emptyWindow, withValues } from '#detect/closed-window.ts'
import type { Detector } from '#detect/detector.ts'

/** By end of the window: what has changed in it. */
export type Changes = ReadonlyMap<EpochMillis, WindowChange>

export interface WindowChange {
  readonly start: EpochMillis
  /** By key; null for a row that was withdrawn. */
  readonly values: ReadonlyMap<number, number | null>
}

/**
 * The windows with what has changed in them, and those that were closed since, up to `closedTo`: also those without rows, but none of a
 * time that lies more than a horizon after the last row, when nothing is remembered any more.
 */
export function closedWindows(
  detector: Detector,
  windows: readonly ClosedWindow[],
  closedBefore: EpochMillis | null,
  closedTo: EpochMillis | null,
  changes: Changes,
): readonly ClosedWindow[] {
  const result = windows.map((window) => {
    const change = changes.get(window.end)
    return change === undefined ? window : withValues(window, change.values)
  })
  if (closedTo === null) return result
  const fresh = [...changes.entries()]
    .filter(([end]) => closedBefore === null || end > closedBefore)
    .sort(([a], [b]) => a - b)
  let lastRow = result.findLast(({ keys }) => keys.length > 0)?.end ?? null
  let at = closedBefore
  for (;;) {
    if (at === null || lastRow === null) {
      const next = fresh.find(([end]) => at === null || end > at)
      if (next === undefined) return result
      at = next[0] - 1
      lastRow = next[0]
    }
    let overGap = false
    for (const { start, end } of detector.windowsEndingIn(detector.window, at, closedTo)) {
      overGap = end > lastRow + detector.horizon
      if (overGap) break
      const change = changes.get(end)
      if (change !== undefined) lastRow = end
      result.push(change === undefined ? emptyWindow(start, end) : withValues(emptyWindow(start, end), change.values))
      at = end
    }
    if (!overGap) return result
    lastRow = null
  }
}
