import {
  END,
  invalidUtf8At,
  MALFORMED,
  NEED_MORE,
  place,
  RECORD,
  RECORD_BYTES_MAX,
  type ReadStatus,
  tooLong,
  VALUE_BYTES_MAX,
} from '#schema/csv-limits.ts'

const LF = 10
const CR = 13
const QUOTE = 34
const COMMA = 44

/** Marks of a cell: what its writer has to look out for. */
export const ESCAPE = 1
const HIGH = 2
const NUL = 4
/** Quotes in it are written twice. */
export const DOUBLED = 8
const SEPARATOR = 16

/** What a byte means to the scanner: 0 for plain text, so that the hot loop has one test a byte. */
const CLASS = new Uint8Array(256)
for (let byte = 0; byte < 32; byte++) CLASS[byte] = ESCAPE
CLASS.fill(HIGH, 128)
CLASS[0] = NUL
CLASS[QUOTE] = ESCAPE
CLASS[92] = ESCAPE
CLASS[LF] = SEPARATOR
CLASS[CR] = SEPARATOR
CLASS[COMMA] = SEPARATOR

/** A header is scanned before anybody knows its width. */
const HEADER_CELLS_MAX = 16_384

/** One record as ranges of a buffer: cell i is buffer[starts[i], ends[i]), quotes around it not included. */
export interface CsvCells {
  readonly buffer: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
  /** ESCAPE, DOUBLED, or 0 for text that JSON takes as it is. */
  readonly marks: Uint8Array
}

/**
 * Finds the cells of CSV records (RFC 4180; the line break may be CRLF or LF, and missing at the end). One pass, no strings.
 * A quote inside a cell that doesn't begin with one, and a CR that no LF follows, are text. Blank lines are skipped.
 *
 * A record that is rejected ends with its line. If one of its quoted cells holds a line break, it ends with the line on which
 * that quote opened, and reading resumes on the next: a forgotten quote costs one line and not all up to the next quote.
 */
export class CsvScanner implements CsvCells {
  buffer: Uint8Array = new Uint8Array(0)
  readonly starts: Int32Array
  readonly ends: Int32Array
  readonly marks: Uint8Array
  /** Cells of the last record. */
  count = 0
  /** Where the next record starts. */
  end = 0
  /** Of all cells of the record. */
  allMarks = 0
  /** Line on which the last record starts, from 1. */
  line = 0
  /** After MALFORMED. */
  reason = ''
  /** The record as it is, without its line break; clipped to VALUE_BYTES_MAX if it is malformed. */
  rawBuffer: Uint8Array = new Uint8Array(0)
  rawStart = 0
  rawEnd = 0

  readonly #name: string
  readonly #columns: number | null
  #nextLine: number
  /** First bytes of a line that is too long, while the search for its end goes on. */
  #long: Uint8Array | null = null
  #longBytes = 0
  #longCr = false
  /** First line break inside quotes in this record, or −1; and how many there are. */
  #spanAt = -1
  #lineFeeds = 0
  /** Of the last quoted cell. */
  #quoteMarks = 0
  #quoteSpanAt = -1
  #quoteLine = 0

  /** `name` of the file for reasons; `columns` a record must have (null: any number); `line` on which scanning starts. */
  constructor(name: string, columns: number | null, line: number) {
    this.#name = name
    this.#columns = columns
    this.#nextLine = line
    const size = columns ?? HEADER_CELLS_MAX
    this.starts = new Int32Array(size)
    this.ends = new Int32Array(size)
    this.marks = new Uint8Array(size)
  }

