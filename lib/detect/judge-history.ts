import { type Bench, medianHistory, PastSums, pastValues } from '#detect/bench.ts'
import { type Cusum, cusumAfter, NO_DEVIATION } from '#detect/cusum.ts'
import { BETWEEN, CALM, type Evidence, severityOfP, severityOfRatio, UNUSUAL, type Verdicts } from '#detect/evidence.ts'
import { adjusted } from '#detect/false-discovery.ts'
import { MAD_TO_DEVIATION, medianSpread } from '#detect/spread.ts'
import { countAtLeast, countAtMost } from '#detect/tails.ts'
import type { CusumRule, HourOfWeekRule, MedianRule } from '#plan/plan.ts'

/** What the next count of a key may be, given those of `windows` windows with this sum and sample variance. */
interface Expected {
  readonly mean: number
  readonly variance: number
  readonly dispersed: boolean
}

/**
 * The predictive distribution of a Poisson count whose mean is not known but for the history: negative binomial with mean
 * (sum + ½) ÷ n and variance mean · (1 + 1 ÷ n) (Jeffreys' prior; Gelman, Bayesian Data Analysis, 2.6). So a history of nothing but
 * zeros doesn't make the first count impossible. Where the history varies more than a Poisson count would, its variance takes the
 * place of the mean.
 */
function expectedCount(windows: number, sum: number, variance: number): Expected {
  const mean = (sum + 0.5) / windows
  const dispersed = variance > mean
  return { mean, variance: (dispersed ? variance : mean) * (1 + 1 / windows), dispersed }
}

export interface PValues {
  readonly pValues: Float64Array
  readonly qValues: Float64Array
}

/** Adjusts what is below 1; `tests` counts the others too. */
export function discoveries(pValues: Float64Array, tests: number): PValues {
  const small: number[] = []
  for (let key = 0; key < pValues.length; key++) if (pValues[key]! < 1) small.push(key)
  const qValues = new Float64Array(pValues.length).fill(1)
  const q = adjusted(
    small.map((key) => pValues[key]!),
    tests,
  )
  small.forEach((key, i) => {
    qValues[key] = q[i]!
  })
  return { pValues, qValues }
}

/** Counts against those of the same hour of earlier weeks. */
export function judgeHourOfWeek(rule: HourOfWeekRule, bench: Bench): Verdicts {
  const { observed } = bench
  const { side, minWeeks, falseAlarms, resolvesAt, atLeast } = rule
  const past = new PastSums(bench)
  const levels = new Uint8Array(observed.length)
  const pValues = new Float64Array(observed.length).fill(1)
  let tests = 0
  const expectedOf = (key: number) => expectedCount(past.windows(key), past.sum(key), past.variance(key))
  for (let key = 0; key < observed.length; key++) {
    const value = observed[key]!
    if (past.windows(key) < minWeeks || !(value >= 0) || !Number.isInteger(value)) continue
    tests++
    levels[key] = BETWEEN
    pValues[key] = tailOf(value, expectedOf(key), side)
  }
  const { qValues } = discoveries(pValues, tests)
  for (let key = 0; key < observed.length; key++) {
    if (levels[key] === 0) continue
    const enough = (isHigh(observed[key]!, past.mean(key), side) ? observed[key]! : past.mean(key)) >= atLeast
    if (qValues[key]! <= falseAlarms && enough) levels[key] = UNUSUAL
    else if (pValues[key]! > resolvesAt) levels[key] = CALM
  }
  const evidence = (key: number): Evidence => {
    const pValue = pValues[key]!
    return {
      method: expectedOf(key).dispersed ? 'negative binomial' : 'poisson',
      side: isHigh(observed[key]!, past.mean(key), side) ? 'high' : 'low',
      observed: observed[key]!,
      expected: past.mean(key),
      score: -Math.log10(Math.max(pValue, Number.MIN_VALUE)),
      severity: severityOfP(pValue),
      pValue,
      qValue: qValues[key]!,
      history: past.history(key),
    }
  }
  return { levels, evidence }
}

type Side = HourOfWeekRule['side']

const isHigh = (value: number, expected: number, side: Side): boolean =>
  side === 'high' || (side === 'both' && value > expected)

