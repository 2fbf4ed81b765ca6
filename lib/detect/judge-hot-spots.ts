import { type Bench, PastSums } from '#detect/bench.ts'
import { BETWEEN, CALM, type Evidence, severityOfP, UNUSUAL, type Verdicts } from '#detect/evidence.ts'
import { type HotSpots, hotSpots } from '#detect/hot-spots.ts'
import { discoveries } from '#detect/judge-history.ts'
import { normalAtLeast } from '#detect/tails.ts'
import type { HotSpotsRule } from '#plan/plan.ts'

/** Where the cells of all keys lie. */
export interface Neighbours {
  /** The keys that are cells, by their names: sums of doubles must not depend on the order in which keys were first seen. */
  readonly order: readonly number[]
  /** By key, in the same order, without the key itself; null of what is no cell. */
  readonly around: readonly (readonly number[] | null)[]
}

export const NO_NEIGHBOURS: Neighbours = { order: [], around: [] }

/** Neighbours among the keys. A key is a cell by its first group column. */
export function neighboursAmong(
  groups: readonly (readonly unknown[])[],
  cellsAround: (cell: unknown) => readonly string[] | null,
): Neighbours {
  const index = new Map(groups.map(([cell], key) => [cell, key]))
  const around = groups.map(
    ([cell]) =>
      cellsAround(cell)
        ?.toSorted()
        .flatMap((one) => index.get(one) ?? []) ?? null,
  )
  const order = groups.flatMap((_, key) => (around[key] === null ? [] : [key]))
  const nameOf = (key: number): string => String(groups[key]![0])
  return { order: order.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1)), around }
}

/** The normal distribution says nothing of fewer cells. */
export const CELLS_MIN = 30

/** The cells of the window that are judged, as a map of its own. */
interface Area {
  readonly keys: readonly number[]
  readonly values: Float64Array
  /** Of each cell: what is expected of it alone; null where it is the mean of the area. */
  readonly expected: Float64Array | null
  readonly neighbours: readonly (readonly number[])[]
}

/** Neighbourhoods of cells against the rest of the area, or against their own past. */
export function judgeHotSpots(rule: HotSpotsRule, bench: Bench, neighbours: Neighbours): Verdicts {
  const { observed } = bench
  const levels = new Uint8Array(observed.length)
  const past = rule.against === 'history' ? new PastSums(bench) : null
  const area = areaOf(rule, bench, past, neighbours)
  const none = (): Evidence => {
    throw new RangeError('there is no evidence of a cell that was not judged')
  }
  if (area.keys.length < CELLS_MIN) return { levels, evidence: none }
  const found = hotSpots(area.values, area.neighbours)
  const pValues = new Float64Array(observed.length).fill(1)
  const place = new Map(area.keys.map((key, i) => [key, i]))
  area.keys.forEach((key, i) => {
    pValues[key] = tailOf(found.scores[i]!, rule.side)
  })
  const { qValues } = discoveries(pValues, area.keys.length)
  const summary = (key: number): Sums => sumsOf(area, found, observed, place.get(key)!)
  for (const key of area.keys) {
    const sums = summary(key)
    const high = found.scores[place.get(key)!]! > 0
    if (qValues[key]! <= rule.falseAlarms && (high ? sums.observed : sums.expected) >= rule.atLeast)
      levels[key] = UNUSUAL
    else levels[key] = pValues[key]! > rule.resolvesAt ? CALM : BETWEEN
  }
  const evidence = (key: number): Evidence => {
    const score = found.scores[place.get(key)!]!
    const pValue = pValues[key]!
    return {
      method: 'getis-ord gi*',
      side: score >= 0 ? 'high' : 'low',
      ...summary(key),
      score: rule.side === 'low' ? -score : rule.side === 'both' ? Math.abs(score) : score,
      severity: severityOfP(pValue),
      pValue,
      qValue: qValues[key]!,
      history: past === null ? null : past.history(key),
    }
  }
  return { levels, evidence }
}

function tailOf(score: number, side: HotSpotsRule['side']): number {
  if (side === 'high') return score > 0 ? normalAtLeast(score) : 1
  if (side === 'low') return score < 0 ? normalAtLeast(-score) : 1
  return Math.min(1, 2 * normalAtLeast(Math.abs(score)))
}

/**
 * Cells that are known, and of the past have enough. Against its own past a cell's value is 2 · (√(x + ⅜) − √(mean + ⅜)): of variance
 * about 1 whatever the mean (Anscombe, 1948), so that quiet and busy cells are measured alike.
 */
function areaOf(rule: HotSpotsRule, bench: Bench, past: PastSums | null, neighbours: Neighbours): Area {
  const keys: number[] = []
  const place = new Int32Array(bench.observed.length).fill(-1)
  for (const key of neighbours.order) {
    if (!(bench.observed[key]! >= 0) || (past !== null && past.windows(key) < rule.minWeeks)) continue
    place[key] = keys.length
    keys.push(key)
  }
  const values = new Float64Array(keys.length)
  const expected = past === null ? null : new Float64Array(keys.length)
  keys.forEach((key, i) => {
    const value = bench.observed[key]!
    if (past === null) values[i] = value
    else {
      expected![i] = past.mean(key)
      values[i] = 2 * (Math.sqrt(value + 3 / 8) - Math.sqrt(past.mean(key) + 3 / 8))
    }
  })
  const inside = keys.map((key) =>
    neighbours.around[key]!.flatMap((neighbour) => (place[neighbour]! >= 0 ? [place[neighbour]!] : [])),
  )
  return { keys, values, expected, neighbours: inside }
}

interface Sums {
  readonly observed: number
  readonly expected: number
}

/** Over a cell and its neighbours. */
function sumsOf({ keys, expected, neighbours }: Area, found: HotSpots, observed: Float64Array, at: number): Sums {
  const cells = [at, ...neighbours[at]!]
  const seen = cells.reduce((sum, cell) => sum + observed[keys[cell]!]!, 0)
  if (expected === null) return { observed: seen, expected: found.mean * cells.length }
  return { observed: seen, expected: cells.reduce((sum, cell) => sum + expected[cell]!, 0) }
}
