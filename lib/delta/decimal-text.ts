/** Decimals as text: an optional sign, digits, and a fraction. Exact, of any size. */

const DECIMAL_TEXT = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/

interface Decimal {
  readonly unscaled: bigint
  readonly scale: number
}

/** `12.50` → 1250, 2; also `1.25E1`. Undefined for text that is no number. */
export function parseDecimal(text: string): Decimal | undefined {
  const match = DECIMAL_TEXT.exec(text.trim())
  if (match === null || (match[2] === '' && (match[3] ?? '') === '')) return undefined
  const fraction = match[3] ?? ''
  const exponent = Number(match[4] ?? 0)
  if (Math.abs(exponent) > 1000) return undefined
  const magnitude = BigInt(`${match[2]}${fraction}`)
  const signed = match[1] === '-' ? -magnitude : magnitude
  const scale = fraction.length - exponent
  return scale >= 0 ? { unscaled: signed, scale } : { unscaled: signed * 10n ** BigInt(-scale), scale: 0 }
}

/** The text of a decimal at another scale; undefined when digits would be lost, or when the text is no number. */
export function scaledDecimal(text: string, scale: number): string | undefined {
  const decimal = parseDecimal(text)
  if (decimal === undefined) return undefined
  if (decimal.scale <= scale) return decimalAt(decimal.unscaled * 10n ** BigInt(scale - decimal.scale), scale)
  const factor = 10n ** BigInt(decimal.scale - scale)
  return decimal.unscaled % factor === 0n ? decimalAt(decimal.unscaled / factor, scale) : undefined
}

/** Significant digits that every double keeps. */
export const DOUBLE_DIGITS = 15

/**
 * A decimal of at most so many significant digits that is not above (`down`) or not below (`up`) the one given, with all digits of its
 * scale. Undefined when that has a digit more in front (999.9 up), which may be too many for its type, or when the text is no number.
 */
export function roundedDecimal(text: string, digits: number, direction: 'down' | 'up'): string | undefined {
  const decimal = parseDecimal(text)
  if (decimal === undefined) return undefined
  const { unscaled, scale } = decimal
  const length = String(unscaled < 0n ? -unscaled : unscaled).length
  if (length <= digits) return text
  const factor = 10n ** BigInt(length - digits)
  const rest = ((unscaled % factor) + factor) % factor
  const rounded = unscaled - rest + (direction === 'up' && rest > 0n ? factor : 0n)
  if (String(rounded < 0n ? -rounded : rounded).length > length) return undefined
  return decimalAt(rounded, scale)
}

/** 12345, 2 → `123.45`: all digits of the scale. */
function decimalAt(unscaled: bigint, scale: number): string {
  if (scale <= 0) return String(unscaled)
  const digits = String(unscaled < 0n ? -unscaled : unscaled).padStart(scale + 1, '0')
  return `${unscaled < 0n ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`
}
