import { MINUTE } from '#core/time.ts'
import type { Plan } from '#plan/plan.ts'
import type { TestRecord } from '../../lib/testing/index.ts'
import type { TableRow } from '../support/table-rows.ts'

/** Records that are fed, applied and closed before those of the next phase come. */
export type Phase = readonly TestRecord[]

/** What an independent, brute-force computation says must be in the tables; only these columns are compared. */
export interface Answer {
  readonly tables: Readonly<Record<string, readonly TableRow[]>>
  readonly late: number
  readonly quarantined: number
}

export interface Scenario {
  readonly plan: Plan
  readonly partitions: number
  readonly batchSize: number
  readonly phases: readonly Phase[]
  /** The records of a phase in another order that the topic's bound allows. */
  readonly shuffle: (phase: Phase, random: Random) => Phase
  readonly answer: Answer
}

/** A scenario of a topic whose records may be two minutes out of order. */
export function inPhases<T extends TestRecord>(
  plan: Plan,
  phases: readonly (readonly T[])[],
  timeOf: (record: T) => number,
  answer: Answer,
): Scenario {
  return {
    plan,
    partitions: 2,
    batchSize: Math.ceil(phases[0]!.length * 1.2),
    phases,
    // Half the bound: the other half is for the clock, which moves between the phases.
    shuffle: (phase, random) => disordered(phase, (record) => timeOf(record as T), MINUTE, random),
    answer,
  }
}

/** A number in [0, 1). */
export type Random = () => number

/** mulberry32: the same seed, the same numbers. */
export function seededRandom(seed: number): Random {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** The records ordered by time plus some disorder below `bound`: never further behind the latest than the bound. */
export function disordered(phase: Phase, timeOf: (record: TestRecord) => number, bound: number, random: Random): Phase {
  return phase
    .map((record) => ({ record, at: timeOf(record) + Math.floor(random() * bound) }))
    .sort((a, b) => a.at - b.at)
    .map(({ record }) => record)
}

/** Rows of one group together, by the text of their key. */
export function grouped<T>(rows: readonly T[], keyOf: (row: T) => readonly unknown[]): readonly (readonly T[])[] {
  return [...Map.groupBy(rows, (row) => JSON.stringify(keyOf(row))).values()]
}
