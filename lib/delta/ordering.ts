import { compareText } from '#core/text-order.ts'
import { parseDecimal } from '#delta/decimal-text.ts'
import { decimalType, parseInstant, parseScalar, type Scalar } from '#delta/scalar.ts'

/** What values of one type are compared by. Numbers and bigints compare with each other. */
export type SortKey = number | bigint | string | Uint8Array

/** Bounds of a file's values, which may be wider than need be; undefined where there is none. */
export interface KeyRange {
  readonly low: SortKey | undefined
  readonly high: SortKey | undefined
}

/** How the values of one primitive type are ordered, and how their bounds are read off the log. */
export interface Ordering {
  /** Of a value that is not null, as rows hold it. */
  key(value: unknown): SortKey
  compare(a: SortKey, b: SortKey): number
  /** Bounds from `minValues` and `maxValues`: at or below every value, at or above every value. */
  range(min: unknown, max: unknown): KeyRange
  /** Whether a value may be in no order at all: NaN. */
  readonly partial: boolean
}

/** Text of statistics is cut to so many characters by the usual writers, and some forget to mark a cut maximum. */
const TEXT_CUT = 32

/**
 * The order of a primitive type; undefined for types without one (structs, arrays, maps, intervals). `scale` is for decimals: that of
 * the values or of what they are compared with, whichever is larger.
 */
export function orderingOf(type: string, scale: number): Ordering | undefined {
  switch (type) {
    case 'string':
      return TEXT
    case 'binary':
      return BINARY
    case 'boolean':
      return BOOLEAN
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return WHOLE
    case 'float':
      return FLOAT
    case 'double':
      return DOUBLE
    case 'date':
      return DATE
    case 'timestamp':
    case 'timestamp_ntz':
      return INSTANT
    default:
      return decimalType(type) === undefined ? undefined : decimalOrdering(scale)
  }
}

/** The sort key of what a predicate compares with; undefined when it is no value of the type. */
export function literalKey(type: string, ordering: Ordering, value: Scalar | Date): SortKey | undefined {
  if (value instanceof Date) return isInstant(type) && !Number.isNaN(value.getTime()) ? value.getTime() : undefined
  if (type === 'string') return typeof value === 'string' ? value : undefined
  if (type === 'binary') return value instanceof Uint8Array ? value : undefined
  if (type === 'boolean') return typeof value === 'boolean' ? Number(value) : undefined
  if (typeof value === 'boolean' || value instanceof Uint8Array) return undefined
  if (decimalType(type) !== undefined) {
    return parseDecimal(String(value)) === undefined ? undefined : ordering.key(String(value))
  }
  if (typeof value === 'string') {
    const parsed = parseScalar(type === 'float' ? 'double' : type, value)
    if (parsed === undefined) return undefined
    return type === 'float' ? Math.fround(parsed as number) : ordering.key(parsed)
  }
  if (type === 'float') return Math.fround(Number(value))
  if (type === 'double') return Number(value)
  return value
}

function isInstant(type: string): boolean {
  return type === 'timestamp' || type === 'timestamp_ntz'
}

function compareNumbers(a: SortKey, b: SortKey): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function compareBytes(a: SortKey, b: SortKey): number {
  const left = a as Uint8Array
  const right = b as Uint8Array
  const length = Math.min(left.length, right.length)
  for (let i = 0; i < length; i++) if (left[i] !== right[i]) return left[i]! - right[i]!
  return left.length - right.length
}

const asIs = (value: unknown): SortKey => value as SortKey
const UNKNOWN: KeyRange = { low: undefined, high: undefined }

const TEXT: Ordering = {
  key: asIs,
  compare: (a, b) => compareText(a as string, b as string),
  range: (min, max) => ({
    low: typeof min === 'string' ? min : undefined,
    high: typeof max === 'string' ? textAbove(max) : undefined,
  }),
  partial: false,
}

/** A maximum that may have been cut without a mark stands for all text that begins like it. */
function textAbove(max: string): string {
  return max.length < TEXT_CUT ? max : `${max}\u{10ffff}\u{10ffff}`
}

