import type { EpochMillis } from '#core/time.ts'
import { openAlert } from '#detect/alert.ts'
import type { ClosedWindow } from '#detect/closed-window.ts'
import type { Detector } from '#detect/detector.ts'
import { foldWindows, isForgotten, type Keys } from '#detect/fold-windows.ts'
import { type Neighbours, NO_NEIGHBOURS, neighboursAmong } from '#detect/judge-hot-spots.ts'
import { type AlertRevision, publish } from '#detect/publish.ts'
import type { DetectorState } from '#detect/state.ts'

/** What a close knows of the watermark. */
export interface Standing {
  /** Windows with end ≤ this can't change any more; null for none. */
  readonly settledTo: EpochMillis | null
  /** A partition lags and holds the watermark: what the alerts stand on may not be all there is. */
  readonly degraded: boolean
}

export interface Judged {
  readonly state: DetectorState
  /** Alerts that are new, have changed, or are withdrawn. */
  readonly revisions: readonly AlertRevision[]
}

/**
 * Judges every window that may still change, from the first to the last, with the values that it has now: so an alert is a function of the
 * final results, whatever order they came in, and corrections revise it. Windows that can't change any more are folded for good.
 * Nothing is published while the watermark is degraded.
 */
export function judgeResults(detector: Detector, state: DetectorState, standing: Standing): Judged {
  const neighbours = neighboursOf(detector, state.groups)
  const settledTo = highest(state.settledTo, standing.settledTo)
  const first = firstAfter(state.windows, state.settledTo)
  const tail = firstAfter(state.windows, settledTo)
  const settled: Keys = { groups: state.groups, states: [...state.states], neighbours }
  const done = foldWindows(detector, state.windows, first, tail, settled)
  const working: Keys = { ...settled, states: [...settled.states] }
  const resolved = foldWindows(detector, state.windows, tail, state.windows.length, working)
  const folded = forgetting(detector, { ...state, settledTo, states: settled.states }, tail)
  if (standing.degraded) return { state: { ...folded, held: [...state.held, ...done] }, revisions: [] }
  const open = working.states.flatMap((one, key) =>
    one.open === null ? [] : [openAlert(state.groups[key]!, one.open)],
  )
  const alerts = [...state.held, ...done, ...resolved, ...open]
  const { published, revisions } = publish(state.published, alerts, settledTo)
  return { state: { ...folded, published, held: [] }, revisions }
}

function highest(a: EpochMillis | null, b: EpochMillis | null): EpochMillis | null {
  return a === null || b === null ? (a ?? b) : Math.max(a, b)
}

/** Index of the first window that ends after `end`. */
function firstAfter(windows: readonly ClosedWindow[], end: EpochMillis | null): number {
  if (end === null) return 0
  const found = windows.findIndex((window) => window.end > end)
  return found === -1 ? windows.length : found
}

const cells = new WeakMap<readonly (readonly unknown[])[], Neighbours>()

function neighboursOf({ rule, cellsAround }: Detector, groups: DetectorState['groups']): Neighbours {
  if (rule.kind !== 'hotSpots') return NO_NEIGHBOURS
  let neighbours = cells.get(groups)
  if (neighbours === undefined) {
    neighbours = neighboursAmong(groups, (cell) => cellsAround(cell, rule.rings))
    cells.set(groups, neighbours)
  }
  return neighbours
}

/** Values of all windows together that are kept: 24 MB. Beyond that the history gets shorter, and evidence says how short. */
const VALUES_MAX = 2_000_000
/** Keys are numbered anew when so many are forgotten. */
const FORGOTTEN_MAX = 100

/** Without windows and keys that nothing can ask for any more. `tail` is the index of the first window that may still change. */
function forgetting(detector: Detector, state: DetectorState, tail: number): DetectorState {
  const { windows } = state
  const next = windows[tail]?.start ?? windows.at(-1)?.end
  if (next === undefined) return state
  let from = windows.findIndex(({ start }) => start >= next - detector.horizon)
  if (from === -1) from = tail
  let values = 0
  for (let i = windows.length - 1; i >= from && i >= 0; i--) {
    values += windows[i]!.keys.length
    if (values > VALUES_MAX) from = Math.min(i + 1, tail)
  }
  return withoutForgottenKeys({ ...state, windows: windows.slice(from) }, next - detector.horizon)
}

function withoutForgottenKeys(state: DetectorState, since: EpochMillis): DetectorState {
  const present = new Set<number>()
  for (const { keys } of state.windows) for (const key of keys) present.add(key)
  const kept: number[] = []
  state.states.forEach((one, key) => {
    if (present.has(key) || !isForgotten(one, since)) kept.push(key)
  })
  if (state.groups.length - kept.length < FORGOTTEN_MAX) return state
  const renamed = new Map(kept.map((key, i) => [key, i]))
  return {
    ...state,
    groups: kept.map((key) => state.groups[key]!),
    states: kept.map((key) => state.states[key]!),
    windows: state.windows.map((window) => ({
      ...window,
      keys: window.keys.map((key) => renamed.get(key)!),
    })),
  }
}
