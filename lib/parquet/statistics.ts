import { type ByteRange, compareRanges } from './byte-order.ts'
import { decimalText, fixedBytes } from './decimal.ts'
import { PhysicalType } from './format.ts'
import { splitMicros } from './int64.ts'
import type { Leaf, LeafKind } from './leaves.ts'

/** Longest text in statistics, in code points. Delta truncates at the same length. */
export const STATISTICS_TEXT_MAX = 32

/**
 * What is known of one physical column of a file, in terms of Delta's `add.stats`. A column of headers is one entry without
 * bounds, whose nulls are its null rows.
 */
export interface LeafStatistics {
  /** `['district']`, `['location', 'latitude']`, `['headers']`. */
  readonly path: readonly string[]
  /** What the values are; the parts of a point are `double`. Lists and maps are one entry each, as headers are. */
  readonly kind: LeafKind | 'list' | 'map'
  readonly nullCount: number
  /**
   * At most every value: a number (timestamps in epoch milliseconds, dates in days; a bigint beyond 2^53), a decimal as exact
   * text, or text, cut to its first 32 code points. Missing for booleans, binary, headers, columns without values, and where it would be infinite.
   */
  readonly min?: number | bigint | string | boolean
  /**
   * At least every value; cut text is rounded up. Missing where `min` is, where no text of 32 code points is high enough, and
   * in a double column that holds NaN, which sorts above every number in most engines.
   */
  readonly max?: number | bigint | string | boolean
}

/** Bounds of one column chunk, or of a whole file, while they are gathered. */
export interface Bounds {
  nullCount: number
  /** Numbers: `min > max` as long as there is none. */
  min: number
  max: number
  /** Integers that may be beyond 2^53 (microseconds, unscaled decimals, 64 bits); null where `min` and `max` are used. */
  low: bigint | null
  high: bigint | null
  /** A NaN was seen; it is in neither bound. */
  nan: boolean
  /** Text, uncut. */
  lowest: ByteRange | null
  highest: ByteRange | null
}

export function emptyBounds(): Bounds {
  return {
    nullCount: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
    low: null,
    high: null,
    nan: false,
    lowest: null,
    highest: null,
  }
}

/** Widens `into` by `other`. */
export function widen(into: Bounds, other: Bounds): void {
  into.nullCount += other.nullCount
  if (other.min < into.min) into.min = other.min
  if (other.max > into.max) into.max = other.max
  into.nan ||= other.nan
  if (other.low !== null && (into.low === null || other.low < into.low)) into.low = other.low
  if (other.high !== null && (into.high === null || other.high > into.high)) into.high = other.high
  if (other.lowest !== null) widenText(into, other.lowest)
  if (other.highest !== null) widenText(into, other.highest)
}

/** Widens the text bounds by one value. */
export function widenText(into: Bounds, value: ByteRange): void {
  if (into.lowest === null || compareRanges(value, into.lowest) < 0) into.lowest = value
  if (into.highest === null || compareRanges(value, into.highest) > 0) into.highest = value
}

/** Copies the text bounds out of the buffers that they lie in. */
export function compactText(bounds: Bounds): void {
  if (bounds.lowest !== null) bounds.lowest = compacted(bounds.lowest)
  if (bounds.highest !== null) bounds.highest = compacted(bounds.highest)
}

function compacted({ bytes, start, end }: ByteRange): ByteRange {
  return { bytes: bytes.slice(start, end), start: 0, end: end - start }
}

/** The statistics of a chunk as the footer holds them. */
export interface ChunkStatistics {
  readonly nullCount: number
  readonly min?: Uint8Array
  readonly max?: Uint8Array
  /** Only for text: whether the bound is a value of the column, or cut. */
  readonly minExact?: boolean
  readonly maxExact?: boolean
}

/** Bounds as PLAIN-encoded bytes; none beside NaN, which is above all numbers for Spark: it would skip the rows with a maximum that is not. */
export function chunkStatistics(leaf: Leaf, bounds: Bounds): ChunkStatistics {
  const { nullCount } = bounds
  if (leaf.kind === 'string') return { nullCount, ...textStatistics(bounds) }
  const { low, high } = bounds
  if (low !== null && high !== null) return { nullCount, min: integerBytes(leaf, low), max: integerBytes(leaf, high) }
  if (leaf.kind === 'binary' || bounds.nan || bounds.min > bounds.max) return { nullCount }
  return { nullCount, min: numberBytes(leaf, bounds.min, true), max: numberBytes(leaf, bounds.max, false) }
}

