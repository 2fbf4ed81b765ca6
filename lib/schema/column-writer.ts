import { SluiceError } from '#core/errors.ts'
import { type TimestampParser, timestampParser } from '#core/timestamp-format.ts'
import type { Field } from '#schema/column.ts'
import { StringDictionary } from '#schema/dictionary.ts'
import type { Validity, Vector } from '#schema/vector.ts'

/** Kinds as small numbers, for the decoder's switch. */
export const TEXT = 0
export const BOOLEAN = 1
export const INT = 2
export const LONG = 3
export const DOUBLE = 4
export const TIMESTAMP = 5
export const DATE = 6
export const BINARY = 7
export const POINT = 8

const KINDS: Readonly<Record<string, number>> = {
  string: TEXT,
  boolean: BOOLEAN,
  int: INT,
  long: LONG,
  double: DOUBLE,
  timestamp: TIMESTAMP,
  date: DATE,
  binary: BINARY,
  geo_point: POINT,
}

/** A dictionary with more than this is replaced by an empty one before the next batch. */
const ENTRIES_MAX = 65_536
const ENTRY_BYTES_MAX = 4 * 1024 * 1024
/** So many rows must have been seen before a column is judged by how often its text repeats. */
const ROWS_TO_JUDGE = 512

const NO_INTS = new Int32Array(0)
const NO_DOUBLES = new Float64Array(0)
const NO_BYTES = new Uint8Array(0)

/**
 * One column of the batch that is being decoded. Its arrays are new for each batch, because vectors outlive the decoding of
 * the next; nothing is allocated for a row. A row may be written again: the last values count.
 *
 * Text goes to a dictionary as long as it repeats. When more than half of a batch's rows bring new text, the column holds
 * slices of the records from the next batch on.
 */
export class ColumnWriter {
  readonly name: string
  readonly index: number
  readonly kind: number
  readonly nullable: boolean
  readonly parser: TimestampParser | null
  /** `"name":` as little-endian words, the last one padded with zeros, and the mask of what counts in it. */
  readonly token: Int32Array
  readonly tokenWords: number
  readonly tokenMask: number
  /** In bytes; 0 when the name can't stand in JSON as it is. */
  readonly tokenLength: number

  usesDictionary: boolean
  dictionary = new StringDictionary()
  valid: Uint8Array | null = null
  codes: Int32Array = NO_INTS
  starts: Int32Array = NO_INTS
  ends: Int32Array = NO_INTS
  values: Float64Array = NO_DOUBLES
  longitudes: Float64Array = NO_DOUBLES
  flags: Uint8Array = NO_BYTES
  /** True when a slice of this batch lies in the arena behind the records. */
  usesArena = false
  /** Number of the record that brought the column a value last: how missing and duplicate properties are found. */
  seen = 0
  private count = 0
  private rowsSeen = 0
  private sizeBefore = 0

  constructor(field: Field, index: number) {
    const kind = KINDS[field.column.kind]
    if (kind === undefined) {
      throw new SluiceError(
        'PLAN_INVALID',
        `Expected columns that JSON can hold, found '${field.name}' of kind ${field.column.kind}. Remove it from the topic.`,
      )
    }
    this.name = field.name
    this.index = index
    this.kind = kind
    this.nullable = field.column.nullable
    this.usesDictionary = kind === TEXT
    const format = field.column.format ?? { pattern: 'iso', zone: 'UTC' }
    this.parser = kind === TIMESTAMP ? timestampParser(format.pattern, format.zone) : null
    const token = tokenOf(field.name)
    this.tokenLength = token.length
    this.tokenWords = token.length >> 2
    this.tokenMask = (1 << ((token.length & 3) * 8)) - 1
    const padded = new Uint8Array((this.tokenWords + 1) * 4)
    padded.set(token)
    const view = new DataView(padded.buffer)
    this.token = Int32Array.from({ length: this.tokenWords + 1 }, (_, word) => view.getInt32(word * 4, true))
  }

  begin(count: number): void {
    this.count = count
    this.valid = null
    this.usesArena = false
    if (this.kind === TEXT && this.usesDictionary) {
      if (this.dictionary.size > ENTRIES_MAX || this.dictionary.byteLength > ENTRY_BYTES_MAX) {
        this.dictionary = new StringDictionary()
        this.rowsSeen = 0
      }
      if (this.rowsSeen === 0) this.sizeBefore = this.dictionary.size
      this.codes = new Int32Array(count)
    } else if (this.kind === TEXT || this.kind === BINARY) {
      this.starts = new Int32Array(count)
      this.ends = new Int32Array(count)
    } else if (this.kind === BOOLEAN) {
      this.flags = new Uint8Array(count)
    } else {
      this.values = new Float64Array(count)
      if (this.kind === POINT) this.longitudes = new Float64Array(count)
    }
  }

  setValid(row: number): void {
    if (this.valid !== null) this.valid[row] = 1
  }

  setNull(row: number): void {
    if (this.valid === null) this.valid = new Uint8Array(this.count).fill(1)
    this.valid[row] = 0
    switch (this.kind) {
      case TEXT:
      case BINARY:
        if (this.usesDictionary) this.codes[row] = 0
        else {
          this.starts[row] = 0
          this.ends[row] = 0
        }
        return
      case BOOLEAN:
        this.flags[row] = 0
        return
      case POINT:
        this.longitudes[row] = 0
        this.values[row] = 0
        return
      default:
        this.values[row] = 0
    }
  }

  /** The batch's vector. `buffer` is what slices lie in. Also decides how the next batch's text is held. */
  finish(rows: number, buffer: Uint8Array): Vector {
    const valid: Validity = this.valid?.subarray(0, rows).includes(0) ? this.valid : null
    switch (this.kind) {
      case TEXT:
        if (!this.usesDictionary) return { kind: 'slices', valid, buffer, starts: this.starts, ends: this.ends }
        return { kind: 'dictionary', valid, codes: this.codes, dictionary: this.judge(rows) }
      case BINARY:
        return { kind: 'slices', valid, buffer, starts: this.starts, ends: this.ends }
      case BOOLEAN:
        return { kind: 'boolean', valid, values: this.flags }
      case POINT:
        return { kind: 'points', valid, latitudes: this.values, longitudes: this.longitudes }
      default:
        return { kind: 'number', valid, values: this.values }
    }
  }

  /** Gives the dictionary of the batch that ends, and settles what the next batch uses. */
  private judge(rows: number): StringDictionary {
    const dictionary = this.dictionary
    this.rowsSeen += rows
    // few rows say little: small batches are judged together
    if (this.rowsSeen >= ROWS_TO_JUDGE) {
      if ((dictionary.size - this.sizeBefore) * 2 > this.rowsSeen) {
        this.usesDictionary = false
        this.dictionary = new StringDictionary()
      }
      this.rowsSeen = 0
    }
    return dictionary
  }
}

/** `"name":` in UTF-8; nothing for a name that JSON must escape. */
function tokenOf(name: string): Uint8Array {
  const quoted = JSON.stringify(name)
  return quoted === `"${name}"` ? new TextEncoder().encode(`${quoted}:`) : NO_BYTES
}
