import type { ChunkValues } from './column-chunk.ts'
import { parseDecimal, parseShortDecimal, putFixed } from './decimal.ts'
import { PhysicalType } from './format.ts'
import { MILLIS_MAX, TWO_TO_32, TWO_TO_MINUS_32 } from './int64.ts'
import { invalidValue, type RowPlace } from './invalid-value.ts'
import type { LeafValues } from './leaf-column.ts'
import type { Leaf } from './leaves.ts'
import { booleanSource, fixedSource, floatSource, longSource, numberSource } from './number-values.ts'
import { ascending } from './scratch.ts'
import type { Bounds } from './statistics.ts'
import { BinaryValues, TextValues } from './text-values.ts'

/** @param precision of a decimal */
export function leafValues(leaf: Leaf, precision: number, name: string, place: RowPlace): LeafValues {
  switch (leaf.kind) {
    case 'string':
      return new TextValues(name, place)
    case 'binary':
      return new BinaryValues(name, place)
    case 'boolean':
      return new BooleanValues(name, place)
    case 'float':
    case 'double':
      return new FloatValues(leaf, name, place)
    case 'long':
    case 'timestamp':
    case 'timestamp_ntz':
      return new LongValues(leaf, name, place)
    case 'decimal':
      return new DecimalValues(leaf, precision, name, place)
    default:
      return new IntValues(leaf, name, place)
  }
}

class BooleanValues implements LeafValues {
  count = 0
  readonly #name: string
  readonly #place: RowPlace
  #values = new Uint8Array(1024)

  constructor(name: string, place: RowPlace) {
    this.#name = name
    this.#place = place
  }

  get byteLength(): number {
    return this.count >>> 3
  }

