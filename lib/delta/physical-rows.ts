import { fieldId, physicalName, type TableLayout } from '#delta/layout.ts'
import type { Row } from '#delta/row-check.ts'
import { decimalType } from '#delta/scalar.ts'
import type { DeltaType, StructField } from '#delta/schema-json.ts'
import type { ParquetColumn, ParquetType } from '#parquet/rows-writer.ts'

/** How rows of a table are stored: by physical names and with field ids where columns are mapped (PROTOCOL.md, "Column Mapping"). */

/** The columns of a data file for fields of a table's schema. */
export function parquetColumns(fields: readonly StructField[], layout: TableLayout): readonly ParquetColumn[] {
  return fields.map((field) => {
    const id = layout.mapping === 'none' ? undefined : fieldId(field)
    return {
      name: physicalName(layout, field),
      nullable: field.nullable,
      type: parquetType(field.type, layout),
      ...(id === undefined ? {} : { fieldId: id }),
    }
  })
}

/** From a value with logical names inside of it to one with physical ones. */
export type ToPhysical = (value: unknown) => unknown

function structConverter(fields: readonly StructField[], layout: TableLayout): (row: Row) => Row {
  const parts = fields.map((field) => ({
    logical: field.name,
    physical: physicalName(layout, field),
    convert: toPhysical(field.type, layout),
  }))
  return (row) => {
    const stored: Record<string, unknown> = {}
    for (const { logical, physical, convert } of parts) {
      const value = row[logical] ?? null
      stored[physical] = value === null || convert === null ? value : convert(value)
    }
    return stored
  }
}

/** Null where values hold no names, or the names are the same. */
export function toPhysical(type: DeltaType, layout: TableLayout): ToPhysical | null {
  if (typeof type === 'string' || layout.mapping === 'none') return null
  if (type.type === 'struct') {
    const convert = structConverter(type.fields, layout)
    return (value) => convert(value as Row)
  }
  if (type.type === 'array') {
    const element = toPhysical(type.elementType, layout)
    if (element === null) return null
    return (value) => (value as readonly unknown[]).map((item) => (item == null ? null : element(item)))
  }
  const key = toPhysical(type.keyType, layout)
  const item = toPhysical(type.valueType, layout)
  if (key === null && item === null) return null
  const apply = (convert: ToPhysical | null, value: unknown): unknown =>
    value == null || convert === null ? value : convert(value)
  return (map) => new Map(Array.from(map as Map<unknown, unknown>, ([k, v]) => [apply(key, k), apply(item, v)]))
}

function parquetType(type: DeltaType, layout: TableLayout): ParquetType {
  if (typeof type === 'object') {
    if (type.type === 'struct') return { kind: 'struct', fields: parquetColumns(type.fields, layout) }
    if (type.type === 'array') {
      return { kind: 'list', element: { type: parquetType(type.elementType, layout), nullable: type.containsNull } }
    }
    return {
      kind: 'map',
      key: { type: parquetType(type.keyType, layout), nullable: false },
      value: { type: parquetType(type.valueType, layout), nullable: type.valueContainsNull },
    }
  }
  const decimal = decimalType(type)
  if (decimal !== undefined) return { kind: 'decimal', ...decimal }
  // What is no type of Parquet's is refused there by its name.
  return (type === 'integer' ? 'int' : type) as ParquetType
}
