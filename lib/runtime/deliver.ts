import { isSluiceError } from '#core/errors.ts'
import { DataFileWriter } from '#delta/table.ts'
import { isDetector, isWindowOutput, type WindowOutput } from '#plan/plan.ts'
import type { SqlChange } from '#ports/sql-sink.ts'
import { loadCloseItem, type PendingResult } from '#runtime/close-item.ts'
import type { Committed } from '#runtime/commit.ts'
import { deliveredTo, updateTable } from '#runtime/deliver-update.ts'
import { closeAppId, controlGroup, DETECT_ID } from '#runtime/keys.ts'
import { raiseMark, readMark } from '#runtime/mark.ts'
import { openTable } from '#runtime/open-table.ts'
import { resultsAfter } from '#runtime/pending.ts'
import { resultRows } from '#runtime/result-object.ts'
import { isWithdrawn, tableRow, type WindowRow, windowRow } from '#runtime/results.ts'
import { type Runtime, tablePath } from '#runtime/runtime.ts'
import { sqlRow } from '#runtime/sql-row.ts'

const TABLES = 'delivered/tables'
const SQL = 'delivered/sql'

/** Results wait for a database only where there is one: a run without SQL sinks delivers to the tables alone. */
const hasSql = (runtime: Runtime): boolean =>
  runtime.sql !== null &&
  runtime.plan.outputs.some((output) => isWindowOutput(output) && output.sinks.some((sink) => sink.kind === 'postgres'))

/** Number of the last close whose rows have reached every sink, and every detector. */
export async function confirmed(runtime: Runtime): Promise<number> {
  const group = controlGroup(runtime)
  const readers = [TABLES]
  if (hasSql(runtime)) readers.push(SQL)
  if (runtime.plan.outputs.some(isDetector)) readers.push(DETECT_ID)
  const marks = await Promise.all(readers.map((reader) => readMark(runtime.state, group, reader)))
  return Math.min(...marks.map((mark) => mark ?? 0))
}

/** All results so far have reached the SQL tables by another way: as whole tables. */
export async function markSqlDelivered(runtime: Runtime): Promise<void> {
  const { seq } = await loadCloseItem(runtime)
  await raiseMark(runtime.state, controlGroup(runtime), SQL, seq)
}

async function openResults(runtime: Runtime, sink: string): Promise<readonly PendingResult[]> {
  const item = await loadCloseItem(runtime)
  return resultsAfter(runtime, item.body, await deliveredUpTo(runtime, sink))
}

/** Rows of results that are kept while tables are gone through one by one. */
const KEPT_ROWS = 20_000

/** Reads results for several tables: small ones once, large ones piece by piece for each. */
class ResultReader {
  readonly #runtime: Runtime
  readonly #kept = new Map<string, readonly WindowRow[]>()
  #keptRows = 0

  constructor(runtime: Runtime) {
    this.#runtime = runtime
  }

