/**
 * Adjusts p-values for being many (Benjamini and Hochberg, 1995): of the tests whose adjusted value is ≤ q, a share of q at most is false
 * on average, if they don't depend on each other or rise and fall together.
 *
 * @param tests how many were made: those that are not in `pValues` had 1
 * @returns adjusted values, in the order given
 */
export function adjusted(pValues: readonly number[], tests: number = pValues.length): readonly number[] {
  const order = pValues.map((_, index) => index).sort((a, b) => pValues[b]! - pValues[a]!)
  const result = new Array<number>(pValues.length)
  let least = 1
  order.forEach((index, fromTop) => {
    const rank = pValues.length - fromTop
    least = Math.min(least, (pValues[index]! * tests) / rank)
    result[index] = least
  })
  return result
}
