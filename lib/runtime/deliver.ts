import { isSluiceError } from '#core/errors.ts'
import { writeDataFile } from '#delta/table.ts'
import { isWindowOutput, type WindowOutput } from '#plan/plan.ts'
import type { SqlChange } from '#ports/sql-sink.ts'
import { loadCloseItem, type PendingResult } from '#runtime/close-item.ts'
import type { Committed } from '#runtime/commit.ts'
import { deliveredTo, updateTable } from '#runtime/deliver-update.ts'
import { closeAppId, controlGroup } from '#runtime/keys.ts'
import { raiseMark, readMark } from '#runtime/mark.ts'
import { openTable } from '#runtime/open-table.ts'
import { isWithdrawn, readResult, tableRow, type WindowRow } from '#runtime/results.ts'
import { type Runtime, tablePath } from '#runtime/runtime.ts'
import { sqlRow } from '#runtime/sql-row.ts'
import { fromRows } from '#schema/from-rows.ts'

const TABLES = 'delivered/tables'
const SQL = 'delivered/sql'

/** Results wait for a database only where there is one: a run without SQL sinks delivers to the tables alone. */
const hasSql = (runtime: Runtime): boolean =>
  runtime.sql !== null &&
  runtime.plan.outputs.some((output) => isWindowOutput(output) && output.sinks.some((sink) => sink.kind === 'postgres'))

/** Number of the last close whose rows have reached every sink. */
export async function confirmed(runtime: Runtime): Promise<number> {
  const group = controlGroup(runtime)
  const tables = (await readMark(runtime.state, group, TABLES)) ?? 0
  if (!hasSql(runtime)) return tables
  return Math.min(tables, (await readMark(runtime.state, group, SQL)) ?? 0)
}

/** All results so far have reached the SQL tables by another way: as whole tables. */
export async function markSqlDelivered(runtime: Runtime): Promise<void> {
  const { seq } = await loadCloseItem(runtime)
  await raiseMark(runtime.state, controlGroup(runtime), SQL, seq)
}

async function openResults(runtime: Runtime, sink: string): Promise<readonly PendingResult[]> {
  const item = await loadCloseItem(runtime)
  const done = (await readMark(runtime.state, controlGroup(runtime), sink)) ?? 0
  return item.body.pending.filter((result) => result.seq > done)
}

interface OpenRows {
  readonly seq: number
  readonly rows: readonly WindowRow[]
}

/** Null when somebody else has delivered the result meanwhile, and its object was deleted. */
async function rowsOf(runtime: Runtime, sink: string, { seq, path }: PendingResult): Promise<OpenRows | null> {
  try {
    return { seq, rows: await readResult(runtime, path) }
  } catch (error) {
    if (!isSluiceError(error, 'OBJECT_NOT_FOUND')) throw error
    const done = (await readMark(runtime.state, controlGroup(runtime), sink)) ?? 0
    if (seq > done) throw error
    return null
  }
}

/**
 * Brings pending results into the gold tables: one commit a table, with `txn` = number of the last close in it. Idempotent.
 * Cost with news: one GET a result, one PUT and one append a table; see `updateTable` for tables with running results.
 */
export async function deliverToTables(runtime: Runtime): Promise<readonly Committed[]> {
  const results = await openResults(runtime, TABLES)
  const last = results.at(-1)
  if (last === undefined) return []
  const all: OpenRows[] = []
  for (const result of results) {
    const open = await rowsOf(runtime, TABLES, result)
    if (open !== null) all.push(open)
  }
  const done: Committed[] = []
  for (const output of runtime.plan.outputs.filter(isWindowOutput)) {
    for (const sink of output.sinks) {
      if (sink.kind === 'delta') done.push(...(await bringRows(runtime, output, sink.table, all, last.seq)))
    }
  }
  await raiseMark(runtime.state, controlGroup(runtime), TABLES, last.seq)
  return done
}

const ATTEMPTS = 10

async function bringRows(
  runtime: Runtime,
  output: WindowOutput,
  tableName: string,
  all: readonly OpenRows[],
  seq: number,
): Promise<readonly Committed[]> {
  const table = await openTable(runtime, tableName)
  for (let attempt = 1; ; attempt++) {
    const { version, txns } = await table.appendState()
    const { appended, updated } = deliveredTo(runtime, output, txns)
    const rows = all
      .filter((result) => result.seq > Math.max(appended, updated))
      .flatMap((result) => result.rows.filter((row) => row.output === output.name))
    if (rows.length === 0) return []
    try {
      if (output.emit !== 'final') {
        const result = await updateTable(runtime, output, table, rows, seq, appended > updated)
        return result.committed ? [{ table: tableName, version: result.version, files: 1 }] : []
      }
      const batch = fromRows(
        output.fields,
        rows.map((row) => tableRow(output, row)),
      )
      const add = await writeDataFile(runtime, tablePath(tableName), batch)
      const committed = await table.commit({
        readVersion: version,
        adds: add === null ? [] : [add],
        txns: [{ appId: closeAppId(runtime, output.name), version: seq }],
        operation: 'STREAMING UPDATE',
      })
      return [{ table: tableName, version: committed.version, files: 1 }]
    } catch (error) {
      if (!isSluiceError(error, 'DELTA_TRANSACTION_CONFLICT') || attempt === ATTEMPTS) throw error
    }
  }
}

/**
 * Upserts pending results into the SQL tables, each close in one transaction with its fence. Idempotent.
 *
 * @throws SluiceError SQL_SINK_FAILED: the results stay pending, nothing else waits for them
 */
export async function deliverToSql(runtime: Runtime): Promise<void> {
  if (!hasSql(runtime)) return
  for (const result of await openResults(runtime, SQL)) {
    const open = await rowsOf(runtime, SQL, result)
    if (open === null) continue
    await runtime.sql?.apply(closeAppId(runtime, '*'), result.seq, sqlChanges(runtime, open.rows))
    await raiseMark(runtime.state, controlGroup(runtime), SQL, result.seq)
  }
}

function sqlChanges(runtime: Runtime, rows: readonly WindowRow[]): readonly SqlChange[] {
  return runtime.plan.outputs.filter(isWindowOutput).flatMap((output) => {
    const own = rows.filter((row) => row.output === output.name)
    const toSql = (row: WindowRow) => sqlRow(output.fields, tableRow(output, row))
    return output.sinks.flatMap((sink) =>
      sink.kind === 'postgres' && own.length > 0
        ? [
            {
              table: sink.table,
              upserts: own.filter((row) => !isWithdrawn(row)).map(toSql),
              deletes: own.filter(isWithdrawn).map(toSql),
            },
          ]
        : [],
    )
  })
}
