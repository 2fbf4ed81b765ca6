import { hashEnd, hashWord, tailOf } from '#core/hash.ts'
import { DecimalReader } from '#schema/json-decimal.ts'

/** How deep arrays and objects may nest in a value that no column takes. */
export const DEPTH_MAX = 64

/** What makes the text that was read last unfit for a column, though it is JSON. */
export type TextFault = 'none' | 'nul' | 'surrogate'

/** A string that has an escape: `unescape` reads it. */
export const ESCAPED = -2

const QUOTE = 0x22
const BACKSLASH = 0x5c
const SPACE = 0x20
const COMMA = 0x2c
const COLON = 0x3a

const QUOTES = 0x22222222
const BACKSLASHES = 0x5c5c5c5c
const SPACES = 0x20202020
const ONES = 0x01010101
const HIGHS = 0x80808080 | 0

const TRUE = 0x65757274
const NULL = 0x6c6c756e
const FALS = 0x736c6166

/** What the letter behind a backslash stands for; 0 for none. */
const ESCAPES = new Uint8Array(256)
for (const [letter, byte] of Object.entries({ b: 8, f: 12, n: 10, r: 13, t: 9, '"': 34, '\\': 92, '/': 47 })) {
  ESCAPES[letter.charCodeAt(0)] = byte
}

/**
 * The grammar of JSON over one buffer (RFC 8259, strict): each method takes where a thing starts and gives where it ends, or
 * −1 if it isn't one. Positions are not checked against the end of the record, only against the buffer's: whoever reads a
 * record must see that what it read ends inside. Text is taken to be valid UTF-8.
 */
export class JsonScanner {
  readonly decimal = new DecimalReader()
  bytes: Uint8Array = new Uint8Array(0)
  view: DataView = new DataView(new ArrayBuffer(0))
  /** `hashBytes` of the text that `scanHashed` read last. */
  hash = 0
  /** Unescaped text, end to end. */
  arena: Uint8Array<ArrayBuffer> = new Uint8Array(1024)
  arenaLength = 0
  /** Where in the arena the text lies that `unescape` read last. */
  textStart = 0
  textFault: TextFault = 'none'
  /** True when a value nested deeper than DEPTH_MAX was met since it was last set to false. */
  tooDeep = false

  load(bytes: Uint8Array): void {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.arenaLength = 0
  }

