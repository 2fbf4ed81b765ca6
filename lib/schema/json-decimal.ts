/** 10^0 … 10^22: the powers of ten that a double holds exactly. */
const POWERS = Float64Array.from({ length: 23 }, (_, power) => Number(`1e${power}`))

const ZERO = 0x30
const PLUS = 0x2b
const MINUS = 0x2d
const DOT = 0x2e

/**
 * Reads decimal numbers out of bytes, to the bit as `Number()` would: up to 2^53 and 22 decimal places by one exact division,
 * anything longer by `Number()` itself.
 */
export class DecimalReader {
  /** The last number that was read. A cell of an array, because a double in a field or a result may be allocated anew. */
  readonly value = new Float64Array(1)
  /** True when the digits name a whole number (`12`, `1.50e2`), whatever rounding did. */
  whole = false

  /**
   * Reads the JSON number that starts at `start` and gives its end, or −1 when there is none. Reads on while there are
   * digits: the caller knows how far it may be.
   */
  read(bytes: Uint8Array, start: number): number {
    const first = bytes[bytes[start] === MINUS ? start + 1 : start]! - ZERO
    if (!(first >= 0 && first <= 9)) return -1
    const end = this.scan(bytes, start, bytes.length)
    if (first === 0) {
      const second = bytes[bytes[start] === MINUS ? start + 2 : start + 1]! - ZERO
      // JSON has no leading zeros
      if (second >= 0 && second <= 9) return -1
    }
    return end
  }

  /** Reads text bytes[start, end) that must be a number as a whole; it may have a `+`, leading zeros or no whole part. */
  readText(bytes: Uint8Array, start: number, end: number): boolean {
    return this.scan(bytes, bytes[start] === PLUS && bytes[start + 1] !== MINUS ? start + 1 : start, end) === end
  }

  private scan(bytes: Uint8Array, start: number, limit: number): number {
    const negative = bytes[start] === MINUS
    let at = negative ? start + 1 : start
    const first = at
    // nine digits fit 32 bits
    const short = Math.min(at + 9, limit)
    let small = 0
    for (; at < short; at++) {
      const digit = bytes[at]! - ZERO
      if (digit < 0 || digit > 9) break
      small = (Math.imul(small, 10) + digit) | 0
    }
    let mantissa = small
    if (at - first === 9) {
      for (; at < limit; at++) {
        const digit = bytes[at]! - ZERO
        if (digit < 0 || digit > 9) break
        mantissa = mantissa * 10 + digit
      }
    }
    let places = 0
    let digits = at - first
    let fraction = 0
    if (at < limit && bytes[at] === DOT) {
      const point = ++at
      for (; at < limit; at++) {
        const digit = bytes[at]! - ZERO
        if (digit < 0 || digit > 9) break
        mantissa = mantissa * 10 + digit
        fraction |= digit
      }
      places = at - point
      if (places === 0) return -1
      digits += places
    }
    if (digits === 0) return -1
    const letter = at < limit ? bytes[at]! | 0x20 : 0
    if (letter === 0x65) return this.withExponent(bytes, start, at, limit)
    if (mantissa >= 2 ** 53 || places > 22) return this.exactly(bytes, start, at)
    this.whole = fraction === 0
    const magnitude = places === 0 ? mantissa : mantissa / POWERS[places]!
    this.value[0] = negative ? -magnitude : magnitude
    return at
  }

  private withExponent(bytes: Uint8Array, start: number, letter: number, limit: number): number {
    let at = letter + 1
    if (bytes[at] === PLUS || bytes[at] === MINUS) at++
    const first = at
    while (at < limit && bytes[at]! >= ZERO && bytes[at]! <= ZERO + 9) at++
    return at === first ? -1 : this.exactly(bytes, start, at)
  }

  private exactly(bytes: Uint8Array, start: number, end: number): number {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
    this.value[0] = Number(text)
    this.whole = isWhole(text)
    return end
  }
}

function isWhole(text: string): boolean {
  const [, digits = '', fraction = '', exponent = '0'] = /^-?(\d*)\.?(\d*)(?:[eE]([+-]?\d+))?$/.exec(text) ?? []
  const all = digits + fraction
  const significant = all.replace(/0+$/, '').length
  // the decimal point stands behind so many of all digits
  return significant === 0 || significant <= digits.length + Number(exponent)
}
