import type { EpochMillis } from '#core/time.ts'
import { type Alert, type KeyState, stepKey, UNKNOWN_KEY } from '#detect/alert.ts'
import type { Bench } from '#detect/bench.ts'
import type { ClosedWindow } from '#detect/closed-window.ts'
import { type Detector, slotIn } from '#detect/detector.ts'
import type { Verdicts } from '#detect/evidence.ts'
import { judgeCusum, judgeHourOfWeek, judgeMedian } from '#detect/judge-history.ts'
import { judgeHotSpots, type Neighbours } from '#detect/judge-hot-spots.ts'
import { judgeChange, judgeThreshold } from '#detect/judge-values.ts'
import { isWeekly } from '#plan/detector-rules.ts'

/** The keys of a detector by index, and their states, which the fold moves on. */
export interface Keys {
  readonly groups: readonly (readonly unknown[])[]
  readonly states: KeyState[]
  readonly neighbours: Neighbours
}

/**
 * Judges windows in order of time. `windows` are all that are remembered, ascending; those from index `from` to before `to` are judged.
 * Gives the alerts that they have resolved.
 */
export function foldWindows(
  detector: Detector,
  windows: readonly ClosedWindow[],
  from: number,
  to: number,
  keys: Keys,
): readonly Alert[] {
  const resolved: Alert[] = []
  const past = new Past(detector, windows)
  for (let i = 0; i < to; i++) {
    if (i >= from) foldWindow(detector, windows[i]!, past.of(i), keys, resolved)
    past.add(i)
  }
  return resolved
}

function foldWindow(
  detector: Detector,
  window: ClosedWindow,
  past: readonly ClosedWindow[],
  keys: Keys,
  resolved: Alert[],
): void {
  const { states, groups } = keys
  seeKeys(detector, window, states)
  const bench = benchOf(detector, window, past, states)
  const verdicts = judge(detector, bench, keys)
  for (let key = 0; key < states.length; key++) {
    const level = verdicts.levels[key]!
    const before = states[key]!
    const step = stepKey(detector.rule, before, groups[key]!, window, level, () => verdicts.evidence(key))
    if (step.state !== before) states[key] = step.state
    if (step.resolved !== null) resolved.push(step.resolved)
  }
}

/** A key that was not seen for a whole horizon begins anew. */
function seeKeys({ horizon }: Detector, { keys, start }: ClosedWindow, states: KeyState[]): void {
  for (const key of keys) {
    const before = states[key] ?? UNKNOWN_KEY
    const known = before.since !== null && before.lastSeen! >= start - horizon
    states[key] = known
      ? { ...before, lastSeen: start }
      : { ...UNKNOWN_KEY, open: before.open, since: start, lastSeen: start }
  }
}

function benchOf(
  { absentIsZero, horizon }: Detector,
  window: ClosedWindow,
  past: readonly ClosedWindow[],
  states: readonly KeyState[],
): Bench {
  const observed = new Float64Array(states.length).fill(Number.NaN)
  const since = new Float64Array(states.length).fill(Number.NaN)
  for (let key = 0; key < states.length; key++) {
    const state = states[key]!
    if (state.since === null || state.lastSeen! < window.start - horizon) continue
    since[key] = state.since
    if (absentIsZero) observed[key] = 0
  }
  for (let i = 0; i < window.keys.length; i++) observed[window.keys[i]!] = window.values[i]!
  return { window, observed, since, past, absentIsZero }
}

function judge({ rule }: Detector, bench: Bench, { states, neighbours }: Keys): Verdicts {
  switch (rule.kind) {
    case 'threshold':
      return judgeThreshold(rule, bench)
    case 'change':
      return judgeChange(rule, bench)
    case 'hourOfWeek':
      return judgeHourOfWeek(rule, bench)
    case 'median':
      return judgeMedian(rule, bench)
    case 'hotSpots':
      return judgeHotSpots(rule, bench, neighbours)
    case 'cusum': {
      const before = states.map(({ sums }) => sums)
      const verdicts = judgeCusum(rule, bench, before)
      verdicts.sums.forEach((sums, key) => {
        if (sums !== before[key]) states[key] = { ...states[key]!, sums }
      })
      return verdicts
    }
  }
}

/** The windows that each is held against. */
class Past {
  readonly #detector: Detector
  readonly #windows: readonly ClosedWindow[]
  /** Indexes, ascending. */
  readonly #bySlot = new Map<number, number[]>()

  constructor(detector: Detector, windows: readonly ClosedWindow[]) {
    this.#detector = detector
    this.#windows = windows
  }

  add(index: number): void {
    if (!isWeekly(this.#detector.rule)) return
    const { start, end } = this.#windows[index]!
    const slot = slotIn(this.#detector, start, end)
    const own = this.#bySlot.get(slot)
    if (own === undefined) this.#bySlot.set(slot, [index])
    else own.push(index)
  }

  /** Those of earlier weeks that don't overlap it, the last so many of them; or the one that lies so many windows back. */
  of(index: number): readonly ClosedWindow[] {
    const { rule, horizon } = this.#detector
    if (rule.kind === 'change') return index < rule.back ? [] : [this.#windows[index - rule.back]!]
    if (!isWeekly(rule)) return []
    const { start, end } = this.#windows[index]!
    const own = this.#bySlot.get(slotIn(this.#detector, start, end)) ?? []
    const past: ClosedWindow[] = []
    for (let i = own.length - 1; i >= 0 && past.length < rule.weeks; i--) {
      const window = this.#windows[own[i]!]!
      if (window.start < start - horizon) break
      if (window.end <= start) past.push(window)
    }
    return past.reverse()
  }
}

/** Whether anything is left to be remembered of the key once windows before `start` are gone. */
export function isForgotten(state: KeyState, start: EpochMillis): boolean {
  return state.open === null && (state.lastSeen === null || state.lastSeen < start)
}
