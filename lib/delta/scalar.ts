import type { EpochMillis } from '#core/time.ts'
import { scaledDecimal } from '#delta/decimal-text.ts'

/**
 * Delta's primitive values as rows hold them: byte, short, integer, float, double and date (days) as numbers; long as a number, or
 * a bigint beyond ±(2^53 − 1); decimals as text with all digits of their scale; timestamps as epoch milliseconds with a fraction for
 * microseconds; binary as Uint8Array.
 */
export type Scalar = string | number | bigint | boolean | Uint8Array

export interface DecimalType {
  readonly precision: number
  readonly scale: number
}

const DECIMAL = /^decimal(?:\(\s*(\d+)\s*(?:,\s*(-?\d+)\s*)?\))?$/
const WHOLE = /^[+-]?\d+$/
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/
const INSTANT = /^([+-]?\d{4,6})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?$/

/** Undefined for any other type. */
export function decimalType(type: string): DecimalType | undefined {
  const match = DECIMAL.exec(type)
  return match === null ? undefined : { precision: Number(match[1] ?? 10), scale: Number(match[2] ?? 0) }
}

/**
 * A value of a primitive type from its text, as partition values have it (PROTOCOL.md, "Partition Value Serialization"); undefined
 * when the text is none of that type.
 */
export function parseScalar(type: string, text: string): Scalar | undefined {
  switch (type) {
    case 'string':
      return text
    case 'binary':
      return new TextEncoder().encode(text)
    case 'boolean':
      return parseBoolean(text)
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return WHOLE.test(text) ? wholeNumber(text) : undefined
    case 'float':
      return parseDouble(text, Math.fround)
    case 'double':
      return parseDouble(text, Number)
    case 'date':
      return parseDate(text)
    case 'timestamp':
    case 'timestamp_ntz':
      return parseInstant(text)
    default: {
      const decimal = decimalType(type)
      return decimal === undefined ? undefined : scaledDecimal(text, decimal.scale)
    }
  }
}

/** `2024-05-01 10:00:00.123456`, with `T` or a blank, with an offset of its own or in UTC; undefined for other text. */
export function parseInstant(text: string): EpochMillis | undefined {
  const match = INSTANT.exec(text)
  if (match === null) return undefined
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '', zone] = match
  const date = new Date(0)
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day))
  // 30 February would become 1 March.
  if (date.getUTCDate() !== Number(day) || date.getUTCMonth() !== Number(month) - 1) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  date.setUTCHours(Number(hour), Number(minute), Number(second))
  const micros = Number(fraction.slice(0, 6).padEnd(6, '0'))
  const millis = date.getTime() - offsetOf(zone)
  return Number.isNaN(millis) ? undefined : withMicros(millis, micros)
}

/** Rounded as the reader of Parquet does it, so that equal instants are equal numbers. */
function withMicros(millis: number, micros: number): EpochMillis {
  const all = millis * 1000 + micros
  if (Number.isSafeInteger(all)) return all / 1000
  const exact = BigInt(millis) * 1000n + BigInt(micros)
  return Number(exact / 1000n) + Number(exact % 1000n) / 1000
}

/** Days since 1970-01-01; a time after the date is passed over. */
function parseDate(text: string): number | undefined {
  const millis = parseInstant(text.trim())
  return millis === undefined ? undefined : Math.floor(millis / 86_400_000)
}

function offsetOf(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z' || zone === 'UTC') return 0
  const sign = zone.startsWith('-') ? -1 : 1
  return sign * (Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))) * 60_000
}

function parseBoolean(text: string): boolean | undefined {
  const lower = text.toLowerCase()
  return lower === 'true' ? true : lower === 'false' ? false : undefined
}

function parseDouble(text: string, convert: (value: number) => number): number | undefined {
  if (NUMBER.test(text)) return convert(Number(text))
  switch (text.toLowerCase()) {
    case 'nan':
      return Number.NaN
    case 'infinity':
    case '+infinity':
    case 'inf':
      return Number.POSITIVE_INFINITY
    case '-infinity':
    case '-inf':
      return Number.NEGATIVE_INFINITY
    default:
      return undefined
  }
}

function wholeNumber(text: string): number | bigint {
  const number = Number(text)
  return Number.isSafeInteger(number) ? number : BigInt(text)
}
