import { DAY, type EpochMillis, floorTo, HOUR, MINUTE } from '#core/time.ts'
import { civilDate, zone } from '#core/zone.ts'
import {
  CRIME_TYPES,
  type CrimeType,
  DISTRICTS,
  type District,
  EAST_WEST,
  NORTH_SOUTH,
  PLACES,
  PORTAL_COLUMNS,
} from '#local/simulator-city.ts'
import { Dice, pick, runningSums } from '#local/simulator-dice.ts'
import { Rhythm, STANDARD_OFFSET } from '#local/simulator-rhythm.ts'
import type { CsvCells } from '#schema/csv-scanner.ts'

const TYPE_SUMS = runningSums(CRIME_TYPES.map(({ weight }) => weight))
const DISTRICT_SUMS = runningSums(DISTRICTS.map(({ weight }) => weight))
const THEFTS = CRIME_TYPES.filter(({ primary }) => primary === 'THEFT').length
const chicago = zone('America/Chicago')

const FIRST_ID = 20_000_000
const NO_COORDINATES = 0.005
const NO_DISTRICT = 0.003
const BAD_DATE = 0.000_5
const BAD_DATES = ['13/45/2018 99:00:00 PM', 'UNKNOWN', '2018', '']

/** One evening in so many days, one district has a wave of thefts: every so-many-th report of these hours. */
const BURST_DAYS = 5
const BURST_FROM = 18
const BURST_TO = 23
const BURST_EVERY = 8

/** The longest between a crime and its report: what the disorder of the topic is bounded by. */
const DELAY_MAX = 20 * HOUR

/** Where Madison and State Street cross: house numbers begin there, eight hundred a mile. */
const CENTRE = { latitude: 41.882, longitude: -87.6278 }
const DEGREES_A_HUNDRED = { latitude: 0.001811, longitude: 0.002431 }
/** Feet in the Illinois East state plane, near enough. */
const STATE_PLANE = { x: 1_176_400, y: 1_900_600, feetNorth: 364_450, feetEast: 272_400 }

interface Burst {
  readonly district: District
}

/**
 * Makes the cells of one simulated crime at a time, in the portal's 22 columns. A record follows from the seed and its number
 * alone, so any of them is as near as the next.
 */
export class CrimeCells implements CsvCells {
  readonly buffer = Buffer.alloc(1024)
  readonly starts = new Int32Array(PORTAL_COLUMNS.length)
  readonly ends = new Int32Array(PORTAL_COLUMNS.length)
  readonly marks = new Uint8Array(PORTAL_COLUMNS.length)
  /** Bytes of all cells. */
  length = 0
  /** When the crime happened; NaN for the record whose date can't be read. */
  eventTime: EpochMillis = Number.NaN

  readonly #seed: number
  readonly #start: EpochMillis
  readonly #rhythm: Rhythm
  readonly #dice = new Dice()
  #cell = 0

  constructor(seed: number, start: EpochMillis) {
    this.#seed = seed
    this.#start = floorTo(start, HOUR)
    this.#rhythm = new Rhythm(this.#start)
  }

  /** When record number `sequence` is reported; never goes back. */
  reportTime(sequence: number): EpochMillis {
    this.#dice.reset(this.#seed, sequence)
    return this.#rhythm.timeOf(sequence, this.#dice.next())
  }