  /** The first position ≥ `at` that is not white space, `end` at most. */
  skipSpace(at: number, end: number): number {
    const bytes = this.bytes
    let next = at
    while (next < end) {
      const byte = bytes[next]!
      if (byte !== SPACE && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
      next++
    }
    return next
  }

  /** From behind a string's first quote to its last one; ESCAPED when there is a backslash; −1. Sets `hash`. */
  scanHashed(start: number): number {
    const view = this.view
    const words = this.bytes.length - 4
    let at = start
    let hash = 0
    for (; at <= words; at += 4) {
      const word = view.getInt32(at, true)
      const mask = stops(word)
      if (mask === 0) {
        hash = hashWord(hash, word)
        continue
      }
      const count = (31 - Math.clz32(mask & -mask)) >> 3
      const byte = (word >>> (count << 3)) & 0xff
      if (byte !== QUOTE) return byte === BACKSLASH ? ESCAPED : -1
      this.hash = hashEnd(hash, word & ((1 << (count << 3)) - 1), at + count - start)
      return at + count
    }
    const end = this.scanTail(at)
    if (end >= 0) this.hash = hashEnd(hash, tailOf(this.bytes, at, end), end - start)
    return end
  }

  /** As `scanHashed`, without the hash. */
  scanPlain(start: number): number {
    const view = this.view
    const words = this.bytes.length - 4
    let at = start
    for (; at <= words; at += 4) {
      const word = view.getInt32(at, true)
      const mask = stops(word)
      if (mask === 0) continue
      const count = (31 - Math.clz32(mask & -mask)) >> 3
      const byte = (word >>> (count << 3)) & 0xff
      if (byte !== QUOTE) return byte === BACKSLASH ? ESCAPED : -1
      return at + count
    }
    return this.scanTail(at)
  }

  /** The last bytes of the buffer, of which there are less than four. */
  private scanTail(start: number): number {
    const bytes = this.bytes
    for (let at = start; at < bytes.length; at++) {
      const byte = bytes[at]!
      if (byte === QUOTE) return at
      if (byte === BACKSLASH) return ESCAPED
      if (byte < SPACE) return -1
    }
    return -1
  }

  /**
   * Reads a string with escapes from behind its first quote to its last one and appends its text to the arena, where it is
   * [textStart, arenaLength). `textFault` tells of what JSON can say and a column can't hold.
   */
  unescape(start: number): number {
    const bytes = this.bytes
    this.textStart = this.arenaLength
    this.textFault = 'none'
    let at = start
    while (at < bytes.length) {
      const byte = bytes[at]!
      if (byte === QUOTE) return at
      if (byte < SPACE) return -1
      if (byte !== BACKSLASH) {
        this.put(byte)
        at++
      } else if (bytes[at + 1] === 0x75) {
        at = this.unescapeUnit(at)
        if (at < 0) return -1
      } else {
        const plain = ESCAPES[bytes[at + 1] ?? 0]!
        if (plain === 0) return -1
        this.put(plain)
        at += 2
      }
    }
    return -1
  }

  /** Reads any value and forgets it. */
  skipValue(start: number, depth: number): number {
    const byte = this.bytes[start]!
    if (byte === QUOTE) {
      let end = this.scanPlain(start + 1)
      if (end === ESCAPED) {
        const length = this.arenaLength
        end = this.unescape(start + 1)
        this.arenaLength = length
      }
      return end < 0 ? -1 : end + 1
    }
    if (byte === 0x7b || byte === 0x5b) {
      if (depth >= DEPTH_MAX) {
        this.tooDeep = true
        return -1
      }
      return this.skipMembers(start + 1, byte === 0x7b, depth + 1)
    }
    const end = this.literal(start)
    return end > 0 ? end : this.decimal.read(this.bytes, start)
  }

  /** The end of `null`, `true` or `false`, or −1. */
  literal(start: number): number {
    // the shortest has four bytes, and a brace must follow
    if (start + 5 > this.bytes.length) return -1
    const word = this.view.getInt32(start, true)
    if (word === NULL || word === TRUE) return start + 4
    return word === FALS && this.bytes[start + 4] === 0x65 ? start + 5 : -1
  }

  /** From behind `{` or `[` to behind its partner. */
  private skipMembers(start: number, named: boolean, depth: number): number {
    const bytes = this.bytes
    const size = bytes.length
    const close = named ? 0x7d : 0x5d
    let at = this.skipSpace(start, size)
    if (bytes[at] === close) return at + 1
    for (;;) {
      if (named) {
        if (bytes[at] !== QUOTE) return -1
        at = this.skipValue(at, depth)
        if (at < 0) return -1
        at = this.skipSpace(at, size)
        if (bytes[at] !== COLON) return -1
        at = this.skipSpace(at + 1, size)
      }
      at = this.skipValue(at, depth)
      if (at < 0) return -1
      at = this.skipSpace(at, size)
      if (bytes[at] === close) return at + 1
      if (bytes[at] !== COMMA) return -1
      at = this.skipSpace(at + 1, size)
    }
  }

  /** Reads the `\uXXXX` at `at`, and its other half if it is half of a pair. */
  private unescapeUnit(at: number): number {
    const unit = this.hex(at + 2)
    if (unit < 0) return -1
    if (unit === 0) this.textFault = 'nul'
    if (unit < 0xd800 || unit > 0xdfff) {
      this.putCodePoint(unit)
      return at + 6
    }
    const other =
      unit < 0xdc00 && this.bytes[at + 6] === BACKSLASH && this.bytes[at + 7] === 0x75 ? this.hex(at + 8) : 0
    if (other < 0) return -1
    if (other < 0xdc00 || other > 0xdfff) {
      this.textFault = 'surrogate'
      return at + 6
    }
    this.putCodePoint(0x10000 + ((unit - 0xd800) << 10) + (other - 0xdc00))
    return at + 12
  }

  private hex(at: number): number {
    let value = 0
    for (let index = at; index < at + 4; index++) {
      const byte = this.bytes[index] ?? 0
      const letter = byte | 0x20
      if (byte >= 0x30 && byte <= 0x39) value = value * 16 + byte - 0x30
      else if (letter >= 0x61 && letter <= 0x66) value = value * 16 + letter - 0x57
      else return -1
    }
    return value
  }

  private putCodePoint(point: number): void {
    if (point < 0x80) this.put(point)
    else {
      if (point < 0x800) this.put(0xc0 | (point >> 6))
      else {
        if (point < 0x10000) this.put(0xe0 | (point >> 12))
        else {
          this.put(0xf0 | (point >> 18))
          this.put(0x80 | ((point >> 12) & 0x3f))
        }
        this.put(0x80 | ((point >> 6) & 0x3f))
      }
      this.put(0x80 | (point & 0x3f))
    }
  }

  private put(byte: number): void {
    if (this.arenaLength === this.arena.length) {
      const larger = new Uint8Array(this.arena.length * 2)
      larger.set(this.arena)
      this.arena = larger
    }
    this.arena[this.arenaLength++] = byte
  }
}

/**
 * A bit in each byte of the word that is a quote, a backslash or a control character. Bits above the lowest may be wrong
 * (the subtraction borrows), the lowest is right.
 */
function stops(word: number): number {
  const quotes = word ^ QUOTES
  const backslashes = word ^ BACKSLASHES
  return (((quotes - ONES) & ~quotes) | ((backslashes - ONES) & ~backslashes) | ((word - SPACES) & ~word)) & HIGHS
}
