import { beforeAll, describe, expect, test } from 'vitest'
import { partitionFor } from '#core/hash.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { between, crime, csv, HEADER, latin1 } from './crimes-csv.ts'
import { quarantined, type SetAside, type Tables, tablesOf } from './lake.ts'
import { type Counts, countsOf, place, runCrimes } from './sluice.ts'

/** Where the pipeline's six partitions put a key, or a value without one. */
function partitionOf(text: string): number {
  const bytes = Buffer.from(text, 'latin1')
  return partitionFor(bytes, 0, bytes.length, 6)
}

/** Runs one file and gives all that came of it. */
async function ran(name: string, content: string | Uint8Array, folder?: string) {
  const { data, input } = place(folder)
  const ended = await runCrimes(input(name, content), data)
  expect(ended.err).toBe('')
  expect(ended.code).toBe(0)
  const tables = await tablesOf(data)
  const counts = countsOf(ended)
  expectNoneLost(tables, counts)
  return { counts, tables, aside: quarantined(tables) }
}

/** Every record is in bronze, and either in silver or in quarantine, and counted in its day if in silver. */
function expectNoneLost(tables: Tables, { read, counted, late, quarantined: aside }: Counts): void {
  expect(tables['bronze.crimes']).toHaveLength(read)
  expect(tables['silver.crimes']).toHaveLength(counted + late)
  expect(tables['quarantine.crimes']).toHaveLength(aside)
  const days = tables['gold.crime_per_district_day'] ?? []
  expect(days.reduce((sum, row) => sum + Number(row['total_crimes']), 0)).toBe(counted)
}

/** The column of the file, its cell, and what quarantine says of it. */
type Fault = readonly [column: string, cell: string, reason: string, detail: string | null]

const FAULTS: readonly Fault[] = [
  ['Date', 'yesterday', 'not a date', 'date: "yesterday"'],
  ['Date', '2018-06-01T10:00:00Z', 'not a date', 'date: "2018-06-01T10:00:00Z"'],
  ['Date', '13/01/2018 10:00:00 AM', 'no such date', 'date: "13/01/2018 10:00:00 AM"'],
  ['Date', '02/30/2018 10:00:00 AM', 'no such date', 'date: "02/30/2018 10:00:00 AM"'],
  // That night the clocks of Chicago went from 02:00 to 03:00.
  ['Date', '03/11/2018 02:30:00 AM', 'no such local time', 'date: "03/11/2018 02:30:00 AM"'],
  ['Date', '', 'null in a required column', 'date: null'],
  ['Updated On', 'never', 'not a date', 'updated_on: "never"'],
  ['ID', 'x1', 'number expected', 'id: "x1"'],
  ['ID', '', 'null in a required column', 'id: null'],
  ['ID', '1.5', 'whole number expected', 'id: 1.5'],
  ['ID', '9007199254740993', 'number out of range', 'id: 9007199254740993'],
  ['ID', '9223372036854775808', 'number out of range', 'id: 9223372036854775808'],
  ['Ward', '2147483648', 'number out of range', 'ward: 2147483648'],
  ['Ward', '-2147483649', 'number out of range', 'ward: -2147483649'],
  ['Ward', 'NaN', 'number not finite', 'ward: "NaN"'],
  ['Latitude', '1e999', 'number not finite', 'latitude: 1e999'],
  ['Latitude', '-1e999', 'number not finite', 'latitude: -1e999'],
  ['Latitude', 'NaN', 'number not finite', 'latitude: "NaN"'],
  ['Latitude', 'Infinity', 'number not finite', 'latitude: "Infinity"'],
  ['Latitude', '90', 'in or near Chicago', null],
  ['Arrest', 'perhaps', 'boolean expected', 'arrest: "perhaps"'],
  ['District', '', 'district known', null],
]

describe('A record that is no crime', () => {
  const folder = createTemporaryFolder()
  let aside: readonly SetAside[] = []
  let result: Awaited<ReturnType<typeof ran>>

  beforeAll(async () => {
    // A good crime between any two bad ones.
    const lines = FAULTS.flatMap(([column, cell], i) => [
      crime({ ID: 1_000 + i, Block: `good ${i}` }),
      crime({ ID: 2_000 + i, Block: `bad ${i}`, [column]: cell }),
    ])
    result = await ran('faults.csv', csv(lines), folder.path)
    aside = result.aside
    return () => folder[Symbol.dispose]()
  })

  test.each(FAULTS.map((fault, i) => [...fault, i] as const))(
    'with %s "%s" is set aside: %s',
    (_, cell, reason, detail, i) => {
      const found = aside.find(({ value }) => value?.includes(`"block":"bad ${i}"`))
      const district = reason === 'district known' ? '' : '001'
      expect(found).toMatchObject({ reason, detail, key: district, partition: partitionOf(district) })
      expect(found?.value).toContain(cell === '' ? ':' : cell)
    },
  )

  test('is at the offset of its record in the topic', () => {
    const bronze = result.tables['bronze.crimes'] ?? []
    for (const { partition, offset, value } of aside) {
      const record = bronze.find((row) => row['partition'] === partition && row['offset'] === offset)
      expect(Buffer.from(record?.['value'] as Uint8Array).toString('latin1')).toBe(value)
    }
  })

  test('touches none of its neighbours', () => {
    expect(result.counts).toEqual({ read: 44, counted: 22, late: 0, quarantined: 22 })
    const blocks = (result.tables['silver.crimes'] ?? []).map((row) => row['block'])
    expect(blocks.toSorted()).toEqual(FAULTS.map((_, i) => `good ${i}`).toSorted())
  })
})

