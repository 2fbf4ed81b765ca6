import { type EpochMillis, floorTo, MINUTE } from '#core/time.ts'
import type { SessionSpec, WindowSpec } from '#plan/plan.ts'
import type { TableRow } from '../support/table-rows.ts'
import type { AggregateName, GroupName, OutputChoice } from './plans.ts'
import type { Appended } from './simulation.ts'

/** A window and the records that belong into it. */
export interface Pane {
  readonly start: EpochMillis
  readonly end: EpochMillis
  /** By event time, partition, offset. */
  readonly records: readonly Appended[]
}

/** The windows, sessions apart, that hold `at`: found by trying, not by the rules that the engine uses. */
export function windowsAt(
  spec: Exclude<WindowSpec, SessionSpec>,
  at: EpochMillis,
): readonly { start: EpochMillis; end: EpochMillis }[] {
  if (spec.kind === 'calendar') return [periodAt(spec.unit, spec.zone, at)]
  const { size, offset } = spec
  const every = spec.kind === 'sliding' ? spec.every : size
  const step = spec.kind === 'cumulating' ? spec.step : size
  const found = []
  for (let start = floorTo(at, every, offset); start + size > at; start -= every) {
    for (let end = start + step; end <= start + size; end += step) if (end > at) found.push({ start, end })
  }
  return found.sort((a, b) => a.end - b.end)
}

const CIVIL = new Map<string, Intl.DateTimeFormat>()

/** The civil date in the zone, as text that sorts. */
function civilDate(zone: string, at: EpochMillis): string {
  let format = CIVIL.get(zone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      weekday: 'short',
    })
    CIVIL.set(zone, format)
  }
  const parts = Object.fromEntries(format.formatToParts(at).map(({ type, value }) => [type, value]))
  return `${parts['year']}-${parts['month']}-${parts['day']} ${parts['weekday']}`
}

interface Period {
  readonly start: EpochMillis
  readonly end: EpochMillis
}

const PERIODS = new Map<string, Period[]>()

function periodAt(unit: string, zone: string, at: EpochMillis): Period {
  const known = PERIODS.get(`${unit} ${zone}`) ?? []
  PERIODS.set(`${unit} ${zone}`, known)
  let period = known.find(({ start, end }) => start <= at && at < end)
  if (period === undefined) {
    period = walkToPeriod(unit, zone, at)
    known.push(period)
  }
  return period
}

/** Walks in quarters of an hour to where the period begins, and to where the next one does. */
function walkToPeriod(unit: string, zone: string, at: EpochMillis): Period {
  const quarter = 15 * MINUTE
  const begins = (time: EpochMillis): boolean => {
    const [today, before] = [civilDate(zone, time), civilDate(zone, time - 1)]
    if (unit === 'month') return today.slice(0, 7) !== before.slice(0, 7)
    return today !== before && (unit === 'day' || today.endsWith('Mon'))
  }
  let start = floorTo(at, quarter)
  while (!begins(start)) start -= quarter
  let end = floorTo(at, quarter) + quarter
  while (!begins(end)) end += quarter
  return { start, end }
}

/** All windows of the records, each with those that belong to it and did not miss it. */
export function panesOf(
  spec: WindowSpec,
  records: readonly Appended[],
  missed: (record: Appended, end: EpochMillis) => boolean,
): readonly Pane[] {
  if (spec.kind === 'session') return sessionsOf(spec, inOrder(records))
  const panes = new Map<string, { start: EpochMillis; end: EpochMillis; records: Appended[] }>()
  for (const record of inOrder(records)) {
    for (const { start, end } of windowsAt(spec, record.at)) {
      if (missed(record, end)) continue
      const pane = panes.get(`${start} ${end}`) ?? { start, end, records: [] }
      panes.set(`${start} ${end}`, pane)
      pane.records.push(record)
    }
  }
  return [...panes.values()]
}

function sessionsOf(spec: SessionSpec, ordered: readonly Appended[]): readonly Pane[] {
  const sessions: Appended[][] = []
  for (const record of ordered) {
    const last = sessions.at(-1)
    const distance = record.at - (last?.at(-1)?.at ?? Number.NEGATIVE_INFINITY)
    if (distance < spec.gap || (distance === spec.gap && spec.atGap === 'join')) last!.push(record)
    else sessions.push([record])
  }
  const tail = spec.end === 'gap' ? spec.gap : 0
  return sessions.map((own) => ({ start: own[0]!.at, end: own.at(-1)!.at + tail, records: own }))
}

export const inOrder = (records: readonly Appended[]): readonly Appended[] =>
  records.toSorted((a, b) => a.at - b.at || a.partition - b.partition || a.offset - b.offset)

export const groupOf = (groupBy: readonly GroupName[], row: Readonly<Record<GroupName, unknown>>): string =>
  JSON.stringify(groupBy.map((name) => row[name]))

/** The result row of a window. */
export function rowOf(output: OutputChoice, { start, end, records }: Pane): TableRow {
  const aggregates = output.aggregates.map((name) => [name, AGGREGATE[name](records)] as const)
  return {
    window_start: start,
    window_end: end,
    ...Object.fromEntries(output.groupBy.map((name) => [name, records[0]![name]])),
    n: records.length,
    ids: JSON.stringify({ values: records.map(({ id }) => id), left_out: 0 }),
    ...Object.fromEntries(aggregates),
  }
}

type Values<T> = readonly NonNullable<T>[]
const present = <T>(values: readonly T[]): Values<T> =>
  values.filter((value): value is NonNullable<T> => value !== null)
const over = <T, R>(values: readonly T[], of: (values: Values<T>) => R): R | null => {
  const some = present(values)
  return some.length === 0 ? null : of(some)
}
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0)

/** Weights are quarters, so that no sum of them is rounded. */
const AGGREGATE: Readonly<Record<AggregateName, (records: readonly Appended[]) => unknown>> = {
  total: (records) =>
    over(
      records.map(({ amount }) => amount),
      sum,
    ),
  low: (records) =>
    over(
      records.map(({ amount }) => amount),
      (values) => Math.min(...values),
    ),
  high: (records) =>
    over(
      records.map(({ weight }) => weight),
      (values) => 2 * Math.max(...values),
    ),
  mean: (records) =>
    over(
      records.map(({ weight }) => weight),
      (values) => sum(values) / values.length,
    ),
  opening: (records) =>
    over(
      records.map(({ tag }) => tag),
      (values) => values[0]!,
    ),
  closing: (records) =>
    over(
      records.map(({ tag }) => tag),
      (values) => values.at(-1)!,
    ),
  flags: (records) => records.filter(({ flag }) => flag).length,
  tags: (records) => new Set(present(records.map(({ tag }) => tag))).size,
}

export const passes = ({ having }: OutputChoice, { records }: Pane): boolean =>
  having === null || records.length % having !== 0
