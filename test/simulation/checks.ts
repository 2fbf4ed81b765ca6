import { REASONS } from '#schema/decode-reasons.ts'
import type { TestRun } from '../../lib/testing/index.ts'
import type { TableRow } from '../support/table-rows.ts'
import { checkLog } from './check-log.ts'
import { checkResults } from './check-results.ts'
import { compare, type Judged, judged, placeOf } from './expected.ts'
import { NOT_NEGATIVE } from './plans.ts'
import { doorOf, type Flaw, recordValue } from './records.ts'
import type { Simulation } from './simulation.ts'

/** What is wrong with what a run left behind; nothing when all is as it must be. */
export async function faultsOf(simulation: Simulation): Promise<readonly string[]> {
  const records = judged(simulation)
  const run = await simulation.world.read()
  const late = run.rows('late.events')
  return [
    ...simulation.faults,
    ...checkRecords(run, records),
    ...checkLatest(simulation, records),
    ...checkLate(run, records, late),
    ...checkResults(simulation, run, records, late),
    ...(await checkLog(simulation)),
  ]
}

/** Bronze holds every record once; each is in silver or in quarantine. */
function checkRecords(run: TestRun, records: readonly Judged[]): readonly string[] {
  const text = new TextDecoder()
  const bytes = (value: unknown): string | null => (value === null ? null : text.decode(value as Uint8Array))
  const bronze = run.rows('bronze.events').map((row) => `${placeOf(row as never)} ${bytes(row['value'])}`)
  const quarantine = run
    .rows('quarantine.events')
    .map((row) => `${placeOf(row as never)} ${bytes(row['value'])} ${row['reason']}`)
  const asStored = (record: Judged): string => `${placeOf(record)} ${recordValue(record)}`
  const good = records.filter(({ isGood }) => isGood)
  const rejected = records.filter(({ isGood }) => !isGood)
  return [
    ...compare('bronze', bronze, records.map(asStored)),
    ...compare(
      'quarantine',
      quarantine,
      rejected.map((record) => `${asStored(record)} ${reasonOf(record)}`),
    ),
    ...compare('silver', run.rows('silver.events').map(silverLine), good.map(silverLine)),
  ]
}

const REASON_OF: Readonly<Record<Flaw, string>> = {
  tombstone: REASONS.tombstone,
  'not json': REASONS.syntax,
  'no time': REASONS.null,
  'no door': REASONS.null,
  negative: NOT_NEGATIVE,
  'clock in 2099': 'event time in the future',
}

/** A check comes after what is asked of the event time. */
const reasonOf = ({ flaw, inFuture }: Judged): string =>
  REASON_OF[flaw === null || (flaw === 'negative' && inFuture) ? 'clock in 2099' : flaw]

function silverLine(row: TableRow | Judged): string {
  const { id, at, who, amount, weight, tag, flag } = row as unknown as Judged
  return JSON.stringify([id, at, who, amount, weight, tag, flag])
}

/** The SQL table of rows holds the last record of each door. */
function checkLatest({ schedule, world }: Simulation, records: readonly Judged[]): readonly string[] {
  if (!schedule.plan.rowsToSql) return []
  const latest = new Map<string, Judged>()
  for (const record of records) if (record.isGood) latest.set(doorOf(record), record)
  const wanted = [...latest].map(([door, { id, amount }]) => JSON.stringify([door, id, amount]))
  const found = world.sql.rows('latest').map(({ door, id, amount }) => JSON.stringify([door, id, amount]))
  return compare('sql latest', found, wanted)
}

/** Each record is in exactly one of counted, late and quarantined; late once an output, and not without a reason. */
function checkLate(run: TestRun, records: readonly Judged[], late: readonly TableRow[]): readonly string[] {
  const faults: string[] = []
  const entries = late.map((row) => `${placeOf(row as never)} ${row['output']}`)
  if (new Set(entries).size < entries.length) faults.push(`late: twice the same of ${entries.sort().join(', ')}`)
  const wholly = new Set(late.filter((row) => !row['counted_elsewhere']).map((row) => placeOf(row as never)))
  const partly = new Set(late.filter((row) => row['counted_elsewhere']).map((row) => placeOf(row as never)))
  const quarantined = records.filter(({ isGood }) => !isGood).length
  const wanted = {
    read: records.length,
    counted: records.length - wholly.size - quarantined,
    late: wholly.size,
    partlyLate: partly.size,
    quarantined,
  }
  for (const [name, count] of Object.entries(wanted)) {
    const found = run.counts[name as keyof typeof wanted]
    if (found !== count) faults.push(`counts: ${name} is ${found}, not ${count}`)
  }
  return faults
}
