import { SluiceError } from '#core/errors.ts'
import { type Fits, fitsOf } from '#delta/column-fits.ts'
import type { DeltaType, StructField, StructType } from '#delta/schema-json.ts'
import { typeText } from '#delta/schema-json.ts'
import type { RowBlock } from '#schema/row-block.ts'

export type Row = Readonly<Record<string, unknown>>

/** Turns a value that is not null into the one form that all of this layer has it in; reports it when it is none. */
type Convert = (value: unknown, path: string, problems: Problems) => unknown

/** What every object has by itself (`constructor`) is no value of a row. */
const objectsHave = Object.prototype as unknown as Row

interface CheckedField {
  readonly field: StructField
  readonly name: string
  readonly convert: Convert
  readonly fits: Fits
  readonly inherited: unknown
}

/** Columns a message names. */
const NAMED_MAX = 20

/** What is wrong, the first case of each column. */
class Problems {
  readonly lines = new Map<string, string>()
  row = 0

  add(path: string, text: string): null {
    if (!this.lines.has(path)) this.lines.set(path, `${path}: ${text} (row ${this.row})`)
    return null
  }

  expected(path: string, expected: string, value: unknown): null {
    return this.add(path, `expected ${expected}, found ${shown(value)}`)
  }
}

/**
 * Holds rows against a table's schema, and brings their values into the form in which the reader gives them: whole numbers as
 * numbers (bigint beyond ±2^53), decimals as text with all digits of their scale, instants as epoch milliseconds (a fraction for
 * microseconds), dates as days, lists as arrays, maps as Map, structs as objects. Besides these it takes a Date or ISO 8601 text for
 * instants and dates, numbers for decimals, plain objects for maps.
 */
export class RowCheck {
  private readonly table: string
  private readonly fields: readonly CheckedField[]
  private readonly names: ReadonlySet<string>
  private readonly partial: boolean
  private rowsSeen = 0

  /**
   * @param options partial: rows need not have all columns; exact: columns of which `checkBlock` leaves nothing to the encoder, as they
   * are not encoded
   */
  constructor(
    table: string,
    schema: StructType,
    options: { readonly partial?: boolean; readonly exact?: readonly string[] } = {},
  ) {
    this.table = table
    this.partial = options.partial ?? false
    this.fields = schema.fields.map((field) => {
      const { name } = field
      const fits = fitsOf(field.type, field.nullable, options.exact?.includes(name) ?? false)
      return { field, name, convert: converterOf(field.type), fits, inherited: objectsHave[name] }
    })
    this.names = new Set(schema.fields.map(({ name }) => name))
  }

  /**
   * The rows themselves where nothing had to change.
   *
   * @throws SluiceError DELTA_SCHEMA_MISMATCH, a line for each column that doesn't fit
   */
  check(rows: readonly Row[]): readonly Row[] {
    const problems = new Problems()
    let changed: Row[] | undefined
    for (let i = 0; i < rows.length; i++) {
      problems.row = this.rowsSeen + i
      const row = rows[i]!
      const checked = this.checkRow(row, problems)
      if (checked !== row && changed === undefined) changed = rows.slice(0, i)
      changed?.push(checked)
    }
    if (problems.lines.size > 0) throw mismatch(this.table, [...problems.lines.values()])
    this.rowsSeen += rows.length
    return changed ?? rows
  }

  /**
   * The same of rows laid out by the columns of the schema (and maybe more behind them), whose values are changed in place.
   *
   * @param rows of which the block begins with `from`
   * @throws SluiceError DELTA_SCHEMA_MISMATCH, a line for each column that doesn't fit
   */
  checkBlock(block: RowBlock, rows: readonly Row[], from: number): void {
    const problems = new Problems()
    this.fields.forEach((checked, i) => {
      const values = block.columns[i]!
      if (!checked.fits(values, block.count)) this.convertAll(checked, values, block.count, problems)
    })
    if (block.hasOthers) {
      for (let i = 0; i < block.count; i++) {
        problems.row = this.rowsSeen + i
        this.reportUnknown(rows[from + i]!, problems)
      }
    }
    if (problems.lines.size > 0) throw mismatch(this.table, [...problems.lines.values()])
    this.rowsSeen += block.count
  }

  /** Looks again, at every value, when the encoder refused the block that was checked last. @throws as `checkBlock` */
  recheckBlock(block: RowBlock): void {
    const problems = new Problems()
    this.rowsSeen -= block.count
    this.fields.forEach((checked, i) => {
      this.convertAll(checked, block.columns[i]!, block.count, problems)
    })
    if (problems.lines.size > 0) throw mismatch(this.table, [...problems.lines.values()])
  }

  private convertAll(
    { field, name, convert }: CheckedField,
    values: unknown[],
    count: number,
    problems: Problems,
  ): void {
    for (let i = 0; i < count; i++) {
      problems.row = this.rowsSeen + i
      const value = values[i]
      if (value !== null) values[i] = convert(value, name, problems)
      else if (!field.nullable)
        problems.add(name, `expected ${typeText(field.type)}, found null, and it may not be null`)
    }
  }

