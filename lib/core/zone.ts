import { SluiceError } from '#core/errors.ts'
import { DAY, type EpochMillis, floorTo, type Millis, SECOND } from '#core/time.ts'

/** A length on the calendar. Weeks start on Monday (ISO 8601). */
export type CivilUnit = 'day' | 'week' | 'month' | 'quarter' | 'year'

/** What a wall clock that reads a given local time means: see `Zone.toInstant`. */
export type LocalInstant =
  | { readonly kind: 'one'; readonly instant: EpochMillis }
  | { readonly kind: 'overlap'; readonly earlier: EpochMillis; readonly later: EpochMillis }
  | { readonly kind: 'gap'; readonly before: EpochMillis; readonly after: EpochMillis }

/**
 * An IANA time zone. *Local* times are what a wall clock shows, as the epoch milliseconds that the same digits would be in
 * UTC. Rules come from the platform's Intl; they are asked for once a year of data and then kept (60 µs), after which every
 * question is a look-up.
 */
export interface Zone {
  readonly name: string
  /** Local time minus UTC at an instant. Whole seconds; −5 h in Chicago in winter. */
  offsetAt(instant: EpochMillis): Millis
  /**
   * The instants at which clocks show `local`: one; two when clocks are set back over it; none when they are set forward
   * over it, then the instants on both sides of the change that lie as far from it as `local` does from the gap's ends
   * (`before` by the later offset, `after` by the earlier one).
   */
  toInstant(local: number): LocalInstant
  /** As `toInstant`, without allocation: NaN in a gap, the earlier instant in an overlap. */
  instantOf(local: number): EpochMillis
  /** First instant of the civil day that `instant` lies in. */
  startOfDay(instant: EpochMillis): EpochMillis
  /**
   * Start of the day, week, … that `instant` lies in: start ≤ instant < nextCivil(unit, start). Each starts at the first
   * instant at which clocks show its first midnight, or, when clocks skip that, at the end of the gap.
   */
  startOfCivil(unit: CivilUnit, instant: EpochMillis): EpochMillis
  /** Start of the unit after the one that starts at `start`. A day has 23 to 25 hours where clocks change by one. */
  nextCivil(unit: CivilUnit, start: EpochMillis): EpochMillis
}

const zones = new Map<string, Zone>()

/** The zone of that IANA name (or fixed offset like `+05:30`). @throws SluiceError TIME_ZONE_UNKNOWN */
export function zone(name: string): Zone {
  let found = zones.get(name)
  if (found === undefined) {
    found = new IntlZone(name)
    zones.set(name, found)
  }
  return found
}

/** Days since 1970-01-01 of a date in the proleptic Gregorian calendar. `month` 1 to 12; any day number is accepted. */
export function civilDays(year: number, month: number, day: number): number {
  // years run from March to February here, so that the leap day is the last
  const y = month > 2 ? year : year - 1
  const era = Math.floor(y / 400)
  const yearOfEra = y - era * 400
  const dayOfYear = (((month > 2 ? month - 3 : month + 9) * 153 + 2) / 5) | 0
  const dayOfEra = yearOfEra * 365 + ((yearOfEra / 4) | 0) - ((yearOfEra / 100) | 0) + dayOfYear + day - 1
  return era * 146_097 + dayOfEra - 719_468
}

/** Inverse of `civilDays`. */
export function civilDate(days: number): { readonly year: number; readonly month: number; readonly day: number } {
  const shifted = days + 719_468
  const era = Math.floor(shifted / 146_097)
  const dayOfEra = shifted - era * 146_097
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  )
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100))
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153)
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
  return { year, month, day: dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1 }
}

/** Days in a month of the proleptic Gregorian calendar. */
export function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

/** Instants [from, to) with one offset. */
interface Interval {
  readonly from: EpochMillis
  readonly to: EpochMillis
  readonly offset: Millis
}

/** Offsets are found and kept for so long at a time. */
const BLOCK: Millis = 366 * DAY
/** Distance of the probes that find changes: shorter than any zone ever kept an offset between two equal ones (7 days). */
const PROBE: Millis = 6 * DAY
const BLOCKS_MAX = 2048
/** The ends of what Intl can format. */
const INSTANT_MAX: EpochMillis = 8.64e15
const DAY_SLOTS = 1024

class IntlZone implements Zone {
  readonly name: string
  private readonly format: Intl.DateTimeFormat | null
  private readonly blocks = new Map<number, readonly Interval[]>()
  private last: Interval
  /** For `instantOf`: local days without any change nearby, and their offset; slot = day mod 1024. */
  private readonly days = new Float64Array(DAY_SLOTS).fill(Number.NaN)
  private readonly offsets = new Float64Array(DAY_SLOTS)

  constructor(name: string) {
    this.name = name
    const format = formatOf(name)
    const utc = format.resolvedOptions().timeZone === 'UTC'
    this.format = utc ? null : format
    this.last = utc
      ? { from: Number.NEGATIVE_INFINITY, to: Number.POSITIVE_INFINITY, offset: 0 }
      : { from: 0, to: 0, offset: 0 }
  }

  offsetAt(instant: EpochMillis): Millis {
    return this.intervalAt(instant).offset
  }

  toInstant(local: number): LocalInstant {
    const earlier = local - Math.max(this.offsetAt(local - DAY), this.offsetAt(local + DAY))
    const later = local - Math.min(this.offsetAt(local - DAY), this.offsetAt(local + DAY))
    const isEarlier = earlier + this.offsetAt(earlier) === local
    const isLater = later + this.offsetAt(later) === local
    if (isEarlier && isLater && earlier !== later) return { kind: 'overlap', earlier, later }
    if (isEarlier) return { kind: 'one', instant: earlier }
    if (isLater) return { kind: 'one', instant: later }
    return { kind: 'gap', before: earlier, after: later }
  }

