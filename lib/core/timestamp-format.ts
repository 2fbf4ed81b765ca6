import { SluiceError } from '#core/errors.ts'
import { DAY, type EpochMillis, HOUR, MINUTE, SECOND } from '#core/time.ts'
import { civilDays, daysInMonth, type Zone, zone } from '#core/zone.ts'

/** Why a text is no timestamp: not in the format; a day such as February 30; a time that clocks skipped (DST). */
export type TimestampFailure = 'not a date' | 'no such date' | 'no such local time'

/** Reads timestamps of one format. Not re-entrant; allocates nothing. */
export interface TimestampParser {
  /**
   * The instant that text bytes[start, end) names, or NaN. The whole range must match. What is finer than a millisecond is
   * cut. A local time that occurs twice (clocks set back) is the earlier one.
   */
  parse(bytes: Uint8Array, start: number, end: number): EpochMillis
  /** Why the last `parse` that gave NaN did so. */
  lastFailure(): TimestampFailure
}

/**
 * Compiles a format.
 *
 * `iso` is ISO 8601: `2018-06-01`, `2018-06-01T10:30`, `2018-06-01 10:30:00.123456Z`, `…+02:00`; a fraction may have any
 * number of digits. Anything else is a pattern of letters with Java's meaning: `yyyy`, `MM`/`M`, `dd`/`d`, `HH`/`H` (0–23) or
 * `hh`/`h` (1–12) with `a` (AM or PM, any case), `mm`/`m`, `ss`/`s`, `S` to `SSSSSSSSS` (so many digits of a fraction); two
 * letters are two digits, one letter is one or two. Text between `'` and everything but letters stands for itself. Year,
 * month and day are required.
 *
 * @param zoneName IANA zone of text that has no offset of its own
 * @throws SluiceError TIMESTAMP_FORMAT_INVALID, TIME_ZONE_UNKNOWN
 */
export function timestampParser(pattern: string, zoneName: string): TimestampParser {
  return pattern === 'iso' ? new IsoParser(zone(zoneName)) : new PatternParser(compile(pattern), zone(zoneName))
}

/** Days since 1970-01-01 of an ISO date `2018-06-01` at bytes[start, end), or NaN; then `isoDateFailure` says why. */
export function isoDate(bytes: Uint8Array, start: number, end: number): number {
  if (end - start !== 10 || bytes[start + 4] !== DASH || bytes[start + 7] !== DASH) return Number.NaN
  const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2)
  const month = twoDigits(bytes, start + 5)
  const day = twoDigits(bytes, start + 8)
  return year >= 0 && isDate(year, month, day) ? civilDays(year, month, day) : Number.NaN
}

/** Why `isoDate` gave NaN for this text. */
export function isoDateFailure(bytes: Uint8Array, start: number, end: number): TimestampFailure {
  if (end - start !== 10) return 'not a date'
  for (let at = 0; at < 10; at++) {
    const byte = bytes[start + at]!
    if (at === 4 || at === 7 ? byte !== DASH : byte < ZERO || byte > ZERO + 9) return 'not a date'
  }
  return 'no such date'
}

const ZERO = 0x30
const DASH = 0x2d
const COLON = 0x3a
const SPACE = 0x20

