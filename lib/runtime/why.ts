import type { EpochMillis } from '#core/time.ts'
import { lateTable, type WindowOutput } from '#plan/plan.ts'
import { bronzeRecords } from '#runtime/bronze.ts'
import { progressGroup } from '#runtime/keys.ts'
import { openTable } from '#runtime/open-table.ts'
import { type Prepared, preparer } from '#runtime/prepare.ts'
import { listProgress } from '#runtime/progress.ts'
import { bronzeTable } from '#runtime/rebuild.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { rowView } from '#schema/row-view.ts'
import { type ClosedOutput, closedOutputs, windowsOfRecord } from '#window/chained.ts'

/** One window of one group of an output, whether or not there is a row for it. */
export interface ResultKey {
  readonly output: WindowOutput
  readonly start: EpochMillis
  /** As its row has it; of sessions that end with their last event, that event's time. */
  readonly end: EpochMillis
  /** Values of the group columns, in their order. */
  readonly group: readonly unknown[]
}

/**
 * What became of a record in that window: it counts, it came too late, a check has set it aside, or it is in bronze but not applied to the
 * windows yet.
 */
export type RecordVerdict = 'counted' | 'late' | 'quarantined' | 'waiting'

/** A record behind a row: where it is in the topic and in bronze. */
export interface RecordBehind {
  readonly partition: number
  readonly offset: number
  readonly appendTime: EpochMillis
  readonly eventTime: EpochMillis
  readonly verdict: RecordVerdict
  /** Of a record in quarantine. */
  readonly reason: string | null
}

export interface RecordsBehind {
  /** The first of them by event time. */
  readonly records: readonly RecordBehind[]
  readonly sums: Readonly<Record<RecordVerdict, number>>
  /** Records of whatever window that can't be told because they can't be read. */
  readonly unreadable: number
}

/**
 * The records in bronze whose event time and group are those of a row. Of windows over results: those of all results in it, as far as its
 * group columns are columns of records. Reads all of bronze, and what the late table has for the output;
 * memory for `limit` records.
 *
 * @throws SluiceError REBUILD_NEEDS_BRONZE for a pipeline without bronze
 */
export async function recordsBehind(runtime: Runtime, key: ResultKey, limit: number): Promise<RecordsBehind> {
  const table = await openTable(runtime, bronzeTable(runtime.plan))
  const bronze = await bronzeRecords(await table.snapshot(), runtime.plan.topic.name)
  const output = closedOutputs(runtime.plan).find(({ name }) => name === key.output.name)!
  const judge = await verdicts(runtime, output, key)
  const prepare = preparer(runtime.plan)
  const sums = { counted: 0, late: 0, quarantined: 0, waiting: 0 }
  const found = new Earliest(limit)
  let unreadable = 0
  for (const partition of bronze.last.keys()) {
    for await (const batch of bronze.read(partition, -1)) {
      const prepared = prepare.prepare(batch)
      unreadable += batch.count - prepared.batch.rows
      for (const record of recordsOf(prepared, output, key, judge)) {
        sums[record.verdict]++
        found.add(record)
      }
    }
  }
  return { records: found.all(), sums, unreadable }
}

/** @param end of the last window that the record could count in */
type Judge = (partition: number, offset: number, end: EpochMillis, reason: string | null) => RecordVerdict

/** The output that records are folded into. */
const rootOf = (output: ClosedOutput): ClosedOutput => (output.parent === undefined ? output : rootOf(output.parent))

async function verdicts(runtime: Runtime, output: ClosedOutput, { start, end }: ResultKey): Promise<Judge> {
  const progress = await listProgress(runtime.state, progressGroup(runtime))
  /** Of each record the end of the last window that it missed. */
  const late = new Map<string, EpochMillis>()
  const table = await openTable(runtime, lateTable(runtime.plan))
  const least = output.parent === undefined ? end : start
  const where = { output: rootOf(output).name, last_window_end: { gte: new Date(least) } }
  for await (const run of (await table.snapshot()).rows({
    columns: ['partition', 'offset', 'last_window_end'],
    where,
  })) {
    for (const row of run) late.set(`${row['partition']}/${row['offset']}`, Number(row['last_window_end']))
  }
  return (partition, offset, last, reason) => {
    if (reason !== null) return 'quarantined'
    if (offset > (progress.get(partition)?.last.offset ?? -1)) return 'waiting'
    return (late.get(`${partition}/${offset}`) ?? Number.NEGATIVE_INFINITY) >= last ? 'late' : 'counted'
  }
}

function* recordsOf(
  prepared: Prepared,
  output: ClosedOutput,
  key: ResultKey,
  judge: Judge,
): Generator<RecordBehind, void, undefined> {
  const { records, batch, rowRecords, offsets, eventTimes, passed } = prepared
  const { groupBy, after } = output
  const { end, group } = key
  const ofRecords = recordColumns(output)
  const reasons = new Map(prepared.rejects.map(({ record, reason }) => [record, reason]))
  const view = rowView(batch)
  for (let row = 0; row < batch.rows; row++) {
    const eventTime = eventTimes[row]!
    const last = lastEndBehind(output, key, eventTime)
    if (last === null) continue
    const values = view.at(row)
    if (!groupBy.every((name, i) => !ofRecords.includes(name) || (values[name] ?? null) === group[i])) continue
    const record = rowRecords[row]!
    const reason = passed[row]! >= after ? null : (reasons.get(record) ?? null)
    const offset = offsets[row]!
    const verdict = judge(records.partition, offset, output.parent === undefined ? end : last, reason)
    yield { partition: records.partition, offset, appendTime: records.timestamps[record]!, eventTime, verdict, reason }
  }
}

/** Group columns that records have themselves. */
function recordColumns({ groupBy, parent }: ClosedOutput): readonly string[] {
  return parent === undefined ? groupBy : groupBy.filter((name) => recordColumns(parent).includes(name))
}

/** Null for a time outside of the row's window; else the end of the last window of records by which a record at that time is behind the row. */
function lastEndBehind(output: ClosedOutput, { start, end }: ResultKey, time: EpochMillis): EpochMillis | null {
  const { window } = output
  if (output.parent === undefined) {
    const last = window.kind === 'session' && window.end === 'last event' ? end + 1 : end
    return time >= start && time < last ? end : null
  }
  const behind = windowsOfRecord(output, time).filter((one) => one.window.start === start && one.window.end === end)
  return behind.length === 0 ? null : Math.max(...behind.map(({ by }) => by.end))
}

/** The first records by event time. */
class Earliest {
  readonly #limit: number
  #records: RecordBehind[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  add(record: RecordBehind): void {
    this.#records.push(record)
    if (this.#records.length > 2 * this.#limit + 100) this.#records = this.#sorted()
  }

  all(): readonly RecordBehind[] {
    return this.#sorted()
  }

  #sorted(): RecordBehind[] {
    const order = (a: RecordBehind, b: RecordBehind): number =>
      a.eventTime - b.eventTime || a.partition - b.partition || a.offset - b.offset
    return this.#records.sort(order).slice(0, this.#limit)
  }
}
