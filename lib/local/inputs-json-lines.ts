import type { Bytes } from '#core/time.ts'
import { PropertyFinder } from '#local/inputs-property.ts'
import type { Fields } from '#schema/column.ts'
import {
  END,
  MALFORMED,
  NEED_MORE,
  place,
  RECORD,
  RECORD_BYTES_MAX,
  type ReadStatus,
  tooLong,
  VALUE_BYTES_MAX,
} from '#schema/csv-limits.ts'
import type { RecordReader } from '#schema/csv-reader.ts'
import type { ByteTarget } from '#schema/record-packer.ts'

const LF = 10
const CR = 13

/**
 * JSON lines: each line is a value as it is, valid or not (the decoder judges that). Blank lines are skipped, a CR before the
 * LF is no part of the value. The key is the text of the key property: a string unescaped, anything else but null as written.
 */
export class JsonLinesReader implements RecordReader {
  end = 0
  keyBuffer: Uint8Array | null = null
  keyStart = 0
  keyEnd = 0
  textBuffer: Uint8Array = new Uint8Array(0)
  textStart = 0
  textEnd = 0
  reason = ''
  rawBuffer: Uint8Array = new Uint8Array(0)
  rawStart = 0
  rawEnd = 0

  readonly #name: string
  readonly #fields: Fields
  readonly #key: PropertyFinder | null
  readonly #finders = new Map<number, PropertyFinder>()
  #line: number
  #long: Uint8Array | null = null
  #longBytes = 0
  #longCr = false

  /** Reading starts on `line` of the file `name`. */
  constructor(name: string, fields: Fields, key: string | null, line: number) {
    this.#name = name
    this.#fields = fields
    this.#key = key === null ? null : new PropertyFinder(key)
    this.#line = line
  }

  next(buffer: Uint8Array, start: number, end: number, last: boolean): ReadStatus {
    let at = start
    for (;;) {
      const found = buffer.subarray(at, end).indexOf(LF)
      const lineEnd = found < 0 ? end : at + found
      if (this.#long !== null || lineEnd - at > RECORD_BYTES_MAX + 1) {
        return this.#skipLong(buffer, at, lineEnd, found >= 0, last)
      }
      this.end = at
      if (found < 0 && !last) return NEED_MORE
      const stop = lineEnd > at && buffer[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd
      this.end = found < 0 ? end : lineEnd + 1
      if (stop - at > RECORD_BYTES_MAX) return this.#skipLong(buffer, at, lineEnd, found >= 0, last)
      if (stop > at) return this.#record(buffer, at, stop)
      if (found < 0) return END
      this.#line++
      at = lineEnd + 1
    }
  }

  get room(): Bytes {
    return this.rawEnd - this.rawStart
  }

  write(target: ByteTarget, at: number): number {
    target.buffer.set(this.rawBuffer.subarray(this.rawStart, this.rawEnd), at)
    return at + this.rawEnd - this.rawStart
  }

  get place(): string {
    return place(this.#name, this.#line - 1)
  }

  findText(field: number): boolean {
    let finder = this.#finders.get(field)
    if (finder === undefined) {
      finder = new PropertyFinder(this.#fields[field]!.name)
      this.#finders.set(field, finder)
    }
    if (!finder.find(this.rawBuffer, this.rawStart, this.rawEnd)) return false
    this.textBuffer = finder.buffer
    this.textStart = finder.start
    this.textEnd = finder.end
    return true
  }

  #record(buffer: Uint8Array, start: number, stop: number): ReadStatus {
    this.#line++
    this.rawBuffer = buffer
    this.rawStart = start
    this.rawEnd = stop
    const key = this.#key
    this.keyBuffer = null
    if (key?.find(buffer, start, stop) === true) {
      this.keyBuffer = key.buffer
      this.keyStart = key.start
      this.keyEnd = key.end
    }
    return RECORD
  }

  /** A line that is too long, or more of it: up to `lineEnd`, where it ends if `ended`. */
  #skipLong(buffer: Uint8Array, start: number, lineEnd: number, ended: boolean, last: boolean): ReadStatus {
    if (this.#long === null) {
      this.#long = buffer.slice(start, start + VALUE_BYTES_MAX)
      this.#longBytes = 0
    }
    this.#longBytes += lineEnd - start
    if (lineEnd > start) this.#longCr = buffer[lineEnd - 1] === CR
    this.end = lineEnd + (ended ? 1 : 0)
    if (!ended && !last) return NEED_MORE
    const bytes = this.#longBytes - (this.#longCr ? 1 : 0)
    this.reason = `${tooLong(bytes)} ${place(this.#name, this.#line)}`
    this.rawBuffer = this.#long
    this.rawStart = 0
    this.rawEnd = this.#long.length
    this.#long = null
    this.#line++
    return MALFORMED
  }
}