/** The number of the two digits at `at`; so far below zero for anything else that sums with it stay below zero. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = bytes[at]! - ZERO
  const ones = bytes[at + 1]! - ZERO
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : -1_000_000
}

const isDate = (year: number, month: number, day: number): boolean =>
  month >= 1 && month <= 12 && day >= 1 && (day <= 28 || day <= daysInMonth(year, month))

class IsoParser implements TimestampParser {
  private readonly zone: Zone
  private failure: TimestampFailure = 'not a date'
  private position = 0

  constructor(zone: Zone) {
    this.zone = zone
  }

  lastFailure(): TimestampFailure {
    return this.failure
  }

  parse(bytes: Uint8Array, start: number, end: number): EpochMillis {
    this.failure = 'not a date'
    if (end - start < 10 || bytes[start + 4] !== DASH || bytes[start + 7] !== DASH) return Number.NaN
    const year = twoDigits(bytes, start) * 100 + twoDigits(bytes, start + 2)
    const month = twoDigits(bytes, start + 5)
    const day = twoDigits(bytes, start + 8)
    if (year < 0 || month < 0 || day < 0) return Number.NaN
    let local = 0
    let at = start + 10
    let offset = Number.NaN
    if (at < end) {
      const separator = bytes[at]!
      if (separator !== 0x54 && separator !== SPACE && separator !== 0x74) return Number.NaN
      local = this.timeOfDay(bytes, at + 1, end)
      if (local < 0) return Number.NaN
      at = this.position
      if (at < end) {
        offset = offsetOf(bytes, at, end)
        if (Number.isNaN(offset)) return Number.NaN
      }
    }
    if (!isDate(year, month, day)) {
      this.failure = 'no such date'
      return Number.NaN
    }
    local += civilDays(year, month, day) * DAY
    if (!Number.isNaN(offset)) return local - offset
    const instant = this.zone.instantOf(local)
    if (Number.isNaN(instant)) this.failure = 'no such local time'
    return instant
  }

  /** Milliseconds of `hh:mm[:ss[.f…]]` at `at`, or below zero; `position` is where it ends. */
  private timeOfDay(bytes: Uint8Array, at: number, end: number): number {
    if (end - at < 5 || bytes[at + 2] !== COLON) return -1
    const hour = twoDigits(bytes, at)
    const minute = twoDigits(bytes, at + 3)
    if (hour < 0 || hour > 23 || minute < 0 || minute > 59) return -1
    let millis = hour * HOUR + minute * MINUTE
    let next = at + 5
    if (next < end && bytes[next] === COLON) {
      const second = end - next >= 3 ? twoDigits(bytes, next + 1) : -1
      if (second < 0 || second > 59) return -1
      millis += second * SECOND
      next += 3
      if (next < end && (bytes[next] === 0x2e || bytes[next] === 0x2c)) {
        const first = ++next
        for (let scale = 100; next < end; next++) {
          const digit = bytes[next]! - ZERO
          if (digit < 0 || digit > 9) break
          millis += digit * scale
          scale = scale === 100 ? 10 : scale === 10 ? 1 : 0
        }
        if (next === first) return -1
      }
    }
    this.position = next
    return millis
  }
}

/** Milliseconds of `Z`, `±hh`, `±hhmm` or `±hh:mm`, which must reach to `end`; NaN for anything else. */
function offsetOf(bytes: Uint8Array, at: number, end: number): number {
  const sign = bytes[at]!
  const length = end - at
  if (sign === 0x5a || sign === 0x7a) return length === 1 ? 0 : Number.NaN
  if ((sign !== 0x2b && sign !== DASH) || (length !== 3 && length !== 5 && length !== 6)) return Number.NaN
  if (length === 6 && bytes[at + 3] !== COLON) return Number.NaN
  const hours = twoDigits(bytes, at + 1)
  const minutes = length === 3 ? 0 : twoDigits(bytes, end - 2)
  if (hours < 0 || hours > 18 || minutes < 0 || minutes > 59) return Number.NaN
  const offset = hours * HOUR + minutes * MINUTE
  return sign === DASH ? -offset : offset
}

/** The parts of a timestamp: what a number in the text is. Also the place of its value in `PatternParser.parts`. */
const YEAR = 0
const MONTH = 1
const DAY_OF_MONTH = 2
const HOUR_OF_DAY = 3
const HOUR_OF_HALF = 4
const MINUTE_OF_HOUR = 5
const SECOND_OF_MINUTE = 6
const FRACTION = 7
const HALF_OF_DAY = 8
const LITERAL = 9

/** One step of a pattern: a number of `min` to `max` digits, AM/PM, or (LITERAL) the byte `min`. */
interface Part {
  readonly part: number
  readonly min: number
  readonly max: number
}

class PatternParser implements TimestampParser {
  private readonly steps: readonly Part[]
  private readonly zone: Zone
  private readonly parts = new Int32Array(9)
  private failure: TimestampFailure = 'not a date'

  constructor(steps: readonly Part[], zone: Zone) {
    this.steps = steps
    this.zone = zone
  }

  lastFailure(): TimestampFailure {
    return this.failure
  }

  parse(bytes: Uint8Array, start: number, end: number): EpochMillis {
    this.failure = 'not a date'
    const parts = this.parts
    parts.fill(0)
    parts[HOUR_OF_HALF] = 12
    if (!this.read(bytes, start, end)) return Number.NaN
    const half = parts[HOUR_OF_HALF]!
    const hour = parts[HOUR_OF_DAY]! + (half % 12) + parts[HALF_OF_DAY]! * 12
    if (half < 1 || half > 12 || hour > 23 || parts[MINUTE_OF_HOUR]! > 59 || parts[SECOND_OF_MINUTE]! > 59) {
      return Number.NaN
    }
    if (!isDate(parts[YEAR]!, parts[MONTH]!, parts[DAY_OF_MONTH]!)) {
      this.failure = 'no such date'
      return Number.NaN
    }
    const days = civilDays(parts[YEAR]!, parts[MONTH]!, parts[DAY_OF_MONTH]!)
    const time = (hour * 60 + parts[MINUTE_OF_HOUR]!) * MINUTE + parts[SECOND_OF_MINUTE]! * SECOND + parts[FRACTION]!
    const instant = this.zone.instantOf(days * DAY + time)
    if (Number.isNaN(instant)) this.failure = 'no such local time'
    return instant
  }

