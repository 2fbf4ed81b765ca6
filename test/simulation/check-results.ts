import type { EpochMillis } from '#core/time.ts'
import type { TestRun } from '../../lib/testing/index.ts'
import { linesOf, type TableRow, without } from '../support/table-rows.ts'
import { groupOf, type Pane, panesOf, passes, rowOf, windowsAt } from './answer.ts'
import { compare, type Judged, placeOf } from './expected.ts'
import type { AboveChoice, OutputChoice } from './plans.ts'
import type { Simulation } from './simulation.ts'

/** The rows of every window output are those of a query over the records that did not miss their windows, and so they were from the first on. */
export function checkResults(
  simulation: Simulation,
  run: TestRun,
  records: readonly Judged[],
  late: readonly TableRow[],
): readonly string[] {
  const good = records.filter(({ isGood }) => isGood)
  const ofPlace = new Map(good.map((record) => [placeOf(record), record]))
  const faults: string[] = []
  for (const output of simulation.schedule.plan.outputs) {
    const own = late.filter((row) => row['output'] === output.name)
    const upTo = new Map(own.map((row) => [placeOf(row as never), row['last_window_end'] as EpochMillis]))
    faults.push(...checkVerdicts(output, own, ofPlace))
    const groups = Map.groupBy(good, (record) => groupOf(output.groupBy, record))
    const answer: Pane[] = []
    const vague = new Set<string>()
    for (const [group, members] of groups) {
      const { window } = output
      // What a record joins that comes behind sessions beyond grace depends on when it came.
      if (window.kind === 'session' && members.some(({ at, bound }) => at < bound - window.grace)) vague.add(group)
      const isSession = window.kind === 'session'
      const counted = isSession ? members.filter((record) => !upTo.has(placeOf(record))) : members
      const missed = (record: { partition: number; offset: number }, end: EpochMillis): boolean =>
        end <= (upTo.get(placeOf(record)) ?? Number.NEGATIVE_INFINITY)
      answer.push(...panesOf(window, counted, missed))
    }
    faults.push(...checkOutput(simulation, run, output, answer, { good, vague, late: upTo }))
    if (output.above !== undefined) faults.push(...checkAbove(run, output, output.above, answer))
  }
  return faults
}

/** A record is late for windows that were beyond grace, and not before any was that it could be in. */
function checkVerdicts(
  { name, window }: OutputChoice,
  late: readonly TableRow[],
  ofPlace: ReadonlyMap<string, Judged>,
): readonly string[] {
  return late.flatMap((row) => {
    const record = ofPlace.get(placeOf(row as never))
    const say = (what: string): readonly string[] => [`${name}: late record ${record?.id} ${what}`]
    if (record === undefined) return say(`of ${placeOf(row as never)} is none that was fed`)
    const lastEnd = row['last_window_end'] as EpochMillis
    if (row['event_time'] !== record.at) return say(`has event time ${row['event_time']}`)
    if (lastEnd + window.grace > record.bound) return say(`was in time for the window that ends at ${lastEnd}`)
    const windows =
      window.kind === 'session'
        ? [{ start: record.at, end: record.at + window.gap }]
        : windowsAt(window, record.at).filter(({ end }) => end <= lastEnd)
    if (row['windows_missed'] !== windows.length)
      return say(`missed ${windows.length} windows, not ${row['windows_missed']}`)
    return row['first_window_start'] === windows[0]!.start
      ? []
      : say(`missed none that starts at ${row['first_window_start']}`)
  })
}

interface Members {
  readonly good: readonly Judged[]
  /** Groups whose sessions depend on when records came. */
  readonly vague: ReadonlySet<string>
  readonly late: ReadonlyMap<string, EpochMillis>
}