const BINARY: Ordering = { key: asIs, compare: compareBytes, range: () => UNKNOWN, partial: false }

const BOOLEAN: Ordering = {
  key: (value) => (value === true ? 1 : 0),
  compare: compareNumbers,
  range: (min, max) => ({
    low: typeof min === 'boolean' ? Number(min) : undefined,
    high: typeof max === 'boolean' ? Number(max) : undefined,
  }),
  partial: false,
}

/** Beyond 2^53 JSON's numbers were rounded, by at most 512. */
const WHOLE: Ordering = {
  key: asIs,
  compare: compareNumbers,
  range: (min, max) => ({ low: wholeBound(min, -1024), high: wholeBound(max, 1024) }),
  partial: false,
}

function wholeBound(value: unknown, slack: number): number | undefined {
  if (typeof value !== 'number' || Number.isNaN(value)) return undefined
  return Number.isSafeInteger(value) ? value : value + slack * 2
}

const DOUBLE: Ordering = {
  key: asIs,
  compare: compareNumbers,
  range: (min, max) => ({ low: doubleBound(min), high: doubleBound(max) }),
  partial: true,
}

const FLOAT: Ordering = {
  key: asIs,
  compare: compareNumbers,
  range: (min, max) => ({ low: floatBound(min), high: floatBound(max) }),
  partial: true,
}

/** Infinities are text in JSON; a bound that is NaN bounds nothing. */
function doubleBound(value: unknown): number | undefined {
  const number = typeof value === 'string' ? parseScalar('double', value) : value
  return typeof number === 'number' && !Number.isNaN(number) ? number : undefined
}

/** The float that the shortened digits of the statistics stand for. */
function floatBound(value: unknown): number | undefined {
  const double = doubleBound(value)
  return double === undefined ? undefined : Math.fround(double)
}

const DATE: Ordering = {
  key: asIs,
  compare: compareNumbers,
  range: (min, max) => ({ low: dayOf(min), high: dayOf(max) }),
  partial: false,
}

function dayOf(value: unknown): number | undefined {
  const day = typeof value === 'string' ? parseScalar('date', value) : undefined
  return typeof day === 'number' ? day : undefined
}

/** Statistics hold timestamps cut to the millisecond: the values reach almost one further, before 1970 also downwards. */
const INSTANT: Ordering = {
  key: asIs,
  compare: compareNumbers,
  range: (min, max) => {
    const low = typeof min === 'string' ? parseInstant(min) : undefined
    const high = typeof max === 'string' ? parseInstant(max) : undefined
    return {
      low: low === undefined ? undefined : low < 0 ? low - 1 : low,
      high: high === undefined ? undefined : high + 1,
    }
  },
  partial: false,
}

function decimalOrdering(scale: number): Ordering {
  return {
    key: (value) => unscaledAt(String(value), scale) ?? 0n,
    compare: compareNumbers,
    range: (min, max) => ({ low: decimalBound(min, scale, -1n), high: decimalBound(max, scale, 1n) }),
    partial: false,
  }
}

function unscaledAt(text: string, scale: number): bigint | undefined {
  const decimal = parseDecimal(text)
  if (decimal === undefined) return undefined
  const digits = scale - decimal.scale
  return digits >= 0 ? decimal.unscaled * 10n ** BigInt(digits) : decimal.unscaled / 10n ** BigInt(-digits)
}

/** A decimal in JSON was read as a double, which has 15 digits: one unit of the last place is let go on either side. */
function decimalBound(value: unknown, scale: number, direction: bigint): bigint | undefined {
  const exact = typeof value === 'string'
  if (!exact && !(typeof value === 'number' && Number.isFinite(value))) return undefined
  const unscaled = unscaledAt(String(value), scale)
  if (unscaled === undefined || exact) return unscaled
  const magnitude = unscaled < 0n ? -unscaled : unscaled
  return unscaled + direction * (magnitude / 1_000_000_000_000_000n + (magnitude === 0n ? 0n : 1n))
}
