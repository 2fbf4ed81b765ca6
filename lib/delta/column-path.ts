import { SluiceError } from '#core/errors.ts'
import { physicalName, type TableLayout } from '#delta/layout.ts'
import type { DeltaType, StructField, StructType } from '#delta/schema-json.ts'

/** A column, or a field inside of structs. */
export interface ColumnPath {
  /** As it was asked for. */
  readonly name: string
  readonly path: readonly string[]
  /** Names in statistics and partition values. */
  readonly physical: readonly string[]
  readonly type: DeltaType
  readonly partition: boolean
  /** Null when the field, or a struct around it, is null. */
  valueIn(row: Readonly<Record<string, unknown>>): unknown
}

/**
 * Finds a column by name, else by path: names with dots between them, in backticks where they have dots of their own.
 *
 * @throws SluiceError DELTA_SCHEMA_MISMATCH naming the columns that are there
 */
export function resolveColumn(name: string, layout: TableLayout, table: string): ColumnPath {
  const path = fieldNamed(layout.schema, name) === undefined ? splitPath(name) : [name]
  const physical: string[] = []
  let type: DeltaType = layout.schema
  for (const part of path) {
    const field: StructField | undefined = isStruct(type) ? fieldNamed(type, part) : undefined
    if (field === undefined) throw unknownColumn(name, layout, table)
    physical.push(physicalName(layout, field))
    type = field.type
  }
  const partition = path.length === 1 && layout.partitionColumns.includes(path[0]!)
  return { name, path, physical, type, partition, valueIn: accessor(path) }
}

/** @throws nothing: the error that names the columns which are there */
export function unknownColumn(name: string, layout: TableLayout, table: string): SluiceError {
  return new SluiceError(
    'DELTA_SCHEMA_MISMATCH',
    `The Delta table ${table} has no column ${JSON.stringify(name)}. It has: ${layout.schema.fields.map((field) => field.name).join(', ')}.`,
    { details: { table, column: name } },
  )
}

/** `a.b` is two names, `` `a.b` `` one; a doubled backtick inside of backticks is one. */
function splitPath(text: string): readonly string[] {
  return Array.from(text.matchAll(/`((?:[^`]|``)*)`|([^.`]+)/g), (match) =>
    match[1] === undefined ? match[2]! : match[1].replaceAll('``', '`'),
  )
}

function accessor(path: readonly string[]): ColumnPath['valueIn'] {
  const [first, ...rest] = path
  if (rest.length === 0) return (row) => row[first!] ?? null
  return (row) => {
    let value: unknown = row[first!]
    for (const name of rest) {
      if (value === null || value === undefined) return null
      value = (value as Record<string, unknown>)[name]
    }
    return value ?? null
  }
}

function fieldNamed(struct: StructType, name: string): StructField | undefined {
  return struct.fields.find((field) => field.name === name)
}

function isStruct(type: DeltaType): type is StructType {
  return typeof type !== 'string' && type.type === 'struct'
}
