import { DAY, type EpochMillis, HOUR, MINUTE } from '#core/time.ts'
import { crimeSimulator } from '#local/simulator.ts'
import crimes from '../../pipelines/crimes.ts'
import type { TableRow } from './table-rows.ts'

export { crimes }

/** A crime record as it is produced; some have no district, or a date that nobody can read. */
export interface CrimeRecord {
  readonly [column: string]: unknown
  readonly id: number
  readonly date: string
  readonly district: string
  readonly primary_type: string
  readonly domestic: boolean
  readonly latitude: number | null
  readonly longitude: number | null
}

/** Summer time in Chicago, all of it in UTC − 5. */
export const JUNE: EpochMillis = Date.UTC(2018, 5, 1, 5)
export const JULY: EpochMillis = Date.UTC(2018, 6, 1, 5)

/** The first `count` crimes of the simulator with this seed. */
export function simulatedCrimes(seed: number, count: number, start: EpochMillis = JUNE): readonly CrimeRecord[] {
  const simulator = crimeSimulator({ seed, start })
  return Array.from({ length: count }, (_, number) => JSON.parse(simulator.json(number)) as CrimeRecord)
}

/** Event time of a record of that summer; NaN where the date can't be read. */
export function crimeTime({ date }: CrimeRecord): EpochMillis {
  const [, month, day, year, hour, minute, second, half] =
    /^(\d\d)\/(\d\d)\/(\d{4}) (\d\d):(\d\d):(\d\d) (AM|PM)$/.exec(date) ?? []
  if (Number(month) > 12) return Number.NaN
  const hours = (Number(hour) % 12) + (half === 'PM' ? 12 : 0) + 5
  return Date.UTC(Number(year), Number(month) - 1, Number(day), hours, Number(minute), Number(second))
}

/** What must be in the tables, computed record by record and window by window. */
export function crimesAnswer(records: readonly CrimeRecord[]) {
  const near = ({ latitude }: CrimeRecord) => latitude === null || (latitude > 41 && latitude < 43)
  const good = records.filter((record) => !Number.isNaN(crimeTime(record)) && record.district !== '' && near(record))
  const days = new Map<string, { total_crimes: number; domestic_crimes: number }>()
  const fiveHours = new Map<string, number>()
  for (const { district, primary_type, domestic, date } of good.map((one) => ({ ...one, date: crimeTime(one) }))) {
    const midnight = Math.floor((date - 5 * HOUR) / DAY) * DAY + 5 * HOUR
    const day = days.get(`${midnight} ${district}`) ?? { total_crimes: 0, domestic_crimes: 0 }
    days.set(`${midnight} ${district}`, day)
    day.total_crimes++
    if (domestic) day.domestic_crimes++
    for (let start = Math.floor(date / (30 * MINUTE)) * 30 * MINUTE; start > date - 5 * HOUR; start -= 30 * MINUTE) {
      const key = JSON.stringify([start, primary_type, district])
      fiveHours.set(key, (fiveHours.get(key) ?? 0) + 1)
    }
  }
  const perDay = [...days].map(([key, counts]): TableRow => {
    const [start, district] = key.split(' ')
    return { window_start: Number(start), window_end: Number(start) + DAY, district, ...counts }
  })
  const anomalies = [...fiveHours].flatMap(([key, total_crimes]): TableRow[] => {
    const [start, primary_type, district] = JSON.parse(key)
    const row = { window_start: start, window_end: start + 5 * HOUR, primary_type, district, total_crimes }
    return total_crimes > 14 ? [row] : []
  })
  const place = ({ latitude, longitude }: CrimeRecord) => (latitude === null ? null : { latitude, longitude })
  return {
    tables: {
      'bronze.crimes': records.map((record) => ({ value: JSON.stringify(record) })),
      'silver.crimes': good.map((record) => ({ id: record.id, date: crimeTime(record), geo: place(record) })),
      'gold.crime_per_district_day': perDay,
      'gold.crimes_anomaly': anomalies,
      'sql crime_per_district_day': perDay,
      'sql crimes_anomaly': anomalies,
      'quarantine.crimes': records
        .filter((record) => !good.includes(record))
        .map((record) => ({ value: JSON.stringify(record) })),
    },
    late: 0,
    quarantined: records.length - good.length,
  }
}
