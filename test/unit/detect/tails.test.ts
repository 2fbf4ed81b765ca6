import { describe, expect, test } from 'vitest'
import { incompleteBeta, lnGamma } from '#detect/beta-function.ts'
import { countAtLeast, countAtMost, normalAtLeast } from '#detect/tails.ts'

// Reference values are SciPy's: gammaln, betainc, nbinom.sf and .cdf, norm.sf.

/** Equal to so many digits of its size. */
function expectDigits(found: number, wanted: number, digits: number): void {
  expect(Math.abs(found - wanted)).toBeLessThanOrEqual(Math.abs(wanted) * 10 ** -digits)
}

describe('The logarithm of the gamma function', () => {
  test.each([
    [0.1, 2.252712651734206],
    [0.5, 0.5723649429247],
    [1.5, -0.12078223763524526],
    [10, 12.801827480081469],
    [1000, 5905.220423209181],
    [1_000_000.5, 12815511.476902766],
  ])('of %d is %d', (x, wanted) => expectDigits(lnGamma(x), wanted, 13))

  test('of 1 and 2 is 0', () => {
    expect(lnGamma(1)).toBeCloseTo(0, 14)
    expect(lnGamma(2)).toBeCloseTo(0, 14)
  })
})

describe('The incomplete beta function', () => {
  test.each([
    [0.3, 2, 5, 0.579825],
    [0.9, 0.5, 0.5, 0.7951672353008665],
    [0.5, 100, 100, 0.5],
    [0.01, 0.5, 30, 0.560665631094749],
    [0.999, 50, 0.25, 0.4843139540725245],
  ])('at %d of %d and %d is %d', (x, a, b, wanted) => expectDigits(incompleteBeta(x, 1 - x, a, b), wanted, 11))

  test('is 0 at 0 and 1 at 1', () => {
    expect([incompleteBeta(0, 1, 3, 4), incompleteBeta(1, 0, 3, 4)]).toEqual([0, 1])
  })
})

describe('The tails of a negative binomial count', () => {
  test.each([
    [14, 3.2, 4, 0.00012075484003177914, 0.9999574487377118],
    [1, 0.0625, 0.0703125, 0.05719095841793666, 0.9951873216699557],
    [6, 0.0625, 0.0703125, 4.4629993553981695e-7, 0.9999999539034011],
    [3, 0.5, 2.5, 0.0636585781181559, 0.9571944404477717],
    [40, 12.5, 14.0625, 1.049533939484292e-8, 0.9999999960567619],
    [40, 12.5, 60, 0.005733806203834763, 0.995231441811],
    [1000, 900, 1000, 0.0009947802585135001, 0.9991024807705592],
    [2, 3.2, 4, 0.7953546733164855, 0.4077270710957394],
    [100_100, 100_000, 112_500, 0.383150004428126, 0.6179870923825905],
    [9, 8, 8.001, 0.4074526583810426, 0.7166165048078326],
  ])('from %d on, at mean %d and variance %d, are %d and %d', (x, mean, variance, atLeast, atMost) => {
    expectDigits(countAtLeast(x, mean, variance), atLeast, 8)
    expectDigits(countAtMost(x, mean, variance), atMost, 8)
  })

  test('are exact to eight digits where they are tiny', () => {
    expectDigits(countAtLeast(1200, 900, 1000), 1.527107894230691e-19, 8)
  })

  test('hold everything from 0 on and nothing below', () => {
    expect([countAtLeast(0, 3, 4), countAtMost(-1, 3, 4)]).toEqual([1, 0])
  })

  test('below a value and from it on make 1', () => {
    for (const x of [1, 2, 5, 30]) expect(countAtLeast(x, 4, 9) + countAtMost(x - 1, 4, 9)).toBeCloseTo(1, 12)
  })
})

describe('The tail of a normal distribution', () => {
  test.each([
    [0, 0.5],
    [0.5, 0.3085375387259869],
    [1, 0.15865525393145707],
    [1.96, 0.024997895148220435],
    [2.5, 0.006209665325776132],
    [3, 0.0013498980316300933],
    [5, 2.866515718791933e-7],
    [8, 6.22096057427174e-16],
    [20, 2.7536241186061556e-89],
    [37, 5.7255712225239266e-300],
    [-1.5, 0.9331927987311419],
  ])('from %d on is %d', (z, wanted) => expectDigits(normalAtLeast(z), wanted, 12))
})
