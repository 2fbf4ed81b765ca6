import { isoDate, isoDateFailure } from '#core/timestamp-format.ts'
import { decodeBase64 } from '#schema/base64.ts'
import type { Fields } from '#schema/column.ts'
import {
  BINARY,
  BOOLEAN,
  ColumnWriter,
  DATE,
  DOUBLE,
  INT,
  LONG,
  POINT,
  TEXT,
  TIMESTAMP,
} from '#schema/column-writer.ts'
import { detailOf, REASONS, type Reason } from '#schema/decode-reasons.ts'
import { ESCAPED, JsonScanner } from '#schema/json-scan.ts'
import { booleanOf, isInfinite } from '#schema/literal-words.ts'
import { PointReader } from '#schema/point-reader.ts'
import { PropertyNames } from '#schema/property-names.ts'

const QUOTE = 0x22
const COMMA = 0x2c
const OPEN = 0x7b
const CLOSE = 0x7d
const SPACE = 0x20

const INT_MIN = -(2 ** 31)
const INT_MAX = 2 ** 31 - 1
const INSTANT_MAX = 8.64e15

/**
 * Reads records into column writers, one pass over the bytes of each. What a record's text means for a column is decided
 * here; what JSON is, in JsonScanner.
 */
export class RecordReader {
  readonly columns: readonly ColumnWriter[]
  /** Why the last record was rejected. */
  reason: Reason = REASONS.syntax
  detail: string | null = null
  private readonly json = new JsonScanner()
  private readonly names: PropertyNames
  private readonly point = new PointReader(this.json)
  private bytes: Uint8Array = new Uint8Array(0)
  private blobs = new Uint8Array(256)
  private blobsLength = 0
  /** Number of the record that is being read: what `seen` of its columns is set to. */
  private record = 0
  private row = 0
  private readonly faults: (Fault | undefined)[]
  private faultCount = 0
  /** What `readText` found: [textFrom, textTo) of `textBytes`, without spaces around it. */
  private textBytes: Uint8Array = this.bytes
  private textFrom = 0
  private textTo = 0

  constructor(fields: Fields) {
    this.columns = fields.map((field, index) => new ColumnWriter(field, index))
    this.names = new PropertyNames(this.columns, this.json)
    this.faults = fields.map(() => undefined)
  }

  begin(bytes: Uint8Array, count: number): void {
    this.bytes = bytes
    this.json.load(bytes)
    this.blobsLength = 0
    for (const column of this.columns) column.begin(count)
  }

  /** What the slices of a text column with escapes lie in: the records, and behind them the unescaped text. */
  withArena(): Uint8Array {
    const joined = new Uint8Array(this.bytes.length + this.json.arenaLength)
    joined.set(this.bytes)
    joined.set(this.json.arena.subarray(0, this.json.arenaLength), this.bytes.length)
    return joined
  }

  /** What the slices of binary columns lie in. */
  binary(): Uint8Array {
    return this.blobs.slice(0, this.blobsLength)
  }

  /**
   * Reads the record at bytes [start, end) into `row` of the columns. False when it is rejected: then `reason` and `detail`
   * say why, and the next record may take the row.
   */
  read(start: number, end: number, row: number): boolean {
    this.row = row
    this.record++
    this.json.tooDeep = false
    if (this.faultCount > 0) this.clearFaults()
    const missing = this.readObject(start, end)
    if (missing < 0) return this.reject(this.json.tooDeep ? REASONS.depth : REASONS.syntax, start, end)
    if (missing > 0) this.fillMissing(end)
    if (this.faultCount === 0) return true
    const fault = this.faults.find((found) => found !== undefined)!
    this.reason = fault.reason
    this.detail = fault.detail
    return false
  }

  /** How many columns the object has no property for; −1 if [start, end) isn't exactly one object. */
  private readObject(start: number, end: number): number {
    const { bytes, json, columns, names } = this
    let missing = columns.length
    let at = json.skipSpace(start, end)
    if (at >= end || bytes[at] !== OPEN) return -1
    at = json.skipSpace(at + 1, end)
    if (bytes[at] === CLOSE) return json.skipSpace(at + 1, end) === end ? missing : -1
    names.first()
    for (;;) {
      at = names.read(at)
      if (at < 0) return -1
      if (bytes[at]! <= SPACE) at = json.skipSpace(at, end)
      const field = names.field
      if (field < 0) at = json.skipValue(at, 0)
      else {
        const column = columns[field]!
        if (column.seen !== this.record) {
          column.seen = this.record
          missing--
        } else if (this.faultCount > 0) this.clearFault(field)
        at = this.readValue(column, at)
      }
      if (at < 0) return -1
      if (bytes[at]! <= SPACE) at = json.skipSpace(at, end)
      const byte = bytes[at]
      if (byte !== COMMA) {
        // also finds out whether anything that was read lies behind the end
        return byte === CLOSE && json.skipSpace(at + 1, end) === end ? missing : -1
      }
      at++
      if (bytes[at]! <= SPACE) at = json.skipSpace(at, end)
    }
  }

