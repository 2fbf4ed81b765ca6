import type { FixedDictionary } from '#schema/byte-text.ts'
import type { BooleanVector, DictionaryVector, NumberVector, SlicesVector, Validity } from '#schema/vector.ts'
import type { LeafType } from './leaf-types.ts'
import type { PageValues } from './value-decoder.ts'

/** A column whose values no other vector holds: as `readParquetRows` gives them, null for a null. */
export interface ValuesVector {
  readonly kind: 'values'
  readonly valid: null
  readonly values: readonly unknown[]
}

/**
 * A column as it is decoded:
 * - numbers: whole numbers and floats, dates in days, timestamps in epoch milliseconds (a fraction for microseconds)
 * - dictionary or slices: text; slices: bytes
 * - values: nested columns, decimals and UUIDs as text, and 64-bit integers of which at least one is beyond ±(2^53 − 1), as number or
 *   bigint
 */
export type DecodedVector =
  | NumberVector
  | BooleanVector
  | DictionaryVector
  | (SlicesVector & { readonly isText: boolean })
  | ValuesVector

/** A run of rows of one column in the making: what pages hold, with nulls at their places. */
export interface VectorBuilder {
  /** Appends `count` rows: those of `valid` from `row` on (null: all have a value), whose values start at `value`. */
  append(values: PageValues, value: number, valid: Uint8Array | null, row: number, count: number): void
  vector(): DecodedVector
}

export function vectorBuilder(type: LeafType, rows: number): VectorBuilder {
  switch (type.form) {
    case 'flags':
      return new FlagBuilder(rows)
    case 'text':
      return new SliceBuilder(rows, true)
    case 'bytes':
      return new SliceBuilder(rows, false)
    case 'convertedValues':
      return new ValueBuilder(rows)
    default:
      return new NumberBuilder(rows)
  }
}

function mismatch(kind: string): RangeError {
  return new RangeError(`a page holds ${kind} where its column has others`)
}

/** Validity of all rows, made when the first null comes. */
class Nulls {
  valid: Uint8Array<ArrayBuffer> | null = null
  readonly #rows: number

  constructor(rows: number) {
    this.#rows = rows
  }

  set(at: number, valid: Uint8Array, row: number, count: number): void {
    this.valid ??= new Uint8Array(this.#rows).fill(1)
    this.valid.set(valid.subarray(row, row + count), at)
  }

  result(): Validity {
    return this.valid?.includes(0) ? this.valid : null
  }
}

class NumberBuilder implements VectorBuilder {
  readonly #values: Float64Array
  readonly #nulls: Nulls
  #large: Map<number, bigint> | null = null
  #at = 0

  constructor(rows: number) {
    this.#values = new Float64Array(rows)
    this.#nulls = new Nulls(rows)
  }

  append(values: PageValues, value: number, valid: Uint8Array | null, row: number, count: number): void {
    if (values.kind !== 'numbers') throw mismatch(values.kind)
    const { numbers, large } = values
    const at = this.#at
    const out = this.#values
    if (valid === null) {
      out.set(numbers.subarray(value, value + count), at)
    } else {
      this.#nulls.set(at, valid, row, count)
      let next = value
      for (let i = 0; i < count; i++) if (valid[row + i]! !== 0) out[at + i] = numbers[next++]!
    }
    if (large !== null) this.#keepLarge(large, value, valid, row, count)
    this.#at = at + count
  }

  #keepLarge(
    large: ReadonlyMap<number, bigint>,
    value: number,
    valid: Uint8Array | null,
    row: number,
    count: number,
  ): void {
    let next = value
    for (let i = 0; i < count; i++) {
      if (valid !== null && valid[row + i] === 0) continue
      const exact = large.get(next++)
      if (exact === undefined) continue
      this.#large ??= new Map()
      this.#large.set(this.#at + i, exact)
    }
  }

