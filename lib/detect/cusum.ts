/** Two sums of deviations, upwards and downwards, in standard deviations (Page, 1954; Montgomery, Statistical Quality Control, 9.1). */
export interface Cusum {
  readonly high: number
  readonly low: number
}

export const NO_DEVIATION: Cusum = { high: 0, low: 0 }

/**
 * The sums after one more deviation. What is within `slack` of the expected value is taken off; neither sum falls below 0, nor rises
 * above `limit`, so that a long shift is over soon after it has ended.
 */
export function cusumAfter({ high, low }: Cusum, deviation: number, slack: number, limit: number): Cusum {
  const within = (sum: number): number => Math.min(limit, Math.max(0, sum))
  return { high: within(high + deviation - slack), low: within(low - deviation - slack) }
}
