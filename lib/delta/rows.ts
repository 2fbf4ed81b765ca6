import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import type { AddFile } from '#delta/actions.ts'
import type { TableContents } from '#delta/contents.ts'
import type { LogPaths } from '#delta/log.ts'
import { dataPath } from '#delta/paths.ts'
import { readParquetRows } from '#parquet/reader.ts'
import { bytesSource, type ParquetSource } from '#parquet/source.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import type { Column, Field, Fields } from '#schema/column.ts'

export interface RowOptions {
  /** Columns to read, in this order; all of them without. */
  readonly columns?: readonly string[]
  /** Stop after this many rows. */
  readonly limit?: number
}

export type TableRow = Record<string, unknown>

/** What is read to build rows from. */
export interface RowSource {
  readonly store: ObjectStore
  readonly paths: LogPaths
  readonly contents: TableContents
  readonly fields: Fields
}

/** A file up to this size is fetched whole; of a larger one only the columns that are asked for. */
const WHOLE_FILE_MAX: Bytes = 4_000_000

/**
 * The rows of a version, file by file in the order in which they were committed, in runs of whatever size the files have.
 *
 * @throws SluiceError DELTA_SCHEMA_MISMATCH for an unknown column, DELTA_FILE_MISSING, PARQUET_INVALID
 */
export async function* readRows(source: RowSource, options: RowOptions): AsyncGenerator<readonly TableRow[]> {
  const wanted = wantedFields(source, options.columns)
  let left = options.limit ?? Number.POSITIVE_INFINITY
  for (const file of source.contents.files.values()) {
    if (left <= 0) return
    for await (const rows of fileRows(source, file, wanted)) {
      const run = rows.length <= left ? rows : rows.slice(0, left)
      left -= run.length
      if (run.length > 0) yield run
      if (left <= 0) return
    }
  }
}

function wantedFields(source: RowSource, columns: readonly string[] | undefined): Fields {
  if (columns === undefined) return source.fields
  const byName = new Map(source.fields.map((field) => [field.name, field]))
  return columns.map((name) => {
    const field = byName.get(name)
    if (field !== undefined) return field
    throw new SluiceError(
      'DELTA_SCHEMA_MISMATCH',
      `The Delta table ${source.paths.name} has no column ${JSON.stringify(name)}. It has: ${[...byName.keys()].join(', ')}.`,
      { details: { table: source.paths.name, column: name } },
    )
  })
}

async function* fileRows(source: RowSource, file: AddFile, wanted: Fields): AsyncGenerator<readonly TableRow[]> {
  const partitioned = new Set(source.contents.metadata.partitionColumns)
  const stored = wanted.filter(({ name }) => !partitioned.has(name))
  const constants = partitionConstants(source, file, wanted, partitioned)
  // A file of partition columns only still has to say how many rows it has: any column of it does.
  const columns = stored.length > 0 ? stored : source.fields.filter(({ name }) => !partitioned.has(name)).slice(0, 1)
  const path = dataPath(source.paths, source.store.uri, file.path)
  const parquet = await open(source, file, path)
  for await (const rows of readParquetRows(parquet, { columns: columns.map(({ name }) => name), name: path })) {
    if (constants.size === 0) yield rows
    else yield rows.map((row) => completeRow(row, wanted, constants))
  }
}

function completeRow(row: TableRow, wanted: Fields, constants: ReadonlyMap<string, unknown>): TableRow {
  const complete: TableRow = {}
  for (const { name } of wanted) complete[name] = constants.has(name) ? constants.get(name) : row[name]
  return complete
}

async function open(source: RowSource, file: AddFile, path: string): Promise<ParquetSource> {
  const missing = (error: unknown): never => {
    if (!isSluiceError(error, 'OBJECT_NOT_FOUND')) throw error
    throw new SluiceError(
      'DELTA_FILE_MISSING',
      `Version ${source.contents.version} of ${source.paths.name} needs the data file ${path}, which is gone. If it was vacuumed, read a later version; else restore it from a copy.`,
      { details: { path, version: source.contents.version }, cause: error },
    )
  }
  if (file.size <= WHOLE_FILE_MAX) {
    return bytesSource(await source.store.get(path).catch(missing))
  }
  return {
    byteLength: file.size,
    slice: async (start, end = file.size) =>
      new Uint8Array(await source.store.get(path, { start, end }).catch(missing)).buffer,
  }
}

function partitionConstants(
  source: RowSource,
  file: AddFile,
  wanted: Fields,
  partitioned: ReadonlySet<string>,
): ReadonlyMap<string, unknown> {
  const fields = wanted.filter(({ name }) => partitioned.has(name))
  return new Map(fields.map((field) => [field.name, partitionValue(source, field, file.partitionValues[field.name])]))
}

/** PROTOCOL.md, "Partition Value Serialization": empty text is null. */
function partitionValue(source: RowSource, field: Field, text: string | null | undefined): unknown {
  if (text == null || text === '') return null
  const value = parsePartition(field.column, text)
  if (value !== undefined && !Number.isNaN(value)) return value
  throw new SluiceError(
    'DELTA_LOG_CORRUPT',
    `Expected the partition value of ${field.name} in ${source.paths.name} to be a ${field.column.kind}, found ${JSON.stringify(text)}.`,
    { details: { table: source.paths.name, column: field.name } },
  )
}

function parsePartition(column: Column, text: string): unknown {
  switch (column.kind) {
    case 'string':
      return text
    case 'binary':
      return new TextEncoder().encode(text)
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : undefined
    case 'int':
    case 'long':
    case 'double':
      return Number(text)
    case 'date':
      return Date.parse(`${text}T00:00:00Z`) / 86_400_000
    case 'timestamp':
      return parseInstant(text)
    default:
      return undefined
  }
}

/** `2024-05-01 10:00:00.123456` (UTC) or ISO 8601 with its own offset; to the millisecond. */
function parseInstant(text: string): number {
  const match = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d+)?(Z|[+-]\d\d:\d\d)?$/.exec(text)
  if (match === null) return Number.NaN
  return Date.parse(`${match[1]}T${match[2]}${(match[3] ?? '').slice(0, 4)}${match[4] ?? 'Z'}`)
}
