import { describe, expect, test } from 'vitest'
import { DAY, HOUR } from '#core/time.ts'
import { timestampParser } from '#core/timestamp-format.ts'
import {
  CRIME_FIELDS,
  crimeSimulator,
  feedSimulator,
  type SimulatorProgress,
  writeCrimesCsv,
} from '#local/simulator.ts'
import { readCsv } from '../../support/csv-records.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { type Crash, MemoryTopic } from '../../support/memory-topic.ts'

const start = Date.UTC(2018, 5, 1, 5)
const simulator = (seed = 1) => crimeSimulator({ seed, start })
const dates = timestampParser('MM/dd/yyyy hh:mm:ss a', 'America/Chicago')

interface Crime {
  readonly id: number
  readonly date: string
  readonly primary_type: string
  readonly district: string
  readonly beat: string
  readonly domestic: boolean
  readonly latitude: number | null
  readonly longitude: number | null
  readonly location: string | null
}

const crimes = (count: number, seed = 1): readonly Crime[] => {
  const made = simulator(seed)
  return Array.from({ length: count }, (_, i) => JSON.parse(made.json(i)) as Crime)
}

const timeOf = ({ date }: Crime): number => dates.parse(new TextEncoder().encode(date), 0, date.length)

describe('crimeSimulator', () => {
  test('makes the same crimes for the same seed, in any order, and others for another', () => {
    const [one, other] = [simulator(), simulator()]
    const backwards = Array.from({ length: 100 }, (_, i) => other.json(99 - i)).toReversed()
    expect(Array.from({ length: 100 }, (_, i) => one.json(i))).toEqual(backwards)
    expect(simulator(2).json(5)).not.toBe(one.json(5))
    expect(one.json(3_000_000_000)).toBe(other.json(3_000_000_000))
  })

  test('has the 22 columns of the portal', () => {
    const crime = JSON.parse(simulator().json(0))
    expect(Object.keys(crime)).toEqual(CRIME_FIELDS.map(({ name }) => name))
    expect(CRIME_FIELDS.length).toBe(22)
  })

  test('leaves out what the topic has not got, and takes its key', () => {
    const fields = [
      CRIME_FIELDS.find(({ name }) => name === 'beat')!,
      { name: 'other', column: CRIME_FIELDS[0]!.column },
    ]
    const made = crimeSimulator({ seed: 1, start, fields, key: 'beat' })
    const { beat } = JSON.parse(made.json(7))
    expect(made.json(7)).toBe(`{"beat":"${beat}"}`)
    expect(Buffer.from(made.keyBuffer!.subarray(made.keyStart, made.keyEnd)).toString()).toBe(beat)
  })

  test('has beats and districts with their leading zeros, 22 of them', () => {
    const all = crimes(5000).filter(({ district }) => district !== '')
    for (const { district, beat } of all) {
      expect(district).toMatch(/^0\d\d$/)
      expect(beat).toMatch(/^[0-2]\d[1-3][1-4]$/)
      expect(beat.slice(0, 2)).toBe(district.slice(1))
    }
    expect(new Set(all.map(({ district }) => district)).size).toBe(22)
  })

  test('has about 30 crimes an hour, fewest before dawn', () => {
    const made = simulator()
    const hours = (made.reportTime(50_400) - made.reportTime(0)) / HOUR
    expect(hours).toBeGreaterThan(1675)
    expect(hours).toBeLessThan(1685)
    const byHour = new Array<number>(24).fill(0)
    for (let i = 0; i < 5040; i++) byHour[new Date(made.reportTime(i) - 6 * HOUR).getUTCHours()]!++
    expect(byHour.indexOf(Math.min(...byHour))).toBe(5)
    expect(Math.max(...byHour)).toBeGreaterThan(3 * byHour[5]!)
  })

  test('reports crimes in order, after they happened, in less than a day', () => {
    const made = simulator()
    let latest = 0
    let disorder = 0
    let before = 0
    for (let i = 0; i < 20_000; i++) {
      const reported = made.reportTime(i)
      made.seek(i)
      if (Number.isNaN(made.eventTime)) continue
      expect(reported).toBeGreaterThanOrEqual(before)
      expect(made.eventTime).toBeLessThanOrEqual(reported)
      expect(made.eventTime).toBeGreaterThanOrEqual(start)
      before = reported
      disorder = Math.max(disorder, latest - made.eventTime)
      latest = Math.max(latest, made.eventTime)
    }
    expect(disorder).toBeGreaterThan(5 * HOUR)
    expect(disorder).toBeLessThan(DAY)
  })

  test('writes dates as clocks in Chicago show them', () => {
    const made = simulator()
    for (let i = 0; i < 2000; i++) {
      const crime = JSON.parse(made.json(i)) as Crime
      if (!Number.isNaN(made.eventTime)) expect(timeOf(crime)).toBe(made.eventTime)
    }
  })

  test('lacks coordinates, districts and readable dates now and then', () => {
    const all = crimes(40_000)
    const share = (test: (crime: Crime) => boolean): number => all.filter(test).length / all.length
    // Within four standard deviations of what is meant.
    const near = (found: number, meant: number): void =>
      expect(Math.abs(found - meant)).toBeLessThan(4 * Math.sqrt(meant / all.length))
    near(
      share(({ latitude }) => latitude === null),
      0.005,
    )
    near(
      share(({ district }) => district === ''),
      0.003,
    )
    const unreadable = share((crime) => crime.date === null || Number.isNaN(timeOf(crime)))
    expect(unreadable).toBeGreaterThan(0.0001)
    expect(unreadable).toBeLessThan(0.001)
    expect(share(({ domestic }) => domestic)).toBeGreaterThan(0.1)
    expect(share(({ domestic }) => domestic)).toBeLessThan(0.25)
    expect(
      all.every(
        ({ latitude, longitude, location }) => (latitude === null) === (longitude === null && location === null),
      ),
    ).toBe(true)
  })

  test('stays inside Chicago', () => {
    for (const { latitude, longitude } of crimes(5000)) {
      if (latitude === null || longitude === null) continue
      expect(latitude).toBeGreaterThan(41.64)
      expect(latitude).toBeLessThan(42.03)
      expect(longitude).toBeGreaterThan(-87.85)
      expect(longitude).toBeLessThan(-87.52)
    }
  })

  test.each([1, 2, 3])('has an evening with more than 14 thefts in one district within 5 hours, seed %d', (seed) => {
    const byDistrict = new Map<string, number[]>()
    for (const crime of crimes(5 * 24 * 30 * 2, seed)) {
      if (crime.primary_type !== 'THEFT' || crime.district === '') continue
      const time = timeOf(crime)
      if (!Number.isNaN(time)) byDistrict.set(crime.district, [...(byDistrict.get(crime.district) ?? []), time])
    }
    const windows = [...byDistrict].flatMap(([district, times]) => {
      const first = Math.floor(Math.min(...times) / (HOUR / 2)) * (HOUR / 2)
      return Array.from({ length: 600 }, (_, i) => {
        const from = first + (i * HOUR) / 2
        return { district, count: times.filter((time) => time >= from && time < from + 5 * HOUR).length }
      })
    })
    const anomalies = windows.filter(({ count }) => count > 14)
    expect(anomalies.length).toBeGreaterThan(0)
    expect(anomalies.length).toBeLessThan(30)
  })
})

