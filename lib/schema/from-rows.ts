import { SluiceError } from '#core/errors.ts'
import type { ColumnKind, Field, Fields, GeoPoint, RecordHeader } from '#schema/column.ts'
import { StringDictionary } from '#schema/dictionary.ts'
import type { ColumnBatch, Validity, Vector } from '#schema/vector.ts'

type Rows = readonly Readonly<Record<string, unknown>>[]

/**
 * Columns of row objects: for what is small (window results, tests), not for the hot path. A property that is missing,
 * undefined or null is null; properties without a field are passed over.
 *
 * @throws SluiceError PARQUET_VALUE_INVALID for a value of another type than its column's, and for null in a required column
 */
export function fromRows(fields: Fields, rows: Rows): ColumnBatch {
  return { fields, rows: rows.length, vectors: fields.map((field) => vectorOf(field, rows)) }
}

function vectorOf(field: Field, rows: Rows): Vector {
  const valid = validityOf(field, rows)
  switch (field.column.kind) {
    case 'string':
      return textVector(field, rows, valid)
    case 'binary':
      return binaryVector(field, rows, valid)
    case 'boolean': {
      const values = new Uint8Array(rows.length)
      each(field, rows, isBoolean, (value, row) => {
        values[row] = value ? 1 : 0
      })
      return { kind: 'boolean', valid, values }
    }
    case 'geo_point': {
      const latitudes = new Float64Array(rows.length)
      const longitudes = new Float64Array(rows.length)
      each(field, rows, isPoint, (value, row) => {
        latitudes[row] = value.latitude
        longitudes[row] = value.longitude
      })
      return { kind: 'points', valid, latitudes, longitudes }
    }
    case 'headers': {
      const values: (readonly RecordHeader[] | null)[] = rows.map(() => null)
      each(field, rows, isHeaders, (value, row) => {
        values[row] = value
      })
      return { kind: 'headers', valid, values }
    }
    default: {
      const values = new Float64Array(rows.length)
      each(field, rows, NUMBERS[field.column.kind], (value, row) => {
        values[row] = value
      })
      return { kind: 'number', valid, values }
    }
  }
}

function validityOf(field: Field, rows: Rows): Validity {
  let valid: Uint8Array | null = null
  for (const [row, values] of rows.entries()) {
    if (valueIn(values, field.name) !== null) continue
    if (!field.column.nullable) throw invalid(field, row, null)
    valid ??= new Uint8Array(rows.length).fill(1)
    valid[row] = 0
  }
  return valid
}

function textVector(field: Field, rows: Rows, valid: Validity): Vector {
  const codes = new Int32Array(rows.length)
  const dictionary = new StringDictionary()
  const encoder = new TextEncoder()
  let scratch = new Uint8Array(256)
  each(field, rows, isText, (value, row) => {
    if (value.length * 3 > scratch.length) scratch = new Uint8Array(value.length * 3)
    codes[row] = dictionary.intern(scratch, 0, encoder.encodeInto(value, scratch).written)
  })
  return { kind: 'dictionary', valid, codes, dictionary }
}

function binaryVector(field: Field, rows: Rows, valid: Validity): Vector {
  const starts = new Int32Array(rows.length)
  const ends = new Int32Array(rows.length)
  let length = 0
  each(field, rows, isBytes, (value, row) => {
    starts[row] = length
    length += value.length
    ends[row] = length
  })
  const buffer = new Uint8Array(length)
  each(field, rows, isBytes, (value, row) => buffer.set(value, starts[row]))
  return { kind: 'slices', valid, buffer, starts, ends }
}

/** What every object has by itself (`constructor`, `valueOf`) is no value of a row. */
const inherited = Object.prototype as unknown as Readonly<Record<string, unknown>>

function valueIn(row: Readonly<Record<string, unknown>>, name: string): unknown {
  const value = row[name]
  return value === undefined || value === inherited[name] ? null : value
}

/** Gives `write` each value that isn't null. */
function each<T>(
  field: Field,
  rows: Rows,
  is: (value: unknown) => value is T,
  write: (value: T, row: number) => void,
): void {
  for (const [row, values] of rows.entries()) {
    const value = valueIn(values, field.name)
    if (value === null) continue
    if (!is(value)) throw invalid(field, row, value)
    write(value, row)
  }
}

const isBoolean = (value: unknown): value is boolean => typeof value === 'boolean'
const isText = (value: unknown): value is string => typeof value === 'string' && value.isWellFormed()
const isBytes = (value: unknown): value is Uint8Array => value instanceof Uint8Array
const isHeaders = (value: unknown): value is readonly RecordHeader[] => Array.isArray(value)
const isPoint = (value: unknown): value is GeoPoint =>
  typeof value === 'object' &&
  Number.isFinite((value as GeoPoint).latitude) &&
  Number.isFinite((value as GeoPoint).longitude)
const isDouble = (value: unknown): value is number => typeof value === 'number'
const isLong = (value: unknown): value is number => Number.isSafeInteger(value)
const isInt = (value: unknown): value is number => Number.isInteger(value) && ((value as number) | 0) === value
const isInstant = (value: unknown): value is number => Number.isInteger(value) && Math.abs(value as number) <= 8.64e15

const NUMBERS: Readonly<Record<'int' | 'long' | 'double' | 'timestamp' | 'date', (value: unknown) => value is number>> =
  { int: isInt, long: isLong, double: isDouble, timestamp: isInstant, date: isInt }

const EXPECTED: Readonly<Record<ColumnKind, string>> = {
  string: 'a well-formed string',
  boolean: 'true or false',
  int: 'a whole number of 32 bits',
  long: 'a whole number within ±(2^53 − 1)',
  double: 'a number',
  timestamp: 'epoch milliseconds, a whole number',
  date: 'days since 1970-01-01, a whole number',
  binary: 'a Uint8Array',
  geo_point: '{ latitude, longitude }, two numbers',
  headers: 'an array of { name, value }',
}

function invalid(field: Field, row: number, value: unknown): SluiceError {
  const { kind, nullable } = field.column
  const kindOfValue = value === null ? 'null' : value instanceof Date ? 'a Date' : `a ${typeof value}`
  const found = typeof value === 'number' || typeof value === 'boolean' ? `${kindOfValue} (${value})` : kindOfValue
  return new SluiceError(
    'PARQUET_VALUE_INVALID',
    `Expected ${EXPECTED[kind]}${nullable ? ' or null' : ''} in column '${field.name}', found ${found} in row ${row}. ` +
      'Return a value of the declared type, or declare another one.',
    { details: { column: field.name, row } },
  )
}
