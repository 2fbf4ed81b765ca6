import { FixedDictionary } from '#schema/byte-text.ts'
import { type ByteSlices, decodeDeltaLengths, decodeDeltaStrings, decodeDeltas, joinStreams } from './delta-decoder.ts'
import { decodeHybrid, decodeValidity } from './hybrid-decoder.ts'
import { TWO_TO_32 } from './int64.ts'
import type { LeafType, NumberForm } from './leaf-types.ts'
import { microsToMillis } from './read-values.ts'

/** Values of a page without its nulls. */
export type PageValues =
  | {
      readonly kind: 'numbers'
      readonly numbers: Float64Array
      /** Position → value, of 64-bit integers that a double can't hold. */
      readonly large: ReadonlyMap<number, bigint> | null
    }
  | { readonly kind: 'flags'; readonly flags: Uint8Array }
  | ({ readonly kind: 'slices' } & ByteSlices)
  | { readonly kind: 'codes'; readonly codes: Int32Array; readonly dictionary: FixedDictionary }
  | { readonly kind: 'values'; readonly values: readonly unknown[] }

/** Numbers of the encodings (parquet.thrift, Encoding). */
const PLAIN = 0
const PLAIN_DICTIONARY = 2
const RLE = 3
const DELTA_BINARY_PACKED = 5
const DELTA_LENGTH_BYTE_ARRAY = 6
const DELTA_BYTE_ARRAY = 7
const RLE_DICTIONARY = 8
const BYTE_STREAM_SPLIT = 9

/** The entries of a dictionary page, as far as indexes into it need them. */
export type DictionaryPage = Exclude<PageValues, { kind: 'codes' }> & { readonly size: number }

export function decodeDictionary(type: LeafType, bytes: Uint8Array, count: number): DictionaryPage {
  return { ...(decodePlain(type, bytes, 0, count) as Exclude<PageValues, { kind: 'codes' }>), size: count }
}

/**
 * Decodes `count` values that start at `at`.
 *
 * @throws RangeError when they are damaged, or in an encoding that nobody knows
 */
export function decodeValues(
  type: LeafType,
  encoding: number,
  bytes: Uint8Array,
  at: number,
  count: number,
  dictionary: IndexedDictionary | undefined,
): PageValues {
  switch (encoding) {
    case PLAIN:
      return decodePlain(type, bytes, at, count)
    case PLAIN_DICTIONARY:
    case RLE_DICTIONARY:
      if (dictionary === undefined) throw new RangeError('a page of indexes has no dictionary before it')
      return dictionary.look(count === 0 ? new Int32Array(0) : readIndexes(bytes, at, count, dictionary.size), count)
    case RLE: {
      if (type.form !== 'flags') break
      const flags = new Uint8Array(count)
      if (count > 0) decodeValidity(bytes, at + 4, bytes.length, flags, count)
      return { kind: 'flags', flags }
    }
    case DELTA_BINARY_PACKED: {
      const bits = type.physical === 'INT32' ? 32 : 64
      if (type.physical !== 'INT32' && type.physical !== 'INT64') break
      if (count === 0) return decodePlain(type, bytes, at, 0)
      const longs = decodeDeltas({ bytes, at }, count, bits)
      const plain = bits === 64 ? longs : Int32Array.from(longs, Number)
      return decodePlain(type, new Uint8Array(plain.buffer), 0, count)
    }
    case BYTE_STREAM_SPLIT:
      if (type.width === 0) break
      return decodePlain(type, joinStreams(bytes, at, count, type.width), 0, count)
    case DELTA_LENGTH_BYTE_ARRAY:
      return sliceValues(type, count === 0 ? NO_SLICES : decodeDeltaLengths({ bytes, at }, count))
    case DELTA_BYTE_ARRAY:
      return sliceValues(type, count === 0 ? NO_SLICES : decodeDeltaStrings({ bytes, at }, count))
  }
  throw new RangeError(`a page has ${type.physical} values in the unsupported encoding ${encoding}`)
}

