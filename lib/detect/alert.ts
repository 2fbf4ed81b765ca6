import type { EpochMillis } from '#core/time.ts'
import { type Cusum, NO_DEVIATION } from '#detect/cusum.ts'
import { CALM, type Evidence, type Severity, UNJUDGED, UNUSUAL } from '#detect/evidence.ts'
import type { DetectorRule } from '#plan/plan.ts'

/** Something out of the ordinary about one key: from the window that opened it to the one that resolved it. */
export interface Alert {
  /** Values of the group columns. */
  readonly group: readonly unknown[]
  /** The window that opened it. */
  readonly start: EpochMillis
  readonly end: EpochMillis
  /** Of the opening window. */
  readonly evidence: Evidence
  /** The worst so far. */
  readonly severity: Severity
  /** Null while it is open. */
  readonly resolved: Resolution | null
}

export interface Resolution {
  /** End of the window that resolved it. */
  readonly at: EpochMillis
  /** End of the last window that was not calm. */
  readonly lastEnd: EpochMillis
  /** How many windows were not calm. */
  readonly windows: number
  readonly peakObserved: number
  readonly peakScore: number
}

interface OpenAlert {
  readonly start: EpochMillis
  readonly end: EpochMillis
  readonly evidence: Evidence
  readonly severity: Severity
  readonly lastEnd: EpochMillis
  readonly windows: number
  readonly peakObserved: number
  readonly peakScore: number
  /** Calm windows in a row. */
  readonly calm: number
}

/** What is remembered of a key from one window to the next. */
export interface KeyState {
  /** Start of the first window it was seen in; null of one that is not known, or forgotten. */
  readonly since: EpochMillis | null
  /** Start of the last window it was seen in. */
  readonly lastSeen: EpochMillis | null
  readonly sums: Cusum
  /** Unusual windows in a row that have not opened an alert. */
  readonly streak: number
  readonly open: OpenAlert | null
}

export const UNKNOWN_KEY: KeyState = { since: null, lastSeen: null, sums: NO_DEVIATION, streak: 0, open: null }

export interface Step {
  readonly state: KeyState
  /** The alert that this window has resolved. */
  readonly resolved: Alert | null
}

/** One more window of a key. What can't be judged changes nothing. */
export function stepKey(
  rule: DetectorRule,
  state: KeyState,
  group: readonly unknown[],
  window: { readonly start: EpochMillis; readonly end: EpochMillis },
  level: number,
  evidence: () => Evidence,
): Step {
  if (level === UNJUDGED) return { state, resolved: null }
  if (state.open === null) {
    if (level !== UNUSUAL) return { state: state.streak === 0 ? state : { ...state, streak: 0 }, resolved: null }
    const streak = state.streak + 1
    if (streak < rule.opensAfter) return { state: { ...state, streak }, resolved: null }
    return { state: { ...state, streak: 0, open: opened(window, evidence()) }, resolved: null }
  }
  const { open } = state
  if (level !== CALM) return { state: { ...state, open: goesOn(open, window.end, evidence()) }, resolved: null }
  if (open.calm + 1 < rule.resolvesAfter) {
    return { state: { ...state, open: { ...open, calm: open.calm + 1 } }, resolved: null }
  }
  return {
    state: { ...state, open: null },
    resolved: { ...openAlert(group, open), resolved: resolution(open, window.end) },
  }
}

function opened(
  { start, end }: { readonly start: EpochMillis; readonly end: EpochMillis },
  evidence: Evidence,
): OpenAlert {
  const { severity, observed, score } = evidence
  return { start, end, evidence, severity, lastEnd: end, windows: 1, peakObserved: observed, peakScore: score, calm: 0 }
}

const SEVERITIES: readonly Severity[] = ['low', 'medium', 'high']

function goesOn(open: OpenAlert, end: EpochMillis, { severity, observed, score }: Evidence): OpenAlert {
  const worse = SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(open.severity)
  const peak = score > open.peakScore ? { peakObserved: observed, peakScore: score } : {}
  const worst = worse ? { severity } : {}
  return { ...open, ...peak, ...worst, lastEnd: end, windows: open.windows + 1, calm: 0 }
}

/** The alert of a key while it is open. */
export function openAlert(group: readonly unknown[], { start, end, evidence, severity }: OpenAlert): Alert {
  return { group, start, end, evidence, severity, resolved: null }
}

function resolution({ lastEnd, windows, peakObserved, peakScore }: OpenAlert, at: EpochMillis): Resolution {
  return { at, lastEnd, windows, peakObserved, peakScore }
}