  /**
   * Reads the record that starts at `start`; `last`: the input ends at `end`. Afterwards `this.end` is where to go on, also for
   * NEED_MORE: call again from there with more bytes. With RECORD_BYTES_MAX + 2 bytes at hand NEED_MORE always makes progress.
   */
  scan(buffer: Uint8Array, start: number, end: number, last: boolean): ReadStatus {
    this.buffer = buffer
    if (this.#long !== null) return this.#skipLong(start, end, last)
    let i = start
    for (; i < end; i++) {
      if (buffer[i] === LF) this.#nextLine++
      else if (buffer[i] !== CR || (i + 1 < end ? buffer[i + 1] !== LF : false)) break
      else if (i + 1 === end && !last) break
    }
    this.end = i
    if (i === end) return last ? END : NEED_MORE
    return this.#record(i, end, last)
  }

  #record(from: number, end: number, last: boolean): ReadStatus {
    const { buffer, starts, ends, marks } = this
    const stop = Math.min(end, from + RECORD_BYTES_MAX + 2) | 0
    this.#spanAt = -1
    this.#lineFeeds = 0
    let allMarks = 0
    let count = 0
    let i = from | 0
    for (;;) {
      let mark = 0
      let cellStart = i
      let cellEnd = 0
      if (i < stop && buffer[i] === QUOTE) {
        i = this.#quoted(i, stop, end, last)
        if (i < 0) return this.#unclosed(from, stop, end, last)
        cellStart++
        cellEnd = i - 1
        mark = this.#quoteMarks
      } else {
        for (;;) {
          while (i < stop && CLASS[buffer[i]!] === 0) i++
          if (i === stop) break
          const kind = CLASS[buffer[i]!]!
          if (kind !== SEPARATOR) mark |= kind
          else if (buffer[i] !== CR || i + 1 >= end || buffer[i + 1] === LF) break
          else mark |= ESCAPE
          i++
        }
        cellEnd = i
      }
      // Cells beyond the last column have no slot; they are counted.
      if (count < starts.length) {
        starts[count] = cellStart
        ends[count] = cellEnd
        marks[count] = mark
      }
      count++
      allMarks |= mark
      if (i < stop && buffer[i] === COMMA) {
        i++
        continue
      }
      this.count = count
      this.allMarks = allMarks
      return this.#afterCells(from, i, stop, end, last)
    }
  }