const NO_SLICES: ByteSlices = { bytes: new Uint8Array(0), starts: new Int32Array(0), ends: new Int32Array(0) }

function readIndexes(bytes: Uint8Array, at: number, count: number, size: number): Int32Array {
  const width = bytes[at]
  if (width === undefined) throw new RangeError('a page of indexes has no bit width')
  const indexes = decodeHybrid(bytes, at + 1, bytes.length, width, count)
  for (let i = 0; i < count; i++) {
    const index = indexes[i]!
    if (index >= size || index < 0)
      throw new RangeError(`index ${index} is outside of the dictionary, which has ${size}`)
  }
  return indexes
}

/** A dictionary page in the form in which indexes are looked up fastest. */
export class IndexedDictionary {
  readonly size: number
  readonly #page: DictionaryPage
  readonly #texts: FixedDictionary | undefined

  constructor(page: DictionaryPage) {
    this.size = page.size
    this.#page = page
    this.#texts = page.kind === 'slices' ? compactDictionary(page, page.size) : undefined
  }

  look(codes: Int32Array, count: number): PageValues {
    const page = this.#page
    switch (page.kind) {
      case 'slices':
        return { kind: 'codes', codes, dictionary: this.#texts! }
      case 'flags':
        return { kind: 'flags', flags: Uint8Array.from({ length: count }, (_, i) => page.flags[codes[i]!]!) }
      case 'values':
        return { kind: 'values', values: Array.from({ length: count }, (_, i) => page.values[codes[i]!]) }
      case 'numbers': {
        const entries = page.numbers
        const numbers = new Float64Array(count)
        for (let i = 0; i < count; i++) numbers[i] = entries[codes[i]!]!
        if (page.large === null) return { kind: 'numbers', numbers, large: null }
        const large = new Map<number, bigint>()
        for (let i = 0; i < count; i++) {
          const value = page.large.get(codes[i]!)
          if (value !== undefined) large.set(i, value)
        }
        return { kind: 'numbers', numbers, large }
      }
    }
  }
}

function compactDictionary({ bytes, starts, ends }: ByteSlices, size: number): FixedDictionary {
  const at = new Int32Array(size + 1)
  let total = 0
  for (let i = 0; i < size; i++) {
    total += ends[i]! - starts[i]!
    at[i + 1] = total
  }
  const compact = new Uint8Array(total)
  for (let i = 0; i < size; i++) compact.set(bytes.subarray(starts[i]!, ends[i]!), at[i]!)
  return new FixedDictionary(compact, at)
}

function decodePlain(type: LeafType, bytes: Uint8Array, at: number, count: number): PageValues {
  switch (type.form) {
    case 'flags':
      return { kind: 'flags', flags: plainFlags(bytes, at, count) }
    case 'text':
    case 'bytes':
      return { kind: 'slices', ...plainSlices(type, bytes, at, count) }
    case 'convertedNumbers':
    case 'convertedValues':
      return converted(type, rawValues(type, bytes, at, count))
    default:
      return plainNumbers(type.form, type.width, bytes, at, count)
  }
}

function converted(type: LeafType, raw: readonly (number | bigint | Uint8Array)[]): PageValues {
  const values = raw.map((value) => type.convert(value))
  if (type.form === 'convertedValues') return { kind: 'values', values }
  return { kind: 'numbers', numbers: Float64Array.from(values as number[]), large: null }
}

function sliceValues(type: LeafType, slices: ByteSlices): PageValues {
  if (type.form === 'text' || type.form === 'bytes') return { kind: 'slices', ...slices }
  if (!type.physical.endsWith('BYTE_ARRAY')) throw new RangeError(`a page has ${type.physical} values encoded as texts`)
  return converted(type, slicesOf(slices))
}

function slicesOf({ bytes, starts, ends }: ByteSlices): Uint8Array[] {
  return Array.from(starts, (start, i) => bytes.subarray(start, ends[i]))
}

function rawValues(type: LeafType, bytes: Uint8Array, at: number, count: number): (number | bigint | Uint8Array)[] {
  const { physical, width } = type
  if (physical.endsWith('BYTE_ARRAY')) return slicesOf(plainSlices(type, bytes, at, count))
  const view = new DataView(valueBytes(bytes, at, count * width).buffer)
  return Array.from({ length: count }, (_, i) => {
    if (physical === 'INT32') return view.getInt32(i * 4, true)
    if (physical === 'INT64') return view.getBigInt64(i * 8, true)
    // INT96: nanoseconds of the day, and the Julian day.
    return BigInt(view.getInt32(i * 12 + 8, true) - 2_440_588) * 86_400_000_000_000n + view.getBigInt64(i * 12, true)
  })
}

function plainFlags(bytes: Uint8Array, at: number, count: number): Uint8Array {
  if (at + ((count + 7) >>> 3) > bytes.length) throw new RangeError('values end before the page does')
  const flags = new Uint8Array(count)
  for (let i = 0; i < count; i++) flags[i] = (bytes[at + (i >>> 3)]! >>> (i & 7)) & 1
  return flags
}

function plainSlices(type: LeafType, bytes: Uint8Array, from: number, count: number): ByteSlices {
  const starts = new Int32Array(count)
  const ends = new Int32Array(count)
  const end = bytes.length
  let at = from
  if (type.physical === 'BYTE_ARRAY') {
    for (let i = 0; i < count; i++) {
      const length = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
      at += 4
      starts[i] = at
      at += length
      if (length < 0 || at > end) throw new RangeError('a text reaches beyond the end of its page')
      ends[i] = at
    }
  } else {
    for (let i = 0; i < count; i++) {
      starts[i] = at
      at += type.width
      ends[i] = at
    }
    if (at > end) throw new RangeError('values end before the page does')
  }
  return { bytes, starts, ends }
}

/** A copy that starts at a multiple of 8 of its buffer. */
function valueBytes(bytes: Uint8Array, at: number, size: number): Uint8Array<ArrayBuffer> {
  if (at + size > bytes.length) throw new RangeError('values end before the page does')
  const copy = new Uint8Array(size)
  copy.set(bytes.subarray(at, at + size))
  return copy
}

function plainNumbers(form: NumberForm, width: number, bytes: Uint8Array, at: number, count: number): PageValues {
  const { buffer } = valueBytes(bytes, at, count * width)
  switch (form) {
    case 'double':
      return { kind: 'numbers', numbers: new Float64Array(buffer), large: null }
    case 'float':
      return { kind: 'numbers', numbers: new Float64Array(new Float32Array(buffer)), large: null }
    case 'int32':
      return { kind: 'numbers', numbers: new Float64Array(new Int32Array(buffer)), large: null }
    case 'uint32':
      return { kind: 'numbers', numbers: new Float64Array(new Uint32Array(buffer)), large: null }
    default:
      return wideNumbers(form === 'micros', buffer, count)
  }
}

function wideNumbers(isMicros: boolean, buffer: ArrayBuffer, count: number): PageValues {
  const halves = new Int32Array(buffer)
  const numbers = new Float64Array(count)
  const divisor = isMicros ? 1000 : 1
  let large: Map<number, bigint> | null = null
  for (let i = 0; i < count; i++) {
    const value = halves[i * 2 + 1]! * TWO_TO_32 + (halves[i * 2]! >>> 0)
    numbers[i] = value / divisor
    if (value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
      const exact = (BigInt(halves[i * 2 + 1]!) << 32n) | BigInt(halves[i * 2]! >>> 0)
      if (isMicros) {
        numbers[i] = microsToMillis(exact)
      } else {
        large ??= new Map()
        large.set(i, exact)
      }
    }
  }
  return { kind: 'numbers', numbers, large }
}
