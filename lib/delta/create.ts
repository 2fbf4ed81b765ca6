import { type Actions, encodeCommit, type Metadata } from '#delta/actions.ts'
import { ENGINE } from '#delta/append.ts'
import type { TableState } from '#delta/checksum.ts'
import { claim } from '#delta/commit.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import type { LogPaths } from '#delta/log.ts'
import { checkProperties, NEW_TABLE_PROTOCOL } from '#delta/protocol.ts'
import { toStruct } from '#delta/schema-json.ts'
import { writeChecksum } from '#delta/state.ts'
import type { Fields } from '#schema/column.ts'

export interface NewTable {
  readonly fields: Fields
  readonly name?: string
  readonly description?: string
  /** Table properties, `delta.…` and others. */
  readonly properties?: Readonly<Record<string, string>>
}

/**
 * Writes version 0 and its checksum. 2 PUTs.
 *
 * @returns null when somebody else created the table first
 * @throws SluiceError DELTA_FEATURE_UNSUPPORTED for properties that need more than reader version 1 and writer version 2
 */
export async function createTable(deps: DeltaDeps, paths: LogPaths, table: NewTable): Promise<TableState | null> {
  const properties = table.properties ?? {}
  checkProperties(properties, paths.name)
  const now = deps.clock.now()
  const txnId = deps.ids.next()
  const metadata: Metadata = {
    id: deps.ids.next(),
    ...(table.name === undefined ? {} : { name: table.name }),
    ...(table.description === undefined ? {} : { description: table.description }),
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify(toStruct(table.fields)),
    partitionColumns: [],
    configuration: properties,
    createdTime: now,
  }
  const actions: Partial<Actions> = {
    commitInfo: {
      timestamp: now,
      operation: 'CREATE TABLE',
      operationParameters: {
        isManaged: 'false',
        ...(table.description === undefined ? {} : { description: table.description }),
        partitionBy: '[]',
        properties: JSON.stringify(properties),
      },
      isolationLevel: 'WriteSerializable',
      isBlindAppend: true,
      operationMetrics: {},
      engineInfo: ENGINE,
      txnId,
    },
    protocol: NEW_TABLE_PROTOCOL,
    metadata,
  }
  if ((await claim(deps, paths, 0, encodeCommit(actions), txnId)) !== null) return null
  const state: TableState = {
    version: 0,
    protocol: NEW_TABLE_PROTOCOL,
    metadata,
    txns: new Map(),
    numFiles: 0,
    tableSizeBytes: 0,
  }
  await writeChecksum(deps.store, paths, state, txnId)
  return state
}
