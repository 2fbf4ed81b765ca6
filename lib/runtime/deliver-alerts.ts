import { isSluiceError } from '#core/errors.ts'
import { DataFileWriter } from '#delta/table.ts'
import { type DetectorOutput, isDetector } from '#plan/plan.ts'
import type { SqlChange } from '#ports/sql-sink.ts'
import type { Committed } from '#runtime/commit.ts'
import { type AlertEntry, loadDetectItem, readAlerts } from '#runtime/detect-item.ts'
import { controlGroup, detectAppId } from '#runtime/keys.ts'
import { raiseMark, readMark } from '#runtime/mark.ts'
import { openTable } from '#runtime/open-table.ts'
import { type Runtime, tablePath } from '#runtime/runtime.ts'
import { sqlRow } from '#runtime/sql-row.ts'

const TABLES = 'delivered/alerts/tables'
const SQL = 'delivered/alerts/sql'

const hasSql = (runtime: Runtime): boolean =>
  runtime.sql !== null &&
  runtime.plan.outputs.some((output) => isDetector(output) && output.sinks.some(({ kind }) => kind === 'postgres'))

/** Number of the last close whose alerts have reached every sink. */
export async function alertsConfirmed(runtime: Runtime): Promise<number> {
  const group = controlGroup(runtime)
  const tables = (await readMark(runtime.state, group, TABLES)) ?? 0
  if (!hasSql(runtime)) return tables
  return Math.min(tables, (await readMark(runtime.state, group, SQL)) ?? 0)
}

/** All alerts so far have reached the SQL tables by another way: as whole tables. */
export async function markAlertsDelivered(runtime: Runtime): Promise<void> {
  const { seq } = await loadDetectItem(runtime)
  await raiseMark(runtime.state, controlGroup(runtime), SQL, seq)
}

interface OpenAlerts {
  /** The last close of them; null for none. */
  readonly last: number | null
  readonly entries: readonly AlertEntry[]
}

async function openAlerts(runtime: Runtime, sink: string): Promise<OpenAlerts> {
  const { body } = await loadDetectItem(runtime)
  const done = (await readMark(runtime.state, controlGroup(runtime), sink)) ?? 0
  const entries: AlertEntry[] = []
  let last: number | null = null
  for (const pending of body.pending) {
    if (pending.seq <= done) continue
    try {
      for (const entry of await readAlerts(runtime, pending)) if (entry.seq > done) entries.push(entry)
    } catch (error) {
      // Gone, because everybody has got them, or because they wait in another object now: then the next round finds them.
      if (!isSluiceError(error, 'OBJECT_NOT_FOUND')) throw error
      return { last: null, entries: [] }
    }
    last = pending.seq
  }
  return { last, entries }
}

/** Appends pending alerts to the Delta tables: one commit a table, with `txn` = number of the last close in it. Idempotent. */
export async function deliverAlertsToTables(runtime: Runtime): Promise<readonly Committed[]> {
  const { last, entries } = await openAlerts(runtime, TABLES)
  if (last === null) return []
  const done: Committed[] = []
  for (const output of runtime.plan.outputs.filter(isDetector)) {
    const own = entries.filter(({ detector }) => detector === output.name)
    for (const sink of output.sinks) {
      if (sink.kind === 'delta') done.push(...(await appendAlerts(runtime, output, sink.table, own, last)))
    }
  }
  await raiseMark(runtime.state, controlGroup(runtime), TABLES, last)
  return done
}

const ATTEMPTS = 10

async function appendAlerts(
  runtime: Runtime,
  output: DetectorOutput,
  tableName: string,
  entries: readonly AlertEntry[],
  last: number,
): Promise<readonly Committed[]> {
  const appId = detectAppId(runtime, output.name)
  const table = await openTable(runtime, tableName)
  for (let attempt = 1; ; attempt++) {
    const { version, txns } = await table.appendState()
    const rows = entries.filter(({ seq }) => seq > (txns.get(appId) ?? 0)).map(({ row }) => row)
    if (rows.length === 0) return []
    const writer = new DataFileWriter(runtime, tablePath(tableName), output.fields)
    await writer.add(rows)
    try {
      const committed = await table.commit({
        readVersion: version,
        adds: await writer.finish(),
        txns: [{ appId, version: last }],
        operation: 'STREAMING UPDATE',
      })
      return [{ table: tableName, version: committed.version, files: 1 }]
    } catch (error) {
      if (!isSluiceError(error, 'DELTA_TRANSACTION_CONFLICT') || attempt === ATTEMPTS) throw error
    }
  }
}

/**
 * Upserts pending alerts into the SQL tables, those of each close in one transaction with its fence. Idempotent.
 *
 * @throws SluiceError SQL_SINK_FAILED: the alerts stay pending, nothing else waits for them
 */
export async function deliverAlertsToSql(runtime: Runtime): Promise<void> {
  if (!hasSql(runtime)) return
  const { last, entries } = await openAlerts(runtime, SQL)
  if (last === null) return
  for (const [seq, own] of Map.groupBy(entries, (entry) => entry.seq)) {
    await runtime.sql?.apply(detectAppId(runtime, '*'), seq, sqlChanges(runtime, own))
  }
  await raiseMark(runtime.state, controlGroup(runtime), SQL, last)
}

function sqlChanges(runtime: Runtime, entries: readonly AlertEntry[]): readonly SqlChange[] {
  return runtime.plan.outputs.filter(isDetector).flatMap((output) => {
    const rows = entries.flatMap(({ detector, row }) => (detector === output.name ? [row] : []))
    const toSql = (row: AlertEntry['row']) => sqlRow(output.fields, row)
    return output.sinks.flatMap((sink) =>
      sink.kind === 'postgres' && rows.length > 0
        ? [
            {
              table: sink.table,
              upserts: rows.filter((row) => row['is_final'] === true).map(toSql),
              deletes: rows.filter((row) => row['is_final'] !== true).map(toSql),
            },
          ]
        : [],
    )
  })
}
