/** 2^-32: multiplying by it is exact. */
export const TWO_TO_MINUS_32 = 2 ** -32
export const TWO_TO_32 = 2 ** 32

/** Milliseconds whose microseconds fit in 64 bits: about the years −290,308 … 294,247. */
export const MILLIS_MAX = 9_223_372_036_854_774

/**
 * Stores epoch milliseconds at 0 as little-endian 64-bit microseconds, exact for whole milliseconds; a fraction is rounded to
 * the microsecond. |millis| ≤ MILLIS_MAX. The encoder's inner loop does the same arithmetic inline.
 */
export function splitMicros(millis: number, view: DataView): void {
  const whole = Math.floor(millis)
  const high = Math.floor(whole * TWO_TO_MINUS_32)
  const low = (whole - high * TWO_TO_32) * 1000 + Math.round((millis - whole) * 1000)
  const carry = Math.floor(low * TWO_TO_MINUS_32)
  view.setInt32(0, low | 0, true)
  view.setInt32(4, (high * 1000 + carry) | 0, true)
}
