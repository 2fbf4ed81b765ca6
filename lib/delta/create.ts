import { SluiceError } from '#core/errors.ts'
import { type Actions, encodeCommit, type Metadata } from '#delta/actions.ts'
import { ENGINE } from '#delta/append.ts'
import type { TableState } from '#delta/checksum.ts'
import { checkFeedNames } from '#delta/column-names.ts'
import { claim } from '#delta/commit.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import type { LogPaths } from '#delta/log.ts'
import { canPartition } from '#delta/partition-folder.ts'
import { checkNewColumns, checkProperties, NEW_TABLE_PROTOCOL } from '#delta/protocol.ts'
import { checkStruct } from '#delta/schema-check.ts'
import { type StructType, toStruct, typeText } from '#delta/schema-json.ts'
import { writeChecksum } from '#delta/state.ts'
import { newProtocol } from '#delta/writer-features.ts'
import type { Fields } from '#schema/column.ts'

export interface TableOptions {
  readonly name?: string
  readonly description?: string
  /** Columns whose values name the folders of the data files; they are not stored in the files. */
  readonly partitionBy?: readonly string[]
  /** Table properties, `delta.…` and others. */
  readonly properties?: Readonly<Record<string, string>>
}

/** A table of columns that a plan declares. */
export interface NewTable extends TableOptions {
  readonly fields: Fields
}

/** A table of any of Delta's types. */
export interface NewDeltaTable extends TableOptions {
  readonly schema: StructType
}

/** @throws SluiceError NAME_INVALID, DELTA_FEATURE_UNSUPPORTED for a type or a nesting that no table of ours has */
export function schemaOf(table: NewTable | NewDeltaTable): StructType {
  if ('fields' in table) return toStruct(table.fields)
  checkStruct(table.schema)
  return table.schema
}

/**
 * Writes version 0 and its checksum. 2 PUTs.
 *
 * @returns null when somebody else created the table first
 * @throws SluiceError DELTA_FEATURE_UNSUPPORTED for properties and columns that need more than we write, NAME_INVALID for columns
 * that are named as those of the change feed, DELTA_SCHEMA_MISMATCH for partition columns that the table has not or that can't be one
 */
export async function createTable(
  deps: DeltaDeps,
  paths: LogPaths,
  table: NewTable | NewDeltaTable,
): Promise<TableState | null> {
  const properties = table.properties ?? {}
  checkProperties(properties, paths.name)
  const schema = schemaOf(table)
  checkNewColumns(schema, paths.name)
  if (properties['delta.enableChangeDataFeed'] === 'true') checkFeedNames(schema.fields.map(({ name }) => name))
  const partitionColumns = table.partitionBy ?? []
  checkPartitionColumns(paths.name, schema, partitionColumns)
  const now = deps.clock.now()
  const txnId = deps.ids.next()
  const metadata: Metadata = {
    id: deps.ids.next(),
    ...(table.name === undefined ? {} : { name: table.name }),
    ...(table.description === undefined ? {} : { description: table.description }),
    format: { provider: 'parquet', options: {} },
    schemaString: JSON.stringify(schema),
    partitionColumns,
    configuration: properties,
    createdTime: now,
  }
  const protocol = newProtocol(schema, properties, NEW_TABLE_PROTOCOL)
  const actions: Partial<Actions> = {
    commitInfo: {
      timestamp: now,
      operation: 'CREATE TABLE',
      operationParameters: {
        isManaged: 'false',
        ...(table.description === undefined ? {} : { description: table.description }),
        partitionBy: JSON.stringify(partitionColumns),
        properties: JSON.stringify(properties),
      },
      isolationLevel: 'WriteSerializable',
      isBlindAppend: true,
      operationMetrics: {},
      engineInfo: ENGINE,
      txnId,
    },
    protocol,
    metadata,
  }
  if ((await claim(deps, paths, 0, encodeCommit(actions), txnId)) !== null) return null
  const state: TableState = { version: 0, protocol, metadata, txns: new Map(), numFiles: 0, tableSizeBytes: 0 }
  await writeChecksum(deps.store, paths, state, txnId)
  return state
}

function checkPartitionColumns(table: string, schema: StructType, columns: readonly string[]): void {
  const types = new Map(schema.fields.map(({ name, type }) => [name, type]))
  const problems = columns.flatMap((name, at) => {
    const type = types.get(name)
    if (type === undefined) return [`${name} is no column`]
    if (columns.indexOf(name) !== at) return [`${name} is there twice`]
    return canPartition(type) ? [] : [`${name} is a ${typeText(type)}`]
  })
  if (problems.length === 0 && columns.length === schema.fields.length) problems.push('no column is left for the files')
  if (problems.length === 0) return
  throw new SluiceError(
    'DELTA_SCHEMA_MISMATCH',
    `Can't partition the Delta table ${table} by (${columns.join(', ')}): ${problems.join('; ')}. Choose columns of text, numbers, booleans, dates or timestamps, and leave at least one other.`,
    { details: { table, columns } },
  )
}
