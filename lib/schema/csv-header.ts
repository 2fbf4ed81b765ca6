import { type ErrorCode, SluiceError } from '#core/errors.ts'
import { editDistance } from '#core/nearest.ts'
import type { Fields } from '#schema/column.ts'
import { END, MALFORMED, NEED_MORE } from '#schema/csv-limits.ts'
import { type CsvCells, CsvScanner, DOUBLED } from '#schema/csv-scanner.ts'

export interface CsvHeader {
  /** Column names as the file has them. */
  readonly names: readonly string[]
  /** For each field of the schema the number of its column, −1 for a nullable field that the file hasn't got. */
  readonly columnOf: Int32Array
  /** Position in the file at which records begin, and the line of that position. */
  readonly end: number
  readonly line: number
}

/**
 * Reads the header line of a CSV file and finds each field's column: by name, upper and lower case alike, blanks, underscores
 * and hyphens alike (`Case Number` is `case_number`), in any order. A byte order mark and blank lines before it are skipped.
 *
 * `start` are the first bytes of the file: all of them (`last`), or at least RECORD_BYTES_MAX + 2.
 *
 * @throws SluiceError INPUT_EMPTY, INPUT_FORMAT_UNKNOWN (no text in UTF-8, or no end of the line in sight), and with everything
 * that is wrong in one message CSV_COLUMN_UNKNOWN, CSV_COLUMN_MISSING (only fields that may not be null must have a column),
 * CSV_COLUMN_DUPLICATE: the first of them gives the code.
 */
export function readCsvHeader(start: Uint8Array, last: boolean, file: string, fields: Fields): CsvHeader {
  const utf16 = (start[0] === 0xff && start[1] === 0xfe) || (start[0] === 0xfe && start[1] === 0xff)
  if (utf16) {
    throw new SluiceError(
      'INPUT_FORMAT_UNKNOWN',
      `${file} is text in UTF-16, expected UTF-8. Save it as UTF-8 ("CSV UTF-8").`,
    )
  }
  const from = start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf ? 3 : 0
  const scanner = new CsvScanner(file, null, 1)
  const status = scanner.scan(start, from, start.length, last)
  if (status === END) {
    throw new SluiceError(
      'INPUT_EMPTY',
      `${file} is empty. Expected a header line with the column names, then the records.`,
    )
  }
  if (status === MALFORMED || status === NEED_MORE) {
    const why = status === MALFORMED ? scanner.reason : 'its first line has no end'
    throw new SluiceError('INPUT_FORMAT_UNKNOWN', `${file} doesn't begin with a CSV header line: ${why}.`)
  }
  const names = Array.from({ length: scanner.count }, (_, i) => cellText(scanner, i))
  const columnOf = matchColumns(names, file, fields)
  let line = 1
  for (let i = 0; i < scanner.end; i++) if (start[i] === 10) line++
  return { names, columnOf, end: scanner.end, line }
}

/** A cell as a string: for headers and messages, not for records. */
function cellText(cells: CsvCells, index: number): string {
  const bytes = cells.buffer.subarray(cells.starts[index]!, cells.ends[index]!)
  const text = new TextDecoder().decode(bytes)
  return (cells.marks[index]! & DOUBLED) === 0 ? text : text.replaceAll('""', '"')
}

/** What is compared: `Case Number`, `case-number` and `CASE_NUMBER` are one name. */
function normalized(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[\s_-]+/g, '_')
}

function matchColumns(names: readonly string[], file: string, fields: Fields): Int32Array {
  const known = new Map(fields.map((field, i) => [normalized(field.name), i]))
  const columnOf = new Int32Array(fields.length).fill(-1)
  const problems: { readonly code: ErrorCode; readonly text: string }[] = []
  const unmatched: string[] = []
  const duplicates: { readonly code: ErrorCode; readonly text: string }[] = []
  for (const [column, name] of names.entries()) {
    const field = known.get(normalized(name))
    if (field === undefined) {
      unmatched.push(name)
      problems.push({ code: 'CSV_COLUMN_UNKNOWN', text: unknownColumn(name, column, fields) })
    } else if (columnOf[field]! >= 0) {
      const first = names[columnOf[field]!]!
      const text = `columns ${columnOf[field]! + 1} ('${first}') and ${column + 1} ('${name}') are both '${fields[field]!.name}'`
      duplicates.push({ code: 'CSV_COLUMN_DUPLICATE', text })
    } else {
      columnOf[field] = column
    }
  }
  for (const [i, field] of fields.entries()) {
    if (columnOf[i]! >= 0 || field.column.nullable) continue
    const nearest = nearestName(field.name, unmatched)
    const hint = nearest === undefined ? '' : `; the nearest unmatched column is '${nearest}'`
    problems.push({ code: 'CSV_COLUMN_MISSING', text: `no column for '${field.name}', which may not be null${hint}` })
  }
  problems.push(...duplicates)
  if (problems.length > 0) throw headerError(problems, names, file, fields)
  return columnOf
}

function unknownColumn(name: string, column: number, fields: Fields): string {
  if (name.trim() === '') return `column ${column + 1} has no name`
  const nearest = nearestName(
    name,
    fields.map((field) => field.name),
  )
  const hint = nearest === undefined ? '' : `; the nearest field is '${nearest}'`
  return `column ${column + 1}, '${name}', is not a field of the topic${hint}`
}

function headerError(
  problems: readonly { readonly code: ErrorCode; readonly text: string }[],
  names: readonly string[],
  file: string,
  fields: Fields,
): SluiceError {
  const known = fields.map((field) => (field.column.nullable ? `${field.name} (nullable)` : field.name)).join(', ')
  const message =
    `The header of ${file} doesn't fit the topic:\n${problems.map(({ text }) => `  - ${text}`).join('\n')}\n` +
    `The topic's fields: ${known}.\nRename the columns in the file, or the fields in the pipeline; a file without a header line needs one.`
  return new SluiceError(problems[0]!.code, message, { details: { file, columns: names } })
}

function nearestName(name: string, candidates: readonly string[]): string | undefined {
  let best: string | undefined
  let bestDistance = Number.POSITIVE_INFINITY
  for (const candidate of candidates) {
    const distance = editDistance(normalized(name), normalized(candidate))
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}
