import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { crime, csv, HEADER } from './crimes-csv.ts'
import { tablesOf } from './lake.ts'
import { countsOf, place, runCrimes } from './sluice.ts'

const FIELDS =
  "The topic's fields: id, case_number, date, block, iucr, primary_type, description, location_description (nullable), " +
  'arrest, domestic, beat, district, ward (nullable), community_area (nullable), fbi_code, x_coordinate (nullable), ' +
  'y_coordinate (nullable), year (nullable), updated_on (nullable), latitude (nullable), longitude (nullable), ' +
  'location (nullable).\nRename the columns in the file, or the fields in the pipeline; a file without a header line needs one.'

/** What is wrong with a header, as the command says it. */
const headerFault = (code: string, ...problems: readonly string[]): string =>
  `sluice: ${code}: The header of crimes.csv doesn't fit the topic:\n${problems.map((text) => `  - ${text}\n`).join('')}${FIELDS}\n`

const withHeader = (change: (header: string) => string): string => `${change(HEADER)}\r\n${crime()}\r\n`

describe('An input that can not be read', () => {
  test('is missed by its path', async () => {
    const { folder, data } = place()
    const ended = await runCrimes(join(folder, 'june.csv'), data)
    expect(ended).toEqual({
      code: 2,
      out: '',
      err:
        `sluice: INPUT_NOT_FOUND: There is no file ${folder}/june.csv. ` +
        'Check the path; relative paths start in the folder where the command runs.\n',
    })
    expect(existsSync(data)).toBe(false)
  })

  test('is refused when it is a folder', async () => {
    const { folder, data } = place()
    mkdirSync(join(folder, 'june.csv'))
    expect(await runCrimes(join(folder, 'june.csv'), data)).toMatchObject({
      code: 2,
      err: `sluice: INPUT_IS_FOLDER: ${folder}/june.csv is a folder, expected a file. Name the files in it one by one.\n`,
    })
  })

  test.each([
    [
      'is empty',
      '',
      'sluice: INPUT_EMPTY: crimes.csv is empty. Expected records: CSV with a header line, or one JSON object a line.\n',
    ],
    [
      'has a header only',
      `${HEADER}\r\n\r\n`,
      'sluice: CSV_HEADER_ONLY: crimes.csv has a header of 22 columns and no records. Expected at least one record.\n',
    ],
    [
      'has a column that nobody knows',
      withHeader((header) => header.replace('Ward', 'Wards')),
      headerFault('CSV_COLUMN_UNKNOWN', "column 13, 'Wards', is not a field of the topic; the nearest field is 'ward'"),
    ],
    [
      'lacks a column',
      csv([crime()].map((line) => line.slice(line.indexOf(',') + 1))).replace('ID,', ''),
      headerFault('CSV_COLUMN_MISSING', "no column for 'id', which may not be null"),
    ],
    [
      'has a column by another name',
      withHeader((header) => header.replace('Case Number', 'CaseNumbr')),
      headerFault(
        'CSV_COLUMN_UNKNOWN',
        "column 2, 'CaseNumbr', is not a field of the topic; the nearest field is 'case_number'",
        "no column for 'case_number', which may not be null; the nearest unmatched column is 'CaseNumbr'",
      ),
    ],
    [
      'has a column twice',
      withHeader((header) => header.replace(/Location$/, 'Ward')),
      headerFault('CSV_COLUMN_DUPLICATE', "columns 13 ('Ward') and 22 ('Ward') are both 'ward'"),
    ],
    [
      'begins with a record',
      `${crime()}\r\n${crime()}\r\n`,
      expect.stringMatching(
        /^sluice: CSV_COLUMN_UNKNOWN: .*\n {2}- column 1, '1', is not a field of the topic/,
      ) as string,
    ],
    [
      'is UTF-16',
      '\ufeffID,Case Number',
      'sluice: INPUT_FORMAT_UNKNOWN: crimes.csv is text in UTF-16, expected UTF-8. Save it as UTF-8 ("CSV UTF-8").\n',
    ],
  ])('%s', async (title, content, err) => {
    const { data, input } = place()
    const bytes = title === 'is UTF-16' ? Buffer.from(content, 'utf16le') : content
    const ended = await runCrimes(input('crimes.csv', bytes), data)
    expect(ended).toEqual({ code: 2, out: '', err })
    // Nothing was begun.
    expect(existsSync(data)).toBe(false)
  })

  test('is refused when its name says nothing of its format', async () => {
    const { data, input } = place()
    const { code, err } = await runCrimes(input('crimes.xlsx', csv([crime()])), data)
    expect(code).toBe(2)
    expect(err).toMatch(
      /^sluice: INPUT_FORMAT_UNKNOWN: .*crimes.xlsx: expected a file that ends in .csv .*found '.xlsx'/,
    )
  })

  test('keeps the good one before it from being fed', async () => {
    const { data, input } = place()
    const good = input('good.csv', csv([crime()]))
    const bad = input('bad.csv', HEADER)
    expect((await runCrimes([good, bad], data)).err).toMatch(/^sluice: CSV_HEADER_ONLY: bad.csv/)
    expect(existsSync(data)).toBe(false)
  })

  test('is read when it has been mended', async () => {
    const { data, input } = place()
    expect(
      (
        await runCrimes(
          input(
            'crimes.csv',
            withHeader((header) => header.replace('ID', 'Id No')),
          ),
          data,
        )
      ).code,
    ).toBe(2)
    const ended = await runCrimes(input('crimes.csv', csv([crime()])), data)
    expect(countsOf(ended)).toEqual({ read: 1, counted: 1, late: 0, quarantined: 0 })
    expect((await tablesOf(data))['silver.crimes']).toHaveLength(1)
  })
})