  private checkRow(row: Row, problems: Problems): Row {
    let copy: Record<string, unknown> | undefined
    let found = 0
    for (let i = 0; i < this.fields.length; i++) {
      const { field, name, convert, inherited } = this.fields[i]!
      let value = row[name]
      // Asking for each value whether the row has it of its own would take as long as all the rest.
      const own = (value !== undefined && value !== inherited) || Object.hasOwn(row, name)
      if (own) found++
      if (!own || value === undefined) value = null
      if (value === null) {
        if (!field.nullable && (own || !this.partial))
          problems.add(name, `expected ${typeText(field.type)}, found null, and it may not be null`)
        continue
      }
      const converted = convert(value, name, problems)
      if (converted === value) continue
      copy ??= { ...row }
      copy[name] = converted
    }
    let keys = 0
    for (const _ in row) keys++
    if (keys !== found) this.reportUnknown(row, problems)
    return copy ?? row
  }

  private reportUnknown(row: Row, problems: Problems): void {
    for (const name of Object.keys(row)) {
      if (this.names.has(name) || row[name] === undefined) continue
      problems.add(name, 'the table has no such column')
    }
  }
}

function mismatch(table: string, lines: readonly string[]): SluiceError {
  const more = lines.length > NAMED_MAX ? `; and ${lines.length - NAMED_MAX} more` : ''
  return new SluiceError(
    'DELTA_SCHEMA_MISMATCH',
    `The rows do not fit the Delta table ${table}: ${lines.slice(0, NAMED_MAX).join('; ')}${more}. Nothing was committed: mend the rows, or evolve the table first.`,
    { details: { table, differences: lines } },
  )
}

function converterOf(type: DeltaType): Convert {
  if (typeof type === 'object') {
    if (type.type === 'struct') return structConverter(type)
    if (type.type === 'array') return arrayConverter(type.elementType, type.containsNull)
    return mapConverter(type.keyType, type.valueType, type.valueContainsNull)
  }
  const decimal = /^decimal\((\d+),\s*(-?\d+)\)$/.exec(type)
  if (decimal !== null) return decimalConverter(Number(decimal[1]), Number(decimal[2]))
  return PRIMITIVES[type] ?? ((_value, path, problems) => problems.add(path, `rows of type ${type} cannot be written`))
}

function whole(bits: number): Convert {
  const max = 2 ** (bits - 1)
  const expected = `a whole number of ${bits} bits`
  return (value, path, problems) => {
    const number = typeof value === 'bigint' ? Number(value) : value
    if (Number.isInteger(number) && (number as number) >= -max && (number as number) < max) return number
    return problems.expected(path, expected, value)
  }
}

const LONG_MAX = 2n ** 63n

const longConverter: Convert = (value, path, problems) => {
  if (Number.isSafeInteger(value)) return value
  if (typeof value === 'bigint' && value >= -LONG_MAX && value < LONG_MAX) {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : value
  }
  return problems.expected(path, 'a whole number (a bigint beyond 2^53) of 64 bits', value)
}

const stringConverter: Convert = (value, path, problems) =>
  typeof value === 'string' && value.isWellFormed() ? value : problems.expected(path, 'well-formed text', value)

const instantConverter: Convert = (value, path, problems) => {
  const millis = typeof value === 'number' ? value : instantOf(value)
  if (Number.isFinite(millis) && Math.abs(millis) <= 8.64e15) return millis
  return problems.expected(path, 'an instant: epoch milliseconds, a Date or ISO 8601 text with its offset', value)
}

function instantOf(value: unknown): number {
  if (value instanceof Date) return value.getTime()
  if (typeof value !== 'string') return Number.NaN
  const match = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(?:\.(\d{1,6}))?(Z|[+-]\d\d:\d\d)$/.exec(value)
  if (match === null || Number.isNaN(dayOfText(match[1]!))) return Number.NaN
  return Date.parse(`${match[1]}T${match[2]}${match[4]}`) + Number((match[3] ?? '').padEnd(6, '0')) / 1000
}

const wallClockConverter: Convert = (value, path, problems) =>
  instantConverter(typeof value === 'string' && !/[Z+]|-\d\d:\d\d$/.test(value) ? `${value}Z` : value, path, problems)

const dateConverter: Convert = (value, path, problems) => {
  const days = typeof value === 'number' ? value : daysOf(value)
  if (Number.isInteger(days) && Math.abs(days) < 2 ** 31) return days
  return problems.expected(path, 'a date: days since 1970-01-01, YYYY-MM-DD or a Date', value)
}

function daysOf(value: unknown): number {
  if (value instanceof Date) return Math.floor(value.getTime() / 86_400_000)
  return typeof value === 'string' && /^\d{4}-\d\d-\d\d$/.test(value) ? dayOfText(value) : Number.NaN
}

/** Of `YYYY-MM-DD`; NaN for a day that its month has not, of which `Date.parse` makes one of the next month. */
function dayOfText(text: string): number {
  const millis = Date.parse(text)
  return new Date(millis).getUTCDate() === Number(text.slice(8)) ? millis / 86_400_000 : Number.NaN
}

