import { joinedBytes } from '#core/byte-pieces.ts'
import { SluiceError } from '#core/errors.ts'
import type { Field, Fields } from '#schema/column.ts'
import type { ColumnBatch, Vector } from '#schema/vector.ts'
import { slicesSource } from './byte-values.ts'
import { append, type ChunkValues, type CodecName, type FileBytes, writeChunk } from './column-chunk.ts'
import { chunkDictionary, entriesSource, trimDictionaryScratch } from './dictionary-values.ts'
import { type ColumnChunk, CREATED_BY, encodeFooter, type RowGroup } from './footer.ts'
import { MAGIC } from './format.ts'
import { type FlatHeaders, flattenHeaders } from './header-values.ts'
import { type FileLayout, type Leaf, layoutOf } from './leaves.ts'
import { flatEntries, trimLevelScratch } from './levels.ts'
import { booleanSource, numberSource, type RowIndex } from './number-values.ts'
import { int32Scratch } from './scratch.ts'
import { sparkKeyValues } from './spark-calendar.ts'
import {
  type Bounds,
  chunkStatistics,
  compactText,
  emptyBounds,
  type LeafStatistics,
  leafStatistics,
  widen,
} from './statistics.ts'

export type { LeafStatistics } from './statistics.ts'

export interface EncodeOptions {
  /** Indexes of the rows to write, in this order; null or missing for all of them. */
  readonly select?: Int32Array | null
  /** Rows in a row group, at most. Default 100,000. */
  readonly rowGroupRows?: number
  /** Default `zstd`, level 1. */
  readonly codec?: CodecName
  readonly createdBy?: string
}

/** A Parquet file, ready to be stored. */
export interface ParquetFile {
  readonly bytes: Uint8Array
  readonly rows: number
  /** One entry per physical column, in the order of the fields (a point has two, a column of headers one). */
  readonly columns: readonly LeafStatistics[]
}

export const ROW_GROUP_ROWS = 100_000
/** Scratch arrays that grew beyond this many elements are given back after the call. */
const SCRATCH_MAX = 1 << 20

const rowScratch = int32Scratch()

/**
 * Encodes rows of a batch as one Parquet file that every current engine reads: ZSTD, data pages V1, PLAIN and RLE_DICTIONARY
 * (repetitive text only), statistics in every column chunk. Costs about 1 µs of CPU per row of 22 columns; memory is the file
 * and a few MB that are kept for the next call.
 *
 * @throws SluiceError PARQUET_VALUE_INVALID for a batch without rows or columns, a null in a column that is not nullable, a
 * number outside its type (the message names the column and the row), or a vector that can't hold its column
 */
export function encodeParquet(batch: ColumnBatch, options: EncodeOptions = {}): ParquetFile {
  const select = options.select ?? null
  checkShape(batch, select === null ? batch.rows : select.length, options.rowGroupRows ?? ROW_GROUP_ROWS)
  const writer = new ParquetColumnsWriter(batch.fields, options)
  const pieces = writer.add(batch, select)
  const { pieces: last, rows, columns } = writer.finish()
  return { bytes: joinedBytes([...pieces, ...last]), rows, columns }
}

/**
 * Writes a Parquet file of any number of batches, which share their fields: each begins a row group. `add` gives the bytes that are
 * complete, in order. After an error the writer is of no use. Costs and profile are those of `encodeParquet`.
 */
export class ParquetColumnsWriter {
  readonly #layout: FileLayout
  readonly #options: EncodeOptions
  readonly #totals: readonly Bounds[]
  readonly #rowGroups: RowGroup[] = []
  readonly #file: FileBytes = { pieces: [], length: 0 }
  #rows = 0

