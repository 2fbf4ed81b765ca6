import type { AggregatePlan } from '#plan/plan.ts'
import type { Vector } from '#schema/vector.ts'
import type { Aggregate } from '#window/accumulator.ts'
import { scalarReader } from '#window/cells.ts'

/**
 * Accumulates one column of a batch: row `rows[i]` belongs to group `groups[i]`. Returns a state a group, `groupCount` of
 * them. Counts and numbers, nearly all there is, run in loops of their own without a call a row.
 */
export function accumulate(
  plan: AggregatePlan,
  aggregate: Aggregate<unknown>,
  vector: Vector | null,
  rows: Int32Array,
  groups: Int32Array,
  groupCount: number,
): ArrayLike<unknown> {
  if (plan.function === 'count' || plan.function === 'countIf') {
    return countRows(vector, plan.function === 'countIf', rows, groups, groupCount)
  }
  const states: unknown[] = []
  for (let group = 0; group < groupCount; group++) states.push(aggregate.zero())
  if (vector === null) return states
  const read = scalarReader(vector)
  if (read === undefined) throw new TypeError(`A column of ${vector.kind} can't be accumulated by ${plan.function}`)
  const { valid } = vector
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    if (valid !== null && valid[row] === 0) continue
    const group = groups[i]!
    states[group] = aggregate.add(states[group], read(row))
  }
  return states
}

/** Rows of each group: all (no column), or those where the column has a value, and the value true (`onlyTrue`). */
function countRows(
  vector: Vector | null,
  onlyTrue: boolean,
  rows: Int32Array,
  groups: Int32Array,
  groupCount: number,
): Int32Array {
  const counts = new Int32Array(groupCount)
  const valid = vector?.valid ?? null
  const truths = onlyTrue && vector?.kind === 'boolean' ? vector.values : null
  if (valid === null && truths === null) {
    for (let i = 0; i < rows.length; i++) counts[groups[i]!]! += 1
    return counts
  }
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    if ((valid === null || valid[row] === 1) && (truths === null || truths[row] === 1)) counts[groups[i]!]! += 1
  }
  return counts
}
