import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import type { AddFile } from '#delta/actions.ts'
import type { TableContents } from '#delta/contents.ts'
import { type PlannedColumn, planColumns } from '#delta/file-plan.ts'
import { groupStatistics } from '#delta/group-bounds.ts'
import { physicalName, type TableLayout } from '#delta/layout.ts'
import type { LogPaths } from '#delta/log.ts'
import { partitionValue } from '#delta/partition-values.ts'
import { dataPath } from '#delta/paths.ts'
import type { CompiledPredicate } from '#delta/predicate.ts'
import type { StructField } from '#delta/schema-json.ts'
import { type DecodedVector, type ParquetTree, readParquetColumns } from '#parquet/columns-reader.ts'
import { valueGetter } from '#parquet/reader.ts'
import { bytesSource, type ParquetSource } from '#parquet/source.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import { FixedDictionary } from '#schema/byte-text.ts'

/** What is read to build rows from. */
export interface RowSource {
  readonly store: ObjectStore
  readonly paths: LogPaths
  readonly contents: Pick<TableContents, 'version'>
  readonly layout: TableLayout
}

/** What of a file's action is needed to read it: also `remove` and `cdc` have that. */
export type ReadableFile = Pick<AddFile, 'path' | 'partitionValues' | 'deletionVector' | 'stats'> & {
  readonly size?: Bytes | undefined
}

/** Rows of one file as columns of the table, in its order. */
export interface FileColumns {
  readonly rows: number
  /** Index in the file of the first row. */
  readonly firstIndex: number
  /** By logical name, in the order in which they were asked for. */
  readonly columns: ReadonlyMap<string, DecodedVector>
}

/** A file up to this size is fetched whole where all of it is wanted. */
const WHOLE_FILE_MAX: Bytes = 4_000_000

/**
 * All rows of a file, also those that its deletion vector hides, but without the row groups in which no row can match `predicate`.
 * Values are as the table has them: partition values filled in, columns by their logical names, widened, null where the file is older
 * than the column.
 *
 * One GET for a file up to 4 MB of which all is wanted; else one for its end and one for each run of columns.
 */
export async function* readStoredColumns(
  source: RowSource,
  file: ReadableFile,
  fields: readonly StructField[],
  predicate?: CompiledPredicate,
): AsyncGenerator<FileColumns, void, undefined> {
  const { layout, paths, store } = source
  const path = dataPath(paths, store.uri, file.path)
  const isWhole = predicate === undefined && fields.length >= layout.schema.fields.length
  const parquet = await open(source, file, path, isWhole)
  const partitions = new Set(layout.partitionColumns)
  let plan: readonly PlannedColumn[] = []
  let tree: ParquetTree | undefined
  const batches = readParquetColumns(parquet, {
    name: path,
    columns: (schema) => {
      tree = schema
      plan = planColumns(
        schema,
        fields.filter(({ name }) => !partitions.has(name)),
        layout,
        path,
      )
      return plan.flatMap(({ stored }) => (stored === undefined ? [] : [stored]))
    },
    keep: (group) =>
      predicate === undefined || predicate.mayMatchBy(groupStatistics(group, tree!, file, layout, paths.name)),
  })
  for await (const { rows, rowStart, columns: stored } of orResized(source, file, path, batches)) {
    const planned = new Map(plan.map((column) => [column.name, column]))
    const columns = new Map<string, DecodedVector>()
    for (const field of fields) {
      const column = planned.get(field.name)
      const vector =
        column === undefined
          ? constantVector(constantOf(source, file, field), field, rows)
          : storedVector(column, stored, rows)
      columns.set(field.name, vector)
    }
    yield { rows, firstIndex: rowStart, columns }
  }
}

function storedVector(
  { stored: name, cast }: PlannedColumn,
  stored: ReadonlyMap<string, DecodedVector>,
  rows: number,
): DecodedVector {
  const vector = name === undefined ? undefined : stored.get(name)
  if (vector === undefined) return { kind: 'values', valid: null, values: new Array<null>(rows).fill(null) }
  if (cast === undefined) return vector
  const get = valueGetter(vector)
  const values = Array.from({ length: rows }, (_, row) => {
    const value = get(row)
    return value === null ? null : cast(value)
  })
  return { kind: 'values', valid: null, values }
}

