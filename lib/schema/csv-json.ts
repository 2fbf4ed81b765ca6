import type { Bytes } from '#core/time.ts'
import type { Fields } from '#schema/column.ts'
import { type CsvCells, DOUBLED, ESCAPE } from '#schema/csv-scanner.ts'
import type { ByteTarget } from '#schema/record-packer.ts'

const TEXT = 0
/** A string that may be null: empty is null. */
const TEXT_OR_NULL = 1
const NUMBER = 2
const BOOLEAN = 3
/** Timestamps, dates and the rest: text for the decoder, never empty. */
const OTHER = 4

const HEX = '0123456789abcdef'
const QUOTE = 34
const BACKSLASH = 92
/** The letter of JSON's two-character escapes, by control character. */
const SHORT_ESCAPES = new Uint8Array(32)
for (const [byte, letter] of [
  [8, 'b'],
  [9, 't'],
  [10, 'n'],
  [12, 'f'],
  [13, 'r'],
] as const) {
  SHORT_ESCAPES[byte] = letter.charCodeAt(0)
}

const encoder = new TextEncoder()
const NULL_BYTES = encoder.encode('null')
const TRUE_BYTES = encoder.encode('true')
const FALSE_BYTES = encoder.encode('false')

/**
 * Writes the cells of a record as a JSON object, in the order of the fields: columns of numbers as they are if they are JSON
 * numbers, booleans as literals, everything else as strings. An empty cell is null, but for a string column that may not be
 * null: there it is `""`. Fields without a column are left out.
 */
export class CsvJson {
  /** After `findKey`: the key is keyBuffer[keyStart, keyEnd), or null. */
  keyBuffer: Uint8Array | null = null
  keyStart = 0
  keyEnd = 0

  readonly #columns: Int32Array
  readonly #kinds: Uint8Array
  /** `,"name":` of the fields that are there: words of four bytes, each name from a word of its own on. */
  readonly #names: Int32Array
  readonly #nameEnds: Int32Array
  readonly #nameBytes: Int32Array
  readonly #allNameBytes: Bytes
  readonly #keyColumn: number
  readonly #keyKind: number
  #source: Uint8Array = new Uint8Array(0)
  #sourceView: DataView = new DataView(new ArrayBuffer(0))
  #unescaped: Uint8Array = new Uint8Array(256)

  /** `columnOf` as in CsvHeader; `key`: name of the field that becomes the record key, null for none. */
  constructor(fields: Fields, columnOf: Int32Array, key: string | null) {
    const present = fields.map((field, i) => ({ field, column: columnOf[i]! })).filter(({ column }) => column >= 0)
    this.#columns = Int32Array.from(present, ({ column }) => column)
    this.#kinds = Uint8Array.from(present, ({ field }) => kindOf(field.column.kind, field.column.nullable))
    const names = present.map(({ field }, i) => encoder.encode(`${i === 0 ? '{' : ','}${JSON.stringify(field.name)}:`))
    this.#nameBytes = Int32Array.from(names, (name) => name.length)
    this.#allNameBytes = names.reduce((sum, name) => sum + name.length, 0)
    this.#nameEnds = new Int32Array(names.length)
    const words: number[] = []
    for (const [i, name] of names.entries()) {
      words.push(...wordsOf(name))
      this.#nameEnds[i] = words.length
    }
    this.#names = Int32Array.from(words)
    const keyField = present.findIndex(({ field }) => field.name === key)
    this.#keyColumn = keyField < 0 ? -1 : this.#columns[keyField]!
    this.#keyKind = keyField < 0 ? TEXT : this.#kinds[keyField]!
  }

  /** An upper bound of what `write` writes for a record of so many bytes. `escapes`: some cell is marked. */
  room(recordBytes: Bytes, escapes: boolean): Bytes {
    // Per field: two quotes, or `null`, or `false` where the cell had as many letters.
    // The last word of a name may reach three bytes beyond it.
    return this.#allNameBytes + this.#kinds.length * 4 + recordBytes * (escapes ? 6 : 1) + 5
  }

