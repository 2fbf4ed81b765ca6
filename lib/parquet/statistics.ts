import type { ColumnKind } from '#schema/column.ts'
import { type ByteRange, compareRanges } from './byte-order.ts'
import { splitMicros } from './int64.ts'
import type { Leaf } from './leaves.ts'

/** Longest text in statistics, in code points. Delta truncates at the same length. */
export const STATISTICS_TEXT_MAX = 32

/**
 * What is known of one physical column of a file, in terms of Delta's `add.stats`. A column of headers is one entry without
 * bounds, whose nulls are its null rows.
 */
export interface LeafStatistics {
  /** `['district']`, `['location', 'latitude']`, `['headers']`. */
  readonly path: readonly string[]
  /** What the values are; the parts of a point are `double`. */
  readonly kind: ColumnKind
  readonly nullCount: number
  /**
   * At most every value: a number (timestamps in epoch milliseconds, dates in days) or text, cut to its first 32 code
   * points. Missing for booleans, binary, headers, columns without values, and where it would be infinite.
   */
  readonly min?: number | string | boolean
  /**
   * At least every value; cut text is rounded up. Missing where `min` is, where no text of 32 code points is high enough, and
   * in a double column that holds NaN, which sorts above every number in most engines.
   */
  readonly max?: number | string | boolean
}

/** Bounds of one column chunk, or of a whole file, while they are gathered. */
export interface Bounds {
  nullCount: number
  /** Numbers: `min > max` as long as there is none. */
  min: number
  max: number
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
  if (other.lowest !== null) widenText(into, other.lowest)
  if (other.highest !== null) widenText(into, other.highest)
}

/** Widens the text bounds by one value. */
export function widenText(into: Bounds, value: ByteRange): void {
  if (into.lowest === null || compareRanges(value, into.lowest) < 0) into.lowest = value
  if (into.highest === null || compareRanges(value, into.highest) > 0) into.highest = value
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

/** Bounds as PLAIN-encoded bytes. */
export function chunkStatistics(leaf: Leaf, bounds: Bounds): ChunkStatistics {
  const { nullCount } = bounds
  if (leaf.kind === 'string') return { nullCount, ...textStatistics(bounds) }
  if (leaf.kind === 'binary' || bounds.min > bounds.max) return { nullCount }
  return { nullCount, min: numberBytes(leaf.kind, bounds.min, true), max: numberBytes(leaf.kind, bounds.max, false) }
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
  if (kind === 'binary' || kind === 'boolean' || bounds.min > bounds.max) return { path, kind, nullCount }
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

/** A zero bound is −0 as minimum and +0 as maximum: the column may hold either (parquet.thrift, ColumnOrder). */
function numberBytes(kind: ColumnKind, value: number, isMin: boolean): Uint8Array {
  if (kind === 'boolean') return Uint8Array.of(value)
  const bytes = new Uint8Array(kind === 'int' || kind === 'date' ? 4 : 8)
  const view = new DataView(bytes.buffer)
  if (kind === 'double') {
    view.setFloat64(0, value === 0 ? (isMin ? -0 : 0) : value, true)
  } else if (kind === 'int' || kind === 'date') {
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
