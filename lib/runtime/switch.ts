import { isSluiceError } from '#core/errors.ts'
import { DeltaTable } from '#delta/table.ts'
import { isDetector, isWindowOutput, type Sink, type WindowOutput } from '#plan/plan.ts'
import type { SqlChange, SqlSink } from '#ports/sql-sink.ts'
import { bronzeRecords } from '#runtime/bronze.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { markSqlDelivered } from '#runtime/deliver.ts'
import { markAlertsDelivered } from '#runtime/deliver-alerts.ts'
import { type LatestRow, latestRows } from '#runtime/diff.ts'
import { type EpochsItem, storeEpochs } from '#runtime/epochs.ts'
import { stateIdentity } from '#runtime/identity.ts'
import { lakeGroup, windowGroups } from '#runtime/keys.ts'
import { openTable } from '#runtime/open-table.ts'
import { preparer } from '#runtime/prepare.ts'
import { bronzeTable, checkCaughtUp, closeRebuild, rebuildNotFound, replayBronze } from '#runtime/rebuild.ts'
import { rebuildFolder } from '#runtime/rebuilt-store.ts'
import { resultFolder } from '#runtime/result-object.ts'
import { rowChanges, sqlRowOutputs } from '#runtime/rows-to-sql.ts'
import { type Runtime, tablePath } from '#runtime/runtime.ts'
import { sqlRow } from '#runtime/sql-row.ts'
import { plannedSqlTables, plannedTables } from '#runtime/tables.ts'

/**
 * Brings a rebuild up to the last record that was accepted, and says that it is about to serve: until `endSwitch` nothing else may run.
 * Nobody may apply records meanwhile.
 *
 * @throws SluiceError REBUILD_INCOMPLETE: what serves goes on serving
 */
export async function beginSwitch(runtime: Runtime, rebuilt: Runtime, item: EpochsItem): Promise<EpochsItem> {
  if (item.epochs.switching) return item
  await commitAccepted(runtime)
  const { last } = await replayBronze(runtime, rebuilt)
  await closeRebuild(rebuilt, runtime, last)
  await checkCaughtUp(runtime, rebuilt)
  const stored = await storeEpochs(runtime, item, { ...item.epochs, switching: true })
  const { rebuild, switching } = stored.epochs
  if (!switching || rebuild?.number !== rebuilt.rebuild) throw rebuildNotFound(runtime.plan, rebuild)
  return stored
}

/** From now on the rebuild is what serves. */
export async function endSwitch(runtime: Runtime, item: EpochsItem): Promise<void> {
  await storeEpochs(runtime, item, { serving: item.epochs.rebuild!, rebuild: null, switching: false })
}

/**
 * Forgets a rebuild that nobody wants any more, or, of one that serves now, what it needed beside its window state; with `old` the window
 * state of the epoch that served before.
 */
export async function forget(runtime: Runtime, rebuilt: Runtime, old: Runtime): Promise<void> {
  const { state, store } = runtime
  for (const group of [lakeGroup(rebuilt), ...windowGroups(old)]) {
    for (const { id, fence } of await state.list(group)) await state.delete(group, id, fence)
  }
  for (const folder of [`${rebuildFolder(runtime, rebuilt.rebuild!)}/`, resultFolder(old)]) {
    for await (const { path } of store.list(folder)) await store.delete(path)
  }
}

const appId = ({ plan }: Runtime): string => `sluice/${plan.name}/switch`

/** Puts the rebuilt Delta tables in the place of those that serve, one commit a table. May be called again. */
export async function switchTables(runtime: Runtime, rebuilt: Runtime, epoch: number): Promise<readonly string[]> {
  const switched: string[] = []
  for (const { name, fields, writer, output } of plannedTables(runtime.plan)) {
    if (writer === 'lake' && output !== null && isRaw(runtime, output)) continue
    const table = await DeltaTable.open(runtime, tablePath(name)).catch((error: unknown) => {
      if (!isSluiceError(error, 'DELTA_NOT_A_TABLE')) throw error
      return DeltaTable.create(runtime, tablePath(name), { fields, name })
    })
    await table.replaceWith(await openTable(rebuilt, name), { appId: appId(runtime), version: epoch })
    switched.push(name)
  }
  return switched
}

