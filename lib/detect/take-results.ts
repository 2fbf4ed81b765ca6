import type { EpochMillis } from '#core/time.ts'
import { UNKNOWN_KEY } from '#detect/alert.ts'
import { closedWindows, type WindowChange } from '#detect/closed-windows.ts'
import type { Detector } from '#detect/detector.ts'
import type { DetectorState } from '#detect/state.ts'

/** A final result, as far as a detector looks at it. */
export interface ResultValue {
  readonly start: EpochMillis
  readonly end: EpochMillis
  readonly group: readonly unknown[]
  /** Null when the row was withdrawn, or has no number. */
  readonly value: number | null
}

/** More keys than these are not watched: what is remembered would grow with every name that somebody sends. */
export const KEYS_MAX = 20_000

/** The state after the results of one close, in which windows were closed up to `closedTo`. Nothing is judged yet. */
export function takeResults(
  detector: Detector,
  state: DetectorState,
  results: readonly ResultValue[],
  closedTo: EpochMillis | null,
): DetectorState {
  const reached = Math.max(state.closedTo ?? Number.NEGATIVE_INFINITY, closedTo ?? Number.NEGATIVE_INFINITY)
  const upTo = reached === Number.NEGATIVE_INFINITY ? null : reached
  const groups = [...state.groups]
  const index = new Map(groups.map((group, key) => [JSON.stringify(group), key]))
  const changes = new Map<EpochMillis, WindowChange & { readonly values: Map<number, number | null> }>()
  let unwatched = state.unwatched
  for (const { start, end, group, value } of results) {
    if (upTo === null || end > upTo || (state.settledTo !== null && end <= state.settledTo)) continue
    const id = JSON.stringify(group)
    let key = index.get(id)
    if (key === undefined) {
      if (value === null) continue
      if (groups.length >= KEYS_MAX) {
        unwatched++
        continue
      }
      key = groups.length
      groups.push(group)
      index.set(id, key)
    }
    let change = changes.get(end)
    if (change === undefined) {
      change = { start, values: new Map() }
      changes.set(end, change)
    }
    change.values.set(key, value !== null && Number.isFinite(value) ? value : null)
  }
  return {
    ...state,
    groups,
    windows: closedWindows(detector, state.windows, state.closedTo, upTo, changes),
    closedTo: upTo,
    states: [...state.states, ...groups.slice(state.states.length).map(() => UNKNOWN_KEY)],
    unwatched,
  }
}