  instantOf(local: number): EpochMillis {
    if (this.format === null) return local
    const day = Math.floor(local / DAY)
    const slot = day & (DAY_SLOTS - 1)
    if (this.days[slot] === day) return local - this.offsets[slot]!
    return this.instantNear(local, day)
  }

  startOfDay(instant: EpochMillis): EpochMillis {
    return this.startOfCivil('day', instant)
  }

  startOfCivil(unit: CivilUnit, instant: EpochMillis): EpochMillis {
    let start = this.firstInstant(floorCivil(unit, instant + this.offsetAt(instant)))
    // clocks that are set back over midnight show the day before for a while: that is part of the new day
    for (;;) {
      const next = this.nextCivil(unit, start)
      if (next > instant) return start
      start = next
    }
  }

  nextCivil(unit: CivilUnit, start: EpochMillis): EpochMillis {
    return this.firstInstant(addCivil(unit, floorCivil(unit, start + this.offsetAt(start))))
  }

  /** The first instant at which clocks show `local`, or the end of the gap that swallows it. */
  private firstInstant(local: number): EpochMillis {
    const found = this.toInstant(local)
    if (found.kind === 'one') return found.instant
    return found.kind === 'overlap' ? found.earlier : this.intervalAt(found.before).to
  }

  private instantNear(local: number, day: number): EpochMillis {
    // no offset is as long as a day: with one offset from the day before to the day after, nothing is ambiguous
    const first = this.intervalAt((day - 1) * DAY)
    const last = this.intervalAt((day + 2) * DAY)
    if (first === last || (first.offset === last.offset && first.to === last.from)) {
      const slot = day & (DAY_SLOTS - 1)
      this.days[slot] = day
      this.offsets[slot] = first.offset
      return local - first.offset
    }
    const before = this.offsetAt(local - DAY)
    const after = this.offsetAt(local + DAY)
    const earlier = local - Math.max(before, after)
    if (earlier + this.offsetAt(earlier) === local) return earlier
    const later = local - Math.min(before, after)
    return later + this.offsetAt(later) === local ? later : Number.NaN
  }

  private intervalAt(instant: EpochMillis): Interval {
    const last = this.last
    if (instant >= last.from && instant < last.to) return last
    const index = Math.floor(instant / BLOCK)
    let block = this.blocks.get(index)
    if (block === undefined) {
      if (this.blocks.size >= BLOCKS_MAX) this.blocks.clear()
      block = this.block(index * BLOCK)
      this.blocks.set(index, block)
    }
    let at = 0
    while (block[at]!.to <= instant) at++
    this.last = block[at]!
    return this.last
  }

  private block(from: EpochMillis): readonly Interval[] {
    const intervals: Interval[] = []
    let start = from
    let offset = this.ask(from)
    for (let probe = from + PROBE; probe <= from + BLOCK; probe += PROBE) {
      const next = this.ask(probe)
      while (offset !== next) {
        const change = this.change(Math.max(start, probe - PROBE), probe, offset)
        // a change exactly at the block's end starts the next block
        if (change >= from + BLOCK) break
        intervals.push({ from: start, to: change, offset })
        start = change
        offset = this.ask(change)
      }
    }
    intervals.push({ from: start, to: from + BLOCK, offset })
    return intervals
  }

  /** The first instant in (from, to] whose offset is another: `from` has `offset`, `to` has not. Changes are on whole seconds. */
  private change(from: EpochMillis, to: EpochMillis, offset: Millis): EpochMillis {
    let same = from / SECOND
    let other = to / SECOND
    while (other - same > 1) {
      const middle = Math.floor((same + other) / 2)
      if (this.ask(middle * SECOND) === offset) same = middle
      else other = middle
    }
    return other * SECOND
  }

  private ask(instant: EpochMillis): Millis {
    const text = this.format!.format(Math.min(Math.max(instant, -INSTANT_MAX), INSTANT_MAX))
    const parts = /GMT(?:([+-])(\d+)(?::(\d+))?(?::(\d+))?)?$/.exec(text)
    if (parts === null) throw new SluiceError('TIME_ZONE_UNKNOWN', `No offset for ${this.name} in "${text}".`)
    const seconds = Number(parts[2] ?? 0) * 3600 + Number(parts[3] ?? 0) * 60 + Number(parts[4] ?? 0)
    return (parts[1] === '-' ? -seconds : seconds) * SECOND + 0
  }
}

function formatOf(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', { timeZone: name, timeZoneName: 'longOffset' })
  } catch (cause) {
    throw new SluiceError(
      'TIME_ZONE_UNKNOWN',
      `Expected an IANA time zone such as 'America/Chicago' or 'UTC', found '${name}'. Check its spelling.`,
      { cause },
    )
  }
}

function floorCivil(unit: CivilUnit, local: number): number {
  if (unit === 'day') return floorTo(local, DAY)
  // 1970-01-01 was a Thursday
  if (unit === 'week') return floorTo(local, 7 * DAY, -3 * DAY)
  const { year, month } = civilDate(Math.floor(local / DAY))
  const first = unit === 'month' ? month : unit === 'quarter' ? month - ((month - 1) % 3) : 1
  return civilDays(year, first, 1) * DAY
}

function addCivil(unit: CivilUnit, local: number): number {
  if (unit === 'day') return local + DAY
  if (unit === 'week') return local + 7 * DAY
  const { year, month } = civilDate(Math.floor(local / DAY))
  const months = unit === 'month' ? 1 : unit === 'quarter' ? 3 : 12
  const index = year * 12 + month - 1 + months
  return civilDays(Math.floor(index / 12), index - Math.floor(index / 12) * 12 + 1, 1) * DAY
}
