import { SluiceError } from '#core/errors.ts'
import type { ColumnKind, Field, Fields, GeoPoint, RecordHeader } from '#schema/column.ts'
import { BLOCK_ROWS, type InputRow, RowBlock } from '#schema/row-block.ts'
import { TextArena } from '#schema/text-arena.ts'
import type { ColumnBatch, Validity, Vector } from '#schema/vector.ts'

/**
 * Columns of row objects. A property that is missing, undefined or null is null; properties without a field are passed over. Text is
 * a dictionary as long as it repeats, else slices. Costs about 1.5 µs of CPU per row of 22 columns.
 *
 * @throws SluiceError PARQUET_VALUE_INVALID for a value of another type than its column's, and for null in a required column
 */
export function fromRows(fields: Fields, rows: readonly InputRow[]): ColumnBatch {
  const builders = fields.map((field) => builderOf(field, rows.length))
  const block = new RowBlock(
    fields.map(({ name }) => name),
    Math.min(rows.length, BLOCK_ROWS),
  )
  for (let from = 0; from < rows.length; from += BLOCK_ROWS) {
    block.take(rows, from, Math.min(rows.length, from + BLOCK_ROWS))
    builders.forEach((builder, i) => {
      builder.take(block.columns[i]!, from, block.count)
    })
  }
  return { fields, rows: rows.length, vectors: builders.map((builder) => builder.vector()) }
}

/** One column in the making. */
abstract class Builder {
  protected readonly field: Field
  protected readonly rows: number
  protected valid: Uint8Array | null = null

  constructor(field: Field, rows: number) {
    this.field = field
    this.rows = rows
  }

  /** The first `count` of `block` are the values of rows from `from` on. */
  take(block: readonly unknown[], from: number, count: number): void {
    for (let i = 0; i < count; i++) {
      if (block[i] !== null) continue
      if (!this.field.column.nullable) throw invalid(this.field, from + i, null)
      this.valid ??= new Uint8Array(this.rows).fill(1)
      this.valid[from + i] = 0
    }
    this.put(block, from, count)
  }

  protected abstract put(block: readonly unknown[], from: number, count: number): void
  abstract vector(): Vector
}

function builderOf(field: Field, rows: number): Builder {
  switch (field.column.kind) {
    case 'string':
      return new TextBuilder(field, rows)
    case 'boolean':
      return new FlagBuilder(field, rows)
    case 'binary':
    case 'geo_point':
    case 'headers':
      return new ValueBuilder(field, rows)
    default:
      return new NumberBuilder(field, rows, NUMBERS[field.column.kind])
  }
}

class NumberBuilder extends Builder {
  readonly #is: (value: unknown) => value is number
  readonly #values: Float64Array

  constructor(field: Field, rows: number, is: (value: unknown) => value is number) {
    super(field, rows)
    this.#is = is
    this.#values = new Float64Array(rows)
  }

  put(block: readonly unknown[], from: number, count: number): void {
    const is = this.#is
    const values = this.#values
    for (let i = 0; i < count; i++) {
      const value = block[i]
      if (value === null) continue
      if (!is(value)) throw invalid(this.field, from + i, value)
      values[from + i] = value
    }
  }

  vector(): Vector {
    return { kind: 'number', valid: this.valid, values: this.#values }
  }
}

class FlagBuilder extends Builder {
  readonly #values = new Uint8Array(this.rows)

  put(block: readonly unknown[], from: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const value = block[i]
      if (value === true) this.#values[from + i] = 1
      else if (value !== false && value !== null) throw invalid(this.field, from + i, value)
    }
  }

  vector(): Vector {
    return { kind: 'boolean', valid: this.valid, values: this.#values }
  }
}

/** A dictionary as long as text repeats: it is given up after a block when more than half of all was new. */
class TextBuilder extends Builder {
  readonly #codes = new Int32Array(this.rows)
  readonly #known = new Map<string, number>()
  readonly #texts: string[] = []
  readonly #entries = new TextArena()
  /** Text of each row, end to end; null as long as the dictionary is used. */
  #slices: TextArena | null = null

  put(block: readonly unknown[], from: number, count: number): void {
    for (let i = 0; i < count; i++) {
      const value = block[i]
      if (value !== null && typeof value !== 'string') throw invalid(this.field, from + i, value)
      if (this.#slices === null) this.#codes[from + i] = value === null ? 0 : this.#code(value, from + i)
      else if (!this.#slices.append(value ?? '')) throw invalid(this.field, from + i, value)
    }
    if (this.#slices === null && from > 0 && this.#texts.length * 2 > from + count) this.#spread(from + count)
  }

  #code(value: string, row: number): number {
    const known = this.#known.get(value)
    if (known !== undefined) return known
    if (!this.#entries.append(value)) throw invalid(this.field, row, value)
    const code = this.#texts.length
    this.#known.set(value, code)
    this.#texts.push(value)
    return code
  }

  #spread(rows: number): void {
    const slices = new TextArena()
    for (let row = 0; row < rows; row++) {
      slices.append(this.valid?.[row] === 0 ? '' : this.#texts[this.#codes[row]!]!)
    }
    this.#slices = slices
    this.#known.clear()
  }

  vector(): Vector {
    const { valid } = this
    if (this.#slices !== null) {
      const { bytes: buffer, starts } = this.#slices
      return { kind: 'slices', valid, buffer, starts, ends: starts.subarray(1) }
    }
    const texts = this.#texts
    const { bytes, starts } = this.#entries
    const dictionary = { size: texts.length, bytes, starts, text: (code: number) => texts[code]! }
    return { kind: 'dictionary', valid, codes: this.#codes, dictionary }
  }
}

/** Kinds that are rare: their values are gathered as they are. */
class ValueBuilder extends Builder {
  readonly #values = new Array<unknown>(this.rows).fill(null)

  put(block: readonly unknown[], from: number, count: number): void {
    for (let i = 0; i < count; i++) this.#values[from + i] = block[i]
  }

  vector(): Vector {
    const { field, valid } = this
    const values = this.#values
    if (field.column.kind === 'binary') return binaryVector(field, values, valid)
    if (field.column.kind === 'geo_point') return pointVector(field, values, valid)
    const lists: (readonly RecordHeader[] | null)[] = values.map(() => null)
    each(field, values, isHeaders, (value, row) => {
      lists[row] = value
    })
    return { kind: 'headers', valid, values: lists }
  }
}

function pointVector(field: Field, values: readonly unknown[], valid: Validity): Vector {
  const latitudes = new Float64Array(values.length)
  const longitudes = new Float64Array(values.length)
  each(field, values, isPoint, (value, row) => {
    latitudes[row] = value.latitude
    longitudes[row] = value.longitude
  })
  return { kind: 'points', valid, latitudes, longitudes }
}

function binaryVector(field: Field, values: readonly unknown[], valid: Validity): Vector {
  const starts = new Int32Array(values.length)
  const ends = new Int32Array(values.length)
  let length = 0
  each(field, values, isBytes, (value, row) => {
    starts[row] = length
    length += value.length
    ends[row] = length
  })
  const buffer = new Uint8Array(length)
  each(field, values, isBytes, (value, row) => buffer.set(value, starts[row]))
  return { kind: 'slices', valid, buffer, starts, ends }
}

/** Gives `write` each value that isn't null. */
function each<T>(
  field: Field,
  values: readonly unknown[],
  is: (value: unknown) => value is T,
  write: (value: T, row: number) => void,
): void {
  for (let row = 0; row < values.length; row++) {
    const value = values[row]
    if (value === null) continue
    if (!is(value)) throw invalid(field, row, value)
    write(value, row)
  }
}

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