  /** At `at`, after a cell, there is no comma. */
  #afterCells(from: number, at: number, stop: number, end: number, last: boolean): ReadStatus {
    const buffer = this.buffer
    if (at === stop) return stop === end && last ? this.#finish(from, at, at) : this.#beyond(from, end, last)
    if (buffer[at] === LF) return this.#finish(from, at, at + 1)
    if (buffer[at] === CR) {
      if (at + 1 === end) return last ? this.#finish(from, at, end) : this.#beyond(from, end, last)
      if (buffer[at + 1] === LF) return this.#finish(from, at, at + 2)
    }
    return this.#textAfterQuote(from, at, stop, end, last)
  }

  /** Position after the quote that closes the cell which opens at `open`, or −1 when there is none before `stop`. */
  #quoted(open: number, stop: number, end: number, last: boolean): number {
    const buffer = this.buffer
    let marks = 0
    this.#quoteSpanAt = -1
    this.#quoteLine = this.#nextLine + this.#lineFeeds
    for (let i = open + 1; i < stop; i++) {
      const kind = CLASS[buffer[i]!]!
      if (kind === 0) continue
      const byte = buffer[i]
      if (byte === QUOTE) {
        if (i + 1 === end && !last) return -1
        if (i + 1 >= end || buffer[i + 1] !== QUOTE) {
          this.#quoteMarks = marks
          if (this.#spanAt < 0) this.#spanAt = this.#quoteSpanAt
          return i + 1
        }
        i++
        marks |= ESCAPE | DOUBLED
      } else if (byte === LF) {
        if (this.#quoteSpanAt < 0) this.#quoteSpanAt = i
        this.#lineFeeds++
        marks |= ESCAPE
      } else if (byte === CR) {
        marks |= ESCAPE
      } else {
        marks |= kind & ~SEPARATOR
      }
    }
    return -1
  }

  /** The record has all its cells: text [from, textEnd). */
  #finish(from: number, textEnd: number, end: number): ReadStatus {
    const columns = this.#columns
    if (columns !== null && this.count !== columns) {
      const found = this.count === 1 ? '1 field' : `${this.count} fields`
      const over = this.#spanAt < 0 ? '' : `, over ${1 + this.#lineFeeds} lines`
      return this.#rejectLine(from, textEnd, end, `ragged line: ${found} where the header has ${columns}${over}`)
    }
    if (textEnd - from > RECORD_BYTES_MAX) return this.#rejectLine(from, textEnd, end, tooLong(textEnd - from))
    const line = this.#nextLine
    const lines = 1 + this.#lineFeeds
    if ((this.allMarks & NUL) !== 0) return this.#reject(from, textEnd, end, 'NUL byte', line, lines)
    if ((this.allMarks & HIGH) !== 0) {
      const at = invalidUtf8At(this.buffer, from, textEnd)
      if (at >= 0) return this.#reject(from, textEnd, end, `not UTF-8 at byte ${at - from + 1}`, line, lines)
    }
    this.end = end
    this.line = line
    this.rawBuffer = this.buffer
    this.rawStart = from
    this.rawEnd = textEnd
    this.#nextLine += lines
    return RECORD
  }

  /** No closing quote before `stop`. */
  #unclosed(from: number, stop: number, end: number, last: boolean): ReadStatus {
    if (this.#wantsMore(from, end, last)) return this.#beyond(from, end, last)
    const spanAt = this.#quoteSpanAt
    const lines = this.#quoteLine - this.#nextLine + 1
    if (spanAt >= 0) return this.#rejectTo(spanAt, from, 'unclosed quote', this.#quoteLine, lines)
    if (stop < end || !last) return this.#beyond(from, end, last)
    return this.#reject(from, this.#withoutCr(from, end), end, 'unclosed quote', this.#quoteLine, lines)
  }

  /** Something other than a separator follows a closing quote: at `at`. */
  #textAfterQuote(from: number, at: number, stop: number, end: number, last: boolean): ReadStatus {
    if (this.#quoteSpanAt >= 0) {
      // The quote that seems to close the cell opens another one, further down.
      const lines = this.#quoteLine - this.#nextLine + 1
      return this.#rejectTo(this.#quoteSpanAt, from, 'unclosed quote', this.#quoteLine, lines)
    }
    const found = this.buffer.subarray(at, stop).indexOf(LF)
    if (found < 0 && (stop < end || !last)) return this.#beyond(from, end, last)
    const lineEnd = found < 0 ? end : at + found
    const next = Math.min(end, lineEnd + 1)
    return this.#rejectLine(from, this.#withoutCr(from, lineEnd), next, 'text after a closing quote')
  }

  #wantsMore(from: number, end: number, last: boolean): boolean {
    return !last && end - from < RECORD_BYTES_MAX + 2
  }

  /** The record doesn't end within the buffer, or within the longest that a record may be. */
  #beyond(from: number, end: number, last: boolean): ReadStatus {
    this.end = from
    if (this.#wantsMore(from, end, last)) return NEED_MORE
    if (this.#spanAt >= 0) {
      const reason = `record of more than ${RECORD_BYTES_MAX} bytes`
      return this.#rejectTo(this.#spanAt, from, reason, this.#nextLine, 1)
    }
    this.#long = this.buffer.slice(from, from + VALUE_BYTES_MAX)
    this.#longBytes = 0
    this.#longCr = false
    return this.#skipLong(from, end, last)
  }

  /** Looks for the end of a line that is too long, over as many buffers as it takes. */
  #skipLong(start: number, end: number, last: boolean): ReadStatus {
    const found = this.buffer.subarray(start, end).indexOf(LF)
    const stop = found < 0 ? end : start + found
    this.#longBytes += stop - start
    if (stop > start) this.#longCr = this.buffer[stop - 1] === CR
    this.end = stop
    if (found < 0 && !last) return NEED_MORE
    const text = this.#long!
    this.#long = null
    const bytes = this.#longBytes - (this.#longCr ? 1 : 0)
    this.#describe(text, 0, text.length, tooLong(bytes), this.#nextLine, 1)
    this.end = found < 0 ? end : stop + 1
    return MALFORMED
  }

  /** Rejects the record's first line. */
  #rejectLine(from: number, textEnd: number, end: number, reason: string): ReadStatus {
    if (this.#spanAt >= 0) return this.#rejectTo(this.#spanAt, from, reason, this.#nextLine, 1)
    return this.#reject(from, textEnd, end, reason, this.#nextLine, 1)
  }

  /** Rejects what lies before the line feed at `lineFeed`. */
  #rejectTo(lineFeed: number, from: number, reason: string, line: number, lines: number): ReadStatus {
    return this.#reject(from, this.#withoutCr(from, lineFeed), lineFeed + 1, reason, line, lines)
  }

  #withoutCr(from: number, lineEnd: number): number {
    return lineEnd > from && this.buffer[lineEnd - 1] === CR ? lineEnd - 1 : lineEnd
  }

  #reject(from: number, textEnd: number, end: number, reason: string, line: number, lines: number): ReadStatus {
    this.#describe(this.buffer, from, Math.min(textEnd, from + VALUE_BYTES_MAX), reason, line, lines)
    this.end = end
    return MALFORMED
  }

  #describe(buffer: Uint8Array, start: number, end: number, reason: string, line: number, lines: number): void {
    this.rawBuffer = buffer
    this.rawStart = start
    this.rawEnd = end
    this.reason = `${reason} ${place(this.#name, line)}`
    this.line = this.#nextLine
    this.#nextLine += lines
  }
}
