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

/** @throws SluiceError DELTA_LOG_CORRUPT when the metadata holds no schema */
export function layoutOf(metadata: Metadata): TableLayout {
  const mode = metadata.configuration['delta.columnMapping.mode']
  return {
    schema: parseSchema(metadata.schemaString),
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