  constructor(fields: Fields, options: Omit<EncodeOptions, 'select'> = {}) {
    this.#layout = layoutOf(fields)
    this.#options = options
    this.#totals = this.#layout.leaves.map(emptyBounds)
    append(this.#file, MAGIC)
  }

  /** @throws SluiceError PARQUET_VALUE_INVALID as `encodeParquet` */
  add(batch: ColumnBatch, select: Int32Array | null = null): readonly Uint8Array[] {
    const { rowGroupRows = ROW_GROUP_ROWS, codec = 'zstd' } = this.#options
    const rows = select === null ? batch.rows : select.length
    checkShape(batch, rows, rowGroupRows)
    for (let start = 0; start < rows; start += rowGroupRows) {
      const count = Math.min(rowGroupRows, rows - start)
      const index = select === null ? consecutive(start, count) : select.subarray(start, start + count)
      this.#rowGroups.push(writeRowGroup(this.#file, batch, this.#layout, index, count, codec, this.#totals))
    }
    this.#rows += rows
    return this.#file.pieces.splice(0)
  }

  /** The bytes that are left, the last of which end the file. At least one batch was added. */
  finish(): Omit<ParquetFile, 'bytes'> & { readonly byteLength: number; readonly pieces: readonly Uint8Array[] } {
    const { codec = 'zstd', createdBy = CREATED_BY } = this.#options
    const layout = this.#layout
    const totals = this.#totals
    const keyValues = sparkKeyValues(layout, totals)
    append(
      this.#file,
      encodeFooter({ layout, rows: this.#rows, rowGroups: this.#rowGroups, codec, createdBy, keyValues }),
    )
    rowScratch.trim(SCRATCH_MAX)
    trimLevelScratch(SCRATCH_MAX)
    trimDictionaryScratch(SCRATCH_MAX)
    const columns = layout.leaves.flatMap((leaf, i) =>
      leaf.part === 'headerValue' ? [] : [leafStatistics(leaf, totals[i]!)],
    )
    return { rows: this.#rows, columns, byteLength: this.#file.length, pieces: this.#file.pieces.splice(0) }
  }
}

function writeRowGroup(
  file: FileBytes,
  batch: ColumnBatch,
  layout: FileLayout,
  rows: RowIndex,
  count: number,
  codec: CodecName,
  totals: readonly Bounds[],
): RowGroup {
  let headers: FlatHeaders | undefined
  const chunks = layout.leaves.map((leaf, i): ColumnChunk => {
    const field = batch.fields[leaf.field]!
    const vector = batch.vectors[leaf.field]!
    const bounds = emptyBounds()
    if (vector.kind === 'headers' && leaf.part === 'headerName') {
      headers = flattenHeaders(field.name, field.column.nullable, vector, rows, count)
    }
    const values =
      headers !== undefined && (leaf.part === 'headerName' || leaf.part === 'headerValue')
        ? headerValues(leaf, headers, bounds)
        : flatValues(leaf, field, vector, rows, count, bounds)
    const pages = writeChunk(file, codec, leaf, values)
    bounds.nullCount = values.entries.count - values.entries.values
    const chunk = { leaf, pages, statistics: chunkStatistics(leaf, bounds) }
    if (leaf.part === 'headerName') bounds.nullCount = headers?.nullRows ?? 0
    // The bounds outlive the batch that they are of.
    compactText(bounds)
    widen(totals[i]!, bounds)
    return chunk
  })
  return { rows: count, chunks }
}

function headerValues(leaf: Leaf, headers: FlatHeaders, bounds: Bounds): ChunkValues {
  return leaf.part === 'headerName'
    ? { entries: headers.nameEntries, source: slicesSource(headers.names, headers.presentNames, bounds) }
    : { entries: headers.valueEntries, source: slicesSource(headers.values, headers.presentValues, null) }
}

function flatValues(
  leaf: Leaf,
  field: Field,
  vector: Vector,
  rows: RowIndex,
  count: number,
  bounds: Bounds,
): ChunkValues {
  const { name, column } = field
  const { entries, present } = flatEntries(name, column.nullable, vector.valid, rows, count)
  switch (vector.kind) {
    case 'dictionary': {
      if (leaf.kind !== 'string') break
      const dictionary = chunkDictionary(vector, present, entries.values, bounds)
      if (dictionary === undefined) return { entries, source: entriesSource(vector, present) }
      return { entries, source: dictionary.indexes, dictionary }
    }
    case 'slices':
      if (leaf.kind === 'string') return { entries, source: slicesSource(vector, present, bounds) }
      if (leaf.kind === 'binary') return { entries, source: slicesSource(vector, present, null) }
      break
    case 'number':
      if (!isNumberKind(leaf)) break
      return { entries, source: numberSource(column.kind, name, vector.values, present, bounds) }
    case 'boolean':
      if (leaf.kind !== 'boolean') break
      return { entries, source: booleanSource(vector.values, present, bounds) }
    case 'points': {
      if (leaf.part !== 'latitude' && leaf.part !== 'longitude') break
      const values = leaf.part === 'latitude' ? vector.latitudes : vector.longitudes
      return { entries, source: numberSource('double', name, values, present, bounds) }
    }
  }
  throw new SluiceError(
    'PARQUET_VALUE_INVALID',
    `Column "${name}": expected a vector that holds ${column.kind} values, found one of kind ${vector.kind}. ` +
      'Build the batch from the same fields that it is written with.',
    { details: { column: name } },
  )
}

function isNumberKind({ kind, part }: Leaf): boolean {
  if (part !== 'value') return false
  return kind === 'int' || kind === 'long' || kind === 'double' || kind === 'timestamp' || kind === 'date'
}

function checkShape(batch: ColumnBatch, rows: number, rowGroupRows: number): void {
  if (batch.fields.length === 0) {
    throw new SluiceError(
      'PARQUET_VALUE_INVALID',
      'Expected a batch with at least one column, found none. A Parquet file needs a column.',
    )
  }
  if (rows === 0) {
    throw new SluiceError(
      'PARQUET_VALUE_INVALID',
      'Expected at least one row, found none. Write no file at all for an empty batch: readers fail on a file without rows.',
    )
  }
  if (!Number.isSafeInteger(rowGroupRows) || rowGroupRows < 1) {
    throw new SluiceError(
      'PARQUET_VALUE_INVALID',
      `Expected rowGroupRows to be a whole number above 0, found ${rowGroupRows}.`,
    )
  }
}

function consecutive(start: number, count: number): RowIndex {
  const rows = rowScratch.take(count)
  for (let i = 0; i < count; i++) rows[i] = start + i
  return rows
}
