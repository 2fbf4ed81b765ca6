import type { EpochMillis } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import type { Page } from '#window/page.ts'
import { lastWindowEnd, windowsContaining } from '#window/windows.ts'

/** Where the closing of windows stands. */
export interface FoldContext {
  /** All windows with end ≤ mark are closed; null while none is. */
  readonly mark: EpochMillis | null
  /** Partition of the rows, for aggregates that have an order; 0 when it isn't given. */
  readonly partition?: number
  /** Of sessions: other pages that may hold what a record beyond grace could join. The page at hand is looked at anyway. */
  readonly nearby?: readonly Page[]
  /** The rows are folded for this output only: those of others are in other pieces of the page. */
  readonly only?: number
}

/** What becomes of the records of one slice in one output: all of them lie in the same windows. */
export interface Verdict {
  /** At least one window contains the slice. */
  readonly inWindow: boolean
  /** At least one of those windows is open or within grace: records are folded. */
  readonly folds: boolean
  /** Windows that are beyond grace (end + grace ≤ mark). */
  readonly missed: number
  /** Start of the first and end of the last of those; 0 when there are none. */
  readonly firstStart: EpochMillis
  readonly lastEnd: EpochMillis
  /** The records are kept beside their slice: they count in no window with end ≤ `apartUpTo`. Null for records in time. */
  readonly apartUpTo: EpochMillis | null
}

const GAP: Verdict = { inWindow: false, folds: false, missed: 0, firstStart: 0, lastEnd: 0, apartUpTo: null }
/** An output that has nothing to do with the rows. */
export const ELSEWHERE: Verdict = { ...GAP }
export const ON_TIME: Verdict = { inWindow: true, folds: true, missed: 0, firstStart: 0, lastEnd: 0, apartUpTo: null }

/** Judges the slice that starts at `slice`. */
export function judge(spec: WindowSpec, slice: EpochMillis, mark: EpochMillis | null): Verdict {
  // Every window that contains the slice ends after its start: the usual case needs no list of windows.
  if (mark === null || slice + spec.grace >= mark) return lastWindowEnd(spec, slice) === null ? GAP : ON_TIME
  // Records of sessions that could be late are judged one by one.
  if (spec.kind === 'session') return ON_TIME
  const windows = windowsContaining(spec, slice)
  if (windows.length === 0) return GAP
  // Ascending by end, so the missed ones come first.
  let missed = 0
  while (missed < windows.length && windows[missed]!.end + spec.grace <= mark) missed++
  if (missed === 0) return ON_TIME
  const lastEnd = windows[missed - 1]!.end
  const folds = missed < windows.length
  return { inWindow: true, folds, missed, firstStart: windows[0]!.start, lastEnd, apartUpTo: lastEnd }
}
