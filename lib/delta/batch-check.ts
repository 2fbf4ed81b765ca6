import { SluiceError } from '#core/errors.ts'
import { type StructType, schemaDifferences, toStruct } from '#delta/schema-json.ts'
import type { ColumnBatch } from '#schema/vector.ts'

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
