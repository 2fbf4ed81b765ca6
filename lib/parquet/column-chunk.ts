import { constants, zstdCompressSync } from 'node:zlib'
import { Encoding, PageType } from './format.ts'
import type { Leaf } from './leaves.ts'
import { type Entries, encodeLevels, levelBytesMax } from './levels.ts'
import type { ValueSource } from './number-values.ts'
import { PAGE_BYTES, PageBuffer } from './page-buffer.ts'
import { ThriftWriter } from './thrift-writer.ts'

export type CodecName = 'zstd' | 'uncompressed'

/** The bytes of a file, in pieces, in order. */
export interface FileBytes {
  readonly pieces: Uint8Array[]
  length: number
}

/** What the footer says of one written column chunk. */
export interface ChunkPages {
  readonly valueCount: number
  readonly dataPages: number
  readonly dataPageOffset: number
  /** Undefined without a dictionary page. */
  readonly dictionaryPageOffset: number | undefined
  /** Sizes with page headers. */
  readonly uncompressedBytes: number
  readonly compressedBytes: number
}

/** What is put into the pages of a chunk: `dictionary` first, then `source` for the values of `entries`. */
export interface ChunkValues {
  readonly entries: Entries
  readonly source: ValueSource
  readonly dictionary?: { readonly size: number; encodeEntries(page: PageBuffer): void } | undefined
}

const page = new PageBuffer()
const header = new ThriftWriter()
const noLevels = new Uint8Array(0)

/** What a page of a leaf was compressed to when it was done last, as a share: the next one will need about as much room. */
const shares = new WeakMap<Leaf, number>()
const SHARE_FIRST = 0.25

/** Appends one column chunk to the file: data pages V1 of about PAGE_BYTES, cut between rows. */
export function writeChunk(file: FileBytes, codec: CodecName, leaf: Leaf, values: ChunkValues): ChunkPages {
  const { entries, source, dictionary } = values
  const start = file.length
  let uncompressed = 0
  if (dictionary !== undefined) {
    page.begin(0)
    dictionary.encodeEntries(page)
    uncompressed += writePage(
      file,
      codec,
      leaf,
      PageType.dictionary,
      dictionary.size,
      Encoding.plain,
      page.body(noLevels),
    )
  }
  const dataPageOffset = file.length
  const encoding = dictionary === undefined ? Encoding.plain : Encoding.rleDictionary
  let dataPages = 0
  let entry = 0
  let value = 0
  while (entry < entries.count) {
    const fixedEnd = entries.pageEnds?.[dataPages]
    const entriesEnd = fixedEnd ?? entries.count
    const valuesEnd = fixedEnd === undefined ? entries.values : value + countValues(leaf, entries, entry, fixedEnd)
    page.begin(levelBytesMax(entriesEnd - entry, leaf.definitionMax, leaf.repetitionMax))
    const next = source.encode(page, value, valuesEnd, fixedEnd === undefined ? PAGE_BYTES : Number.MAX_SAFE_INTEGER)
    const end = next === valuesEnd ? entriesEnd : entryAfter(leaf, entries, entry, next - value)
    const levels = encodeLevels(entries, entry, end, leaf.definitionMax, leaf.repetitionMax)
    uncompressed += writePage(file, codec, leaf, PageType.data, end - entry, encoding, page.body(levels))
    entry = end
    value = next
    dataPages++
  }
  page.trim()
  return {
    valueCount: entries.count,
    dataPages,
    dataPageOffset,
    dictionaryPageOffset: dictionary === undefined ? undefined : start,
    uncompressedBytes: uncompressed,
    compressedBytes: file.length - start,
  }
}

/** Appends one page; returns its uncompressed size with its header. */
function writePage(
  file: FileBytes,
  codec: CodecName,
  leaf: Leaf,
  type: number,
  valueCount: number,
  encoding: number,
  body: Uint8Array,
): number {
  const data = codec === 'zstd' ? compress(body, leaf) : body.slice()
  header.begin()
  header.i32(1, type)
  header.i32(2, body.length)
  header.i32(3, data.length)
  header.struct(type === PageType.data ? 5 : 7)
  header.i32(1, valueCount)
  header.i32(2, encoding)
  if (type === PageType.data) {
    header.i32(3, Encoding.rle)
    header.i32(4, Encoding.rle)
  }
  header.end()
  header.end()
  const headerBytes = header.take()
  append(file, headerBytes)
  append(file, data)
  return headerBytes.length + body.length
}

export function append(file: FileBytes, bytes: Uint8Array): void {
  file.pieces.push(bytes)
  file.length += bytes.length
}

/**
 * One zstd frame of level 1, with its content size (readers allocate once) and a checksum (damaged values are an error, never
 * other values; the few bytes of page headers have no such protection in Parquet).
 */
function compress(body: Uint8Array, leaf: Leaf): Uint8Array {
  const compressed = zstdCompressSync(body, {
    // Node's output buffer. One that the page fits into is not copied, and memory that nothing needs waits for the garbage collector.
    chunkSize: Math.ceil(body.length * (shares.get(leaf) ?? SHARE_FIRST) * 1.125) + 512,
    pledgedSrcSize: body.length,
    params: { [constants.ZSTD_c_compressionLevel]: 1, [constants.ZSTD_c_checksumFlag]: 1 },
  })
  shares.set(leaf, compressed.length / Math.max(body.length, 1))
  // A view of the output buffer: a copy of what is used frees the rest.
  return compressed.byteLength < compressed.buffer.byteLength * 0.8 ? new Uint8Array(compressed) : compressed
}

/** How many of the entries [from, to) have a value. */
function countValues(leaf: Leaf, { definitions }: Entries, from: number, to: number): number {
  if (definitions === null) return to - from
  let values = 0
  for (let i = from; i < to; i++) if (definitions[i] === leaf.definitionMax) values++
  return values
}

/** Where the entry with the `values`-th value from `from` on ends. */
function entryAfter(leaf: Leaf, { definitions }: Entries, from: number, values: number): number {
  if (definitions === null) return from + values
  let entry = from
  for (let left = values; left > 0; entry++) if (definitions[entry] === leaf.definitionMax) left--
  return entry
}