describe('writeCrimesCsv', () => {
  test.each([22, 20] as const)('has %d columns, CRLF and the same crimes', (columns) => {
    const csv = writeCrimesCsv(1, 2000, { columns, start })
    const text = new TextDecoder().decode(csv)
    const header = text.slice(0, text.indexOf('\r\n')).split(',')
    expect(header.length).toBe(columns)
    expect(header.slice(0, 3)).toEqual(['ID', 'Case Number', 'Date'])
    const made = simulator()
    const expected = Array.from({ length: 2000 }, (_, i) => {
      const crime = JSON.parse(made.json(i))
      if (columns === 20) for (const name of ['year', 'location']) delete crime[name]
      return JSON.stringify(crime)
    })
    const fed = readCsv(csv, CRIME_FIELDS).map(({ value }) => JSON.stringify(JSON.parse(value ?? 'null')))
    expect(fed).toEqual(expected)
  })

  test('is a header when there are no crimes', () => {
    expect(new TextDecoder().decode(writeCrimesCsv(1, 0))).toMatch(/^ID,.*,Location\r\n$/)
  })
})

describe('feedSimulator', () => {
  const feed = (
    topic: MemoryTopic,
    until: number,
    options: { readonly crash?: Crash; readonly signal?: AbortSignal } = {},
  ) => {
    const { crash, ...rest } = options
    return feedSimulator({
      writer: topic.writer(crash),
      simulator: simulator(),
      clock: new ManualClock(),
      until,
      ...rest,
    })
  }

  test('goes on where the topic ends', async () => {
    const [once, twice] = [new MemoryTopic(3), new MemoryTopic(3)]
    expect(await feed(once, 5000)).toMatchObject({ records: 5000, sequence: 5000 })
    await feed(twice, 1234)
    const rest = await feed(twice, 5000)
    expect(rest.records).toBe(5000 - 1234)
    expect(twice.partitions).toEqual(once.partitions)
  })

  test('ends in the same topic, whichever append fails', async () => {
    const count = 7_000
    const expected = new MemoryTopic(2)
    await feed(expected, count)
    expect(expected.appends.length).toBeGreaterThan(3)
    for (let append = 0; append < expected.appends.length; append++) {
      for (const how of ['before', 'after', 'alone'] as const) {
        const topic = new MemoryTopic(2)
        await expect(feed(topic, count, { crash: { append, how } })).rejects.toThrow('crashed')
        await feed(topic, count)
        expect(topic.partitions).toEqual(expected.partitions)
      }
    }
  })

  test('is endless until it is stopped', async () => {
    const stop = new AbortController()
    const topic = new MemoryTopic(2)
    const progress = await feedSimulator({
      writer: topic.writer(),
      simulator: simulator(),
      clock: new ManualClock(),
      signal: stop.signal,
      onProgress: ({ records }) => {
        if (records >= 3000) stop.abort()
      },
    })
    expect(progress.records).toBe(3000)
    expect(topic.records.length).toBe(3000)
  })

  test('plays event time at a speed', async () => {
    const clock = new ManualClock(0)
    const reports: SimulatorProgress[] = []
    await feedSimulator({
      writer: new MemoryTopic(2).writer(),
      simulator: simulator(),
      clock,
      speed: 3600,
      until: 5040,
      onProgress: (progress) => reports.push(progress),
    })
    // A week of 168 hours, one a second.
    expect(clock.now()).toBeGreaterThan(167_000)
    expect(clock.now()).toBeLessThan(169_000)
    expect(reports.at(-1)!.time - start).toBeGreaterThan(6.9 * DAY)
  })

  test('keeps to a rate', async () => {
    const clock = new ManualClock(0)
    await feedSimulator({
      writer: new MemoryTopic(2).writer(),
      simulator: simulator(),
      clock,
      rate: 500,
      speed: 1,
      until: 1001,
    })
    expect(clock.now()).toBe(2_000)
  })
})
