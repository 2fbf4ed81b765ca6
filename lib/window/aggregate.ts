import { SluiceError } from '#core/errors.ts'
import type { AggregatePlan, WindowOutput } from '#plan/plan.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'
import type { Aggregate, AggregateValue } from '#window/accumulator.ts'
import { columnPosition } from '#window/columns.ts'
import { roundExact } from '#window/exact-sum.ts'
import { Extreme } from '#window/extreme.ts'
import { Average, DoubleSum, WholeSum } from '#window/sum.ts'

export type { Aggregate, AggregateValue } from '#window/accumulator.ts'

/** The aggregates of an output, in order. @throws SluiceError PLAN_INVALID for an unknown column or one of a wrong kind */
export function aggregatesOf(output: WindowOutput, fields: Fields): readonly Aggregate<unknown>[] {
  return output.aggregates.map((plan) =>
    plan.column === null
      ? aggregateFor(plan, null)
      : aggregateFor(plan, fields[columnPosition(fields, plan.column, output.name)]!.column.kind),
  )
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
      if (inputKind === 'double') return new Average(new DoubleSum(), (sum) => roundExact(sum ?? []))
      if (inputKind === 'int' || inputKind === 'long') return new Average(new WholeSum(plan), Number)
      break
    case 'min':
      if (isOrdered(inputKind)) return new Extreme(-1)
      break
    case 'max':
      if (isOrdered(inputKind)) return new Extreme(1)
      break
  }
  throw new SluiceError(
    'PLAN_INVALID',
    `Aggregate "${plan.name}": ${plan.function} needs ${NEEDS[plan.function]}, but ${
      inputKind === null ? 'no column is named' : `column "${plan.column}" is a ${inputKind}`
    }.`,
  )
}

const NEEDS: Readonly<Record<AggregatePlan['function'], string>> = {
  count: 'nothing',
  countIf: 'a boolean column',
  sum: 'an int, long or double column',
  avg: 'an int, long or double column',
  min: 'a column of numbers, times or strings',
  max: 'a column of numbers, times or strings',
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
