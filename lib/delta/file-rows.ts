import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import type { AddFile } from '#delta/actions.ts'
import { unknownColumn } from '#delta/column-path.ts'
import type { TableContents } from '#delta/contents.ts'
import { readDeletionVector } from '#delta/deletion-vector.ts'
import { type PlannedColumn, planColumns } from '#delta/file-plan.ts'
import { physicalName, type TableLayout } from '#delta/layout.ts'
import type { LogPaths } from '#delta/log.ts'
import { partitionValue } from '#delta/partition-values.ts'
import { dataPath } from '#delta/paths.ts'
import type { RowSet } from '#delta/row-set.ts'
import type { StructField } from '#delta/schema-json.ts'
import { type ParquetRow, readParquetRows } from '#parquet/reader.ts'
import { bytesSource, type ParquetSource } from '#parquet/source.ts'
import type { ObjectStore } from '#ports/object-store.ts'

export type TableRow = Record<string, unknown>

/** What is read to build rows from. */
export interface RowSource {
  readonly store: ObjectStore
  readonly paths: LogPaths
  readonly contents: TableContents
  readonly layout: TableLayout
}

/** Rows of one file that are in the table, in its order. */
export interface FileRows {
  readonly rows: readonly TableRow[]
  /** Index in the file of each row; where no deletion vector hides any, `firstIndex`, `firstIndex + 1`, … */
  readonly positions: Float64Array | null
  readonly firstIndex: number
}

/** What of a file's action is needed to read it: also `remove` and `cdc` have that. */
export type ReadableFile = Pick<AddFile, 'path' | 'partitionValues' | 'deletionVector'> & {
  readonly size?: Bytes | undefined
}

/** A file up to this size is fetched whole; of a larger one only the columns that are asked for. */
const WHOLE_FILE_MAX: Bytes = 4_000_000

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
 * widened, null where the file is older than the column; without the rows that its deletion vector hides. Up to 10,000 at a time.
 *
 * One GET, or, of a file above 4 MB, one for its end and one for each run of columns; one more for a deletion vector in a file.
 *
 * @throws SluiceError DELTA_SCHEMA_MISMATCH, DELTA_FILE_MISSING, DELTA_FILE_DAMAGED when it is shorter than the log says,
 * DELTA_VECTOR_CORRUPT, DELTA_PATH_OUTSIDE, DELTA_FEATURE_UNSUPPORTED for a column of a type that is not read, PARQUET_INVALID
 */
export async function* readFileRows(
  source: RowSource,
  file: ReadableFile,
  columns?: readonly string[],
): AsyncGenerator<FileRows, void, undefined> {
  const { store, paths } = source
  const hidden =
    file.deletionVector === undefined
      ? undefined
      : await readDeletionVector(store, paths, file.deletionVector).catch((error: unknown) =>
          missing(source, file, error),
        )
  let firstIndex = 0
  for await (const rows of readStoredRows(source, file, fieldsOf(source, columns))) {
    yield hidden === undefined ? { rows, positions: null, firstIndex } : withoutHidden(rows, firstIndex, hidden)
    firstIndex += rows.length
  }
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

/** All rows of a file, also those that a deletion vector hides, with `extra` columns that are in the file but not in the table. */
export async function* readStoredRows(
  source: RowSource,
  file: ReadableFile,
  fields: readonly StructField[],
): AsyncGenerator<readonly TableRow[], void, undefined> {
  const { layout } = source
  const path = dataPath(source.paths, source.store.uri, file.path)
  const parquet = await open(source, file, path)
  const partitions = new Set(layout.partitionColumns)
  let plan: readonly PlannedColumn[] = []
  const batches = readParquetRows(parquet, {
    name: path,
    columns: (schema) => {
      plan = planColumns(
        schema,
        fields.filter(({ name }) => !partitions.has(name)),
        layout,
      )
      return plan.flatMap(({ stored }) => (stored === undefined ? [] : [stored]))
    },
  })
  let complete: ((row: ParquetRow) => TableRow) | null | undefined
  for await (const rows of batches) {
    if (complete === undefined) complete = completion(source, file, fields, plan)
    yield complete === null ? rows : rows.map(complete)
  }
}

/** How a row of the file becomes one of the table; null when it is one. */
function completion(
  source: RowSource,
  file: ReadableFile,
  fields: readonly StructField[],
  plan: readonly PlannedColumn[],
): ((row: ParquetRow) => TableRow) | null {
  const partitions = new Set(source.layout.partitionColumns)
  const asStored = ({ name, stored, cast }: PlannedColumn): boolean => stored === name && cast === undefined
  if (!fields.some(({ name }) => partitions.has(name)) && plan.every(asStored)) return null
  const template: TableRow = {}
  for (const field of fields) {
    template[field.name] = partitions.has(field.name) ? constantOf(source, file, field) : null
  }
  const parts = plan.filter(({ stored }) => stored !== undefined)
  return (row) => {
    const complete = { ...template }
    for (const { name, stored, cast } of parts) {
      const value = row[stored!]
      complete[name] = value === null || cast === undefined ? value : cast(value)
    }
    return complete
  }
}

function constantOf({ layout, paths }: RowSource, file: ReadableFile, field: StructField): unknown {
  const column = { name: field.name, physical: [physicalName(layout, field)], type: field.type }
  return partitionValue(file, column, layout, paths.name)
}

async function open(source: RowSource, file: ReadableFile, path: string): Promise<ParquetSource> {
  const { store } = source
  const size = file.size ?? (await store.head(path))?.size ?? 0
  if (size <= WHOLE_FILE_MAX) {
    const bytes = await store.get(path).catch((error: unknown) => missing(source, file, error))
    if (bytes.length < size) throw shorter(source, path, size, bytes.length)
    return bytesSource(bytes)
  }
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const bytes = await store.get(path, { start, end }).catch((error: unknown) => missing(source, file, error))
      if (bytes.length < end - start) throw shorter(source, path, size, start + bytes.length)
      return new Uint8Array(bytes).buffer
    },
  }
}

function missing(source: RowSource, file: ReadableFile, error: unknown): never {
  if (!isSluiceError(error, 'OBJECT_NOT_FOUND')) throw error
  const { contents, paths, store } = source
  const path = dataPath(paths, store.uri, file.path)
  throw new SluiceError(
    'DELTA_FILE_MISSING',
    `Version ${contents.version} of ${paths.name} needs the data file ${path}, which is gone. If it was vacuumed, read a later version; else restore it from a copy.`,
    { details: { path, version: contents.version }, cause: error },
  )
}

function shorter(source: RowSource, path: string, expected: Bytes, found: Bytes): SluiceError {
  return new SluiceError(
    'DELTA_FILE_DAMAGED',
    `Expected the data file ${path} of ${source.paths.name} to have ${expected} bytes, found ${found}: it was cut off, or overwritten. Restore it from a copy.`,
    { details: { path, expected, found } },
  )
}
