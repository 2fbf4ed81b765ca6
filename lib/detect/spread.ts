/** Mean, and variance with n − 1 in the denominator (NaN of one value). Of integers up to 2^53 ÷ n the sums are exact. */
export interface Moments {
  readonly mean: number
  readonly variance: number
}

export function moments(n: number, sum: number, squares: number): Moments {
  const mean = sum / n
  return { mean, variance: n < 2 ? Number.NaN : Math.max(0, squares - sum * mean) / (n - 1) }
}

/** The middle value, or the mean of the two in the middle. NaN of none. Sorts `values`. */
export function median(values: Float64Array): number {
  values.sort()
  const middle = values.length >> 1
  if (values.length % 2 === 1) return values[middle]!
  return (values[middle - 1]! + values[middle]!) / 2
}

/** Of a normal distribution, the standard deviation is so many times the median absolute deviation: 1 ÷ Φ⁻¹(¾). */
export const MAD_TO_DEVIATION = 1.482602218505602

export interface MedianSpread {
  readonly median: number
  /** Median absolute deviation from the median. */
  readonly mad: number
}

/** Sorts `values`. */
export function medianSpread(values: Float64Array): MedianSpread {
  const middle = median(values)
  return { median: middle, mad: median(values.map((value) => Math.abs(value - middle))) }
}
