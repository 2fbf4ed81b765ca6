import { type Bench, valueIn } from '#detect/bench.ts'
import { BETWEEN, CALM, type Evidence, severityOfRatio, UNUSUAL, type Verdicts } from '#detect/evidence.ts'
import type { ChangeRule, ThresholdRule } from '#plan/plan.ts'

/** Values against a level that was given. */
export function judgeThreshold(rule: ThresholdRule, { observed }: Bench): Verdicts {
  const { opensAt, resolvesAt, side } = rule
  const levels = new Uint8Array(observed.length)
  for (let key = 0; key < levels.length; key++) {
    const value = observed[key]!
    if (Number.isNaN(value)) continue
    const opens = side === 'low' ? value <= opensAt : value >= opensAt
    const resolves = side === 'low' ? value > resolvesAt : value < resolvesAt
    levels[key] = opens ? UNUSUAL : resolves ? CALM : BETWEEN
  }
  const evidence = (key: number): Evidence => {
    const value = observed[key]!
    const ratio = side === 'low' ? opensAt / value : value / opensAt
    return {
      method: 'threshold',
      side: side === 'low' ? 'low' : 'high',
      observed: value,
      expected: opensAt,
      score: side === 'low' ? opensAt - value : value - opensAt,
      severity: opensAt > 0 ? severityOfRatio(ratio) : 'low',
      pValue: null,
      qValue: null,
      history: null,
    }
  }
  return { levels, evidence }
}

/** Values against those of the one window that the past holds. */
export function judgeChange(rule: ChangeRule, { observed, past, since, absentIsZero }: Bench): Verdicts {
  const { opensAt, resolvesAt, floor, side, atLeast } = rule
  const levels = new Uint8Array(observed.length)
  const before = past[0]
  const baseOf = (key: number): number => {
    if (before === undefined) return Number.NaN
    const value = valueIn(before, key)
    return value ?? (absentIsZero && before.start >= since[key]! ? 0 : Number.NaN)
  }
  const ratioOf = (value: number, base: number): { readonly ratio: number; readonly side: 'high' | 'low' } => {
    const [now, then] = [Math.max(value, floor), Math.max(base, floor)]
    const rose = side === 'both' ? now >= then : side === 'high'
    return rose ? { ratio: now / then, side: 'high' } : { ratio: then / now, side: 'low' }
  }
  for (let key = 0; key < levels.length; key++) {
    const value = observed[key]!
    const base = baseOf(key)
    if (Number.isNaN(value) || Number.isNaN(base)) continue
    const found = ratioOf(value, base)
    const enough = (found.side === 'high' ? value : base) >= atLeast
    levels[key] = found.ratio >= opensAt && enough ? UNUSUAL : found.ratio < resolvesAt ? CALM : BETWEEN
  }
  const evidence = (key: number): Evidence => {
    const base = baseOf(key)
    const found = ratioOf(observed[key]!, base)
    const { start, end } = before!
    return {
      method: 'change',
      side: found.side,
      observed: observed[key]!,
      expected: base,
      score: found.ratio,
      severity: severityOfRatio(found.ratio / opensAt),
      pValue: null,
      qValue: null,
      history: { windows: 1, from: start, to: end, mean: base, variance: null, median: null, mad: null },
    }
  }
  return { levels, evidence }
}