  async *rowsOf({ path }: PendingResult, output: string): AsyncGenerator<readonly WindowRow[]> {
    const kept = this.#kept.get(path)
    if (kept !== undefined) return yield ofOutput(kept, output)
    let pieces = 0
    let last: readonly WindowRow[] = []
    for await (const stored of resultRows(this.#runtime, path)) {
      last = stored.flatMap((row) => windowRow(row) ?? [])
      pieces++
      yield ofOutput(last, output)
    }
    if (pieces > 1 || this.#keptRows + last.length > KEPT_ROWS) return
    this.#kept.set(path, last)
    this.#keptRows += last.length
  }
}

const ofOutput = (rows: readonly WindowRow[], name: string): readonly WindowRow[] =>
  rows.filter((row) => row.output === name)

/**
 * Brings pending results into the gold tables: one commit a table, with `txn` = number of the last close in it. Idempotent.
 * Cost with news: one GET an object of a result (for results of more than one: for each table), one PUT and one append a table; see
 * `updateTable` for tables with running results, of which all rows that wait are in memory.
 */
export async function deliverToTables(runtime: Runtime): Promise<readonly Committed[]> {
  const results = await openResults(runtime, TABLES)
  const last = results.at(-1)
  if (last === undefined) return []
  const reader = new ResultReader(runtime)
  const done: Committed[] = []
  for (const output of runtime.plan.outputs.filter(isWindowOutput)) {
    for (const sink of output.sinks) {
      if (sink.kind === 'delta') done.push(...(await bringRows(runtime, output, sink.table, reader, results)))
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
  reader: ResultReader,
  results: readonly PendingResult[],
): Promise<readonly Committed[]> {
  const { seq } = results.at(-1)!
  const table = await openTable(runtime, tableName)
  /** Results up to this were delivered by somebody else meanwhile, and their objects deleted. */
  let gone = 0
  for (let attempt = 1; ; attempt++) {
    const { version, txns } = await table.appendState()
    const { appended, updated } = deliveredTo(runtime, output, txns)
    const news = results.filter((result) => result.seq > Math.max(appended, updated, gone))
    try {
      if (output.emit !== 'final') {
        const rows: WindowRow[] = []
        gone = await readAll(runtime, output, reader, news, async (piece) => void rows.push(...piece))
        if (gone > 0) continue
        if (rows.length === 0) return []
        const result = await updateTable(runtime, output, table, rows, seq, appended > updated)
        return result.committed ? [{ table: tableName, version: result.version, files: 1 }] : []
      }
      const writer = new DataFileWriter(runtime, tablePath(tableName), output.fields)
      const eachPiece = (rows: readonly WindowRow[]) => writer.add(rows.map((row) => tableRow(output, row)))
      gone = await readAll(runtime, output, reader, news, eachPiece)
      if (gone > 0) continue
      const adds = await writer.finish()
      if (adds.length === 0) return []
      const txn = { appId: closeAppId(runtime, output.name), version: seq }
      const committed = await table.commit({ readVersion: version, adds, txns: [txn], operation: 'STREAMING UPDATE' })
      return [{ table: tableName, version: committed.version, files: adds.length }]
    } catch (error) {
      if (!isSluiceError(error, 'DELTA_TRANSACTION_CONFLICT') || attempt === ATTEMPTS) throw error
    }
  }
}

/** 0 when all were read. Otherwise somebody else has delivered what was to be read, up to this, and its objects were deleted. */
async function readAll(
  runtime: Runtime,
  output: WindowOutput,
  reader: ResultReader,
  results: readonly PendingResult[],
  eachPiece: (rows: readonly WindowRow[]) => Promise<void>,
): Promise<number> {
  for (const result of results) {
    try {
      for await (const rows of reader.rowsOf(result, output.name)) await eachPiece(rows)
    } catch (error) {
      if (!isSluiceError(error, 'OBJECT_NOT_FOUND')) throw error
      const delivered = await deliveredUpTo(runtime, TABLES)
      if (result.seq > delivered) throw error
      return delivered
    }
  }
  return 0
}

const deliveredUpTo = async (runtime: Runtime, sink: string): Promise<number> =>
  (await readMark(runtime.state, controlGroup(runtime), sink)) ?? 0

/**
 * Upserts pending results into the SQL tables, each close in one transaction with its fence. Idempotent.
 *
 * @throws SluiceError SQL_SINK_FAILED: the results stay pending, nothing else waits for them
 */
export async function deliverToSql(runtime: Runtime): Promise<void> {
  if (!hasSql(runtime)) return
  for (const result of await openResults(runtime, SQL)) {
    try {
      await runtime.sql?.apply(closeAppId(runtime, '*'), result.seq, sqlChanges(runtime, result))
    } catch (error) {
      // Somebody else has delivered it meanwhile, and its objects were deleted.
      if (!isSluiceError(error, 'OBJECT_NOT_FOUND') || result.seq > (await deliveredUpTo(runtime, SQL))) throw error
      continue
    }
    await raiseMark(runtime.state, controlGroup(runtime), SQL, result.seq)
  }
}

/** As the objects of the result come. */
async function* sqlChanges(runtime: Runtime, { path }: PendingResult): AsyncGenerator<SqlChange> {
  const outputs = runtime.plan.outputs.filter(isWindowOutput)
  for await (const stored of resultRows(runtime, path)) {
    const rows = stored.flatMap((row) => windowRow(row) ?? [])
    for (const output of outputs) {
      const own = ofOutput(rows, output.name)
      if (own.length === 0) continue
      const toSql = (row: WindowRow) => sqlRow(output.fields, tableRow(output, row))
      const upserts = own.filter((row) => !isWithdrawn(row)).map(toSql)
      const deletes = own.filter(isWithdrawn).map(toSql)
      for (const sink of output.sinks) {
        if (sink.kind === 'postgres') yield { table: sink.table, upserts, deletes }
      }
    }
  }
}