  /** Sets the key: the cell's text, `true` or `false` for a boolean; null where the value is null. */
  findKey(cells: CsvCells): void {
    const column = this.#keyColumn
    this.keyBuffer = null
    if (column < 0) return
    const start = cells.starts[column]!
    const end = cells.ends[column]!
    if (start === end && this.#keyKind !== TEXT) return
    this.keyBuffer = cells.buffer
    this.keyStart = start
    this.keyEnd = end
    const literal = this.#keyKind === BOOLEAN ? booleanBytes(cells.buffer, start, end) : null
    if (literal !== null) {
      this.keyBuffer = literal
      this.keyStart = 0
      this.keyEnd = literal.length
    } else if ((cells.marks[column]! & DOUBLED) !== 0) {
      this.#unescapeKey(cells.buffer, start, end)
    }
  }

  /** Writes the object to `target` from `at` on and returns where it ends. */
  write(cells: CsvCells, target: ByteTarget, position: number): number {
    const { buffer, starts, ends, marks } = cells
    if (buffer !== this.#source) this.#useSource(buffer)
    const source = this.#sourceView
    const out = target.buffer
    const outView = target.view
    const names = this.#names
    const nameEnds = this.#nameEnds
    const nameBytes = this.#nameBytes
    const columns = this.#columns
    const kinds = this.#kinds
    let at = position
    let name = 0
    for (let i = 0; i < columns.length; i++) {
      let wordAt = at
      for (const nameEnd = nameEnds[i]!; name < nameEnd; name++) {
        outView.setInt32(wordAt, names[name]!, true)
        wordAt += 4
      }
      at += nameBytes[i]!
      const column = columns[i]!
      const start = starts[column]!
      const end = ends[column]!
      const kind = kinds[i]!
      if (start === end && kind !== TEXT) {
        for (let k = 0; k < 4; k++) out[at++] = NULL_BYTES[k]!
      } else if (kind === NUMBER && isJsonNumber(buffer, start, end)) {
        let k = start
        for (; k + 4 <= end; k += 4, at += 4) outView.setInt32(at, source.getInt32(k, true), true)
        for (; k < end; k++) out[at++] = buffer[k]!
      } else if (kind === BOOLEAN && booleanBytes(buffer, start, end) !== null) {
        const literal = booleanBytes(buffer, start, end)!
        for (let k = 0; k < literal.length; k++) out[at++] = literal[k]!
      } else {
        out[at++] = QUOTE
        const mark = marks[column]!
        if ((mark & ESCAPE) !== 0) {
          at = writeEscaped(buffer, start, end, (mark & DOUBLED) !== 0, out, at)
        } else {
          let k = start
          for (; k + 4 <= end; k += 4, at += 4) outView.setInt32(at, source.getInt32(k, true), true)
          for (; k < end; k++) out[at++] = buffer[k]!
        }
        out[at++] = QUOTE
      }
    }
    out[at++] = 125
    return at
  }

  #useSource(buffer: Uint8Array): void {
    this.#source = buffer
    this.#sourceView = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  }

  #unescapeKey(buffer: Uint8Array, start: number, end: number): void {
    if (this.#unescaped.length < end - start) this.#unescaped = new Uint8Array(2 * (end - start))
    let at = 0
    for (let i = start; i < end; i++) {
      this.#unescaped[at++] = buffer[i]!
      if (buffer[i] === QUOTE) i++
    }
    this.keyBuffer = this.#unescaped
    this.keyStart = 0
    this.keyEnd = at
  }
}

/** The bytes as little-endian words; zeros fill the last one. */
function wordsOf(bytes: Uint8Array): Iterable<number> {
  const padded = new DataView(new ArrayBuffer((bytes.length + 3) & ~3))
  for (const [i, byte] of bytes.entries()) padded.setUint8(i, byte)
  return Array.from({ length: padded.byteLength / 4 }, (_, i) => padded.getInt32(i * 4, true))
}

function kindOf(kind: string, nullable: boolean): number {
  if (kind === 'string') return nullable ? TEXT_OR_NULL : TEXT
  if (kind === 'int' || kind === 'long' || kind === 'double') return NUMBER
  return kind === 'boolean' ? BOOLEAN : OTHER
}

function booleanBytes(buffer: Uint8Array, start: number, end: number): Uint8Array | null {
  const literal = end - start === 4 ? TRUE_BYTES : end - start === 5 ? FALSE_BYTES : null
  if (literal === null) return null
  for (let i = 0; i < literal.length; i++) if ((buffer[start + i]! | 0x20) !== literal[i]) return null
  return literal
}

const isDigit = (byte: number): boolean => byte >= 48 && byte <= 57

function skipDigits(buffer: Uint8Array, start: number, end: number): number {
  let i = start
  while (i < end && isDigit(buffer[i]!)) i++
  return i
}

/** Whether the text is a number by RFC 8259: no leading zeros or plus, digits on both sides of the point. */
export function isJsonNumber(buffer: Uint8Array, start: number, end: number): boolean {
  let i = start < end && buffer[start] === 45 ? start + 1 : start
  const whole = i
  i = skipDigits(buffer, i, end)
  if (i === whole || (buffer[whole] === 48 && i > whole + 1)) return false
  if (i < end && buffer[i] === 46) {
    const fraction = i + 1
    i = skipDigits(buffer, fraction, end)
    if (i === fraction) return false
  }
  if (i < end && (buffer[i]! | 0x20) === 101) {
    i++
    if (i < end && (buffer[i] === 43 || buffer[i] === 45)) i++
    const exponent = i
    i = skipDigits(buffer, exponent, end)
    if (i === exponent) return false
  }
  return i === end
}

/** Escapes by RFC 8259; bytes ≥ 0x80 were checked and go through. `doubled`: a quote is written twice in the source. */
function writeEscaped(
  from: Uint8Array,
  start: number,
  end: number,
  doubled: boolean,
  out: Uint8Array,
  position: number,
): number {
  let at = position
  for (let i = start; i < end; i++) {
    const byte = from[i]!
    if (byte === QUOTE || byte === BACKSLASH) {
      out[at++] = BACKSLASH
      out[at++] = byte
      if (doubled && byte === QUOTE) i++
    } else if (byte >= 32) {
      out[at++] = byte
    } else if (SHORT_ESCAPES[byte] !== 0) {
      out[at++] = BACKSLASH
      out[at++] = SHORT_ESCAPES[byte]!
    } else {
      out[at++] = BACKSLASH
      out[at++] = 117
      out[at++] = 48
      out[at++] = 48
      out[at++] = HEX.charCodeAt(byte >> 4)
      out[at++] = HEX.charCodeAt(byte & 15)
    }
  }
  return at
}