  private readValue(column: ColumnWriter, at: number): number {
    const byte = this.bytes[at]!
    if (byte === 0x6e) return this.readNull(column, at)
    switch (column.kind) {
      case TEXT:
        return byte === QUOTE ? this.readString(column, at) : this.readBareText(column, at)
      case BOOLEAN:
        return this.readBoolean(column, at)
      case BINARY:
        return this.readBinary(column, at)
      case POINT:
        return this.readPoint(column, at)
      default:
        return byte === QUOTE ? this.readQuoted(column, at) : this.readNumber(column, at)
    }
  }

  private readNull(column: ColumnWriter, at: number): number {
    const end = this.json.literal(at)
    if (end < 0) return -1
    if (column.nullable) column.setNull(this.row)
    else this.fault(column, REASONS.null, at, end)
    return end
  }

  private readString(column: ColumnWriter, at: number): number {
    const json = this.json
    if (column.usesDictionary) {
      const end = json.scanHashed(at + 1)
      if (end < 0) return end === ESCAPED ? this.readEscaped(column, at) : -1
      column.codes[this.row] = column.dictionary.internHashed(this.bytes, json.view, at + 1, end, json.hash)
      column.setValid(this.row)
      return end + 1
    }
    const end = json.scanPlain(at + 1)
    if (end < 0) return end === ESCAPED ? this.readEscaped(column, at) : -1
    column.starts[this.row] = at + 1
    column.ends[this.row] = end
    column.setValid(this.row)
    return end + 1
  }

  private readEscaped(column: ColumnWriter, at: number): number {
    const json = this.json
    const end = json.unescape(at + 1)
    if (end < 0) return -1
    if (json.textFault !== 'none') this.fault(column, REASONS[json.textFault], at, end + 1)
    else if (column.usesDictionary) {
      column.codes[this.row] = column.dictionary.intern(json.arena, json.textStart, json.arenaLength)
      json.arenaLength = json.textStart
      column.setValid(this.row)
    } else {
      column.usesArena = true
      column.starts[this.row] = this.bytes.length + json.textStart
      column.ends[this.row] = this.bytes.length + json.arenaLength
      column.setValid(this.row)
    }
    return end + 1
  }

  /** A number, `true` or `false` in a string column: as it is written. */
  private readBareText(column: ColumnWriter, at: number): number {
    const end = this.json.skipValue(at, 0)
    if (end < 0) return -1
    const byte = this.bytes[at]!
    if (byte === OPEN || byte === 0x5b) this.fault(column, REASONS.text, at, end)
    else if (column.usesDictionary) column.codes[this.row] = column.dictionary.intern(this.bytes, at, end)
    else {
      column.starts[this.row] = at
      column.ends[this.row] = end
    }
    column.setValid(this.row)
    return end
  }

  private readBoolean(column: ColumnWriter, at: number): number {
    const row = this.row
    const byte = this.bytes[at]!
    if (byte === QUOTE) {
      const end = this.readText(at)
      if (end < 0) return -1
      if (this.textFrom === this.textTo) return this.readEmpty(column, at, end)
      const flag = booleanOf(this.textBytes, this.textFrom, this.textTo)
      if (flag < 0) this.fault(column, REASONS.boolean, at, end)
      else {
        column.flags[row] = flag
        column.setValid(row)
      }
      return end
    }
    const end = this.json.literal(at)
    if (end < 0) return this.mismatch(column, REASONS.boolean, at)
    column.flags[row] = byte === 0x74 ? 1 : 0
    column.setValid(row)
    return end
  }

  private readNumber(column: ColumnWriter, at: number): number {
    const end = this.json.decimal.read(this.bytes, at)
    if (end < 0) {
      const isTime = column.kind === DATE || column.kind === TIMESTAMP
      return this.mismatch(column, isTime ? REASONS.notADate : REASONS.number, at)
    }
    this.storeNumber(column, at, end)
    return end
  }

  /** A string in a column of numbers or times. */
  private readQuoted(column: ColumnWriter, at: number): number {
    const end = this.readText(at)
    if (end < 0) return -1
    const { textBytes, textFrom, textTo } = this
    if (textFrom === textTo) return this.readEmpty(column, at, end)
    if (column.kind === TIMESTAMP) {
      const instant = column.parser!.parse(textBytes, textFrom, textTo)
      if (Number.isNaN(instant)) this.fault(column, column.parser!.lastFailure(), at, end)
      else this.storeValue(column, instant)
    } else if (column.kind === DATE) {
      const days = isoDate(textBytes, textFrom, textTo)
      if (Number.isNaN(days)) this.fault(column, isoDateFailure(textBytes, textFrom, textTo), at, end)
      else this.storeValue(column, days)
    } else if (this.json.decimal.readText(textBytes, textFrom, textTo)) this.storeNumber(column, at, end)
    else this.fault(column, isInfinite(textBytes, textFrom, textTo) ? REASONS.infinite : REASONS.number, at, end)
    return end
  }

