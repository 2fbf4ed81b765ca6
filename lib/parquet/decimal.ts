/**
 * Decimals: whole numbers of 10^-scale. The largest precision of Delta and Parquet is 38 digits.
 */
export const PRECISION_MAX = 38

/** Bytes that hold every decimal of `precision` digits as a two's complement number. */
export function decimalWidth(precision: number): number {
  const limit = 10n ** BigInt(precision)
  let width = 1
  while (1n << BigInt(width * 8 - 1) < limit) width++
  return width
}

const DECIMAL = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,4}))?$/

/**
 * The unscaled whole number of a decimal: `-0.50` with scale 2 is −50. Exact, or null: for what is no decimal number, and for one
 * with more digits behind the point than the scale has (zeros at the end do not count).
 */
export function parseDecimal(value: string, scale: number): bigint | null {
  const match = DECIMAL.exec(value)
  if (match === null) return null
  const [, sign, whole = '', fraction = '', exponent = '0'] = match
  const digits = whole + fraction
  if (digits === '') return null
  const shift = scale - fraction.length + Number(exponent)
  if (shift > 1000) return /^0+$/.test(digits) ? 0n : null
  let unscaled = BigInt(digits)
  if (shift >= 0) {
    unscaled *= 10n ** BigInt(shift)
  } else {
    if (unscaled === 0n) return 0n
    if (-shift > digits.length) return null
    const divisor = 10n ** BigInt(-shift)
    if (unscaled % divisor !== 0n) return null
    unscaled /= divisor
  }
  return sign === '-' ? -unscaled : unscaled
}

const POINT = 0x2e
const ZERO = 0x30
const MINUS = 0x2d

/**
 * As `parseDecimal` for the usual case, a plain number of at most 15 digits in all: no bigint is made. NaN where it is not that
 * case, which says nothing about the value.
 */
export function parseShortDecimal(value: string, scale: number): number {
  const length = value.length
  if (length > 17) return Number.NaN
  let at = value.charCodeAt(0) === MINUS ? 1 : 0
  const first = at
  let unscaled = 0
  let point = -1
  for (; at < length; at++) {
    const code = value.charCodeAt(at)
    if (code === POINT && point < 0) {
      point = at
      continue
    }
    const digit = code - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    unscaled = unscaled * 10 + digit
  }
  const digits = point < 0 ? length - first : length - first - 1
  const fraction = point < 0 ? 0 : length - point - 1
  const missing = scale - fraction
  if (digits === 0 || missing < 0 || digits + missing > 15) return Number.NaN
  for (let i = 0; i < missing; i++) unscaled *= 10
  return first === 1 ? 0 - unscaled : unscaled
}

/** A decimal as text with all digits of its scale: 12345, 2 → `123.45`. */
export function decimalText(value: bigint, scale: number): string {
  if (scale <= 0) return String(value)
  const digits = String(value < 0n ? -value : value).padStart(scale + 1, '0')
  return `${value < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}

/** Two's complement, the highest byte first. */
export function fixedBytes(value: bigint, width: number): Uint8Array {
  const bytes = new Uint8Array(width)
  putFixed(value, width, bytes, 0)
  return bytes
}

export function putFixed(value: bigint, width: number, out: Uint8Array, at: number): void {
  let rest = value
  for (let i = at + width - 1; i >= at; i--) {
    out[i] = Number(rest & 0xffn)
    rest >>= 8n
  }
}