function checkOutput(
  { world, schedule }: Simulation,
  run: TestRun,
  output: OutputChoice,
  answer: readonly Pane[],
  members: Members,
): readonly string[] {
  const isVague = (row: TableRow): boolean => members.vague.has(groupOf(output.groupBy, row as never))
  const rows = answer.filter((pane) => passes(output, pane)).map((pane) => rowOf(output, pane))
  const wanted = linesOf(rows.filter((row) => !isVague(row)))
  const ends = schedule.steps.some((step) => step.do === 'start' && step.task.do === 'close all')
  return output.sinks.flatMap((sink) => {
    const what = `${sink} ${output.name}`
    if (sink === 'sql') {
      const found = world.sql.rows(output.name)
      const final = found.filter((row) => row['is_final'])
      const faults = found.length === final.length ? [] : [`${what}: has rows that were withdrawn`]
      return [...faults, ...checkRows(what, output, final.map(unrevised), { ...members, wanted, isVague })]
    }
    const all = run.rows(`gold.${output.name}`)
    if (output.emit !== 'final') {
      // Every window is closed in the end, and a row is in the table once.
      const open = all.filter((row) => !row['is_final']).map((row) => `${what}: ${keyOf(output, row)} is not final`)
      return [...open, ...checkRows(what, output, all.map(unrevised), { ...members, wanted, isVague })]
    }
    const latest = latestOf(output, all)
    return [
      ...checkRows(what, output, latest.map(unrevised), { ...members, wanted, isVague }),
      ...checkRevisions(what, output, all, latest, members.good, ends),
    ]
  })
}

/** Windows over results hold what their results say. */
function checkAbove(
  run: TestRun,
  output: OutputChoice,
  { window, emit }: AboveChoice,
  answer: readonly Pane[],
): readonly string[] {
  const panes = new Map<string, { window_start: EpochMillis; window_end: EpochMillis; sizes: number[] }>()
  const wanted = answer.filter((pane) => passes(output, pane))
  for (const { start, end, records } of wanted) {
    for (const own of window === null ? [{ start, end }] : windowsAt(window, end - 1)) {
      const key = `${own.start} ${own.end}`
      const pane = panes.get(key) ?? { window_start: own.start, window_end: own.end, sizes: [] }
      panes.set(key, pane)
      pane.sizes.push(records.length)
    }
  }
  const rows = [...panes.values()].map(({ sizes, ...bounds }) => {
    return { ...bounds, results: sizes.length, most: Math.max(...sizes) }
  })
  const all = run.rows(`gold.above_${output.name}`)
  const choice = { ...output, window: window ?? output.window, groupBy: [] }
  const latest = emit === 'final' ? latestOf(choice, all) : all
  const open = latest
    .filter((row) => !row['is_final'])
    .map((row) => `above ${output.name}: ${keyOf(choice, row)} is open`)
  return [...open, ...compare(`above ${output.name}`, linesOf(latest.map(unrevised)), linesOf(rows))]
}

const unrevised = (row: TableRow): TableRow => without(row, ['revision', 'is_final'])

function checkRows(
  what: string,
  output: OutputChoice,
  found: readonly TableRow[],
  wanted: Members & { readonly wanted: readonly string[]; readonly isVague: (row: TableRow) => boolean },
): readonly string[] {
  const clear = linesOf(found.filter((row) => !wanted.isVague(row)))
  const vague = found.filter((row) => wanted.isVague(row))
  return [...compare(what, clear, wanted.wanted), ...checkVagueSessions(what, output, vague, wanted)]
}

