import { incompleteBeta } from '#detect/beta-function.ts'

/**
 * P(X ≥ x) of a negative binomial count with this mean and variance (variance > mean > 0); `x` is a whole number. With
 * r = mean² ÷ (variance − mean) and p = r ÷ (r + mean) it is I_(1−p)(x, r) (Johnson, Kemp, Kotz, Univariate Discrete Distributions, 5.6).
 */
export function countAtLeast(x: number, mean: number, variance: number): number {
  if (x <= 0) return 1
  const r = (mean * mean) / (variance - mean)
  return incompleteBeta(mean / (r + mean), r / (r + mean), x, r)
}

/** P(X ≤ x) of the same. */
export function countAtMost(x: number, mean: number, variance: number): number {
  if (x < 0) return 0
  const r = (mean * mean) / (variance - mean)
  return incompleteBeta(r / (r + mean), mean / (r + mean), r, x + 1)
}

const SQRT_PI = Math.sqrt(Math.PI)
/** Below, the series needs fewer terms; above, the fraction. */
const SERIES_UP_TO = 2

/** P(Z ≥ z) of a standard normal Z, to about 1e-14 of its size also far out: ½ erfc(z ÷ √2) by DLMF 7.6.2 and 7.9.3. */
export function normalAtLeast(z: number): number {
  if (z < 0) return 1 - normalAtLeast(-z)
  const x = z / Math.SQRT2
  return 0.5 * (x < SERIES_UP_TO ? 1 - erfSeries(x) : erfcFraction(x))
}

/** 2 ÷ √π · e^(−x²) · Σ 2ⁿ x^(2n+1) ÷ (1·3·…·(2n+1)). */
function erfSeries(x: number): number {
  let term = x
  let sum = x
  for (let n = 1; term > sum * Number.EPSILON; n++) {
    term *= (2 * x * x) / (2 * n + 1)
    sum += term
  }
  return (2 / SQRT_PI) * Math.exp(-x * x) * sum
}

const FRACTION_DEPTH = 120

/** e^(−x²) ÷ √π · 1 ÷ (x + ½ ÷ (x + 1 ÷ (x + 3⁄2 ÷ (x + …)))), from its end. */
function erfcFraction(x: number): number {
  let below = x
  for (let n = FRACTION_DEPTH; n >= 1; n--) below = x + n / 2 / below
  return Math.exp(-x * x) / SQRT_PI / below
}
