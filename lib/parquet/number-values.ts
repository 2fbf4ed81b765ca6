import { SluiceError } from '#core/errors.ts'
import type { ColumnKind } from '#schema/column.ts'
import { MILLIS_MAX, putLong, putMicros } from './int64.ts'
import type { PageBuffer } from './page-buffer.ts'
import type { Bounds } from './statistics.ts'

/** The non-null values of one column chunk, on their way into pages. */
export interface ValueSource {
  /**
   * Appends values [from, to) to the page, PLAIN, and widens the bounds by them. Stops after the value that brings the page to
   * `limit` bytes. Returns where it stopped: at least `from + 1`, unless there is nothing to append.
   */
  encode(page: PageBuffer, from: number, to: number, limit: number): number
}

/** Rows of a batch: value i of a chunk is that of row `rows[i]`. */
export type RowIndex = Int32Array

/** int, long, double, timestamp or date. */
export function numberSource(
  kind: ColumnKind,
  column: string,
  values: Float64Array,
  rows: RowIndex,
  bounds: Bounds,
): ValueSource {
  const width = kind === 'int' || kind === 'date' ? 4 : 8
  return {
    encode(page, from, to, limit) {
      const until = Math.min(to, from + Math.max(1, Math.floor(limit / width)))
      page.reserve((until - from) * width)
      if (kind === 'double') putDoubles(page, values, rows, from, until)
      else if (kind === 'timestamp') putTimestamps(page, values, rows, from, until, column)
      else if (kind === 'long') putLongs(page, values, rows, from, until, column)
      else putInts(page, values, rows, from, until, column)
      boundRows(values, rows, from, until, bounds)
      page.end += (until - from) * width
      return until
    },
  }
}

/** Widens the bounds by the first `count` numbers. */
export function boundDoubles(values: Float64Array | Float32Array, count: number, bounds: Bounds): void {
  let { min, max, nan } = bounds
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    // NaN compares false with everything and so never becomes a bound.
    if (value < min) min = value
    if (value > max) max = value
    if (Number.isNaN(value)) nan = true
  }
  bounds.min = min
  bounds.max = max
  bounds.nan = nan
}

function boundRows(values: Float64Array, rows: RowIndex, from: number, to: number, bounds: Bounds): void {
  let { min, max, nan } = bounds
  for (let i = from; i < to; i++) {
    const value = values[rows[i]!]!
    if (value < min) min = value
    if (value > max) max = value
    if (Number.isNaN(value)) nan = true
  }
  bounds.min = min
  bounds.max = max
  bounds.nan = nan
}

export function boundInts(values: Int32Array, count: number, bounds: Bounds): void {
  let { min, max } = bounds
  for (let i = 0; i < count; i++) {
    const value = values[i]!
    if (value < min) min = value
    if (value > max) max = value
  }
  bounds.min = min
  bounds.max = max
}

/** Widens the bounds by `count` 64-bit integers, pairs of 32 bits, the low half first. */
export function boundLongs(halves: Int32Array, count: number, bounds: Bounds): void {
  if (count === 0) return
  let low = 0
  let high = 0
  for (let i = 2; i < count * 2; i += 2) {
    if (compareLongs(halves, i, low) < 0) low = i
    if (compareLongs(halves, i, high) > 0) high = i
  }
  bounds.low = longAt(halves, low)
  bounds.high = longAt(halves, high)
}

function compareLongs(halves: Int32Array, a: number, b: number): number {
  const difference = halves[a + 1]! - halves[b + 1]!
  return difference !== 0 ? difference : (halves[a]! >>> 0) - (halves[b]! >>> 0)
}

function longAt(halves: Int32Array, at: number): bigint {
  return (BigInt(halves[at + 1]!) << 32n) | BigInt(halves[at]! >>> 0)
}

/** Values of `width` bytes each that lie as they are written. */
export function fixedSource(bytes: Uint8Array, width: number): ValueSource {
  return {
    encode(page, from, to, limit) {
      const until = Math.min(to, from + Math.max(1, Math.floor(limit / width)))
      page.reserve((until - from) * width)
      page.bytes.set(bytes.subarray(from * width, until * width), page.end)
      page.end += (until - from) * width
      return until
    },
  }
}

/** Bits, the lowest first; never RLE, which Spark 3.2 and older can't read. */
export function booleanSource(values: Uint8Array, rows: RowIndex, bounds: Bounds): ValueSource {
  return {
    encode(page, from, to, limit) {
      const until = Math.min(to, from + Math.max(1, limit * 8))
      page.reserve((until - from + 7) >>> 3)
      putBooleans(page, values, rows, from, until, bounds)
      return until
    },
  }
}

function putDoubles(page: PageBuffer, values: Float64Array, rows: RowIndex, from: number, to: number): void {
  const out = page.doubles
  let at = page.end >>> 3
  for (let i = from; i < to; i++) {
    out[at++] = values[rows[i]!]!
  }
}

function putInts(
  page: PageBuffer,
  values: Float64Array,
  rows: RowIndex,
  from: number,
  to: number,
  column: string,
): void {
  const out = page.ints
  let at = page.end >>> 2
  for (let i = from; i < to; i++) {
    const value = values[rows[i]!]!
    const int = value | 0
    if (int !== value) throw invalidNumber(column, rows[i]!, value, 'a whole number from -2147483648 to 2147483647')
    out[at++] = int
  }
}

function putLongs(
  page: PageBuffer,
  values: Float64Array,
  rows: RowIndex,
  from: number,
  to: number,
  column: string,
): void {
  const out = page.ints
  let at = page.end >>> 2
  for (let i = from; i < to; i++) {
    const value = values[rows[i]!]!
    if (Math.floor(value) !== value || value > Number.MAX_SAFE_INTEGER || value < Number.MIN_SAFE_INTEGER) {
      throw invalidNumber(column, rows[i]!, value, 'a whole number below 2^53 either way')
    }
    putLong(value, out, at)
    at += 2
  }
}

function putTimestamps(
  page: PageBuffer,
  values: Float64Array,
  rows: RowIndex,
  from: number,
  to: number,
  column: string,
): void {
  const out = page.ints
  let at = page.end >>> 2
  for (let i = from; i < to; i++) {
    const value = values[rows[i]!]!
    if (!(value >= -MILLIS_MAX && value <= MILLIS_MAX)) {
      throw invalidNumber(column, rows[i]!, value, 'epoch milliseconds within 64-bit microseconds')
    }
    putMicros(value, out, at)
    at += 2
  }
}

function putBooleans(
  page: PageBuffer,
  values: Uint8Array,
  rows: RowIndex,
  from: number,
  to: number,
  bounds: Bounds,
): void {
  const out = page.bytes
  let at = page.end
  let bits = 0
  let held = 0
  let trues = 0
  for (let i = from; i < to; i++) {
    const bit = values[rows[i]!]! === 0 ? 0 : 1
    trues += bit
    bits |= bit << held
    if (++held === 8) {
      out[at++] = bits
      bits = 0
      held = 0
    }
  }
  if (held > 0) out[at++] = bits
  page.end = at
  if (trues > 0) bounds.max = 1
  else if (to > from && bounds.max < 0) bounds.max = 0
  if (trues < to - from) bounds.min = 0
  else if (to > from && bounds.min > 1) bounds.min = 1
}

function invalidNumber(column: string, row: number, value: number, expected: string): SluiceError {
  return new SluiceError(
    'PARQUET_VALUE_INVALID',
    `Column "${column}", row ${row} of the batch: expected ${expected}, found ${value}. ` +
      'Declare the column with a wider type, or quarantine the row before it is written.',
    { details: { column, row } },
  )
}
