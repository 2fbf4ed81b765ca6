import { crc32 } from 'node:zlib'
import type { Compressors } from 'hyparquet'
import { decompressPage } from './decompress.ts'
import type { LeafType } from './leaf-types.ts'
import { type PageHeader, readPageHeader } from './page-header.ts'
import { decodeDictionary, decodeValues, IndexedDictionary, type PageValues } from './value-decoder.ts'

/** A run of bytes with levels in the RLE / bit-packed hybrid. */
interface LevelBytes {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** A data page, decompressed. */
export interface DataPage {
  /** With nulls and empty lists. */
  readonly entries: number
  readonly encoding: number
  /** Null where the maximum level is 0. */
  readonly repetitions: LevelBytes | null
  readonly definitions: LevelBytes | null
  /** The values are bytes[at, …). */
  readonly bytes: Uint8Array
  readonly at: number
}

/** A column chunk as it lies in the file. */
export interface StoredChunk {
  readonly bytes: Uint8Array
  readonly codec: string
  readonly compressors: Compressors
}

/** The pages of one column chunk, from front to back. */
export class PageReader {
  readonly #type: LeafType
  readonly #chunk: StoredChunk
  #at = 0
  #dictionary: IndexedDictionary | undefined

  constructor(type: LeafType, chunk: StoredChunk) {
    this.#type = type
    this.#chunk = chunk
  }

  /** Header of the next data page; a dictionary on the way is taken in. Undefined at the end. */
  header(): PageHeader | undefined {
    const { bytes } = this.#chunk
    while (this.#at < bytes.length) {
      const header = readPageHeader(bytes, this.#at)
      if (header.type === DATA || header.type === DATA_V2) return header
      this.skip(header)
      if (header.type !== DICTIONARY) continue
      const page = this.#decompressed(this.#body(header), header.uncompressedBytes)
      this.#dictionary = new IndexedDictionary(decodeDictionary(this.#type, page, header.values))
    }
    return undefined
  }

  /** Goes on behind the page, which is not decompressed. */
  skip(header: PageHeader): void {
    this.#at = header.bodyStart + header.compressedBytes
  }

  /** Decompresses the page, and goes on behind it. */
  open(header: PageHeader): DataPage {
    this.skip(header)
    return header.type === DATA ? this.#openV1(header) : this.#openV2(header)
  }

  values(page: DataPage, count: number): PageValues {
    return decodeValues(this.#type, page.encoding, page.bytes, page.at, count, this.#dictionary)
  }

  #openV1(header: PageHeader): DataPage {
    const bytes = this.#decompressed(this.#body(header), header.uncompressedBytes)
    const { repetitionMax, definitionMax } = this.#type
    if ((repetitionMax > 0 || definitionMax > 0) && header.levelEncoding !== RLE) {
      throw new RangeError(`levels in the unsupported encoding ${header.levelEncoding}`)
    }
    const repetitions = repetitionMax === 0 ? null : sized(bytes, 0)
    const after = repetitions?.end ?? 0
    const definitions = definitionMax === 0 ? null : sized(bytes, after)
    const at = definitions?.end ?? after
    return { entries: header.values, encoding: header.encoding, repetitions, definitions, bytes, at }
  }

  #openV2(header: PageHeader): DataPage {
    const { definitionBytes, repetitionBytes, isCompressed, uncompressedBytes, compressedBytes } = header
    const end = definitionBytes + repetitionBytes
    if (!(definitionBytes >= 0 && repetitionBytes >= 0 && end <= compressedBytes)) throw beyond()
    const body = this.#body(header)
    const stored = body.subarray(end)
    const bytes = isCompressed ? this.#decompressed(stored, uncompressedBytes - end) : stored
    const { repetitionMax, definitionMax } = this.#type
    const repetitions = repetitionMax === 0 ? null : { bytes: body, start: 0, end: repetitionBytes }
    const definitions = definitionMax === 0 ? null : { bytes: body, start: repetitionBytes, end }
    return { entries: header.values, encoding: header.encoding, repetitions, definitions, bytes, at: 0 }
  }

  #decompressed(input: Uint8Array, size: number): Uint8Array {
    return decompressPage(this.#chunk.codec, this.#chunk.compressors, input, size)
  }

  #body({ bodyStart, compressedBytes, crc }: PageHeader): Uint8Array {
    const body = this.#chunk.bytes.subarray(bodyStart, bodyStart + compressedBytes)
    if (crc !== null && crc32(body) !== crc) throw new RangeError('a page does not have the checksum of its header')
    return body
  }
}

const DATA = 0
const DICTIONARY = 2
const DATA_V2 = 3
const RLE = 3

/** Levels behind their length in 4 bytes. */
function sized(bytes: Uint8Array, at: number): LevelBytes {
  if (at + 4 > bytes.length) throw beyond()
  const length = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
  if (length < 0 || at + 4 + length > bytes.length) throw beyond()
  return { bytes, start: at + 4, end: at + 4 + length }
}

function beyond(): RangeError {
  return new RangeError('levels reach beyond the end of their page')
}
