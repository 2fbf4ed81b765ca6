import { createHash } from 'node:crypto'
import type { Alert } from '#detect/alert.ts'
import type { Evidence, History } from '#detect/evidence.ts'
import type { AlertRevision } from '#detect/publish.ts'

/** Whose alerts they are. */
export interface AlertSource {
  readonly pipeline: string
  readonly detector: string
  /** Names of the group columns. */
  readonly groupBy: readonly string[]
}

/** The alert as tables hold it: see ALERT_FIELDS. */
export function alertRow(source: AlertSource, { alert, revision, withdrawn }: AlertRevision): Record<string, unknown> {
  const { evidence, resolved, severity, start, end, group } = alert
  const { history } = evidence
  return {
    alert_id: alertId(source, alert),
    alert_state: withdrawn ? 'withdrawn' : resolved === null ? 'open' : 'resolved',
    severity,
    window_start: start,
    window_end: end,
    ...Object.fromEntries(source.groupBy.map((name, i) => [name, group[i]])),
    detector: source.detector,
    method: evidence.method,
    side: evidence.side,
    observed: evidence.observed,
    expected: evidence.expected,
    score: evidence.score,
    p_value: evidence.pValue,
    q_value: evidence.qValue,
    history_windows: history?.windows ?? null,
    history_from: history?.from ?? null,
    history_to: history?.to ?? null,
    history_mean: history?.mean ?? null,
    history_variance: history?.variance ?? null,
    history_median: history?.median ?? null,
    history_mad: history?.mad ?? null,
    reason: reasonOf(evidence),
    resolved_at: resolved?.at ?? null,
    last_window_end: resolved?.lastEnd ?? null,
    windows: resolved?.windows ?? null,
    peak_observed: resolved?.peakObserved ?? null,
    peak_score: resolved?.peakScore ?? null,
    revision,
    is_final: !withdrawn,
  }
}

/** The same alert has the same id, whoever finds it: 32 hex digits of a hash of pipeline, detector, group and opening window. */
function alertId({ pipeline, detector }: AlertSource, { group, start, end }: Alert): string {
  const text = JSON.stringify([pipeline, detector, group, start, end])
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}

/** In words: `14 where 3.13 is usual (8 windows from 2018-06-04 to 2018-07-23): 1 in 27,124 by chance`. */
function reasonOf({ method, observed, expected, score, pValue, history }: Evidence): string {
  const [seen, usual] = [shortNumber(observed), shortNumber(expected)]
  const past = history === null ? '' : ` (${pastText(history)})`
  const chance = pValue === null ? '' : `: ${oddsText(pValue)} by chance`
  if (method === 'threshold') return `${seen} where the limit is ${usual}`
  if (method === 'change') return `${seen} after ${usual}: ${shortNumber(score)} times as much or as little`
  if (method === 'median') return `${seen} where the median is ${usual}${past}: ${shortNumber(score)} deviations`
  if (method === 'cusum') return `${seen} where ${usual} is usual${past}: ${shortNumber(score)} deviations summed up`
  if (method === 'getis-ord gi*') return `${seen} in the neighbourhood where ${usual} is to be expected${past}${chance}`
  return `${seen} where ${usual} is usual${past}${chance}`
}

const day = (instant: number): string => new Date(instant).toISOString().slice(0, 10)

function pastText({ windows, from, to }: History): string {
  return `${windows} ${windows === 1 ? 'window' : 'windows'} from ${day(from)} to ${day(to)}`
}

/** Three digits, or all of a whole number. */
function shortNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(3)))
}

function oddsText(pValue: number): string {
  if (pValue < 1e-12) return 'less than 1 in 1,000,000,000,000'
  return `1 in ${Math.max(1, Math.round(1 / pValue)).toLocaleString('en-US')}`
}
