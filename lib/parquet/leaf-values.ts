import type { ChunkValues } from './column-chunk.ts'
import { DecimalValues } from './decimal-values.ts'
import { FixedValues } from './fixed-values.ts'
import { MILLIS_MAX, putLong, putMicros } from './int64.ts'
import { invalidInRun, type RunRows } from './invalid-value.ts'
import type { LeafValues } from './leaf-column.ts'
import type { Leaf } from './leaves.ts'
import { booleanSource, boundDoubles, boundInts, boundLongs } from './number-values.ts'
import { ascending } from './scratch.ts'
import type { Bounds } from './statistics.ts'
import { BinaryValues, TextValues } from './text-values.ts'

/** @param precision of a decimal */
export function leafValues(leaf: Leaf, precision: number, name: string): LeafValues {
  switch (leaf.kind) {
    case 'string':
      return new TextValues(name)
    case 'binary':
      return new BinaryValues(name)
    case 'boolean':
      return new BooleanValues(name, 1)
    case 'float':
      return new FloatValues(name, 4)
    case 'double':
      return new DoubleValues(name, 8)
    case 'long':
      return new LongValues(name, 8)
    case 'timestamp':
    case 'timestamp_ntz':
      return new TimestampValues(name, 8)
    case 'decimal':
      return new DecimalValues(leaf, precision, name)
    default:
      return new IntValues(leaf, name)
  }
}

/** A byte each, until they are in a page. */
class BooleanValues extends FixedValues {
  override get byteLength(): number {
    return this.count
  }

  pushAll(values: readonly unknown[], rows: RunRows, count: number): void {
    this.reserve(count)
    const { bytes } = this
    const at = this.count
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'boolean') throw invalidInRun(this.name, rows, i, 'true or false', value)
      bytes[at + i] = value ? 1 : 0
    }
    this.count += count
  }

  /** Done as pages are filled. */
  protected bound(): void {}

  override chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    return { source: booleanSource(this.bytes, ascending(this.count), bounds) }
  }
}

const INTS: Readonly<Record<string, readonly [min: number, max: number, expected: string]>> = {
  byte: [-128, 127, 'a whole number from -128 to 127'],
  short: [-32768, 32767, 'a whole number from -32768 to 32767'],
  int: [-2147483648, 2147483647, 'a whole number from -2147483648 to 2147483647'],
  date: [-2147483648, 2147483647, 'days since 1970-01-01, a whole number from -2147483648 to 2147483647'],
}

/** byte, short, int and date: 32 bits in the file. */
class IntValues extends FixedValues {
  readonly #min: number
  readonly #max: number
  readonly #expected: string

  constructor(leaf: Leaf, name: string) {
    super(name, 4)
    const [min, max, expected] = INTS[leaf.kind]!
    this.#min = min
    this.#max = max
    this.#expected = expected
  }

  pushAll(values: readonly unknown[], rows: RunRows, count: number): void {
    this.reserve(count)
    const { ints } = this
    const min = this.#min
    const max = this.#max
    const at = this.count
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'number' || (value | 0) !== value || value < min || value > max) {
        throw invalidInRun(this.name, rows, i, this.#expected, value)
      }
      ints[at + i] = value
    }
    this.count += count
  }

  protected bound(bounds: Bounds): void {
    boundInts(this.ints, this.count, bounds)
  }
}

class DoubleValues extends FixedValues {
  pushAll(values: readonly unknown[], rows: RunRows, count: number): void {
    this.reserve(count)
    const { doubles } = this
    const at = this.count
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'number') throw invalidInRun(this.name, rows, i, 'a number', value)
      doubles[at + i] = value
    }
    this.count += count
  }

  protected bound(bounds: Bounds): void {
    boundDoubles(this.doubles, this.count, bounds)
  }
}

class FloatValues extends FixedValues {
  pushAll(values: readonly unknown[], rows: RunRows, count: number): void {
    this.reserve(count)
    const { floats } = this
    const at = this.count
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'number') throw invalidInRun(this.name, rows, i, 'a number', value)
      floats[at + i] = value
      if (!Number.isFinite(floats[at + i]!) && Number.isFinite(value)) {
        throw invalidInRun(this.name, rows, i, 'a number of 32 bits, up to 3.4e38', value)
      }
    }
    this.count += count
  }

  protected bound(bounds: Bounds): void {
    boundDoubles(this.floats, this.count, bounds)
  }
}

/** 64-bit integers as two halves, the low one first: no bigint is made of a number. */
class LongValues extends FixedValues {
  pushAll(values: readonly unknown[], rows: RunRows, count: number): void {
    this.reserve(count)
    const { ints } = this
    const at = this.count * 2
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value === 'number' && Number.isSafeInteger(value)) putLong(value, ints, at + i * 2)
      else if (!putBigint(value, ints, at + i * 2)) {
        throw invalidInRun(this.name, rows, i, 'a whole number within ±(2^53 − 1), or a bigint of 64 bits', value)
      }
    }
    this.count += count
  }

  protected bound(bounds: Bounds): void {
    boundLongs(this.ints, this.count, bounds)
  }
}

class TimestampValues extends FixedValues {
  pushAll(values: readonly unknown[], rows: RunRows, count: number): void {
    this.reserve(count)
    const { ints } = this
    const at = this.count * 2
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value === 'number' && value >= -MILLIS_MAX && value <= MILLIS_MAX) putMicros(value, ints, at + i * 2)
      else if (!putBigint(value, ints, at + i * 2)) {
        const expected = 'epoch milliseconds, or a bigint of microseconds, within 64-bit microseconds'
        throw invalidInRun(this.name, rows, i, expected, value)
      }
    }
    this.count += count
  }

  protected bound(bounds: Bounds): void {
    boundLongs(this.ints, this.count, bounds)
  }
}

/** False for what is no bigint of 64 bits. */
function putBigint(value: unknown, halves: Int32Array, at: number): boolean {
  if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) return false
  halves[at] = Number(value & 0xffffffffn)
  halves[at + 1] = Number(value >> 32n)
  return true
}
