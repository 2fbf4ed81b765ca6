import { SluiceError } from '#core/errors.ts'
import type { Metadata } from '#delta/actions.ts'
import { parseSchema, type StructField, type StructType } from '#delta/schema-json.ts'

/** How the columns of a version are found in its files and in its log (PROTOCOL.md, "Column Mapping"). */
export interface TableLayout {
  readonly schema: StructType
  /** By what a column is found in a data file: its own name, its physical name, or its field id. */
  readonly mapping: 'none' | 'name' | 'id'
  /** Logical names, in the order of the table's metadata. */
  readonly partitionColumns: readonly string[]
}

const MAPPINGS = new Set(['none', 'name', 'id'])

/**
 * @throws SluiceError DELTA_LOG_CORRUPT when the metadata holds no schema, or partitions the table by what is no column;
 * DELTA_FEATURE_UNSUPPORTED for data files that are not Parquet, and for another mapping of columns
 */
export function layoutOf(metadata: Metadata): TableLayout {
  const mode = metadata.configuration['delta.columnMapping.mode']
  if (mode !== undefined && !MAPPINGS.has(mode)) {
    throw new SluiceError(
      'DELTA_FEATURE_UNSUPPORTED',
      `Expected the property delta.columnMapping.mode to be ${[...MAPPINGS].join(', ')}, found ${JSON.stringify(mode)}. Use an engine that has it.`,
      { details: { mode } },
    )
  }
  const { provider } = metadata.format
  if (provider.toLowerCase() !== 'parquet') {
    throw new SluiceError(
      'DELTA_FEATURE_UNSUPPORTED',
      `Expected a table of Parquet files, found the format ${JSON.stringify(provider)} in its metaData action. Use an engine that has it.`,
      { details: { format: provider } },
    )
  }
  const schema = parseSchema(metadata.schemaString)
  const names = new Set(schema.fields.map(({ name }) => name))
  const unknown = metadata.partitionColumns.filter((name) => !names.has(name))
  if (unknown.length > 0) {
    throw new SluiceError(
      'DELTA_LOG_CORRUPT',
      `Expected the table's metaData action to partition it by its columns (${[...names].join(', ')}), found ${unknown.join(', ')}. Read an older version, or restore the log from a copy.`,
      { details: { columns: unknown } },
    )
  }
  return {
    schema,
    mapping: mode === 'name' || mode === 'id' ? mode : 'none',
    partitionColumns: metadata.partitionColumns,
  }
}

/** The name of a field in statistics, in partition values and, unless it is found by id, in data files. */
export function physicalName(layout: TableLayout, field: StructField): string {
  if (layout.mapping === 'none') return field.name
  const name = field.metadata?.['delta.columnMapping.physicalName']
  return typeof name === 'string' ? name : field.name
}

/** Parquet's `field_id` of a field in a table whose columns are mapped by id. */
export function fieldId(field: StructField): number | undefined {
  const id = field.metadata?.['delta.columnMapping.id']
  return typeof id === 'number' ? id : undefined
}
