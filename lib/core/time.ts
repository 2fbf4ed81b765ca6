/**
 * Units as flavours: a plain number is accepted where one is wanted, but an EpochMillis is not accepted where Millis are.
 * The field exists only for the compiler.
 */
declare const unit: unique symbol
type Unit<Name extends string> = number & { readonly [unit]?: Name }

/** Milliseconds since 1970-01-01T00:00:00Z. Negative before. */
export type EpochMillis = Unit<'EpochMillis'>
/** A length of time in milliseconds. */
export type Millis = Unit<'Millis'>
/** A number of bytes. */
export type Bytes = Unit<'Bytes'>

export const SECOND: Millis = 1_000
export const MINUTE: Millis = 60_000
export const HOUR: Millis = 3_600_000
export const DAY: Millis = 86_400_000

/** Largest multiple of `step` that is ≤ `value` (floor-mod: right for negative times too). */
export function floorTo(value: number, step: number, offset = 0): number {
  return Math.floor((value - offset) / step) * step + offset
}

export function gcd(a: number, b: number): number {
  while (b !== 0) [a, b] = [b, a % b]
  return Math.abs(a)
}