const numberConverter =
  (round: (value: number) => number): Convert =>
  (value, path, problems) =>
    typeof value === 'number' ? round(value) : problems.expected(path, 'a number', value)

const PRIMITIVES: Readonly<Record<string, Convert>> = {
  string: stringConverter,
  boolean: (value, path, problems) =>
    typeof value === 'boolean' ? value : problems.expected(path, 'true or false', value),
  byte: whole(8),
  short: whole(16),
  integer: whole(32),
  long: longConverter,
  float: numberConverter(Math.fround),
  double: numberConverter((value) => value),
  timestamp: instantConverter,
  timestamp_ntz: wallClockConverter,
  date: dateConverter,
  binary: (value, path, problems) =>
    value instanceof Uint8Array ? value : problems.expected(path, 'a Uint8Array', value),
}

/** Digits before and after the point; a number has the digits that it is printed with. */
function decimalConverter(precision: number, scale: number): Convert {
  const expected = `a decimal of ${precision} digits, ${scale} of them after the point`
  return (value, path, problems) => {
    const text = typeof value === 'number' || typeof value === 'bigint' ? plainDigits(value) : value
    const match = typeof text === 'string' ? /^([+-]?)0*(\d*)(?:\.(\d*?)0*)?$/.exec(text) : null
    if (match === null || text === '' || !/\d/.test(text as string)) return problems.expected(path, expected, value)
    const [, sign, before = '', after = ''] = match
    if (after.length > scale || before.length > precision - scale) return problems.expected(path, expected, value)
    const digits = `${before === '' ? '0' : before}${scale > 0 ? `.${after.padEnd(scale, '0')}` : ''}`
    return sign === '-' && /[1-9]/.test(digits) ? `-${digits}` : digits
  }
}

function plainDigits(value: number | bigint): string {
  const text = String(value)
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text)
  if (match === null) return text
  const [, sign, first = '', rest = '', exponent] = match
  const shift = Number(exponent)
  if (shift < 0) return `${sign}0.${'0'.repeat(-shift - 1)}${first}${rest}`
  return `${sign}${first}${rest.padEnd(shift, '0')}`
}

function structConverter(type: StructType): Convert {
  const fields = type.fields.map((field) => ({ field, convert: converterOf(field.type) }))
  return (value, path, problems) => {
    if (typeof value !== 'object' || Array.isArray(value) || value instanceof Map || value instanceof Uint8Array) {
      return problems.expected(path, typeText(type), value)
    }
    const struct = value as Row
    let copy: Record<string, unknown> | undefined
    for (const { field, convert } of fields) {
      const part = struct[field.name] ?? null
      if (part === null) {
        if (!field.nullable) problems.add(`${path}.${field.name}`, 'found null, and it may not be null')
        continue
      }
      const converted = convert(part, `${path}.${field.name}`, problems)
      if (converted === part) continue
      copy ??= { ...struct }
      copy[field.name] = converted
    }
    for (const name of Object.keys(struct)) {
      if (!fields.some(({ field }) => field.name === name) && struct[name] !== undefined)
        problems.add(`${path}.${name}`, 'the table has no such field')
    }
    return copy ?? value
  }
}

function arrayConverter(elementType: DeltaType, containsNull: boolean): Convert {
  const convert = converterOf(elementType)
  return (value, path, problems) => {
    if (!Array.isArray(value)) return problems.expected(path, 'an array', value)
    let copy: unknown[] | undefined
    for (let i = 0; i < value.length; i++) {
      const item: unknown = value[i] ?? null
      if (item === null && !containsNull) problems.add(`${path}.element`, 'found null, and it may not be null')
      const converted = item === null ? null : convert(item, `${path}.element`, problems)
      if (converted !== item) copy ??= [...(value as unknown[])]
      if (copy !== undefined) copy[i] = converted
    }
    return copy ?? value
  }
}

function mapConverter(keyType: DeltaType, valueType: DeltaType, containsNull: boolean): Convert {
  const convertKey = converterOf(keyType)
  const convertValue = converterOf(valueType)
  return (value, path, problems) => {
    const isMap = value instanceof Map
    if (!isMap && (typeof value !== 'object' || Array.isArray(value) || value instanceof Uint8Array)) {
      return problems.expected(path, 'a Map or an object', value)
    }
    const converted = new Map<unknown, unknown>()
    for (const [key, item] of isMap ? value : Object.entries(value as object)) {
      if (key == null) problems.add(`${path}.key`, 'found null, which no key can be')
      else {
        const one = item ?? null
        if (one === null && !containsNull) problems.add(`${path}.value`, 'found null, and it may not be null')
        converted.set(
          convertKey(key, `${path}.key`, problems),
          one === null ? null : convertValue(one, `${path}.value`, problems),
        )
      }
    }
    return converted
  }
}

function shown(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint') return String(value)
  if (typeof value === 'string') return value.length > 40 ? `text of ${value.length} characters` : JSON.stringify(value)
  if (value instanceof Date) return 'a Date'
  return Array.isArray(value) ? 'an array' : `a ${typeof value}`
}
