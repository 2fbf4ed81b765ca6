import type { Bytes } from '#core/time.ts'
import type { Fields } from '#schema/column.ts'
import type { CsvHeader } from '#schema/csv-header.ts'
import { CsvJson } from '#schema/csv-json.ts'
import { place, RECORD, type ReadStatus } from '#schema/csv-limits.ts'
import { CsvScanner, ESCAPE } from '#schema/csv-scanner.ts'
import type { ByteTarget } from '#schema/record-packer.ts'

/** A record on its way from a source into a topic. Valid until the source goes on. */
export interface SourceRecord {
  /** The key is keyBuffer[keyStart, keyEnd), null for none. */
  readonly keyBuffer: Uint8Array | null
  readonly keyStart: number
  readonly keyEnd: number
  /** An upper bound of the value's length, and of what `write` touches. */
  readonly room: Bytes
  /** Writes the value to `target` from `at` on and returns where it ends. */
  write(target: ByteTarget, at: number): number
  /** What a reason ends with: where the record comes from. */
  readonly place: string
  /** Of a malformed record: why, and where. */
  readonly reason: string
  /** The source record as it is, without its line break (clipped to VALUE_BYTES_MAX if it is malformed). */
  readonly rawBuffer: Uint8Array
  readonly rawStart: number
  readonly rawEnd: number
}

/** Reads records out of a buffer, one at a time; after RECORD or MALFORMED it is that record, as long as the buffer is. */
export interface RecordReader extends SourceRecord {
  /** See CsvScanner.scan: the record that starts at `start`; `last` when the input ends at `end`. */
  next(buffer: Uint8Array, start: number, end: number, last: boolean): ReadStatus
  /** Where the next record starts; after NEED_MORE what lies before it is used up. */
  readonly end: number
  /** Finds the text of the schema's field number `field`: textBuffer[textStart, textEnd). False where it is missing or empty. */
  findText(field: number): boolean
  readonly textBuffer: Uint8Array
  readonly textStart: number
  readonly textEnd: number
}

/** CSV records as JSON values: CsvScanner finds the cells, CsvJson writes them. */
export class CsvReader implements RecordReader {
  keyStart = 0
  keyEnd = 0
  keyBuffer: Uint8Array | null = null
  textStart = 0
  textEnd = 0
  readonly #name: string
  readonly #scanner: CsvScanner
  readonly #json: CsvJson
  readonly #columnOf: Int32Array

  /** Reading starts on `line` of the file `name`: header.line, or further down where an earlier reader stopped. */
  constructor(name: string, header: CsvHeader, fields: Fields, key: string | null, line: number = header.line) {
    this.#name = name
    this.#scanner = new CsvScanner(name, header.names.length, line)
    this.#json = new CsvJson(fields, header.columnOf, key)
    this.#columnOf = header.columnOf
  }

  next(buffer: Uint8Array, start: number, end: number, last: boolean): ReadStatus {
    const status = this.#scanner.scan(buffer, start, end, last)
    if (status !== RECORD) return status
    const json = this.#json
    json.findKey(this.#scanner)
    this.keyBuffer = json.keyBuffer
    this.keyStart = json.keyStart
    this.keyEnd = json.keyEnd
    return status
  }

  get end(): number {
    return this.#scanner.end
  }

  get room(): Bytes {
    const { rawStart, rawEnd, allMarks } = this.#scanner
    return this.#json.room(rawEnd - rawStart, (allMarks & ESCAPE) !== 0)
  }

  write(target: ByteTarget, at: number): number {
    return this.#json.write(this.#scanner, target, at)
  }

  findText(field: number): boolean {
    const column = this.#columnOf[field]!
    if (column < 0) return false
    this.textStart = this.#scanner.starts[column]!
    this.textEnd = this.#scanner.ends[column]!
    return this.textEnd > this.textStart
  }

  get textBuffer(): Uint8Array {
    return this.#scanner.buffer
  }

  get place(): string {
    return place(this.#name, this.#scanner.line)
  }

  /** Line of the file on which the last record starts, from 1. */
  get line(): number {
    return this.#scanner.line
  }

  get reason(): string {
    return this.#scanner.reason
  }

  get rawBuffer(): Uint8Array {
    return this.#scanner.rawBuffer
  }

  get rawStart(): number {
    return this.#scanner.rawStart
  }

  get rawEnd(): number {
    return this.#scanner.rawEnd
  }
}