  push(value: unknown): void {
    if (typeof value !== 'boolean') throw invalidValue(this.#name, this.#place.row, 'true or false', value)
    if (this.count === this.#values.length) {
      const grown = new Uint8Array(this.count * 2)
      grown.set(this.#values)
      this.#values = grown
    }
    this.#values[this.count++] = value ? 1 : 0
  }

  pushAll(values: readonly unknown[], rows: Int32Array, count: number): void {
    const place = this.#place
    for (let i = 0; i < count; i++) {
      place.row = rows[i]!
      this.push(values[i])
    }
  }

  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    return { source: booleanSource(this.#values, ascending(this.count), bounds) }
  }

  clear(): void {
    this.count = 0
  }
}

const INTS: Readonly<Record<string, readonly [min: number, max: number, expected: string]>> = {
  byte: [-128, 127, 'a whole number from -128 to 127'],
  short: [-32768, 32767, 'a whole number from -32768 to 32767'],
  int: [-2147483648, 2147483647, 'a whole number from -2147483648 to 2147483647'],
  date: [-2147483648, 2147483647, 'days since 1970-01-01, a whole number from -2147483648 to 2147483647'],
}

/** byte, short, int and date: 32 bits in the file. */
class IntValues implements LeafValues {
  count = 0
  readonly #name: string
  readonly #place: RowPlace
  readonly #min: number
  readonly #max: number
  readonly #expected: string
  #values = new Float64Array(1024)

  constructor(leaf: Leaf, name: string, place: RowPlace) {
    this.#name = name
    this.#place = place
    const [min, max, expected] = INTS[leaf.kind]!
    this.#min = min
    this.#max = max
    this.#expected = expected
  }

  get byteLength(): number {
    return this.count * 4
  }

  push(value: unknown): void {
    if (typeof value !== 'number' || (value | 0) !== value || value < this.#min || value > this.#max) {
      throw invalidValue(this.#name, this.#place.row, this.#expected, value)
    }
    if (this.count === this.#values.length) this.#values = doubled(this.#values)
    this.#values[this.count++] = value
  }

  pushAll(values: readonly unknown[], rows: Int32Array, count: number): void {
    const place = this.#place
    for (let i = 0; i < count; i++) {
      place.row = rows[i]!
      this.push(values[i])
    }
  }

  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    return { source: numberSource('int', this.#name, this.#values, ascending(this.count), bounds) }
  }

  clear(): void {
    this.count = 0
  }
}

class FloatValues implements LeafValues {
  count = 0
  readonly #single: boolean
  readonly #name: string
  readonly #place: RowPlace
  #values = new Float64Array(1024)

  constructor(leaf: Leaf, name: string, place: RowPlace) {
    this.#single = leaf.kind === 'float'
    this.#name = name
    this.#place = place
  }

  get byteLength(): number {
    return this.count * 8
  }

  push(value: unknown): void {
    if (typeof value !== 'number') throw invalidValue(this.#name, this.#place.row, 'a number', value)
    let stored = value
    if (this.#single) {
      stored = Math.fround(value)
      if (!Number.isFinite(stored) && Number.isFinite(value)) {
        throw invalidValue(this.#name, this.#place.row, 'a number of 32 bits, up to 3.4e38', value)
      }
    }
    if (this.count === this.#values.length) this.#values = doubled(this.#values)
    this.#values[this.count++] = stored
  }

  pushAll(values: readonly unknown[], rows: Int32Array, count: number): void {
    const place = this.#place
    for (let i = 0; i < count; i++) {
      place.row = rows[i]!
      this.push(values[i])
    }
  }

  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    const rows = ascending(this.count)
    if (this.#single) return { source: floatSource(this.#values, bounds) }
    return { source: numberSource('double', this.#name, this.#values, rows, bounds) }
  }

  clear(): void {
    this.count = 0
  }
}

const LONG = 'a whole number within ±(2^53 − 1), or a bigint of 64 bits'
const TIMESTAMP = 'epoch milliseconds, or a bigint of microseconds, within 64-bit microseconds'

/** 64-bit integers as two halves, the low one first: no bigint is made of a number. */
class LongValues implements LeafValues {
  count = 0
  readonly #isTimestamp: boolean
  readonly #name: string
  readonly #place: RowPlace
  #halves = new Int32Array(2048)

  constructor(leaf: Leaf, name: string, place: RowPlace) {
    this.#isTimestamp = leaf.kind !== 'long'
    this.#name = name
    this.#place = place
  }

  get byteLength(): number {
    return this.count * 8
  }

  push(value: unknown): void {
    if (this.count * 2 === this.#halves.length) this.#halves = doubledInts(this.#halves)
    const halves = this.#halves
    const at = this.count * 2
    if (typeof value === 'number') {
      if (this.#isTimestamp) this.#putMillis(value, at)
      else {
        if (!Number.isSafeInteger(value)) throw invalidValue(this.#name, this.#place.row, LONG, value)
        putLong(value, halves, at)
      }
    } else {
      const expected = this.#isTimestamp ? TIMESTAMP : LONG
      if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) {
        throw invalidValue(this.#name, this.#place.row, expected, value)
      }
      halves[at] = Number(value & 0xffffffffn)
      halves[at + 1] = Number(value >> 32n)
    }
    this.count++
  }

  #putMillis(value: number, at: number): void {
    if (!(value >= -MILLIS_MAX && value <= MILLIS_MAX)) {
      throw invalidValue(this.#name, this.#place.row, TIMESTAMP, value)
    }
    const whole = Math.floor(value)
    const high = Math.floor(whole * TWO_TO_MINUS_32)
    let low = (whole - high * TWO_TO_32) * 1000
    if (whole !== value) low += Math.round((value - whole) * 1000)
    this.#halves[at] = low | 0
    this.#halves[at + 1] = (high * 1000 + Math.floor(low * TWO_TO_MINUS_32)) | 0
  }

  pushAll(values: readonly unknown[], rows: Int32Array, count: number): void {
    const place = this.#place
    for (let i = 0; i < count; i++) {
      place.row = rows[i]!
      this.push(values[i])
    }
  }

  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    return { source: longSource(this.#halves, this.count, bounds) }
  }

  clear(): void {
    this.count = 0
  }
}

/** Of a decimal: 32 bits up to 9 digits, 64 up to 18, else as many bytes as its precision takes. */
class DecimalValues implements LeafValues {
  count = 0
  readonly #name: string
  readonly #place: RowPlace
  readonly #scale: number
  readonly #precision: number
  readonly #limit: bigint
  readonly #shortLimit: number
  readonly #width: number
  /** Which of the three is used depends on the type. */
  readonly #type: number
  #ints = new Float64Array(0)
  #halves = new Int32Array(0)
  #fixed = new Uint8Array(0)
  #low: bigint | null = null
  #high: bigint | null = null

  constructor(leaf: Leaf, precision: number, name: string, place: RowPlace) {
    this.#name = name
    this.#place = place
    this.#scale = leaf.scale ?? 0
    this.#precision = precision
    this.#limit = 10n ** BigInt(precision)
    this.#shortLimit = 10 ** Math.min(precision, 15)
    this.#width = leaf.width ?? 0
    this.#type = leaf.type
    if (leaf.type === PhysicalType.int32) this.#ints = new Float64Array(1024)
    else if (leaf.type === PhysicalType.int64) this.#halves = new Int32Array(2048)
    else this.#fixed = new Uint8Array(1024 * this.#width)
  }

  get byteLength(): number {
    return this.count * (this.#type === PhysicalType.int32 ? 4 : this.#type === PhysicalType.int64 ? 8 : this.#width)
  }

  push(value: unknown): void {
    const text =
      typeof value === 'string' ? value : typeof value === 'number' || typeof value === 'bigint' ? `${value}` : ''
    const short = this.#type === PhysicalType.fixed ? Number.NaN : parseShortDecimal(text, this.#scale)
    if (short < this.#shortLimit && short > -this.#shortLimit) {
      if (this.#type === PhysicalType.int32) this.#pushInt(short)
      else this.#pushLong(short)
      return
    }
    const unscaled = parseDecimal(text, this.#scale)
    if (unscaled === null || unscaled >= this.#limit || unscaled <= -this.#limit) {
      const whole = this.#precision - this.#scale
      const expected = `a decimal(${this.#precision},${this.#scale}): at most ${whole} digits before the point and ${this.#scale} behind it`
      throw invalidValue(this.#name, this.#place.row, expected, value)
    }
    if (this.#type === PhysicalType.int32) this.#pushInt(Number(unscaled))
    else if (this.#type === PhysicalType.int64) this.#pushLongs(unscaled)
    else this.#pushFixed(unscaled)
  }

  #pushInt(unscaled: number): void {
    if (this.count === this.#ints.length) this.#ints = doubled(this.#ints)
    this.#ints[this.count++] = unscaled
  }

  #pushLong(unscaled: number): void {
    if (this.count * 2 === this.#halves.length) this.#halves = doubledInts(this.#halves)
    putLong(unscaled, this.#halves, this.count++ * 2)
  }

  #pushLongs(unscaled: bigint): void {
    if (this.count * 2 === this.#halves.length) this.#halves = doubledInts(this.#halves)
    const at = this.count++ * 2
    this.#halves[at] = Number(unscaled & 0xffffffffn)
    this.#halves[at + 1] = Number(unscaled >> 32n)
  }

  #pushFixed(unscaled: bigint): void {
    const at = this.count++ * this.#width
    if (at === this.#fixed.length) {
      const grown = new Uint8Array(at * 2)
      grown.set(this.#fixed)
      this.#fixed = grown
    }
    putFixed(unscaled, this.#width, this.#fixed, at)
    if (this.#low === null || unscaled < this.#low) this.#low = unscaled
    if (this.#high === null || unscaled > this.#high) this.#high = unscaled
  }

  pushAll(values: readonly unknown[], rows: Int32Array, count: number): void {
    const place = this.#place
    for (let i = 0; i < count; i++) {
      place.row = rows[i]!
      this.push(values[i])
    }
  }

  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    if (this.#type === PhysicalType.int32) {
      return { source: numberSource('int', this.#name, this.#ints, ascending(this.count), bounds) }
    }
    if (this.#type === PhysicalType.int64) return { source: longSource(this.#halves, this.count, bounds) }
    bounds.low = this.#low
    bounds.high = this.#high
    return { source: fixedSource(this.#fixed, this.#width) }
  }

  clear(): void {
    this.count = 0
    this.#low = null
    this.#high = null
  }
}

function putLong(value: number, halves: Int32Array, at: number): void {
  const high = Math.floor(value * TWO_TO_MINUS_32)
  halves[at] = (value - high * TWO_TO_32) | 0
  halves[at + 1] = high | 0
}

function doubled(array: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> {
  const larger = new Float64Array(array.length * 2)
  larger.set(array)
  return larger
}

function doubledInts(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
