import type { AggregatePlan } from '#plan/plan.ts'
import type { Vector } from '#schema/vector.ts'
import type { Aggregate, RecordPlace } from '#window/accumulator.ts'
import { scalarReader } from '#window/cells.ts'

/** Where the rows of a batch stand: row i has event time `times[i]` and offset `offsets[i]`. */
export interface PlacesOfRows {
  readonly times: Float64Array
  readonly offsets: Float64Array
  readonly partition: number
}

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
  places: PlacesOfRows,
): ArrayLike<unknown> {
  if (plan.function === 'count' || plan.function === 'countIf') {
    return countRows(vector, plan.function === 'countIf', rows, groups, groupCount)
  }
  const states: unknown[] = []
  for (let group = 0; group < groupCount; group++) states.push(aggregate.zero())
  if (vector === null) return states
  const read = vector.kind === 'boolean' ? (row: number) => vector.values[row] === 1 : scalarReader(vector)
  if (read === undefined) throw new TypeError(`A column of ${vector.kind} can't be accumulated by ${plan.function}`)
  const { valid } = vector
  // One object for all rows: nobody keeps it.
  const place: Writable<RecordPlace> = { time: 0, partition: places.partition, offset: 0 }
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    if (valid !== null && valid[row] === 0) continue
    const group = groups[i]!
    place.time = places.times[row]!
    place.offset = places.offsets[row]!
    states[group] = aggregate.add(states[group], read(row), place)
  }
  return states
}

type Writable<T> = { -readonly [Name in keyof T]: T[Name] }

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
