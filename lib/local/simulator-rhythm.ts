import { DAY, type EpochMillis, floorTo, HOUR } from '#core/time.ts'

/** Records a week: 30 an hour. */
const WEEK_RECORDS = 7 * 24 * 30
const WEEK_HOURS = 7 * 24
/** Rhythm goes by Chicago's standard time all year: an hour off in summer, which nobody sees. */
export const STANDARD_OFFSET = -6 * HOUR

/** How busy the hours of a day are, from midnight: quiet before dawn, a peak at noon, the evening busy until late. */
const HOURS = [30, 22, 18, 14, 10, 9, 11, 16, 24, 29, 30, 31, 38, 33, 34, 37, 38, 39, 42, 42, 41, 40, 39, 34]
/** From Monday. */
const DAYS = [0.99, 0.98, 0.98, 0.98, 1.05, 1.03, 0.99]

/** Records of a week before each of its hours; the last entry is the whole week. */
const BEFORE = weekTable()

function weekTable(): Int32Array {
  const weights = DAYS.flatMap((day) => HOURS.map((hour) => day * hour))
  const total = weights.reduce((sum, weight) => sum + weight, 0)
  const table = new Int32Array(WEEK_HOURS + 1)
  let sum = 0
  for (const [hour, weight] of weights.entries()) {
    sum += weight
    table[hour + 1] = Math.round((WEEK_RECORDS * sum) / total)
  }
  return table
}

/** When the records of a simulation are reported: sequence numbers ↔ time, by a weekly table. Nothing is replayed. */
export class Rhythm {
  /** Monday, midnight, of the week of the start. */
  readonly #week: EpochMillis
  /** Records of that week before the start. */
  readonly #skipped: number

  /** Record 0 is reported in the hour of `start`. */
  constructor(start: EpochMillis) {
    // 1970-01-05 was a Monday.
    this.#week = floorTo(start, 7 * DAY, 4 * DAY - STANDARD_OFFSET)
    this.#skipped = BEFORE[Math.floor((start - this.#week) / HOUR)]!
  }

  /** Report time of a record: `within` in [0, 1) places it inside its share of the hour, so that time never goes back. */
  timeOf(sequence: number, within: number): EpochMillis {
    const number = sequence + this.#skipped
    const week = Math.floor(number / WEEK_RECORDS)
    const inWeek = number - week * WEEK_RECORDS
    let low = 0
    let high = WEEK_HOURS
    while (high - low > 1) {
      const middle = (low + high) >> 1
      if (BEFORE[middle]! <= inWeek) low = middle
      else high = middle
    }
    const share = HOUR / (BEFORE[low + 1]! - BEFORE[low]!)
    return Math.floor(this.#week + week * 7 * DAY + low * HOUR + (inWeek - BEFORE[low]! + within) * share)
  }
}
