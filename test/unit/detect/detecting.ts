import { DAY, type EpochMillis, HOUR } from '#core/time.ts'
import type { Alert } from '#detect/alert.ts'
import { type Detector, detector } from '#detect/detector.ts'
import { judgeResults } from '#detect/judge-results.ts'
import type { AlertRevision } from '#detect/publish.ts'
import { type DetectorState, emptyState, stateFrom, storedState } from '#detect/state.ts'
import { type ResultValue, takeResults } from '#detect/take-results.ts'
import type { AggregateFunction, DetectorRule, WindowOutput, WindowSpec } from '#plan/plan.ts'
import { windowsEndingIn } from '#window/windows.ts'
import { tumbling } from '../../../lib/index.ts'

/** A Monday. */
export const MONDAY: EpochMillis = Date.UTC(2026, 4, 4)
export const WEEK = 7 * DAY

export const at = (start: EpochMillis, place: string, value: number | null, size = HOUR): ResultValue => ({
  start,
  end: start + size,
  group: [place],
  value,
})

const ALERTING = { side: 'high', opensAfter: 1, resolvesAfter: 1, atLeast: 0 } as const
const WEEKLY = { zone: 'UTC', weeks: 8, minWeeks: 4 } as const

/** A rule of each kind, to be changed. */
export const RULES = {
  threshold: { kind: 'threshold', ...ALERTING, opensAt: 10, resolvesAt: 10 },
  change: { kind: 'change', ...ALERTING, back: 1, opensAt: 2, resolvesAt: 1.5, floor: 1 },
  hourOfWeek: { kind: 'hourOfWeek', ...ALERTING, ...WEEKLY, falseAlarms: 0.05, resolvesAt: 0.1 },
  median: { kind: 'median', ...ALERTING, ...WEEKLY, opensAt: 4, resolvesAt: 2, floor: null },
  cusum: { kind: 'cusum', ...ALERTING, ...WEEKLY, slack: 0.5, opensAt: 5, resolvesAt: 1 },
  hotSpots: {
    kind: 'hotSpots',
    ...ALERTING,
    ...WEEKLY,
    rings: 1,
    against: 'area',
    falseAlarms: 0.05,
    resolvesAt: 0.1,
  },
} satisfies Record<string, DetectorRule>

interface Watching {
  readonly rule: DetectorRule
  /** Default: an hour. */
  readonly window?: WindowSpec
  /** Default: count. */
  readonly aggregate?: AggregateFunction
  readonly cellsAround?: (cell: unknown, rings: number) => readonly string[] | null
}

const HOURLY = tumbling('1 hour', { grace: '2 hours' })

export function detectorOf({
  rule,
  window = HOURLY,
  aggregate = 'count',
  cellsAround = () => null,
}: Watching): Detector {
  const of: WindowOutput = {
    kind: 'window',
    name: 'counts',
    after: 0,
    groupBy: ['place'],
    window,
    aggregates: [{ name: 'n', function: aggregate, column: null, result: { kind: 'double', nullable: true } }],
    where: null,
    emit: 'final',
    fields: [],
    sinks: [],
  }
  return detector({ name: 'unusual', column: 'n', rule }, of, { windowsEndingIn, cellsAround })
}

export interface Close {
  readonly results: readonly ResultValue[]
  readonly closedTo: EpochMillis
  readonly settledTo?: EpochMillis | null
  readonly degraded?: boolean
}

interface Detected {
  readonly state: DetectorState
  readonly revisions: readonly (readonly AlertRevision[])[]
  /** The last version of every alert, by opening window and group. */
  readonly alerts: readonly Alert[]
}

/** Takes and judges one close after the other; the state goes through JSON in between. */
export function detect(watching: Detector, closes: readonly Close[], from?: DetectorState): Detected {
  let state = from ?? emptyState(watching.shape)
  const revisions: (readonly AlertRevision[])[] = []
  for (const { results, closedTo, settledTo = null, degraded = false } of closes) {
    const taken = takeResults(watching, state, results, closedTo)
    const judged = judgeResults(watching, taken, { settledTo, degraded })
    revisions.push(judged.revisions)
    state = stateFrom(JSON.parse(JSON.stringify(storedState(judged.state))))
  }
  return { state, revisions, alerts: latest(revisions.flat()) }
}

function latest(revisions: readonly AlertRevision[]): readonly Alert[] {
  const found = new Map<string, AlertRevision>()
  for (const one of revisions) {
    const id = JSON.stringify([one.alert.start, one.alert.end, one.alert.group])
    const before = found.get(id)
    if (before === undefined || before.revision < one.revision) found.set(id, one)
  }
  return [...found.entries()]
    .filter(([, { withdrawn }]) => !withdrawn)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { alert }]) => alert)
}
