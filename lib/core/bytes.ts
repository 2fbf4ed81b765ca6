import { SluiceError } from '#core/errors.ts'

const utf8 = new TextEncoder()

/**
 * Writes numbers, text and bytes end to end into a buffer that grows. What `ByteReader` reads back.
 * Layout: varint = LEB128, 7 bits a byte, low bits first; zigzag = varint of 2n (n ≥ 0) or −2n − 1 (n < 0); float64 little
 * endian; text and bytes behind their length as a varint.
 */
export class ByteWriter {
  private bytes: Uint8Array<ArrayBuffer>
  private view: DataView
  private at = 0

  constructor(capacity = 256) {
    this.bytes = new Uint8Array(Math.max(capacity, 16))
    this.view = new DataView(this.bytes.buffer)
  }

  /** Bytes written so far. */
  get length(): number {
    return this.at
  }

  byte(value: number): void {
    this.reserve(1)
    this.bytes[this.at++] = value
  }

  /** A whole number from 0 to 2^53 − 1, in 1 to 8 bytes. @throws RangeError for any other number */
  varint(value: number): void {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new RangeError(`expected a whole number from 0 to 2^53 − 1, found ${value}`)
    }
    this.reserve(8)
    this.rest(value)
  }

  /** A whole number from −(2^53 − 1) to 2^53 − 1; small magnitudes are short. @throws RangeError for any other number */
  zigzag(value: number): void {
    if (!Number.isSafeInteger(value)) throw new RangeError(`expected a whole number within ±(2^53 − 1), found ${value}`)
    this.reserve(8)
    const sign = value < 0 ? 1 : 0
    const magnitude = sign === 1 ? -(value + 1) : value
    // 2 × magnitude may pass 2^53: the first group takes the sign and six bits, so that all stays exact
    const first = (magnitude % 64) * 2 + sign
    if (magnitude < 64) this.bytes[this.at++] = first
    else {
      this.bytes[this.at++] = first | 0x80
      this.rest(Math.floor(magnitude / 64))
    }
  }

  float64(value: number): void {
    this.reserve(8)
    this.view.setFloat64(this.at, value, true)
    this.at += 8
  }

  /** UTF-8 behind its length in bytes. */
  text(value: string): void {
    this.blob(utf8.encode(value))
  }

  /** Bytes [start, end) of `value` behind their length. */
  blob(value: Uint8Array, start = 0, end: number = value.length): void {
    this.varint(end - start)
    this.raw(value, start, end)
  }

  /** Bytes [start, end) of `value` without their length. */
  raw(value: Uint8Array, start = 0, end: number = value.length): void {
    this.reserve(end - start)
    this.bytes.set(start === 0 && end === value.length ? value : value.subarray(start, end), this.at)
    this.at += end - start
  }

  /** A copy of what was written. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.bytes.slice(0, this.at)
  }

  /** Forgets what was written and keeps the buffer. */
  clear(): void {
    this.at = 0
  }

  private rest(value: number): void {
    let left = value
    while (left >= 0x80000000) {
      this.bytes[this.at++] = (left % 128) | 0x80
      left = Math.floor(left / 128)
    }
    while (left >= 0x80) {
      this.bytes[this.at++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    this.bytes[this.at++] = left
  }

  private reserve(more: number): void {
    const needed = this.at + more
    if (needed <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    grown.set(this.bytes.subarray(0, this.at))
    this.bytes = grown
    this.view = new DataView(grown.buffer)
  }
}

/**
 * Reads what `ByteWriter` wrote. Every method throws SluiceError STATE_CORRUPT when the bytes end too early or can't be what
 * was written; nothing is ever read past the end.
 */
export class ByteReader {
  private readonly bytes: Uint8Array
  private readonly view: DataView
  private at: number
  private readonly end: number

  constructor(bytes: Uint8Array, start = 0, end: number = bytes.length) {
    this.bytes = bytes
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.at = start
    this.end = end
  }

  get position(): number {
    return this.at
  }

  /** Bytes not read yet. */
  get left(): number {
    return this.end - this.at
  }

  byte(): number {
    this.need(1)
    return this.bytes[this.at++]!
  }

  varint(): number {
    return this.rest(0, 1)
  }

  zigzag(): number {
    const first = this.byte()
    let magnitude = (first & 0x7f) >> 1
    if (first >= 0x80) magnitude = this.rest(magnitude, 64)
    return (first & 1) === 1 ? -magnitude - 1 : magnitude
  }

  float64(): number {
    this.need(8)
    const value = this.view.getFloat64(this.at, true)
    this.at += 8
    return value
  }

  text(): string {
    const { start, end } = this.range()
    return Buffer.from(this.bytes.buffer, this.bytes.byteOffset + start, end - start).toString('utf8')
  }

  /** A view of the bytes, not a copy. */
  blob(): Uint8Array {
    const { start, end } = this.range()
    return this.bytes.subarray(start, end)
  }

  private range(): { readonly start: number; readonly end: number } {
    const length = this.varint()
    this.need(length)
    const start = this.at
    this.at += length
    return { start, end: this.at }
  }

  private rest(low: number, unit: number): number {
    let value = low
    let scale = unit
    for (;;) {
      const byte = this.byte()
      value += (byte & 0x7f) * scale
      if (value > Number.MAX_SAFE_INTEGER) {
        throw corrupt(this.at, 'a whole number below 2^53', 'a larger one')
      }
      if (byte < 0x80) return value
      scale *= 128
      if (scale > 2 ** 63) throw corrupt(this.at, 'the end of a whole number', 'more digits')
    }
  }

  private need(count: number): void {
    if (this.left < count) throw corrupt(this.at, `${count} more bytes`, `${this.left}`)
  }
}

function corrupt(at: number, expected: string, found: string): SluiceError {
  return new SluiceError(
    'STATE_CORRUPT',
    `Stored state can't be read: expected ${expected} at byte ${at}, found ${found}. Restore the state from a backup or rebuild it from bronze.`,
  )
}
