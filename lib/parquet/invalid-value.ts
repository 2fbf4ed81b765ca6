import { SluiceError } from '#core/errors.ts'

/** The row that is being written, for messages: one object that the loops over rows count up. */
export interface RowPlace {
  row: number
}

/** A value that its column can't hold. `path` names the column, and what is inside of it: `tags.element`. */
export function invalidValue(path: string, row: number, expected: string, value: unknown): SluiceError {
  return new SluiceError(
    'PARQUET_VALUE_INVALID',
    `Column "${path}", row ${row}: expected ${expected}, found ${found(value)}. ` +
      'Give a value of the declared type, or declare the column with a wider one.',
    { details: { column: path, row } },
  )
}

/** Where the values of a run are: the row of each, or that of the first where they lie one after the other. */
export type RunRows = Int32Array | number

/** Value `i` of a run is none of its column's. */
export function invalidInRun(path: string, rows: RunRows, i: number, expected: string, value: unknown): SluiceError {
  const row = typeof rows === 'number' ? rows + i : rows[i]!
  return invalidValue(path, row, value === null ? NOT_NULLABLE : expected, value)
}

export const NOT_NULLABLE = 'a value, because the column is not nullable'

const TEXT_MAX = 40

/** The value as far as it may be shown: numbers and short texts. Content of strings stays out of messages and logs. */
function found(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  if (typeof value === 'bigint') return `the bigint ${value}`
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`
  if (typeof value === 'string') {
    if (/^[-+.\deE]*$/.test(value) && value.length <= TEXT_MAX) return `the text "${value}"`
    return value.isWellFormed() ? `a string of ${value.length} characters` : 'a string with half of a surrogate pair'
  }
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object') {
    const name: unknown = value.constructor?.name
    return typeof name === 'string' && name !== 'Object' ? `a ${name}` : 'an object'
  }
  return `a ${typeof value}`
}
