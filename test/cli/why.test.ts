import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTemporaryFolder } from '../support/temp.ts'
import { crime, csv } from './crimes-csv.ts'
import { place, runCrimes, sluice } from './sluice.ts'

const folder = createTemporaryFolder()
const { data, input } = place(folder.path)

beforeAll(async () => {
  const june = [
    crime({ ID: 1, Date: '06/03/2018 10:00:00 AM' }),
    crime({ ID: 2, Date: '06/03/2018 11:30:00 PM', Domestic: 'true' }),
    // Another district, the day before, no place in Chicago, no date at all.
    crime({ ID: 3, Date: '06/03/2018 10:00:00 AM', District: '002' }),
    crime({ ID: 4, Date: '06/02/2018 11:59:59 PM' }),
    crime({ ID: 5, Date: '06/03/2018 09:00:00 AM', Latitude: '90' }),
    crime({ ID: 6, Date: 'yesterday' }),
  ]
  // Windows up to July are closed for good when the last one comes.
  expect((await runCrimes(input('june.csv', csv(june)), data)).err).toBe('')
  expect((await runCrimes(input('july.csv', csv([crime({ ID: 7, Date: '07/20/2018 01:00:00 PM' })])), data)).err).toBe(
    '',
  )
  expect((await runCrimes(input('late.csv', csv([crime({ ID: 8, Date: '06/03/2018 01:00:00 PM' })])), data)).err).toBe(
    '',
  )
})
afterAll(() => folder[Symbol.dispose]())

const why = (...args: string[]) => sluice(['why', ...args, '--data', data])
const DAY = ['crime_per_district_day', 'district=001', 'window_start=2018-06-03T05:00:00Z']

interface Answer {
  readonly records: readonly { readonly partition: number; readonly offset: number; readonly verdict: string }[]
}

describe('sluice why', () => {
  test('lists the records behind a row, those that came too late, and those that were set aside', async () => {
    const { code, out, err } = await why(...DAY)
    expect({ code, err }).toEqual({ code: 0, err: '' })
    expect(out).toMatch(
      new RegExp(
        [
          '^gold\\.crime_per_district_day: window 2018-06-03T05:00:00Z to 2018-06-04T05:00:00Z, district "001"',
          'revision 0: total_crimes 2, domestic_crimes 1',
          '',
          'Records in bronze: 2 counted, 1 late, 1 quarantined\\.',
          "1 more, of whatever window, can't be read: see sluice quarantine\\.",
          '',
          'partition +offset +event time +append time +verdict',
          ' +\\d +\\d+ +2018-06-03T14:00:00Z +\\S+Z +quarantined: in or near Chicago',
          ' +\\d +\\d+ +2018-06-03T15:00:00Z +\\S+Z +counted',
          ' +\\d +\\d+ +2018-06-03T18:00:00Z +\\S+Z +late',
          ' +\\d +\\d+ +2018-06-04T04:30:00Z +\\S+Z +counted',
          '$',
        ].join('\\n'),
      ),
    )
  })

  test('names coordinates under which bronze has the very records', async () => {
    const { out } = await why(...DAY, '--json')
    const { records, ...rest } = JSON.parse(out) as Answer
    expect(rest).toMatchObject({
      table: 'gold.crime_per_district_day',
      key: { window_start: '2018-06-03T05:00:00Z', window_end: '2018-06-04T05:00:00Z', district: '001' },
      counted: 2,
      late: 1,
      quarantined: 1,
      unreadable: 1,
    })
    const ids: Record<string, unknown> = {}
    for (const { partition, offset, verdict } of records) {
      const sql = `SELECT value::JSON->>'id' AS id FROM (SELECT decode(value) AS value FROM bronze.crimes WHERE "partition" = ${partition} AND "offset" = ${offset})`
      const found = JSON.parse((await sluice(['query', sql, '--data', data, '--json'])).out) as { id: string }
      ids[found.id] = verdict
    }
    expect(ids).toEqual({ 1: 'counted', 2: 'counted', 5: 'quarantined', 8: 'late' })
  })

  test('shows no more records than asked for, and says how many there are', async () => {
    const { out } = await why(...DAY, '--limit', '1')
    expect(out).toMatch(/quarantined: in or near Chicago\n… 1 of 4 records \(--limit for more\)\n$/)
  })

  test('answers for a row that is not there', async () => {
    const { out } = await why('crimes_anomaly', 'primary_type=THEFT', 'district=001', 'window_start=2018-06-03T13:00')
    expect(out).toContain('No row: its window is open, or the row does not pass where.')
    expect(out).toContain('Records in bronze: 1 counted, 0 late, 1 quarantined.')
  })

  test('--open says what the watermark waits for', async () => {
    const { out } = await why('--open')
    expect(out).toMatch(
      /^Windows are closed up to 2018-07-19T\S+Z\. A window closes when the watermark reaches its end; it stands at 2018-07-19T\S+Z\.\nEverything is applied\. The newest event is of 2018-07-20T18:00:00Z, appended \S+Z: from there event time goes on with the clock, less a disorder of 1 day\.\n$/,
    )
    const window = await why('--open', 'crime_per_district_day', 'district=003', 'window_start=2018-07-20T05:00Z')
    expect(window.out).toMatch(
      /^The window 2018-07-20T05:00:00Z to 2018-07-21T05:00:00Z, district "003" is open\. It closes at \S+Z if nothing newer comes\.\n/,
    )
    const published = await why('--open', 'crime_per_district_day', 'district=001', 'window_start=2018-07-20T05:00Z')
    expect(published.out).toMatch(
      / is published, as its input had ended; what still comes corrects it until the watermark passes\.\n/,
    )
    expect((await why('--open', ...DAY)).out).toMatch(/^The window .+ is closed\.\n/)
    expect(JSON.parse((await why('--open', ...DAY, '--json')).out)).toMatchObject({
      waitedFor: [],
      newest: { eventTime: '2018-07-20T18:00:00Z' },
      window: { end: '2018-06-04T05:00:00Z', closed: true },
    })
  })

  test.each([
    [[], 'USAGE: Which row? Try: sluice why --help'],
    [
      ['crime_per_district_day'],
      'USAGE: A row has a key such as window_start=… district=…: window_start, district are missing.',
    ],
    [
      ['crime_per_district_day', 'town=1'],
      'USAGE: A row has a key such as window_start=… district=…: town=1 names no column of the key.',
    ],
    [
      ['crime_per_district_day', 'district=001', 'window_start=June'],
      'USAGE: window_start takes a time such as 2024-05-01T10:00:00Z, not June. Try: sluice why --help',
    ],
    [
      ['crime_per_district_day', 'district=001', 'window_start=2018-06-03T05:01'],
      'USAGE: Expected one window that starts at 2018-06-03T05:01:00Z, but no window starts there. Give the start of a window.',
    ],
    [
      ['silver.crimes', 'district=001'],
      'TABLE_UNKNOWN: There is no table silver.crimes in DATA. Tables: gold.crime_per_district_day, gold.crimes_anomaly.',
    ],
  ])('refuses %j', async (args, message) => {
    const { code, err } = await why(...args)
    expect(code).toBeGreaterThan(0)
    expect(err).toBe(`sluice: ${message.replace('DATA', data)}\n`)
  })
})