/** Bounds as a reader of Delta wants them. */
export function leafStatistics(leaf: Leaf, bounds: Bounds): LeafStatistics {
  const { path, kind } = leaf
  const { nullCount } = bounds
  if (leaf.part === 'headerName') return { path: path.slice(0, 1), kind: 'headers', nullCount }
  if (kind === 'string') {
    const { min, max } = textStatistics(bounds)
    return {
      path,
      kind,
      nullCount,
      ...(min === undefined ? {} : { min: decoder.decode(min) }),
      ...(max === undefined ? {} : { max: decoder.decode(max) }),
    }
  }
  if (bounds.low !== null && bounds.high !== null) {
    const [min, max] = [integerBound(leaf, bounds.low, false), integerBound(leaf, bounds.high, true)]
    return { path, kind, nullCount, min, max }
  }
  if (kind === 'binary' || kind === 'boolean' || bounds.min > bounds.max) return { path, kind, nullCount }
  if (kind === 'decimal') {
    const [min, max] = [integerBound(leaf, BigInt(bounds.min), false), integerBound(leaf, BigInt(bounds.max), true)]
    return { path, kind, nullCount, min, max }
  }
  // A timestamp with a fraction of a millisecond, which only tables written by others have, is rounded outwards. `+ 0`: no −0.
  const min = (kind === 'timestamp' ? Math.floor(bounds.min) : bounds.min) + 0
  const max = (kind === 'timestamp' ? Math.ceil(bounds.max) : bounds.max) + 0
  return {
    path,
    kind,
    nullCount,
    ...(Number.isFinite(min) ? { min } : {}),
    ...(Number.isFinite(max) && !bounds.nan ? { max } : {}),
  }
}

/** A bound of 64 bits or more in the terms of `LeafStatistics`; one of a timestamp is rounded outwards to the millisecond. */
function integerBound({ kind, scale }: Leaf, value: bigint, isMax: boolean): number | bigint | string {
  if (kind === 'decimal') return decimalText(value, scale ?? 0)
  if (kind === 'long') return Number.isSafeInteger(Number(value)) ? Number(value) : value
  const rest = ((value % 1000n) + 1000n) % 1000n
  const floor = (value - rest) / 1000n
  return Number(isMax && rest !== 0n ? floor + 1n : floor)
}

function integerBytes({ width }: Leaf, value: bigint): Uint8Array {
  if (width !== undefined) return fixedBytes(value, width)
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigInt64(0, value, true)
  return bytes
}

/** A zero bound is −0 as minimum and +0 as maximum: the column may hold either (parquet.thrift, ColumnOrder). */
function numberBytes({ kind, type }: Leaf, value: number, isMin: boolean): Uint8Array {
  if (kind === 'boolean') return Uint8Array.of(value)
  const bytes = new Uint8Array(type === PhysicalType.int32 || type === PhysicalType.float ? 4 : 8)
  const view = new DataView(bytes.buffer)
  if (kind === 'double' || kind === 'float') {
    const bound = value === 0 ? (isMin ? -0 : 0) : value
    if (kind === 'float') view.setFloat32(0, bound, true)
    else view.setFloat64(0, bound, true)
  } else if (type === PhysicalType.int32) {
    view.setInt32(0, value, true)
  } else if (kind === 'timestamp') {
    splitMicros(value, view)
  } else {
    view.setBigInt64(0, BigInt(value), true)
  }
  return bytes
}

interface TextStatistics {
  readonly min?: Uint8Array
  readonly max?: Uint8Array
  readonly minExact?: boolean
  readonly maxExact?: boolean
}

function textStatistics({ lowest, highest }: Bounds): TextStatistics {
  if (lowest === null || highest === null) return {}
  const lowestEnd = prefixEnd(lowest, STATISTICS_TEXT_MAX)
  const min = { min: lowest.bytes.slice(lowest.start, lowestEnd), minExact: lowestEnd === lowest.end }
  const highestEnd = prefixEnd(highest, STATISTICS_TEXT_MAX)
  if (highestEnd === highest.end)
    return { ...min, max: highest.bytes.slice(highest.start, highest.end), maxExact: true }
  const max = roundedUp(highest.bytes.subarray(highest.start, highestEnd))
  return max === undefined ? min : { ...min, max, maxExact: false }
}

/** Where the first `codePoints` code points end. */
function prefixEnd({ bytes, start, end }: ByteRange, codePoints: number): number {
  let left = codePoints
  for (let i = start; i < end; i++) {
    if ((bytes[i]! & 0xc0) === 0x80) continue
    if (left-- === 0) return i
  }
  return end
}

const decoder = new TextDecoder('utf-8', { ignoreBOM: true })
const encoder = new TextEncoder()

/** The lowest text above everything that starts with `prefix`; undefined when there is none (all U+10FFFF). */
function roundedUp(prefix: Uint8Array): Uint8Array | undefined {
  const codePoints = Array.from(decoder.decode(prefix), (character) => character.codePointAt(0) ?? 0)
  for (let last = codePoints.length - 1; last >= 0; last--) {
    const codePoint = codePoints[last] ?? 0
    if (codePoint === 0x10ffff) continue
    // The surrogates U+D800 … U+DFFF are no code points of text: the one after U+D7FF is U+E000.
    const next = codePoint === 0xd7ff ? 0xe000 : codePoint + 1
    return encoder.encode(String.fromCodePoint(...codePoints.slice(0, last), next))
  }
  return undefined
}