function constantVector(value: unknown, { type }: StructField, rows: number): DecodedVector {
  if (typeof value === 'number') return { kind: 'number', valid: null, values: new Float64Array(rows).fill(value) }
  if (typeof value === 'boolean') {
    return { kind: 'boolean', valid: null, values: new Uint8Array(rows).fill(value ? 1 : 0) }
  }
  if (typeof value === 'string' && type === 'string') {
    const bytes = new TextEncoder().encode(value)
    const dictionary = new FixedDictionary(bytes, Int32Array.of(0, bytes.length))
    return { kind: 'dictionary', valid: null, codes: new Int32Array(rows), dictionary }
  }
  return { kind: 'values', valid: null, values: new Array<unknown>(rows).fill(value) }
}

function constantOf({ layout, paths }: RowSource, file: ReadableFile, field: StructField): unknown {
  const column = { name: field.name, physical: [physicalName(layout, field)], type: field.type }
  return partitionValue(file, column, layout, paths.name)
}

/** The values of the partition that a file is of, as its rows have them. */
export function partitionRow(source: RowSource, file: ReadableFile): Readonly<Record<string, unknown>> {
  const { partitionColumns, schema } = source.layout
  const fields = schema.fields.filter(({ name }) => partitionColumns.includes(name))
  return Object.fromEntries(fields.map((field) => [field.name, constantOf(source, file, field)]))
}

async function open(source: RowSource, file: ReadableFile, path: string, isWhole: boolean): Promise<ParquetSource> {
  const { store } = source
  const size = file.size ?? (await store.head(path))?.size ?? 0
  if (isWhole && size <= WHOLE_FILE_MAX) {
    const bytes = await store.get(path).catch((error: unknown) => missingFile(source, file, error))
    if (bytes.length !== size) throw resized(source, path, size, bytes.length)
    return bytesSource(bytes)
  }
  return {
    byteLength: size,
    slice: async (start, end = size) => {
      const bytes = await store.get(path, { start, end }).catch((error: unknown) => missingFile(source, file, error))
      if (bytes.length < end - start) {
        throw resized(source, path, size, (await store.head(path))?.size ?? start + bytes.length)
      }
      return bytes.byteLength === bytes.buffer.byteLength && bytes.buffer instanceof ArrayBuffer
        ? bytes.buffer
        : new Uint8Array(bytes).buffer
    },
  }
}

/** A file that is read in parts and is longer than the log says has its end elsewhere: a HEAD tells, once it turned out to be damaged. */
async function* orResized<T>(
  source: RowSource,
  { size }: ReadableFile,
  path: string,
  batches: AsyncIterable<T>,
): AsyncGenerator<T, void, undefined> {
  try {
    yield* batches
  } catch (error) {
    if (!isSluiceError(error, 'PARQUET_INVALID')) throw error
    const found = (await source.store.head(path))?.size
    if (size === undefined || found === undefined || found === size) throw error
    throw resized(source, path, size, found)
  }
}

/** @throws SluiceError DELTA_FILE_MISSING for OBJECT_NOT_FOUND, other errors as they are */
export function missingFile(source: RowSource, file: ReadableFile, error: unknown): never {
  if (!isSluiceError(error, 'OBJECT_NOT_FOUND')) throw error
  const { contents, paths, store } = source
  const data = dataPath(paths, store.uri, file.path)
  const path = String(error.details['path'] ?? data)
  throw new SluiceError(
    'DELTA_FILE_MISSING',
    `Version ${contents.version} of ${paths.name} needs the ${path === data ? 'data file' : 'deletion vector'} ${path}, which is gone. If it was vacuumed, read a later version; else restore it from a copy.`,
    { details: { path, version: contents.version }, cause: error },
  )
}

function resized(source: RowSource, path: string, expected: Bytes, found: Bytes): SluiceError {
  const why = found < expected ? 'it was cut off, or overwritten' : 'it was overwritten, or appended to'
  return new SluiceError(
    'DELTA_FILE_DAMAGED',
    `Expected the data file ${path} of ${source.paths.name} to have ${expected} bytes, found ${found}: ${why}. Restore it from a copy.`,
    { details: { path, expected, found } },
  )
}