  private read(bytes: Uint8Array, start: number, end: number): boolean {
    const steps = this.steps
    let at = start
    for (let index = 0; index < steps.length; index++) {
      const { part, min, max } = steps[index]!
      if (part === LITERAL) {
        if (at >= end || bytes[at] !== min) return false
        at++
      } else if (part === HALF_OF_DAY) {
        const letter = bytes[at]! | 0x20
        if (end - at < 2 || (letter !== 0x61 && letter !== 0x70) || (bytes[at + 1]! | 0x20) !== 0x6d) return false
        this.parts[HALF_OF_DAY] = letter === 0x70 ? 1 : 0
        at += 2
      } else {
        const first = at
        const last = Math.min(at + max, end)
        let value = 0
        for (; at < last; at++) {
          const digit = bytes[at]! - ZERO
          if (digit < 0 || digit > 9) break
          // of a fraction only the first three digits count
          if (part !== FRACTION || at - first < 3) value = value * 10 + digit
        }
        if (at - first < min) return false
        this.parts[part] = part === FRACTION ? value * (max === 1 ? 100 : max === 2 ? 10 : 1) : value
      }
    }
    return at === end
  }
}

interface Letter {
  readonly part: number
  /** How often the letter may stand in a row. */
  readonly counts: readonly number[]
}

const LETTERS: ReadonlyMap<string, Letter> = new Map([
  ['y', { part: YEAR, counts: [4] }],
  ['M', { part: MONTH, counts: [1, 2] }],
  ['d', { part: DAY_OF_MONTH, counts: [1, 2] }],
  ['H', { part: HOUR_OF_DAY, counts: [1, 2] }],
  ['h', { part: HOUR_OF_HALF, counts: [1, 2] }],
  ['m', { part: MINUTE_OF_HOUR, counts: [1, 2] }],
  ['s', { part: SECOND_OF_MINUTE, counts: [1, 2] }],
  ['S', { part: FRACTION, counts: [1, 2, 3, 4, 5, 6, 7, 8, 9] }],
  ['a', { part: HALF_OF_DAY, counts: [1] }],
])

function compile(pattern: string): readonly Part[] {
  const steps: Part[] = []
  const found = new Set<number>()
  for (const [token] of pattern.matchAll(/'(?:[^']|'')*'|'|([A-Za-z])\1*|[^A-Za-z']+/g)) {
    if (/^[A-Za-z]/.test(token)) {
      const step = partOf(pattern, token)
      if (found.has(step.part)) throw invalid(pattern, `'${token[0]}' stands in it twice`)
      found.add(step.part)
      steps.push(step)
    } else {
      if (token === "'") throw invalid(pattern, 'a quote is not closed')
      const text = token === "''" ? "'" : token.startsWith("'") ? token.slice(1, -1).replaceAll("''", "'") : token
      for (const byte of new TextEncoder().encode(text)) steps.push({ part: LITERAL, min: byte, max: byte })
    }
  }
  if (!found.has(YEAR) || !found.has(MONTH) || !found.has(DAY_OF_MONTH)) {
    throw invalid(pattern, 'year, month or day is missing')
  }
  if (found.has(HOUR_OF_HALF) !== found.has(HALF_OF_DAY)) {
    throw invalid(pattern, "'hh' (1 to 12) and 'a' (AM or PM) need each other")
  }
  if (found.has(HOUR_OF_HALF) && found.has(HOUR_OF_DAY)) throw invalid(pattern, "it has both 'hh' and 'HH'")
  return steps
}

function partOf(pattern: string, letters: string): Part {
  const letter = LETTERS.get(letters[0]!)
  if (letter?.counts.includes(letters.length) !== true) throw invalid(pattern, `'${letters}' is not known`)
  if (letter.part === YEAR || letter.part === FRACTION) {
    return { part: letter.part, min: letters.length, max: letters.length }
  }
  return { part: letter.part, min: letters.length, max: 2 }
}

function invalid(pattern: string, fault: string): SluiceError {
  return new SluiceError(
    'TIMESTAMP_FORMAT_INVALID',
    `Expected 'iso' or a timestamp pattern such as 'MM/dd/yyyy hh:mm:ss a', found '${pattern}': ${fault}. ` +
      "Use yyyy MM dd, HH or hh with a, mm, ss, S; put other letters between quotes, like 'T'.",
  )
}
