import { SluiceError } from '#core/errors.ts'
import type { Metadata } from '#delta/actions.ts'
import { planned } from '#delta/attempts.ts'
import type { TableState } from '#delta/checksum.ts'
import { checkFeedNames } from '#delta/column-names.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { layoutOf } from '#delta/layout.ts'
import type { LogPaths } from '#delta/log.ts'
import { nothingDone, type WriteResult } from '#delta/opened-version.ts'
import { checkNewColumns, checkReadable, checkWritable } from '#delta/protocol.ts'
import { evolved, withMapping } from '#delta/schema-change.ts'
import { checkStruct, usesType } from '#delta/schema-check.ts'
import { parseSchema, type StructType } from '#delta/schema-json.ts'
import { commitTransaction } from '#delta/transaction.ts'
import { feedsChanges } from '#delta/writer-features.ts'

/**
 * Gives the table the columns that `wanted` has beyond it. Nobody's rows are touched. When two add the same column at once, one commits
 * and the other finds it there.
 */
export function evolveSchema(
  deps: DeltaDeps,
  paths: LogPaths,
  stateNow: () => Promise<TableState>,
  wanted: StructType,
): Promise<WriteResult> {
  return planned(undefined, async () => {
    const state = await stateNow()
    checkReadable(state.protocol, paths.name)
    checkWritable(state.protocol, state.metadata, paths.name)
    checkStruct(wanted, { mapped: layoutOf(state.metadata).mapping !== 'none' })
    checkNewColumns(wanted, paths.name)
    if (feedsChanges(state.metadata)) checkFeedNames(wanted.fields.map(({ name }) => name))
    const current = parseSchema(state.metadata.schemaString)
    const { schema, refused, changed } = evolved(current, wanted)
    const lacks = usesType(schema, 'timestamp_ntz') && state.protocol.writerFeatures?.includes('timestampNtz') !== true
    const problems = lacks ? [...refused, 'timestamp_ntz needs the table feature timestampNtz'] : refused
    if (problems.length > 0) throw refusal(paths.name, problems)
    if (!changed) return nothingDone(state.version)
    const before = new Set(current.fields.map(({ name }) => name))
    const columns = schema.fields.filter(({ name }) => !before.has(name))
    const after = await commitTransaction(deps, paths, {
      operation: columns.length > 0 ? 'ADD COLUMNS' : 'CHANGE COLUMN',
      parameters: { columns: JSON.stringify(columns.map((column) => ({ column }))) },
      metrics: {},
      read: state,
      reads: { files: new Set(), wouldRead: () => false },
      metadata: withSchema(deps, state.metadata, schema),
    })
    return { version: after.version, committed: true, metrics: {} }
  })
}

function withSchema(deps: DeltaDeps, metadata: Metadata, schema: StructType): Metadata {
  const { configuration } = metadata
  if (layoutOf(metadata).mapping === 'none') return { ...metadata, schemaString: JSON.stringify(schema) }
  const before = Number(configuration['delta.columnMapping.maxColumnId'] ?? 0)
  const mapped = withMapping(schema, before, () => deps.ids.next())
  return {
    ...metadata,
    schemaString: JSON.stringify(mapped.schema),
    configuration: { ...configuration, 'delta.columnMapping.maxColumnId': String(mapped.maxId) },
  }
}

function refusal(table: string, refused: readonly string[]): SluiceError {
  return new SluiceError(
    'DELTA_SCHEMA_CHANGE_REFUSED',
    `Can't change the columns of the Delta table ${table}: ${refused.join('; ')}. Add a column of another name, or write a new table.`,
    { details: { table, refused } },
  )
}