  vector(): DecodedVector {
    const valid = this.#nulls.result()
    const large = this.#large
    if (large === null) return { kind: 'number', valid, values: this.#values }
    const values = Array.from(this.#values, (number, i) => (valid?.[i] === 0 ? null : (large.get(i) ?? number)))
    return { kind: 'values', valid: null, values }
  }
}

class FlagBuilder implements VectorBuilder {
  readonly #values: Uint8Array
  readonly #nulls: Nulls
  #at = 0

  constructor(rows: number) {
    this.#values = new Uint8Array(rows)
    this.#nulls = new Nulls(rows)
  }

  append(values: PageValues, value: number, valid: Uint8Array | null, row: number, count: number): void {
    if (values.kind !== 'flags') throw mismatch(values.kind)
    const { flags } = values
    const at = this.#at
    if (valid === null) {
      this.#values.set(flags.subarray(value, value + count), at)
    } else {
      this.#nulls.set(at, valid, row, count)
      let next = value
      for (let i = 0; i < count; i++) if (valid[row + i]! !== 0) this.#values[at + i] = flags[next++]!
    }
    this.#at = at + count
  }

  vector(): DecodedVector {
    return { kind: 'boolean', valid: this.#nulls.result(), values: this.#values }
  }
}

class ValueBuilder implements VectorBuilder {
  readonly #values: unknown[]
  #at = 0

  constructor(rows: number) {
    this.#values = new Array<unknown>(rows).fill(null)
  }

  append(values: PageValues, value: number, valid: Uint8Array | null, row: number, count: number): void {
    if (values.kind !== 'values') throw mismatch(values.kind)
    let next = value
    for (let i = 0; i < count; i++) {
      if (valid === null || valid[row + i]! !== 0) this.#values[this.#at + i] = values.values[next++]
    }
    this.#at += count
  }

  vector(): DecodedVector {
    return { kind: 'values', valid: null, values: this.#values }
  }
}

/** A buffer that slices lie in, and where it lies in the buffer of all. */
interface Segment {
  readonly bytes: Uint8Array
  readonly base: number
}

/**
 * Text and bytes. Text stays codes as long as all pages have one dictionary; else, and bytes always, it becomes slices: of the page
 * itself where there is only one, of a copy of all pages otherwise.
 */
class SliceBuilder implements VectorBuilder {
  readonly #rows: number
  readonly #isText: boolean
  readonly #nulls: Nulls
  /** Codes while there is a dictionary, starts afterwards. */
  readonly #starts: Int32Array<ArrayBuffer>
  #ends: Int32Array<ArrayBuffer> | null
  #dictionary: FixedDictionary | null = null
  #segments: Segment[] = []
  #size = 0
  #at = 0

  constructor(rows: number, isText: boolean) {
    this.#rows = rows
    this.#isText = isText
    this.#nulls = new Nulls(rows)
    this.#starts = new Int32Array(rows)
    this.#ends = isText ? null : new Int32Array(rows)
  }

  append(values: PageValues, value: number, valid: Uint8Array | null, row: number, count: number): void {
    if (values.kind === 'codes') this.#appendCodes(values.codes, values.dictionary, value, valid, row, count)
    else if (values.kind === 'slices') this.#appendSlices(values, value, valid, row, count)
    else throw mismatch(values.kind)
    if (valid !== null) this.#nulls.set(this.#at, valid, row, count)
    this.#at += count
  }

  #appendCodes(
    codes: Int32Array,
    dictionary: FixedDictionary,
    value: number,
    valid: Uint8Array | null,
    row: number,
    count: number,
  ): void {
    if (this.#ends === null && (this.#at === 0 || this.#dictionary === dictionary)) {
      this.#dictionary = dictionary
      const at = this.#at
      const out = this.#starts
      if (valid === null) {
        out.set(codes.subarray(value, value + count), at)
        return
      }
      let next = value
      for (let i = 0; i < count; i++) if (valid[row + i]! !== 0) out[at + i] = codes[next++]!
      return
    }
    const { bytes, starts } = dictionary
    const base = this.#segment(bytes)
    const ends = this.#spread()
    let next = value
    for (let i = 0; i < count; i++) {
      if (valid !== null && valid[row + i]! === 0) continue
      const code = codes[next++]!
      this.#starts[this.#at + i] = base + starts[code]!
      ends[this.#at + i] = base + starts[code + 1]!
    }
  }

  #appendSlices(
    slices: Extract<PageValues, { kind: 'slices' }>,
    value: number,
    valid: Uint8Array | null,
    row: number,
    count: number,
  ): void {
    const ends = this.#spread()
    const base = this.#segment(slices.bytes)
    let next = value
    for (let i = 0; i < count; i++) {
      if (valid !== null && valid[row + i]! === 0) continue
      this.#starts[this.#at + i] = base + slices.starts[next]!
      ends[this.#at + i] = base + slices.ends[next++]!
    }
  }

  /** Where the buffer lies among all; it is added if it is not the last one, or a dictionary that is there already. */
  #segment(bytes: Uint8Array): number {
    const known = this.#segments.find((segment) => segment.bytes === bytes)
    if (known !== undefined) return known.base
    const base = this.#size
    this.#segments.push({ bytes, base })
    this.#size += bytes.length
    if (this.#size >= 2 ** 31) throw new RangeError(`a run of ${this.#rows} rows has more than 2 GB of text`)
    return base
  }

  /** From codes to slices, if they are not slices yet. */
  #spread(): Int32Array {
    if (this.#ends !== null) return this.#ends
    const ends = new Int32Array(this.#rows)
    this.#ends = ends
    const dictionary = this.#dictionary
    if (dictionary === null) return ends
    const base = this.#segment(dictionary.bytes)
    const starts = this.#starts
    const valid = this.#nulls.valid
    for (let i = 0; i < this.#at; i++) {
      const code = starts[i]!
      const has = valid === null || valid[i] !== 0
      starts[i] = has ? base + dictionary.starts[code]! : 0
      ends[i] = has ? base + dictionary.starts[code + 1]! : 0
    }
    return ends
  }

  vector(): DecodedVector {
    const valid = this.#nulls.result()
    if (this.#ends === null && this.#dictionary !== null) {
      return { kind: 'dictionary', valid, codes: this.#starts, dictionary: this.#dictionary }
    }
    const ends = this.#spread()
    return { kind: 'slices', valid, buffer: this.#joined(), starts: this.#starts, ends, isText: this.#isText }
  }

  #joined(): Uint8Array {
    const [first, ...more] = this.#segments
    if (first === undefined) return new Uint8Array(0)
    if (more.length === 0) return first.bytes
    const bytes = new Uint8Array(this.#size)
    for (const segment of this.#segments) bytes.set(segment.bytes, segment.base)
    return bytes
  }
}
