import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts'
import { DeltaTable } from '#delta/table.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import type { Plan } from '#plan/plan.ts'
import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import { servingFingerprint } from '#runtime/epochs.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { tablePath } from '#runtime/runtime.ts'
import { plannedTables } from '#runtime/tables.ts'

export interface EmbeddedFolders {
  readonly lake: string
  readonly state: string
}

/** The runtime on embedded adapters, of the epoch that serves: a directory for S3, SQLite for DynamoDB. Each thread opens its own. */
export async function embeddedRuntime(
  plan: Plan,
  folders: EmbeddedFolders,
  parts: { readonly clock: Clock; readonly ids: Ids; readonly sql: SqlSink | null },
): Promise<Runtime> {
  const runtime = {
    plan,
    fingerprint: fingerprint(plan),
    store: new DirectoryObjectStore(folders.lake),
    state: new SqliteStateStore(folders.state),
    ...parts,
  }
  try {
    return { ...runtime, fingerprint: await servingFingerprint(runtime) }
  } catch (error) {
    await runtime.state.close()
    throw error
  }
}

/** Creates the Delta tables that are not there yet. @throws SluiceError DELTA_SCHEMA_MISMATCH */
export async function createTables(runtime: Runtime): Promise<void> {
  for (const { name, fields } of plannedTables(runtime.plan)) {
    await DeltaTable.openOrCreate(runtime, tablePath(name), { fields, name })
  }
}