  make(sequence: number): void {
    const reported = this.reportTime(sequence)
    const dice = this.#dice
    const burst = sequence % BURST_EVERY === 0 ? this.#burstAt(reported) : undefined
    dice.reset(this.#seed, -1 - sequence)
    const type = CRIME_TYPES[burst === undefined ? pick(dice, TYPE_SUMS) : dice.below(THEFTS)]!
    const district = burst?.district ?? DISTRICTS[pick(dice, DISTRICT_SUMS)]!
    const delay = burst === undefined ? delayOf(dice) : dice.next() * 10 * MINUTE
    const eventTime = Math.max(this.#start, floorTo(reported - delay, MINUTE))
    this.#write(sequence, eventTime, type, district, burst === undefined)
  }

  #write(sequence: number, eventTime: EpochMillis, type: CrimeType, district: District, mayLack: boolean): void {
    const dice = this.#dice
    const located = !dice.chance(NO_COORDINATES)
    const known = !(mayLack && dice.chance(NO_DISTRICT))
    const badDate = mayLack && dice.chance(BAD_DATE)
    // Towards the west more than to the east, where the lake is.
    const latitude = district.latitude + (dice.next() + dice.next() - 1) * 0.014
    const longitude = district.longitude + (dice.next() + dice.next() - 1.2) * 0.014
    const sector = 1 + dice.below(3)
    const date = badDate ? BAD_DATES[dice.below(BAD_DATES.length)]! : wallTime(eventTime)
    this.eventTime = badDate ? Number.NaN : eventTime
    this.#cell = 0
    this.length = 0
    this.#text(String(FIRST_ID + sequence))
    this.#text(`J${letters(sequence)}${String(100_000 + (sequence % 900_000))}`)
    this.#text(date)
    this.#text(block(latitude, longitude, dice))
    this.#text(type.iucr)
    this.#text(type.primary)
    this.#text(type.description)
    this.#text(PLACES[dice.below(PLACES.length)]!)
    this.#text(dice.chance(type.arrest) ? 'true' : 'false')
    this.#text(dice.chance(type.domestic) ? 'true' : 'false')
    this.#text(`${district.code.slice(1)}${sector}${1 + dice.below(4)}`)
    this.#text(known ? district.code : '')
    const number = Number(district.code)
    this.#text(String(1 + ((number * 2 + sector) % 50)))
    this.#text(String(1 + ((number * 3 + sector) % 77)))
    this.#text(type.fbi)
    const { x, y, feetEast, feetNorth } = STATE_PLANE
    this.#text(located ? String(Math.round(x + (longitude - CENTRE.longitude) * feetEast)) : '')
    this.#text(located ? String(Math.round(y + (latitude - CENTRE.latitude) * feetNorth)) : '')
    this.#text(wallTime(eventTime).slice(6, 10))
    this.#text(wallTime(eventTime + 7 * DAY + dice.below(DAY)))
    this.#text(located ? latitude.toFixed(9) : '')
    this.#text(located ? longitude.toFixed(9) : '')
    this.#text(located ? `(${latitude.toFixed(9)}, ${longitude.toFixed(9)})` : '')
  }

  /** The next cell: ASCII without quotes, backslashes or control characters. */
  #text(text: string): void {
    this.starts[this.#cell] = this.length
    this.length += this.buffer.write(text, this.length, 'latin1')
    this.ends[this.#cell++] = this.length
  }

  /** The burst that a report at this time may belong to. */
  #burstAt(reported: EpochMillis): Burst | undefined {
    const local = reported + STANDARD_OFFSET
    const hour = Math.floor((local - floorTo(local, DAY)) / HOUR)
    if (hour < BURST_FROM || hour >= BURST_TO) return undefined
    const day = Math.floor(local / DAY)
    const block = Math.floor(day / BURST_DAYS)
    this.#dice.reset(this.#seed ^ 0x5bd1e995, block)
    if (day - block * BURST_DAYS !== this.#dice.below(BURST_DAYS)) return undefined
    return { district: DISTRICTS[this.#dice.below(DISTRICTS.length)]! }
  }
}

/** Most are reported within the hour, some after hours, a few the next day. */
function delayOf(dice: Dice): number {
  const kind = dice.next()
  const longest = kind < 0.75 ? 45 * MINUTE : kind < 0.95 ? 5 * HOUR : DELAY_MAX
  return dice.next() * longest
}

/** Two letters of a case number, which carry on where its digits start over. */
function letters(sequence: number): string {
  return String.fromCharCode(65 + (Math.floor(sequence / 900_000) % 26))
}

const two = (value: number): string => (value < 10 ? `0${value}` : String(value))

/** What clocks in Chicago show: `06/01/2018 03:00:00 PM`. */
function wallTime(instant: EpochMillis): string {
  const local = instant + chicago.offsetAt(instant)
  const days = Math.floor(local / DAY)
  const { year, month, day } = civilDate(days)
  const seconds = Math.floor((local - days * DAY) / 1000)
  const hour = Math.floor(seconds / 3600)
  const time = `${two(hour % 12 === 0 ? 12 : hour % 12)}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`
  return `${two(month)}/${two(day)}/${year} ${time} ${hour < 12 ? 'AM' : 'PM'}`
}

/** `058XX N CLARK ST`: the hundred of the house number, by how far the place is from the centre. */
function block(latitude: number, longitude: number, dice: Dice): string {
  const north = latitude - CENTRE.latitude
  const east = longitude - CENTRE.longitude
  if (dice.chance(0.5)) {
    const hundred = Math.round(Math.abs(north) / DEGREES_A_HUNDRED.latitude)
    return `${String(hundred).padStart(3, '0')}XX ${north > 0 ? 'N' : 'S'} ${NORTH_SOUTH[dice.below(NORTH_SOUTH.length)]}`
  }
  const hundred = Math.round(Math.abs(east) / DEGREES_A_HUNDRED.longitude)
  return `${String(hundred).padStart(3, '0')}XX ${east > 0 ? 'E' : 'W'} ${EAST_WEST[dice.below(EAST_WEST.length)]}`
}
