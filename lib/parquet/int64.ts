/** 2^-32: multiplying by it is exact. */
export const TWO_TO_MINUS_32 = 2 ** -32
export const TWO_TO_32 = 2 ** 32

/** Milliseconds whose microseconds fit in 64 bits: about the years −290,308 … 294,247. */
export const MILLIS_MAX = 9_223_372_036_854_774

/**
 * Stores epoch milliseconds at 0 as little-endian 64-bit microseconds, exact for whole milliseconds; a fraction is rounded to
 * the microsecond. |millis| ≤ MILLIS_MAX.
 */
export function splitMicros(millis: number, view: DataView): void {
  const whole = Math.floor(millis)
  const high = Math.floor(whole * TWO_TO_MINUS_32)
  const low = (whole - high * TWO_TO_32) * 1000 + Math.round((millis - whole) * 1000)
  const carry = Math.floor(low * TWO_TO_MINUS_32)
  view.setInt32(0, low | 0, true)
  view.setInt32(4, (high * 1000 + carry) | 0, true)
}

/** Stores a whole number within ±(2^53 − 1) as two halves, the low one first. */
export function putLong(value: number, halves: Int32Array, at: number): void {
  const high = Math.floor(value * TWO_TO_MINUS_32)
  halves[at] = (value - high * TWO_TO_32) | 0
  halves[at + 1] = high | 0
}

/** Stores epoch milliseconds within ±MILLIS_MAX as 64-bit microseconds: in a double they are beyond 2^53 from the year 2255 on. */
export function putMicros(millis: number, halves: Int32Array, at: number): void {
  const whole = Math.floor(millis)
  const high = Math.floor(whole * TWO_TO_MINUS_32)
  let low = (whole - high * TWO_TO_32) * 1000
  if (whole !== millis) low += Math.round((millis - whole) * 1000)
  halves[at] = low | 0
  halves[at + 1] = (high * 1000 + Math.floor(low * TWO_TO_MINUS_32)) | 0
}
