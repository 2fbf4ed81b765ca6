import type { EpochMillis } from '#core/time.ts'

/** What the history of a key says, as far as the method asks it. */
export interface History {
  /** How many windows. */
  readonly windows: number
  /** Start of the first and end of the last of them. */
  readonly from: EpochMillis
  readonly to: EpochMillis
  readonly mean: number | null
  readonly variance: number | null
  readonly median: number | null
  /** Median absolute deviation. */
  readonly mad: number | null
}

export type Severity = 'low' | 'medium' | 'high'

/** Why a key's value in one window is, or isn't, out of the ordinary. */
export interface Evidence {
  /** Which distribution or rule it was held against. */
  readonly method: string
  readonly side: 'high' | 'low'
  readonly observed: number
  readonly expected: number
  /** The larger, the more unusual; what it counts depends on the method. */
  readonly score: number
  readonly severity: Severity
  /** Of a value as far out as this one or farther, by chance. */
  readonly pValue: number | null
  /** The p-value adjusted for all keys of the window. */
  readonly qValue: number | null
  readonly history: History | null
}

/** By key: nothing can be said; an alert may be resolved; neither; one may be opened. */
export const UNJUDGED = 0
export const CALM = 1
export const BETWEEN = 2
export const UNUSUAL = 3

/** What one window says of every key. */
export interface Verdicts {
  /** By key: UNJUDGED to UNUSUAL. */
  readonly levels: Uint8Array
  evidence(key: number): Evidence
}

/** For levels: half as much again is medium, twice as much is high. */
export function severityOfRatio(ratio: number): Severity {
  if (ratio >= 2) return 'high'
  return ratio >= 1.5 ? 'medium' : 'low'
}

/** For p-values: 1 in 10,000 is medium, 1 in 1,000,000 is high. */
export function severityOfP(pValue: number): Severity {
  if (pValue <= 1e-6) return 'high'
  return pValue <= 1e-4 ? 'medium' : 'low'
}
