import type { ChunkPages, CodecName } from './column-chunk.ts'
import { Codec, Encoding, LogicalType, MAGIC, PageType } from './format.ts'
import type { FileLayout, Leaf, SchemaElement } from './leaves.ts'
import type { ChunkStatistics } from './statistics.ts'
import { ThriftType, ThriftWriter } from './thrift-writer.ts'

export const CREATED_BY = 'sluice version 0.1.0'

export interface ColumnChunk {
  readonly leaf: Leaf
  readonly pages: ChunkPages
  readonly statistics: ChunkStatistics
}

export interface RowGroup {
  readonly rows: number
  readonly chunks: readonly ColumnChunk[]
}

export interface Footer {
  readonly layout: FileLayout
  readonly rows: number
  readonly rowGroups: readonly RowGroup[]
  readonly codec: CodecName
  readonly createdBy: string
  /** Left out of the file when empty. */
  readonly keyValues: readonly (readonly [key: string, value: string])[]
}

/** The end of a file: FileMetaData (parquet.thrift), its length, the magic bytes. */
export function encodeFooter(footer: Footer): Uint8Array {
  const out = new ThriftWriter()
  out.begin()
  out.i32(1, 2)
  putSchema(out, footer.layout)
  out.i64(3, footer.rows)
  out.list(4, ThriftType.struct, footer.rowGroups.length)
  for (const [ordinal, group] of footer.rowGroups.entries()) putRowGroup(out, group, ordinal, footer.codec)
  if (footer.keyValues.length > 0) {
    out.list(5, ThriftType.struct, footer.keyValues.length)
    for (const [key, value] of footer.keyValues) {
      out.begin()
      out.text(1, key)
      out.text(2, value)
      out.end()
    }
  }
  out.text(6, footer.createdBy)
  // Every column in the order of its type: without this, min_value and max_value mean nothing.
  out.list(7, ThriftType.struct, footer.layout.leaves.length)
  for (const _ of footer.layout.leaves) {
    out.begin()
    out.struct(1)
    out.end()
    out.end()
  }
  out.end()
  const metadata = out.take()
  const bytes = new Uint8Array(metadata.length + 8)
  bytes.set(metadata)
  new DataView(bytes.buffer).setUint32(metadata.length, metadata.length, true)
  bytes.set(MAGIC, metadata.length + 4)
  return bytes
}

function putSchema(out: ThriftWriter, { elements, roots }: FileLayout): void {
  out.list(2, ThriftType.struct, elements.length + 1)
  out.begin()
  out.text(4, 'schema')
  out.i32(5, roots)
  out.end()
  for (const element of elements) putElement(out, element)
}

function putElement(out: ThriftWriter, element: SchemaElement): void {
  out.begin()
  if (element.type !== undefined) out.i32(1, element.type)
  if (element.typeLength !== undefined) out.i32(2, element.typeLength)
  out.i32(3, element.repetition)
  out.text(4, element.name)
  if (element.children !== undefined) out.i32(5, element.children)
  if (element.converted !== undefined) out.i32(6, element.converted)
  if (element.scale !== undefined) out.i32(7, element.scale)
  if (element.precision !== undefined) out.i32(8, element.precision)
  if (element.fieldId !== undefined) out.i32(9, element.fieldId)
  if (element.logical !== undefined) putLogicalType(out, element, element.logical)
  out.end()
}

function putLogicalType(out: ThriftWriter, element: SchemaElement, logical: number): void {
  out.struct(10)
  out.struct(logical)
  if (logical === LogicalType.timestamp) {
    out.bool(1, element.utc !== false) // isAdjustedToUTC
    out.struct(2) // unit
    out.struct(2) // microseconds
    out.end()
    out.end()
  } else if (logical === LogicalType.decimal) {
    out.i32(1, element.scale ?? 0)
    out.i32(2, element.precision ?? 0)
  } else if (logical === LogicalType.integer) {
    out.i8(1, element.bits ?? 32)
    out.bool(2, true) // isSigned
  }
  out.end()
  out.end()
}

function putRowGroup(out: ThriftWriter, { rows, chunks }: RowGroup, ordinal: number, codec: CodecName): void {
  let uncompressed = 0
  let compressed = 0
  for (const { pages } of chunks) {
    uncompressed += pages.uncompressedBytes
    compressed += pages.compressedBytes
  }
  out.begin()
  out.list(1, ThriftType.struct, chunks.length)
  for (const chunk of chunks) putChunk(out, chunk, codec)
  out.i64(2, uncompressed)
  out.i64(3, rows)
  const first = chunks[0]
  if (first !== undefined) out.i64(5, chunkStart(first))
  out.i64(6, compressed)
  if (ordinal <= 0x7fff) out.i16(7, ordinal)
  out.end()
}

function putChunk(out: ThriftWriter, chunk: ColumnChunk, codec: CodecName): void {
  const { leaf, pages, statistics } = chunk
  const hasDictionary = pages.dictionaryPageOffset !== undefined
  const encodings = hasDictionary
    ? [Encoding.plain, Encoding.rle, Encoding.rleDictionary]
    : [Encoding.plain, Encoding.rle]
  out.begin()
  out.i64(2, chunkStart(chunk))
  out.struct(3)
  out.i32(1, leaf.type)
  out.list(2, ThriftType.i32, encodings.length)
  for (const encoding of encodings) out.i32Element(encoding)
  out.list(3, ThriftType.binary, leaf.path.length)
  for (const part of leaf.path) out.textElement(part)
  out.i32(4, codec === 'zstd' ? Codec.zstd : Codec.uncompressed)
  out.i64(5, pages.valueCount)
  out.i64(6, pages.uncompressedBytes)
  out.i64(7, pages.compressedBytes)
  out.i64(9, pages.dataPageOffset)
  if (pages.dictionaryPageOffset !== undefined) out.i64(11, pages.dictionaryPageOffset)
  putStatistics(out, statistics)
  out.list(13, ThriftType.struct, hasDictionary ? 2 : 1)
  if (hasDictionary) putPageCount(out, PageType.dictionary, Encoding.plain, 1)
  putPageCount(out, PageType.data, hasDictionary ? Encoding.rleDictionary : Encoding.plain, pages.dataPages)
  out.end()
  out.end()
}

function putStatistics(out: ThriftWriter, statistics: ChunkStatistics): void {
  out.struct(12)
  out.i64(3, statistics.nullCount)
  if (statistics.max !== undefined) out.binary(5, statistics.max)
  if (statistics.min !== undefined) out.binary(6, statistics.min)
  if (statistics.maxExact !== undefined) out.bool(7, statistics.maxExact)
  if (statistics.minExact !== undefined) out.bool(8, statistics.minExact)
  out.end()
}

/** An entry of encoding_stats: by it readers know that a chunk is all dictionary, and skip it by its entries. */
function putPageCount(out: ThriftWriter, type: number, encoding: number, count: number): void {
  out.begin()
  out.i32(1, type)
  out.i32(2, encoding)
  out.i32(3, count)
  out.end()
}

function chunkStart({ pages }: ColumnChunk): number {
  return pages.dictionaryPageOffset ?? pages.dataPageOffset
}
