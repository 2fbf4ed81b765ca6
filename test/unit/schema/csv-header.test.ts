import { describe, expect, test } from 'vitest'
import { isSluiceError, type SluiceError } from '#core/errors.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'
import { readCsvHeader } from '#schema/csv-header.ts'

const field = (name: string, kind: ColumnKind = 'string', nullable = false) => ({ name, column: { kind, nullable } })
const fields: Fields = [field('id', 'long'), field('case_number'), field('district'), field('ward', 'int', true)]

const read = (text: string | Uint8Array) =>
  readCsvHeader(typeof text === 'string' ? new TextEncoder().encode(text) : text, true, 'crimes.csv', fields)

function failure(text: string | Uint8Array): SluiceError {
  try {
    read(text)
  } catch (error) {
    if (isSluiceError(error)) return error
    throw error
  }
  throw new Error('the header was accepted')
}

describe('readCsvHeader', () => {
  test.each(['ID,Case Number,District,Ward', 'id,case_number,district,ward', 'Id,CASE-NUMBER,"District",WARD'])(
    'takes %s for the same four columns',
    (line) => {
      expect([...read(`${line}\n`).columnOf]).toEqual([0, 1, 2, 3])
    },
  )

  test('finds columns in any order', () => {
    expect([...read('ward,district,case number,id\r\n1,2,3,4').columnOf]).toEqual([3, 2, 1, 0])
  })

  test('does without the columns of nullable fields', () => {
    expect([...read('id,case number,district').columnOf]).toEqual([0, 1, 2, -1])
  })

  test('skips a byte order mark and says where the records begin', () => {
    const header = read('\ufeffID,Case Number,District\r\n1,a,b\r\n')
    expect(header.end).toBe(3 + 'ID,Case Number,District\r\n'.length)
    expect(header.line).toBe(2)
    expect(header.names).toEqual(['ID', 'Case Number', 'District'])
  })

  test('counts the lines of blank lines before it and of quoted names', () => {
    const header = read('\n\r\nid,"case\nnumber",district\n1,a,b\n')
    expect(header.line).toBe(5)
    expect([...header.columnOf]).toEqual([0, 1, 2, -1])
  })

  test.each(['', '\ufeff', '\r\n\n'])('refuses the empty file %j', (text) => {
    const error = failure(text)
    expect(error.code).toBe('INPUT_EMPTY')
    expect(error.message).toBe('crimes.csv is empty. Expected a header line with the column names, then the records.')
  })

  test('names an unknown column, the field it is nearest to and all fields', () => {
    const error = failure('id,case_number,district,wrad\n')
    expect(error.code).toBe('CSV_COLUMN_UNKNOWN')
    expect(error.message).toBe(
      "The header of crimes.csv doesn't fit the topic:\n" +
        "  - column 4, 'wrad', is not a field of the topic; the nearest field is 'ward'\n" +
        "The topic's fields: id, case_number, district, ward (nullable).\n" +
        'Rename the columns in the file, or the fields in the pipeline; a file without a header line needs one.',
    )
  })

  test('names a missing column and the unmatched column it is nearest to', () => {
    const error = failure('id,case_number\n')
    expect(error.code).toBe('CSV_COLUMN_MISSING')
    expect(error.message).toContain("  - no column for 'district', which may not be null\n")
    const misspelt = failure('id,case_number,distrct\n')
    expect(misspelt.message).toContain(
      "no column for 'district', which may not be null; the nearest unmatched column is 'distrct'",
    )
  })

  test('names both columns that mean one field', () => {
    const error = failure('id,Case Number,district,case_number\n')
    expect(error.code).toBe('CSV_COLUMN_DUPLICATE')
    expect(error.message).toContain("  - columns 2 ('Case Number') and 4 ('case_number') are both 'case_number'\n")
  })

  test('lists several problems in one message', () => {
    const error = failure('id,id,distrct,,case_number\n')
    expect(error.code).toBe('CSV_COLUMN_UNKNOWN')
    expect(error.message.split('\n').slice(1, 5)).toEqual([
      "  - column 3, 'distrct', is not a field of the topic; the nearest field is 'district'",
      '  - column 4 has no name',
      "  - no column for 'district', which may not be null; the nearest unmatched column is 'distrct'",
      "  - columns 1 ('id') and 2 ('id') are both 'id'",
    ])
  })

  test('refuses UTF-16 and says how to save the file', () => {
    const error = failure(new Uint8Array([0xff, 0xfe, 0x69, 0, 0x64, 0]))
    expect(error.code).toBe('INPUT_FORMAT_UNKNOWN')
    expect(error.message).toBe('crimes.csv is text in UTF-16, expected UTF-8. Save it as UTF-8 ("CSV UTF-8").')
  })

  test('says why a header line cannot be read', () => {
    const error = failure('id,"case_number\n')
    expect(error.code).toBe('INPUT_FORMAT_UNKNOWN')
    expect(error.message).toBe("crimes.csv doesn't begin with a CSV header line: unclosed quote (crimes.csv line 1).")
  })
})