/** Of sessions that depend on when records came: each record is in one of them at most, in none only if it is late or the row isn't published. */
function checkVagueSessions(
  what: string,
  output: OutputChoice,
  rows: readonly TableRow[],
  { good, vague, late }: Members,
): readonly string[] {
  if (output.window.kind !== 'session' || vague.size === 0) return []
  const { gap } = output.window
  const ofId = new Map(good.map((record) => [record.id, record]))
  const seen = new Set<number>()
  const faults: string[] = []
  for (const row of rows) {
    const records = idsOf(row).map((id) => ofId.get(id)!)
    if (row['n'] !== records.length) faults.push(`${what}: ${row['n']} records, but ids ${row['ids']}`)
    if (row['window_start'] !== records[0]?.at) faults.push(`${what}: the session of ${row['ids']} starts elsewhere`)
    for (const [i, record] of records.entries()) {
      if (seen.has(record.id)) faults.push(`${what}: record ${record.id} is in two sessions`)
      seen.add(record.id)
      if (late.has(placeOf(record))) faults.push(`${what}: record ${record.id} is in a session, and late`)
      if (i > 0 && record.at - records[i - 1]!.at > gap) faults.push(`${what}: the session of ${row['ids']} has a gap`)
    }
  }
  if (output.having !== null) return faults
  const lost = good.filter(
    (record) => vague.has(groupOf(output.groupBy, record)) && !seen.has(record.id) && !late.has(placeOf(record)),
  )
  return [...faults, ...lost.map(({ id }) => `${what}: record ${id} is in no session, and not late`)]
}

const idsOf = (row: TableRow): readonly number[] =>
  (JSON.parse(row['ids'] as string) as { values: readonly number[] }).values

const bySession = (output: OutputChoice): boolean => output.window.kind === 'session'

function keyOf(output: OutputChoice, row: TableRow): string {
  const end = output.window.kind === 'cumulating' ? ` ${row['window_end']}` : ''
  return `${row['window_start']}${end} ${groupOf(output.groupBy, row as never)}`
}

/** The rows of the highest revision, but those that were withdrawn. */
function latestOf(output: OutputChoice, rows: readonly TableRow[]): readonly TableRow[] {
  const latest = new Map<string, TableRow>()
  for (const row of rows) {
    const known = latest.get(keyOf(output, row))
    if (known === undefined || (known['revision'] as number) < (row['revision'] as number))
      latest.set(keyOf(output, row), row)
  }
  return [...latest.values()].filter((row) => row['is_final'])
}

/**
 * No row that was published turned out wrong but by a record that came out of time: a record that was in time is in the first revision.
 * Revisions count from 0 without gaps, and a later one has all the records of the one before.
 */
function checkRevisions(
  what: string,
  output: OutputChoice,
  rows: readonly TableRow[],
  latest: readonly TableRow[],
  good: readonly Judged[],
  ends: boolean,
): readonly string[] {
  const ofId = new Map(good.map((record) => [record.id, record]))
  const faults: string[] = []
  for (const [key, own] of Map.groupBy(rows, (row) => keyOf(output, row))) {
    const say = (text: string): void => void faults.push(`${what}: ${key}: ${text}`)
    const ordered = own.toSorted((a, b) => (a['revision'] as number) - (b['revision'] as number))
    const revisions = ordered.map((row) => row['revision'])
    if (new Set(revisions).size < revisions.length) say(`revisions ${revisions.join(', ')}`)
    if (bySession(output)) continue
    if (revisions.some((revision, i) => revision !== i)) say(`revisions ${revisions.join(', ')}`)
    for (const [i, row] of ordered.entries()) {
      const before = new Set(i === 0 ? [] : idsOf(ordered[i - 1]!))
      const now = new Set(idsOf(row))
      if ([...before].some((id) => !now.has(id))) say(`revision ${i} has lost records of the one before`)
      if (i === 0 || ends) continue
      const news = [...now].filter((id) => !before.has(id))
      const timely = news.filter((id) => ofId.get(id)!.bound < (row['window_end'] as EpochMillis))
      if (timely.length > 0) say(`published before record ${timely.join(', ')} was in, which was in time`)
    }
  }
  if (!bySession(output) || ends) return faults
  for (const row of latest) {
    const timely = idsOf(row).every((id) => ofId.get(id)!.at > ofId.get(id)!.bound)
    if (timely && row['revision'] !== 0) faults.push(`${what}: session of ${row['ids']} was corrected, all in time`)
  }
  return faults
}
