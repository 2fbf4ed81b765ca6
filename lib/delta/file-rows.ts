import { unknownColumn } from '#delta/column-path.ts'
import { readDeletionVector } from '#delta/deletion-vector.ts'
import { missingFile, type ReadableFile, type RowSource, readStoredColumns } from '#delta/file-columns.ts'
import type { CompiledPredicate } from '#delta/predicate.ts'
import type { RowSet } from '#delta/row-set.ts'
import type { StructField } from '#delta/schema-json.ts'
import type { DecodedVector } from '#parquet/columns-reader.ts'
import { valueGetter } from '#parquet/reader.ts'

export type { ReadableFile, RowSource } from '#delta/file-columns.ts'

export type TableRow = Record<string, unknown>

/** Rows of one file that are in the table, in its order. */
export interface FileRows {
  readonly rows: readonly TableRow[]
  /** Index in the file of each row; where no deletion vector hides any, `firstIndex`, `firstIndex + 1`, … */
  readonly positions: Float64Array | null
  readonly firstIndex: number
}

/** Rows handed out at once. */
const ROWS_MAX = 10_000

/** @throws SluiceError DELTA_SCHEMA_MISMATCH naming a column that the table has not */
export function fieldsOf(source: RowSource, columns: readonly string[] | undefined): readonly StructField[] {
  const { fields } = source.layout.schema
  if (columns === undefined) return fields
  const byName = new Map(fields.map((field) => [field.name, field]))
  return columns.map((name) => {
    const field = byName.get(name)
    if (field === undefined) throw unknownColumn(name, source.layout, source.paths.name)
    return field
  })
}

/**
 * The rows of one file with the columns asked for, as the table has them: partition values filled in, columns by their logical names,
 * widened, null where the file is older than the column; without the rows that its deletion vector hides, and without row groups in
 * which none can match `predicate`. Up to 10,000 at a time.
 *
 * One GET, or, of a file above 4 MB and where not all is asked for, one for its end and one for each run of columns; one more for a
 * deletion vector in a file.
 *
 * @throws SluiceError DELTA_SCHEMA_MISMATCH, DELTA_FILE_MISSING, DELTA_FILE_DAMAGED when it is shorter than the log says,
 * DELTA_VECTOR_CORRUPT, DELTA_PATH_OUTSIDE, DELTA_FEATURE_UNSUPPORTED for a column of a type that is not read, PARQUET_INVALID
 */
export async function* readFileRows(
  source: RowSource,
  file: ReadableFile,
  columns?: readonly string[],
  predicate?: CompiledPredicate,
): AsyncGenerator<FileRows, void, undefined> {
  const hidden = await hiddenRows(source, file)
  for await (const { rows, firstIndex } of readStoredRows(source, file, fieldsOf(source, columns), predicate)) {
    yield hidden === undefined ? { rows, positions: null, firstIndex } : withoutHidden(rows, firstIndex, hidden)
  }
}

/** The rows of a file that its deletion vector hides; undefined without one. */
export async function hiddenRows(source: RowSource, file: ReadableFile): Promise<RowSet | undefined> {
  const { store, paths } = source
  const { deletionVector: vector } = file
  if (vector === undefined) return undefined
  return readDeletionVector(store, paths, vector).catch((error: unknown) => missingFile(source, file, error))
}

function withoutHidden(rows: readonly TableRow[], firstIndex: number, hidden: RowSet): FileRows {
  const positions = new Float64Array(rows.length)
  const kept: TableRow[] = []
  for (let i = 0; i < rows.length; i++) {
    if (hidden.has(firstIndex + i)) continue
    positions[kept.length] = firstIndex + i
    kept.push(rows[i]!)
  }
  return { rows: kept, positions: positions.subarray(0, kept.length), firstIndex }
}

/** Rows of a file that follow on each other, hidden ones too. */
export interface StoredRows {
  readonly rows: readonly TableRow[]
  readonly firstIndex: number
}

/** All rows of a file, also those that a deletion vector hides; `fields` may name columns that are in the file but not in the table. */
export async function* readStoredRows(
  source: RowSource,
  file: ReadableFile,
  fields: readonly StructField[],
  predicate?: CompiledPredicate,
): AsyncGenerator<StoredRows, void, undefined> {
  for await (const { rows, firstIndex, columns } of readStoredColumns(source, file, fields, predicate)) {
    for (let start = 0; start < rows; start += ROWS_MAX) {
      yield { rows: rowsFrom(columns, start, Math.min(start + ROWS_MAX, rows)), firstIndex: firstIndex + start }
    }
  }
}

/** Rows [start, end) as objects, which all start from one template: they share their shape. */
function rowsFrom(columns: ReadonlyMap<string, DecodedVector>, start: number, end: number): readonly TableRow[] {
  const template: TableRow = {}
  for (const name of columns.keys()) template[name] = null
  const rows = Array.from({ length: end - start }, () => ({ ...template }))
  for (const [name, vector] of columns) {
    const get = valueGetter(vector)
    for (let i = 0; i < rows.length; i++) rows[i]![name] = get(start + i)
  }
  return rows
}
