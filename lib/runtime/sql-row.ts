import type { SqlRow } from '#ports/sql-sink.ts'
import type { Column, Fields, GeoPoint } from '#schema/column.ts'

/** Columns as a SQL table has them: a geo point becomes `<name>_latitude` and `<name>_longitude`. */
export function sqlFields(fields: Fields): Fields {
  return fields.flatMap(({ name, column }) => {
    if (column.kind !== 'geo_point') return [{ name, column }]
    const double: Column = { kind: 'double', nullable: column.nullable }
    return [
      { name: `${name}_latitude`, column: double },
      { name: `${name}_longitude`, column: double },
    ]
  })
}

/** Values of a row in the order of `sqlFields(fields)`. */
export function sqlRow(fields: Fields, row: Readonly<Record<string, unknown>>): SqlRow {
  return fields.flatMap(({ name, column }) => {
    const value = row[name] ?? null
    if (column.kind !== 'geo_point') return [value]
    const point = value as GeoPoint | null
    return [point?.latitude ?? null, point?.longitude ?? null]
  })
}
