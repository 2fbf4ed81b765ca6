import type { ParquetColumn, ParquetType } from '#parquet/rows-writer.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'

type CrimeType = Extract<ParquetType, ColumnKind>

/** The 22 columns of the city's portal. */
const TYPES: readonly (readonly [name: string, type: CrimeType, nullable: boolean])[] = [
  ['id', 'long', false],
  ['case_number', 'string', false],
  ['date', 'timestamp', false],
  ['block', 'string', false],
  ['iucr', 'string', false],
  ['primary_type', 'string', false],
  ['description', 'string', false],
  ['location_description', 'string', true],
  ['arrest', 'boolean', false],
  ['domestic', 'boolean', false],
  ['beat', 'string', false],
  ['district', 'string', false],
  ['ward', 'int', true],
  ['community_area', 'int', true],
  ['fbi_code', 'string', false],
  ['x_coordinate', 'int', true],
  ['y_coordinate', 'int', true],
  ['year', 'int', true],
  ['updated_on', 'timestamp', true],
  ['latitude', 'double', true],
  ['longitude', 'double', true],
  ['location', 'string', true],
]

export const CRIME_COLUMNS: readonly ParquetColumn[] = TYPES.map(([name, type, nullable]) => ({ name, type, nullable }))
export const CRIME_FIELDS: Fields = TYPES.map(([name, kind, nullable]) => ({ name, column: { kind, nullable } }))
