import type { ByteReader, ByteWriter } from '#core/bytes.ts'

/**
 * The exact sum of doubles, so that neither the order of records nor the boundaries of batches can show in a result's bits.
 *
 * - An array of doubles that don't overlap, ascending by magnitude, whose mathematical sum is the exact sum (Shewchuk,
 *   "Adaptive precision floating-point arithmetic", 1997). Usually one to three of them, never more than about forty.
 * - A single infinity or NaN, once one was added.
 * - A bigint, in units of 2^−1074 (the smallest double), once the doubles overflowed on the way.
 */
export type ExactSum = number[] | bigint

/** Adds one double. May reuse `sum`: the caller gives it away. */
export function addExact(sum: ExactSum, value: number): ExactSum {
  if (typeof sum === 'bigint') return Number.isFinite(value) ? sum + unitsOf(value) : [value]
  if (sum.length === 1 && !Number.isFinite(sum[0])) return [sum[0]! + value]
  if (!Number.isFinite(value)) return [value]
  let carried = value
  let kept = 0
  for (let i = 0; i < sum.length; i++) {
    let larger = carried
    let smaller = sum[i]!
    if (Math.abs(larger) < Math.abs(smaller)) {
      larger = sum[i]!
      smaller = carried
    }
    const high = larger + smaller
    if (!Number.isFinite(high)) return overflowed(sum, kept, carried, i)
    const low = smaller - (high - larger)
    if (low !== 0) sum[kept++] = low
    carried = high
  }
  if (carried !== 0) sum[kept++] = carried
  if (sum.length > kept) sum.length = kept
  return sum
}

/** The sum of two sums; changes neither. */
export function mergeExact(a: ExactSum, b: ExactSum): ExactSum {
  if (typeof a === 'bigint' && typeof b === 'bigint') return a + b
  if (typeof a === 'bigint') return mergeExact(b, a)
  let sum: ExactSum = typeof b === 'bigint' ? b : b.slice()
  for (const part of a) sum = addExact(sum, part)
  return sum
}

/** The double nearest to the exact sum, ties to even; ±Infinity beyond the largest double. */
export function roundExact(sum: ExactSum): number {
  if (typeof sum === 'bigint') return doubleOf(sum)
  let i = sum.length - 1
  if (i < 0) return 0
  let high = sum[i]!
  let low = 0
  while (i > 0 && low === 0) {
    const top = high
    const part = sum[--i]!
    high = top + part
    low = part - (high - top)
  }
  // `high` is rounded to even at a tie; if what lies below `low` has its sign, it was no tie.
  if (i > 0 && low !== 0 && Math.sign(low) === Math.sign(sum[i - 1]!)) {
    const up = high + low * 2
    if (up - high === low * 2) high = up
  }
  return high
}

/** The rounded sum over a whole number. Only a sum beyond the largest double is divided first: its quotient may be none. */
export function divideExact(sum: ExactSum, by: number): number {
  const rounded = roundExact(sum)
  return typeof sum === 'bigint' && !Number.isFinite(rounded) ? doubleOf(sum / BigInt(by)) : rounded / by
}

/** Takes 1 byte and 8 for each double. */
export function encodeExact(sum: ExactSum, writer: ByteWriter): void {
  if (typeof sum === 'bigint') {
    writer.varint(0)
    writer.text(sum.toString(16))
    return
  }
  writer.varint(sum.length + 1)
  for (const part of sum) writer.float64(part)
}

export function decodeExact(reader: ByteReader): ExactSum {
  const count = reader.varint() - 1
  if (count < 0) return bigIntOf(reader.text())
  const sum: number[] = []
  for (let i = 0; i < count; i++) sum.push(reader.float64())
  return sum
}

/** `carried` + sum[i] overflows; sum[0 … kept) is done, sum[i …] isn't. */
function overflowed(sum: readonly number[], kept: number, carried: number, i: number): bigint {
  let units = unitsOf(carried)
  for (let j = 0; j < kept; j++) units += unitsOf(sum[j]!)
  for (let j = i; j < sum.length; j++) units += unitsOf(sum[j]!)
  return units
}

const double = new DataView(new ArrayBuffer(8))

/** A finite double as a multiple of 2^−1074. */
function unitsOf(value: number): bigint {
  double.setFloat64(0, Math.abs(value))
  const bits = double.getBigUint64(0)
  const exponent = bits >> 52n
  const fraction = bits & 0xfffffffffffffn
  const units = exponent === 0n ? fraction : (fraction | 0x10000000000000n) << (exponent - 1n)
  return value < 0 ? -units : units
}

function doubleOf(units: bigint): number {
  const magnitude = units < 0n ? -units : units
  // At least 61 bits stay: Number() rounds those to 53, and the last one remembers whether anything was cut off.
  const shift = Math.max(0, magnitude.toString(16).length * 4 - 64)
  const cut = BigInt(shift)
  let top = magnitude >> cut
  if (top << cut !== magnitude) top |= 1n
  const value = Number(top) * 2 ** (shift - 1074)
  return units < 0n ? -value : value
}

function bigIntOf(hexadecimal: string): bigint {
  return hexadecimal.startsWith('-') ? -BigInt(`0x${hexadecimal.slice(1)}`) : BigInt(`0x${hexadecimal}`)
}