  private storeNumber(column: ColumnWriter, at: number, end: number): void {
    const decimal = this.json.decimal
    const value = decimal.value[0]!
    if (column.kind === DOUBLE) {
      if (Number.isFinite(value)) this.storeValue(column, value)
      else this.fault(column, REASONS.infinite, at, end)
      return
    }
    if (!decimal.whole) {
      this.fault(column, REASONS.whole, at, end)
      return
    }
    const max = column.kind === LONG ? Number.MAX_SAFE_INTEGER : column.kind === TIMESTAMP ? INSTANT_MAX : INT_MAX
    const min = column.kind === INT || column.kind === DATE ? INT_MIN : -max
    // + 0: there is no whole number −0
    if (value >= min && value <= max) this.storeValue(column, value + 0)
    else this.fault(column, REASONS.range, at, end)
  }

  private storeValue(column: ColumnWriter, value: number): void {
    column.values[this.row] = value
    column.setValid(this.row)
  }

  private readBinary(column: ColumnWriter, at: number): number {
    if (this.bytes[at] !== QUOTE) return this.mismatch(column, REASONS.base64, at)
    const end = this.readText(at)
    if (end < 0) return -1
    const length = this.textTo - this.textFrom
    if (length === 0) return this.readEmpty(column, at, end)
    const from = this.blobsLength
    if (from + length > this.blobs.length) {
      const larger = new Uint8Array(Math.max(from + length, this.blobs.length * 2))
      larger.set(this.blobs)
      this.blobs = larger
    }
    const to = decodeBase64(this.textBytes, this.textFrom, this.textTo, this.blobs, from)
    if (to < 0) this.fault(column, REASONS.base64, at, end)
    else {
      this.blobsLength = to
      column.starts[this.row] = from
      column.ends[this.row] = to
      column.setValid(this.row)
    }
    return end
  }

  private readPoint(column: ColumnWriter, at: number): number {
    if (this.bytes[at] === QUOTE) {
      const end = this.readText(at)
      if (end < 0) return -1
      if (this.textFrom === this.textTo) return this.readEmpty(column, at, end)
    }
    const point = this.point
    const end = point.read(at)
    if (end < 0) return -1
    if (Number.isFinite(point.latitude) && Number.isFinite(point.longitude)) {
      column.values[this.row] = point.latitude
      column.longitudes[this.row] = point.longitude
      column.setValid(this.row)
    } else this.fault(column, REASONS.point, at, end)
    return end
  }

  /** An empty string in a column that holds no text. */
  private readEmpty(column: ColumnWriter, at: number, end: number): number {
    if (column.nullable) column.setNull(this.row)
    else this.fault(column, REASONS.null, at, end)
    return end
  }

  /** Finds the text of the string at `at` and gives the position behind it, or −1. */
  private readText(at: number): number {
    const json = this.json
    this.textBytes = this.bytes
    this.textFrom = at + 1
    let end = json.scanPlain(at + 1)
    this.textTo = end
    if (end === ESCAPED) {
      end = json.unescape(at + 1)
      this.textBytes = json.arena
      this.textFrom = json.textStart
      this.textTo = json.arenaLength
      json.arenaLength = json.textStart
    }
    if (end < 0) return -1
    while (this.textFrom < this.textTo && this.textBytes[this.textFrom]! <= SPACE) this.textFrom++
    while (this.textFrom < this.textTo && this.textBytes[this.textTo - 1]! <= SPACE) this.textTo--
    return end + 1
  }

  /** A value of another type: passed over, and a fault if it is JSON at all. */
  private mismatch(column: ColumnWriter, reason: Reason, at: number): number {
    const end = this.json.skipValue(at, 0)
    if (end >= 0) this.fault(column, reason, at, end)
    return end
  }

  private fillMissing(end: number): void {
    for (const column of this.columns) {
      if (column.seen === this.record) continue
      if (column.nullable) column.setNull(this.row)
      else this.fault(column, REASONS.null, end, end)
    }
  }

  private fault(column: ColumnWriter, reason: Reason, start: number, end: number): void {
    const detail = start === end ? `${column.name}: missing` : detailOf(`${column.name}: `, this.bytes, start, end)
    if (this.faults[column.index] === undefined) this.faultCount++
    this.faults[column.index] = { reason, detail }
  }

  private clearFault(field: number): void {
    if (this.faults[field] === undefined) return
    this.faults[field] = undefined
    this.faultCount--
  }

  private clearFaults(): void {
    this.faults.fill(undefined)
    this.faultCount = 0
  }

  private reject(reason: Reason, start: number, end: number): boolean {
    this.reason = reason
    this.detail = detailOf('', this.bytes, start, end)
    return false
  }
}

interface Fault {
  readonly reason: Reason
  readonly detail: string
}
