import { SluiceError } from '#core/errors.ts'
import { planned } from '#delta/attempts.ts'
import type { TableState } from '#delta/checksum.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import type { LogPaths } from '#delta/log.ts'
import { nothingDone, type WriteResult } from '#delta/opened-version.ts'
import { checkReadable, checkWritable } from '#delta/protocol.ts'
import { evolved } from '#delta/schema-change.ts'
import { checkStruct, usesType } from '#delta/schema-check.ts'
import { parseSchema, type StructType } from '#delta/schema-json.ts'
import { commitTransaction } from '#delta/transaction.ts'

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
  checkStruct(wanted)
  return planned(undefined, async () => {
    const state = await stateNow()
    checkReadable(state.protocol, paths.name)
    checkWritable(state.protocol, state.metadata, paths.name)
    const current = parseSchema(state.metadata.schemaString)
    const { schema, refused, changed } = evolved(current, wanted)
    const lacks = usesType(schema, 'timestamp_ntz') && state.protocol.writerFeatures?.includes('timestampNtz') !== true
    const problems = lacks ? [...refused, 'timestamp_ntz needs the table feature timestampNtz'] : refused
    if (problems.length > 0) throw refusal(paths.name, problems)
    if (!changed) return nothingDone(state.version)
    checkStruct(schema)
    const before = new Set(current.fields.map(({ name }) => name))
    const columns = schema.fields.filter(({ name }) => !before.has(name))
    const after = await commitTransaction(deps, paths, {
      operation: columns.length > 0 ? 'ADD COLUMNS' : 'CHANGE COLUMN',
      parameters: { columns: JSON.stringify(columns.map((column) => ({ column }))) },
      metrics: {},
      read: state,
      reads: { files: new Set(), wouldRead: () => false },
      metadata: { ...state.metadata, schemaString: JSON.stringify(schema) },
    })
    return { version: after.version, committed: true, metrics: {} }
  })
}

function refusal(table: string, refused: readonly string[]): SluiceError {
  return new SluiceError(
    'DELTA_SCHEMA_CHANGE_REFUSED',
    `Can't change the columns of the Delta table ${table}: ${refused.join('; ')}. Add a column of another name, or write a new table.`,
    { details: { table, refused } },
  )
}