/** 1 without looking where a value isn't on the side that is asked for. */
function tailOf(value: number, { mean, variance }: Expected, side: Side): number {
  if (side === 'high') return value > mean ? countAtLeast(value, mean, variance) : 1
  if (side === 'low') return value < mean ? countAtMost(value, mean, variance) : 1
  const tail = value > mean ? countAtLeast(value, mean, variance) : countAtMost(value, mean, variance)
  return Math.min(1, 2 * tail)
}

/** Values against the median of the same hour of earlier weeks. */
export function judgeMedian(rule: MedianRule, bench: Bench): Verdicts {
  const { observed } = bench
  const { side, minWeeks, opensAt, resolvesAt, atLeast } = rule
  const levels = new Uint8Array(observed.length)
  const scores = new Float64Array(observed.length)
  const medians = new Float64Array(observed.length)
  for (let key = 0; key < observed.length; key++) {
    const value = observed[key]!
    if (Number.isNaN(value)) continue
    const values = pastValues(bench, key)
    if (values.length < minWeeks) continue
    const { median, mad } = medianSpread(values)
    const floor = rule.floor ?? (bench.absentIsZero ? Math.sqrt(Math.max(median, 1)) : 0)
    const deviation = Math.max(mad * MAD_TO_DEVIATION, floor)
    if (deviation === 0) continue
    medians[key] = median
    scores[key] = (value - median) / deviation
    const enough = (scores[key]! > 0 ? value : median) >= atLeast
    const out = outness(scores[key]!, side)
    levels[key] = out >= opensAt && enough ? UNUSUAL : out < resolvesAt ? CALM : BETWEEN
  }
  const evidence = (key: number): Evidence => {
    const score = outness(scores[key]!, side)
    return {
      method: 'median',
      side: isHigh(observed[key]!, medians[key]!, side) ? 'high' : 'low',
      observed: observed[key]!,
      expected: medians[key]!,
      score,
      severity: severityOfRatio(score / opensAt),
      pValue: null,
      qValue: null,
      history: medianHistory(bench, key, pastValues(bench, key)),
    }
  }
  return { levels, evidence }
}

const outness = (score: number, side: Side): number =>
  side === 'high' ? score : side === 'low' ? -score : Math.abs(score)

export interface CusumVerdicts extends Verdicts {
  /** By key, after the window. */
  readonly sums: readonly Cusum[]
}

/** Sums of deviations from the same hour of earlier weeks. `before` is by key; what can't be judged keeps its sums. */
export function judgeCusum(rule: CusumRule, bench: Bench, before: readonly Cusum[]): CusumVerdicts {
  const { observed } = bench
  const { side, minWeeks, slack, opensAt, resolvesAt, atLeast } = rule
  const past = new PastSums(bench)
  const levels = new Uint8Array(observed.length)
  const sums: Cusum[] = [...before]
  const sumOf = (key: number): number => {
    const { high, low } = sums[key] ?? NO_DEVIATION
    return side === 'high' ? high : side === 'low' ? low : Math.max(high, low)
  }
  for (let key = 0; key < observed.length; key++) {
    const value = observed[key]!
    if (Number.isNaN(value) || past.windows(key) < minWeeks) continue
    const mean = past.mean(key)
    const variance = Math.max(past.variance(key), bench.absentIsZero ? mean : 0)
    if (variance > 0) {
      const deviation = (value - mean) / Math.sqrt(variance)
      sums[key] = cusumAfter(sums[key] ?? NO_DEVIATION, deviation, slack, opensAt * 2)
    } else if (value !== mean) continue
    const sum = sumOf(key)
    const enough = Math.max(value, mean) >= atLeast
    levels[key] = sum >= opensAt && enough ? UNUSUAL : sum <= resolvesAt ? CALM : BETWEEN
  }
  const evidence = (key: number): Evidence => {
    const { high, low } = sums[key] ?? NO_DEVIATION
    return {
      method: 'cusum',
      side: side === 'both' ? (high >= low ? 'high' : 'low') : side,
      observed: observed[key]!,
      expected: past.mean(key),
      score: sumOf(key),
      severity: severityOfRatio(sumOf(key) / opensAt),
      pValue: null,
      qValue: null,
      history: past.history(key),
    }
  }
  return { levels, evidence, sums }
}
