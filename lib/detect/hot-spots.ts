/** Getis-Ord Gi* of every cell: how far the sum over a cell and its neighbours is from what the mean of all cells lets expect. */
export interface HotSpots {
  /** In standard deviations; 0 of a cell whose neighbourhood is all there is, or where all cells are equal. */
  readonly scores: Float64Array
  readonly mean: number
  /** Of the values, with n in the denominator. */
  readonly variance: number
  /** Sum over each cell and its neighbours. */
  readonly sums: Float64Array
}

/**
 * Gi* with weight 1 for a cell and its neighbours and 0 elsewhere (Ord and Getis, "Local Spatial Autocorrelation Statistics", 1995,
 * equation 14*).
 *
 * @param values of all cells of the area, those with nothing in them included
 * @param neighbours of each cell, by index, without the cell itself; cells outside the area are left out
 */
export function hotSpots(values: Float64Array, neighbours: readonly (readonly number[])[]): HotSpots {
  const n = values.length
  let total = 0
  let squares = 0
  for (let i = 0; i < n; i++) {
    total += values[i]!
    squares += values[i]! * values[i]!
  }
  const mean = total / n
  const variance = Math.max(0, squares / n - mean * mean)
  const scores = new Float64Array(n)
  const sums = new Float64Array(n)
  for (let i = 0; i < n; i++) {
    let sum = values[i]!
    for (const j of neighbours[i]!) sum += values[j]!
    sums[i] = sum
    const weights = neighbours[i]!.length + 1
    // The sum of the squared weights is the sum of the weights.
    const scale = Math.sqrt((variance * (n * weights - weights * weights)) / (n - 1))
    scores[i] = scale > 0 ? (sum - mean * weights) / scale : 0
  }
  return { scores, mean, variance, sums }
}
