import { SluiceError } from '#core/errors.ts'
import type { AggregatePlan, WindowOutput } from '#plan/plan.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'
import type { Aggregate, AggregateValue } from '#window/accumulator.ts'
import { Collect } from '#window/collect.ts'
import { columnPosition } from '#window/columns.ts'
import { Distinct } from '#window/distinct.ts'
import { divideExact } from '#window/exact-sum.ts'
import { Extreme } from '#window/extreme.ts'
import { FirstOrLast } from '#window/first-last.ts'
import { Quantile } from '#window/quantile.ts'
import { SPAN } from '#window/span.ts'
import { Average, DoubleSum, WholeSum } from '#window/sum.ts'
import { Largest, MostFrequent } from '#window/top-k.ts'

export type { Aggregate, AggregateValue } from '#window/accumulator.ts'

/** The accumulators of an output's groups: those of its aggregates, in order; of sessions the span of event times first. @throws SluiceError PLAN_INVALID for an unknown column or one of a wrong kind */
export function aggregatesOf(output: WindowOutput, fields: Fields): readonly Aggregate<unknown>[] {
  const own = output.aggregates.map((plan) =>
    plan.column === null
      ? aggregateFor(plan, null)
      : aggregateFor(plan, fields[columnPosition(fields, plan.column, output.name)]!.column.kind),
  )
  return output.window.kind === 'session' ? [SPAN, ...own] : own
}

/** @throws SluiceError PLAN_INVALID when the function can't read a column of this kind */
export function aggregateFor(plan: AggregatePlan, inputKind: ColumnKind | null): Aggregate<unknown> {
  switch (plan.function) {
    case 'count':
      return inputKind === null ? COUNT : COUNT_VALUES
    case 'countIf':
      if (inputKind === 'boolean') return COUNT_TRUE
      break
    case 'sum':
      if (inputKind === 'double') return new DoubleSum()
      if (inputKind === 'int' || inputKind === 'long') return new WholeSum(plan)
      break
    case 'avg':
      if (inputKind === 'double') return new Average(new DoubleSum(), (sum, count) => divideExact(sum ?? [], count))
      if (inputKind === 'int' || inputKind === 'long')
        return new Average(new WholeSum(plan), (sum, count) => Number(sum) / count)
      break
    case 'min':
      if (isOrdered(inputKind)) return new Extreme(-1)
      break
    case 'max':
      if (isOrdered(inputKind)) return new Extreme(1)
      break
    default:
      if (canBeListed(plan, inputKind)) return listed(plan)
  }
  throw new SluiceError(
    'PLAN_INVALID',
    `Aggregate "${plan.name}": ${plan.function} needs ${NEEDS[plan.function]}, but ${
      inputKind === null ? 'no column is named' : `column "${plan.column}" is a ${inputKind}`
    }.`,
  )
}

const NUMBERS: ReadonlySet<ColumnKind | null> = new Set(['int', 'long', 'double'])

function canBeListed(plan: AggregatePlan, kind: ColumnKind | null): boolean {
  return plan.function === 'quantile' ? NUMBERS.has(kind) : kind === 'boolean' || isOrdered(kind)
}

/** Those that keep values, or a sketch of them. */
function listed({ function: by, parameter, by: rank }: AggregatePlan): Aggregate<unknown> {
  switch (by) {
    case 'first':
      return new FirstOrLast(-1)
    case 'last':
      return new FirstOrLast(1)
    case 'distinct':
      return new Distinct()
    case 'quantile':
      return new Quantile(parameter ?? 0.5)
    case 'collect':
      return new Collect(parameter ?? 1)
    default:
      return rank === 'value' ? new Largest(parameter ?? 1) : new MostFrequent(parameter ?? 1)
  }
}

const SCALAR = 'a column of numbers, times, strings or booleans'
const NEEDS: Readonly<Record<AggregatePlan['function'], string>> = {
  count: 'nothing',
  countIf: 'a boolean column',
  sum: 'an int, long or double column',
  avg: 'an int, long or double column',
  min: 'a column of numbers, times or strings',
  max: 'a column of numbers, times or strings',
  first: SCALAR,
  last: SCALAR,
  distinct: SCALAR,
  quantile: 'an int, long or double column',
  topK: SCALAR,
  collect: SCALAR,
}

const ORDERED: ReadonlySet<ColumnKind | null> = new Set(['int', 'long', 'double', 'timestamp', 'date', 'string'])

function isOrdered(kind: ColumnKind | null): boolean {
  return ORDERED.has(kind)
}

function countOf(counts: (value: AggregateValue) => boolean): Aggregate<number> {
  return {
    zero: () => 0,
    add: (state, value) => (counts(value) ? state + 1 : state),
    merge: (a, b) => a + b,
    finish: (state) => state,
    encode: (state, writer) => writer.varint(state),
    decode: (reader) => reader.varint(),
  }
}

const COUNT = countOf(() => true)
const COUNT_VALUES = countOf((value) => value !== null)
const COUNT_TRUE = countOf((value) => value === true)