const isRaw = ({ plan }: Runtime, name: string): boolean =>
  plan.outputs.some((output) => output.kind === 'raw' && output.name === name)

/**
 * Puts the rebuilt rows in the place of those in the SQL tables: all tables in one transaction. Holds the rows in memory. May be called
 * again.
 *
 * @throws SluiceError SQL_SINK_FAILED, SQL_SCHEMA_MISMATCH
 */
export async function switchSql(runtime: Runtime, rebuilt: Runtime, sql: SqlSink, epoch: number): Promise<void> {
  await sql.prepare(plannedSqlTables(runtime.plan), await stateIdentity(runtime))
  const changes = [
    ...(await resultChanges(runtime, rebuilt)),
    ...(await alertChanges(runtime, rebuilt)),
    ...(await recordChanges(runtime)),
  ]
  await sql.apply(appId(runtime), epoch, changes)
  await markSqlDelivered(rebuilt)
  await markAlertsDelivered(rebuilt)
}

const sqlTablesOf = ({ sinks }: { readonly sinks: readonly Sink[] }): readonly string[] =>
  sinks.flatMap((sink) => (sink.kind === 'postgres' ? [sink.table] : []))

async function resultChanges(runtime: Runtime, rebuilt: Runtime): Promise<readonly SqlChange[]> {
  const changes: SqlChange[] = []
  for (const output of runtime.plan.outputs.filter(isWindowOutput)) {
    const tables = sqlTablesOf(output)
    if (tables.length === 0) continue
    const results = await openTable(rebuilt, resultsTable(rebuilt, output))
    const rows = await latestRows(output, (await results.snapshot()).rows())
    const upserts = [...rows.values()].map((row) => sqlRow(output.fields, tableRowOf(row)))
    changes.push(...tables.map((table) => ({ table, upserts, deletes: [], replace: true })))
  }
  return changes
}

async function alertChanges(runtime: Runtime, rebuilt: Runtime): Promise<readonly SqlChange[]> {
  const changes: SqlChange[] = []
  for (const output of runtime.plan.outputs.filter(isDetector)) {
    const tables = sqlTablesOf(output)
    if (tables.length === 0) continue
    const latest = new Map<unknown, Readonly<Record<string, unknown>>>()
    const table = await openTable(rebuilt, resultsTable(rebuilt, output))
    for await (const rows of (await table.snapshot()).rows()) {
      for (const row of rows) {
        const known = latest.get(row['alert_id'])
        if (known === undefined || Number(known['revision']) < Number(row['revision'])) latest.set(row['alert_id'], row)
      }
    }
    const standing = [...latest.values()].filter((row) => row['is_final'] === true)
    const upserts = standing.map((row) => sqlRow(output.fields, row))
    changes.push(...tables.map((name) => ({ table: name, upserts, deletes: [], replace: true })))
  }
  return changes
}

function resultsTable(rebuilt: Runtime, { name }: Pick<WindowOutput, 'name'>): string {
  return plannedTables(rebuilt.plan).find(({ output }) => output === name)!.name
}

const tableRowOf = ({ key, values, revision, final }: LatestRow) => ({ ...key, ...values, revision, is_final: final })

/** Rows that go to SQL as they come, from bronze again. */
async function recordChanges(runtime: Runtime): Promise<readonly SqlChange[]> {
  const outputs = sqlRowOutputs(runtime)
  if (outputs.length === 0) return []
  const changes: SqlChange[] = outputs
    .flatMap(sqlTablesOf)
    .map((table) => ({ table, upserts: [], deletes: [], replace: true }))
  const table = await openTable(runtime, bronzeTable(runtime.plan))
  const bronze = await bronzeRecords(await table.snapshot(), runtime.plan.topic.name)
  const prepare = preparer(runtime.plan)
  for (const partition of bronze.last.keys()) {
    for await (const batch of bronze.read(partition, -1)) {
      const prepared = prepare.prepare(batch)
      changes.push(...outputs.flatMap((output) => rowChanges(output, prepared, -1)))
    }
  }
  return changes
}
