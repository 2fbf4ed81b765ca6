import { SluiceError } from '#core/errors.ts'
import type { AddFile } from '#delta/actions.ts'
import type { TableLayout } from '#delta/layout.ts'
import { parseScalar, type Scalar } from '#delta/scalar.ts'
import { type DeltaType, typeText } from '#delta/schema-json.ts'

/** How Hive writes a null into a path, which some writers repeat in the log. */
const HIVE_NULL = '__HIVE_DEFAULT_PARTITION__'

/** A partition column as it is asked for. */
export interface PartitionColumn {
  readonly name: string
  /** The last part is the key of its value. */
  readonly physical: readonly string[]
  readonly type: DeltaType
}

/**
 * The value of a partition column in all rows of a file (PROTOCOL.md, "Partition Value Serialization"): empty text is null.
 *
 * @throws SluiceError DELTA_LOG_CORRUPT when the text is none of the column's type
 */
export function partitionValue(
  file: Pick<AddFile, 'partitionValues'>,
  column: PartitionColumn,
  layout: TableLayout,
  table: string,
): Scalar | null {
  const values = file.partitionValues
  const key = column.physical.at(-1)!
  // Some writers of mapped tables keep the logical name.
  const text = values[key] ?? (layout.mapping === 'none' ? undefined : values[column.name])
  if (text === undefined || text === null || text === '' || text === HIVE_NULL) return null
  const value = typeof column.type === 'string' ? parseScalar(column.type, text) : undefined
  if (value !== undefined) return value
  throw new SluiceError(
    'DELTA_LOG_CORRUPT',
    `Expected the partition value of ${column.name} in ${table} to be ${typeText(column.type)}, found ${JSON.stringify(text)}. Restore the log from a copy.`,
    { details: { table, column: column.name } },
  )
}