describe('A date in the year 9999', () => {
  test('is set aside, and closes no window', async () => {
    const { counts, aside } = await ran('future.csv', between(crime({ ID: 2, Date: '01/01/9999 12:00:00 PM' })))
    expect(counts).toEqual({ read: 3, counted: 2, late: 0, quarantined: 1 })
    expect(aside[0]).toMatchObject({ reason: 'event time in the future', key: '001' })
    expect(aside[0]?.detail).toMatch(/^event time 9999-01-01T18:00:00.000Z, appended 2\d{3}-/)
  })
})

const MALFORMED = 'malformed source record'

describe('A line that is no record', () => {
  test('with a cell too few or too many is set aside as it is', async () => {
    const { counts, aside } = await ran('ragged.csv', csv([crime(), `${crime()},more`, 'one,two', crime({ ID: 3 })]))
    expect(counts).toEqual({ read: 4, counted: 2, late: 0, quarantined: 2 })
    const long = `${crime()},more`
    expect(aside).toContainEqual({
      reason: MALFORMED,
      detail: 'ragged line: 23 fields where the header has 22 (ragged.csv line 3)',
      partition: partitionOf(long),
      offset: expect.any(Number),
      key: null,
      value: long,
    })
    expect(aside).toContainEqual({
      reason: MALFORMED,
      detail: 'ragged line: 2 fields where the header has 22 (ragged.csv line 4)',
      partition: partitionOf('one,two'),
      offset: expect.any(Number),
      key: null,
      value: 'one,two',
    })
  })

  test('with a quote that nobody closes costs no other line', async () => {
    const line = crime({ ID: 2, Block: '"001XX N STATE ST' })
    const { counts, aside } = await ran('quote.csv', between(line))
    expect(counts).toEqual({ read: 3, counted: 2, late: 0, quarantined: 1 })
    expect(aside).toMatchObject([{ reason: MALFORMED, detail: 'unclosed quote (quote.csv line 3)', value: line }])
  })

  test('with text behind a closing quote is set aside', async () => {
    const line = crime({ ID: 2, Block: '"001XX" N STATE ST' })
    const { aside } = await ran('quote.csv', between(line))
    expect(aside).toMatchObject([
      { reason: MALFORMED, detail: 'text after a closing quote (quote.csv line 3)', value: line },
    ])
  })

  test('with a NUL is set aside', async () => {
    const line = crime({ ID: 2, Block: '001XX\0' })
    const { aside } = await ran('nul.csv', between(line))
    expect(aside).toMatchObject([{ reason: MALFORMED, detail: 'NUL byte (nul.csv line 3)', value: line }])
  })

  test('in Latin-1 is set aside with the place of the first byte that is no UTF-8', async () => {
    const line = crime({ ID: 2, 'Case Number': 'JB2', Block: '00100 CAF\u00c9 ST' })
    const { counts, aside } = await ran('latin1.csv', latin1(between(line)))
    expect(counts).toEqual({ read: 3, counted: 2, late: 0, quarantined: 1 })
    const at = line.indexOf('\u00c9') + 1
    expect(aside).toMatchObject([
      { reason: MALFORMED, detail: `not UTF-8 at byte ${at} (latin1.csv line 3)`, value: line },
    ])
  })

  test('of 10 MB is set aside, with its first megabyte', async () => {
    const line = crime({ ID: 2, Description: 'x'.repeat(10 * 1024 * 1024) })
    const { counts, aside } = await ran('long.csv', between(line))
    expect(counts).toEqual({ read: 3, counted: 2, late: 0, quarantined: 1 })
    const [only] = aside
    expect(only).toMatchObject({
      reason: MALFORMED,
      detail: `record of ${line.length} bytes, the limit is 1048576 (long.csv line 3)`,
    })
    expect(only?.value).toBe(line.slice(0, 1_044_480))
  })
})

describe('A file of crimes', () => {
  const lines = [crime({ ID: 1 }), crime({ ID: 2, Block: '"LAKE, SHORE"' }), crime({ ID: 3, Block: '"A ""B"" C"' })]
  const utf8 = crime({ ID: 4, Block: '00100 CAF\u00c9 ST' })

  test.each([
    ['with lines that end in CRLF', csv([...lines, utf8])],
    ['with lines that end in LF', csv([...lines, utf8], '\n')],
    ['with a byte order mark', `\ufeff${csv([...lines, utf8])}`],
    ['with no line break at its end', csv([...lines, utf8]).trimEnd()],
    ['with blank lines', csv([...lines.flatMap((line) => [line, '']), utf8])],
    ['with columns in another order', reordered([...lines, utf8])],
  ])('%s is read to the last character', async (_, content) => {
    const { counts, tables } = await ran('crimes.csv', content)
    expect(counts).toEqual({ read: 4, counted: 4, late: 0, quarantined: 0 })
    const rows = (tables['silver.crimes'] ?? []).toSorted((a, b) => Number(a['id']) - Number(b['id']))
    expect(rows.map((row) => row['block'])).toEqual([
      '001XX N STATE ST',
      'LAKE, SHORE',
      'A "B" C',
      '00100 CAF\u00c9 ST',
    ])
    expect(rows[0]).toMatchObject({ id: 1, date: Date.UTC(2018, 5, 1, 15), iucr: '0810', beat: '0111', ward: 42 })
  })
})

/** The first column last. */
function reordered(lines: readonly string[]): string {
  const turned = (line: string) => `${line.slice(line.indexOf(',') + 1)},${line.slice(0, line.indexOf(','))}`
  return [HEADER, ...lines].map((line) => `${turned(line)}\r\n`).join('')
}
