import { describe, expect, test } from 'vitest'
import { type Cusum, cusumAfter, NO_DEVIATION } from '#detect/cusum.ts'
import { hotSpots } from '#detect/hot-spots.ts'
import { MAD_TO_DEVIATION, median, medianSpread, moments } from '#detect/spread.ts'
import { normalAtLeast } from '#detect/tails.ts'

describe('Mean and variance', () => {
  test('are those of a sample', () => {
    const values = [2, 4, 4, 4, 5, 5, 7, 9]
    const squares = values.reduce((sum, value) => sum + value * value, 0)
    expect(moments(8, 40, squares)).toEqual({ mean: 5, variance: 32 / 7 })
  })

  test('of one value have no variance', () => {
    expect(moments(1, 7, 49)).toEqual({ mean: 7, variance: Number.NaN })
  })

  test('of equal values have none either, whatever rounding does', () => {
    expect(moments(3, 0.3, 0.03).variance).toBeGreaterThanOrEqual(0)
    expect(moments(3, 0.3, 0.03).variance).toBeLessThan(1e-16)
  })
})

describe('The median absolute deviation', () => {
  test.each([
    [[1, 1, 2, 2, 4, 6, 9], 2, 1],
    [[5], 5, 0],
    [[9, 1], 5, 4],
    [[0, 0, 0, 0, 30], 0, 0],
    [[10, 2, -1, 3], 2.5, 2],
  ])('of %j is, around %d, %d', (values, middle, mad) => {
    expect(medianSpread(Float64Array.from(values))).toEqual({ median: middle, mad })
    expect(median(Float64Array.from(values))).toBe(middle)
  })

  test('is three quarters of the way in a normal distribution', () => {
    expect(normalAtLeast(1 / MAD_TO_DEVIATION)).toBeCloseTo(0.25, 14)
  })
})

describe('Sums of deviations', () => {
  // Montgomery, Introduction to Statistical Quality Control, table 9.2: the mean moves from 10 to 11 after 20 samples.
  const SAMPLES = [
    9.45, 7.99, 9.29, 11.66, 12.16, 10.18, 8.04, 11.46, 9.2, 10.34, 9.03, 11.47, 10.51, 9.4, 10.08, 9.37, 10.62, 10.31,
    8.52, 10.84, 10.9, 9.33, 12.29, 11.5, 10.6, 11.08, 10.38, 11.62, 11.31, 10.52,
  ]
  const run = (samples: readonly number[], limit: number): readonly Cusum[] => {
    const sums: Cusum[] = []
    for (const sample of samples) sums.push(cusumAfter(sums.at(-1) ?? NO_DEVIATION, sample - 10, 0.5, limit))
    return sums
  }

  test("are those of Montgomery's table", () => {
    const sums = run(SAMPLES, Number.POSITIVE_INFINITY)
    const at = (sample: number): readonly string[] => {
      const { high, low } = sums[sample - 1]!
      return [high.toFixed(2), low.toFixed(2)]
    }
    expect([at(1), at(2), at(5), at(29), at(30)]).toEqual([
      ['0.00', '0.05'],
      ['0.00', '1.56'],
      ['2.82', '0.00'],
      ['5.28', '0.00'],
      ['5.30', '0.00'],
    ])
    expect(sums.findIndex(({ high }) => high > 5) + 1).toBe(29)
  })

  test('rise to the limit and no further, and come down from there', () => {
    const sums = run([20, 20, 20, 10, 10], 10)
    expect(sums.map(({ high }) => high)).toEqual([9.5, 10, 10, 9.5, 9])
  })
})

describe('Getis-Ord Gi*', () => {
  test('of five cells in a row is what the formula of Ord and Getis gives', () => {
    // mean 4, variance 10; the fourth cell: (17 − 12) ÷ √(10 · (5·3 − 9) ÷ 4)
    const neighbours = [[1], [0, 2], [1, 3], [2, 4], [3]]
    const { scores, mean, variance, sums } = hotSpots(Float64Array.of(1, 2, 3, 10, 4), neighbours)
    expect([mean, variance, [...sums]]).toEqual([4, 10, [3, 6, 15, 17, 14]])
    const wanted = [-5 / Math.sqrt(15), -6 / Math.sqrt(15), 3 / Math.sqrt(15), 5 / Math.sqrt(15), 6 / Math.sqrt(15)]
    scores.forEach((score, i) => void expect(score).toBeCloseTo(wanted[i]!, 12))
  })

  test('is 0 where all cells are equal, and of a neighbourhood that is everything', () => {
    expect([...hotSpots(Float64Array.of(3, 3, 3), [[1], [0, 2], [1]]).scores]).toEqual([0, 0, 0])
    expect([...hotSpots(Float64Array.of(1, 5), [[1], [0]]).scores]).toEqual([0, 0])
  })

  test('finds the block that is hot in a grid, not the lonely cell that is as hot', () => {
    const side = 10
    const values = new Float64Array(side * side).fill(1)
    for (const [x, y] of [
      [2, 2],
      [2, 3],
      [3, 2],
      [3, 3],
    ] as const)
      values[y * side + x] = 4
    values[8 * side + 8] = 4
    const neighbours = Array.from(values, (_, i) => neighboursOf(i, side))
    const { scores } = hotSpots(values, neighbours)
    expect(scores[2 * side + 2]).toBeGreaterThan(4)
    expect(scores[8 * side + 8]).toBeLessThan(2)
  })
})

function neighboursOf(index: number, side: number): readonly number[] {
  const [x, y] = [index % side, Math.floor(index / side)]
  const found: number[] = []
  for (let dy = -1; dy <= 1; dy++) {
    for (let dx = -1; dx <= 1; dx++) {
      const inside = x + dx >= 0 && x + dx < side && y + dy >= 0 && y + dy < side
      if (inside && (dx !== 0 || dy !== 0)) found.push((y + dy) * side + x + dx)
    }
  }
  return found
}
