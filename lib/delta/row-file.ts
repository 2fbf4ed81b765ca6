import { SluiceError } from '#core/errors.ts'
import { decimalType } from '#delta/scalar.ts'
import { type DeltaType, type StructField, type StructType, schemaDifferences, toStruct } from '#delta/schema-json.ts'
import type { ParquetColumn, ParquetType } from '#parquet/rows-writer.ts'
import type { ColumnBatch } from '#schema/vector.ts'

/** The columns of a data file for fields of a table's schema. */
export function parquetColumns(fields: readonly StructField[]): readonly ParquetColumn[] {
  return fields.map(({ name, type, nullable }) => ({ name, nullable, type: parquetType(type) }))
}

/** @throws SluiceError DELTA_SCHEMA_MISMATCH naming each column that differs */
export function checkBatch(table: string, schema: StructType, batch: ColumnBatch): void {
  const differences = schemaDifferences(schema, toStruct(batch.fields))
  if (differences.length === 0) return
  throw new SluiceError(
    'DELTA_SCHEMA_MISMATCH',
    `The columns do not fit the Delta table ${table}: ${differences.join('; ')}. Nothing was committed: mend the batch, or evolve the table first.`,
    { details: { table, differences } },
  )
}

function parquetType(type: DeltaType): ParquetType {
  if (typeof type === 'object') {
    if (type.type === 'struct') return { kind: 'struct', fields: parquetColumns(type.fields) }
    if (type.type === 'array') {
      return { kind: 'list', element: { type: parquetType(type.elementType), nullable: type.containsNull } }
    }
    return {
      kind: 'map',
      key: { type: parquetType(type.keyType), nullable: false },
      value: { type: parquetType(type.valueType), nullable: type.valueContainsNull },
    }
  }
  const decimal = decimalType(type)
  if (decimal !== undefined) return { kind: 'decimal', ...decimal }
  // What is no type of Parquet's is refused there by its name.
  return (type === 'integer' ? 'int' : type) as ParquetType
}
