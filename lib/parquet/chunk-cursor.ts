import { crc32 } from 'node:zlib'
import type { Compressors } from 'hyparquet'
import type { VectorBuilder } from './column-vectors.ts'
import { decompressPage } from './decompress.ts'
import type { FlatType } from './flat-types.ts'
import { decodeValidity } from './hybrid-decoder.ts'
import { type PageHeader, readPageHeader } from './page-header.ts'
import { decodeDictionary, decodeValues, IndexedDictionary, type PageValues } from './value-decoder.ts'

/** The pages of one flat column chunk, read from front to back; pages that are passed over are not decompressed. */
export class ChunkCursor {
  readonly #type: FlatType
  readonly #codec: string
  readonly #compressors: Compressors
  readonly #bytes: Uint8Array
  #at = 0
  #dictionary: IndexedDictionary | undefined
  #page: OpenPage | undefined

  /** @param bytes the chunk as it lies in the file */
  constructor(type: FlatType, codec: string, compressors: Compressors, bytes: Uint8Array) {
    this.#type = type
    this.#codec = codec
    this.#compressors = compressors
    this.#bytes = bytes
  }

  /** Passes over `rows`. */
  skip(rows: number): void {
    let left = rows
    while (left > 0) {
      if (this.#page === undefined) {
        const header = this.#nextHeader()
        if (header.values <= left) {
          this.#at = header.bodyStart + header.compressedBytes
          left -= header.values
          continue
        }
        this.#page = this.#open(header)
      }
      left -= this.#advance(Math.min(left, this.#page.rows - this.#page.row))
    }
  }

  /** Appends the next `rows` to the builder. */
  read(rows: number, builder: VectorBuilder): void {
    let left = rows
    while (left > 0) {
      this.#page ??= this.#open(this.#nextHeader())
      const { rows: pageRows, row, value, valid, values } = this.#page
      const count = Math.min(left, pageRows - row)
      builder.append(values, value, valid, row, count)
      left -= this.#advance(count)
    }
  }

  #advance(count: number): number {
    const page = this.#page!
    page.value += page.valid === null ? count : present(page.valid, page.row, count)
    page.row += count
    if (page.row === page.rows) this.#page = undefined
    return count
  }

  /** Header of the next data page; a dictionary on the way is taken in. */
  #nextHeader(): PageHeader {
    while (true) {
      if (this.#at >= this.#bytes.length) throw new RangeError('a column has fewer values than its row group has rows')
      const header = readPageHeader(this.#bytes, this.#at)
      if (header.type === DATA || header.type === DATA_V2) return header
      this.#at = header.bodyStart + header.compressedBytes
      if (header.type !== DICTIONARY) continue
      const page = decompressPage(this.#codec, this.#compressors, this.#body(header, 0), header.uncompressedBytes)
      this.#dictionary = new IndexedDictionary(decodeDictionary(this.#type, page, header.values))
    }
  }

  #body(header: PageHeader, from: number): Uint8Array {
    const { bodyStart, compressedBytes, crc } = header
    const body = this.#bytes.subarray(bodyStart, bodyStart + compressedBytes)
    if (crc !== null && crc32(body) !== crc) throw new RangeError('a page does not have the checksum of its header')
    return body.subarray(from)
  }

  #open(header: PageHeader): OpenPage {
    this.#at = header.bodyStart + header.compressedBytes
    return header.type === DATA ? this.#openV1(header) : this.#openV2(header)
  }

  #openV1(header: PageHeader): OpenPage {
    const body = this.#body(header, 0)
    const page = decompressPage(this.#codec, this.#compressors, body, header.uncompressedBytes)
    if (!this.#type.nullable) return this.#opened(header, page, 0, null, header.values)
    if (header.levelEncoding !== RLE) throw new RangeError(`levels in the unsupported encoding ${header.levelEncoding}`)
    if (page.length < 4) throw new RangeError('a page has no levels')
    const end = 4 + (page[0]! | (page[1]! << 8) | (page[2]! << 16) | (page[3]! << 24))
    if (end < 4 || end > page.length) throw new RangeError('levels reach beyond the end of their page')
    return this.#withLevels(header, page, 4, end, page, end)
  }

  #openV2(header: PageHeader): OpenPage {
    const { definitionBytes, repetitionBytes, isCompressed, uncompressedBytes, compressedBytes } = header
    const levelBytes = definitionBytes + repetitionBytes
    if (!(definitionBytes >= 0 && repetitionBytes >= 0 && levelBytes <= compressedBytes)) {
      throw new RangeError('levels reach beyond the end of their page')
    }
    const body = this.#body(header, 0)
    const stored = body.subarray(levelBytes)
    const size = uncompressedBytes - levelBytes
    const page = isCompressed ? decompressPage(this.#codec, this.#compressors, stored, size) : stored
    if (!this.#type.nullable) return this.#opened(header, page, 0, null, header.values)
    return this.#withLevels(header, body, repetitionBytes, levelBytes, page, 0)
  }

  #withLevels(
    header: PageHeader,
    levels: Uint8Array,
    start: number,
    end: number,
    page: Uint8Array,
    at: number,
  ): OpenPage {
    const valid = new Uint8Array(header.values)
    const count = decodeValidity(levels, start, end, valid, header.values)
    return this.#opened(header, page, at, count === header.values ? null : valid, count)
  }

  #opened(header: PageHeader, page: Uint8Array, at: number, valid: Uint8Array | null, count: number): OpenPage {
    const values = decodeValues(this.#type, header.encoding, page, at, count, this.#dictionary)
    return { rows: header.values, row: 0, value: 0, valid, values }
  }
}

interface OpenPage {
  readonly rows: number
  /** The next row, and the next value. */
  row: number
  value: number
  readonly valid: Uint8Array | null
  readonly values: PageValues
}

const DATA = 0
const DICTIONARY = 2
const DATA_V2 = 3
const RLE = 3

function present(valid: Uint8Array, from: number, count: number): number {
  let values = 0
  for (let i = from; i < from + count; i++) values += valid[i]!
  return values
}
