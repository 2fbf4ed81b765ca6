import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '#core/bytes.ts'
import type { AggregatePlan } from '#plan/plan.ts'
import type { ColumnKind } from '#schema/column.ts'
import { type AggregateValue, aggregateFor, aggregatesOf } from '#window/aggregate.ts'
import { aggregate, FIELDS, tumbling, windowOutput } from './builders.ts'

function resultOf(plan: AggregatePlan, kind: ColumnKind | null, values: readonly AggregateValue[]): unknown {
  const own = aggregateFor(plan, kind)
  return own.finish(values.reduce((state, value) => own.add(state, value), own.zero()))
}

const MAX = Number.MAX_SAFE_INTEGER

describe('count and countIf', () => {
  it('count rows, rows with a value, and rows that are true', () => {
    expect(resultOf(aggregate('count'), null, [null, null])).toBe(2)
    expect(resultOf(aggregate('count', 'kind'), 'string', ['a', null])).toBe(1)
    expect(resultOf(aggregate('countIf', 'flag'), 'boolean', [true, false, null, true])).toBe(2)
    expect(resultOf(aggregate('count'), null, [])).toBe(0)
  })
})

describe('sum', () => {
  const long = aggregate('sum', 'whole', 'long')

  it('passes over nulls, and is null when there is nothing else', () => {
    expect(resultOf(long, 'long', [1, null, 2])).toBe(3)
    expect(resultOf(long, 'long', [null])).toBeNull()
    expect(resultOf(aggregate('sum', 'real'), 'double', [null])).toBeNull()
    expect(resultOf(aggregate('sum', 'real'), 'double', [0])).toBe(0)
  })

  it('of whole numbers is exact beyond 2^53 on the way', () => {
    expect(resultOf(long, 'long', [MAX, MAX, 1, -MAX, -MAX, 7])).toBe(8)
  })

  it('of whole numbers that ends beyond 2^53 is an error that names the column', () => {
    expect(() => resultOf(long, 'long', [MAX, 1])).toThrow(
      'Column "sum_whole", the sum of "whole", is 9007199254740992, outside the whole numbers that are exact here (±2^53). ' +
        'Sum a double column instead, or choose smaller groups or windows.',
    )
    expect(() => resultOf(long, 'long', [MAX, 1])).toThrow(
      expect.objectContaining({ code: 'AGGREGATE_OUT_OF_RANGE', details: { column: 'sum_whole' } }),
    )
    expect(() => resultOf(aggregate('sum', 'whole', 'int'), 'int', [2 ** 31 - 1, 1])).toThrow(
      'Column "sum_whole", the sum of "whole", is 2147483648, outside the range of an int (±2^31).',
    )
    expect(resultOf(aggregate('sum', 'whole', 'int'), 'int', [2 ** 31 - 1])).toBe(2 ** 31 - 1)
    expect(resultOf(aggregate('sum', 'whole', 'double'), 'long', [MAX, 1])).toBe(2 ** 53)
  })

  it('of doubles is the exact sum, rounded once', () => {
    const sum = (...values: number[]): unknown => resultOf(aggregate('sum', 'real'), 'double', values)
    expect(sum(0.1, 0.2, 0.3)).toBe(0.6)
    expect(sum(...new Array<number>(10).fill(0.1))).toBe(1)
    expect(sum(1e16, 1, 1, -1e16)).toBe(2)
    expect(sum(1, 1e100, 1, -1e100)).toBe(2)
    expect(sum(1e16, 1, 1e-16)).toBe(10_000_000_000_000_002)
    expect(sum(-0, -0)).toBe(0)
    expect(sum(5e-324, 5e-324)).toBe(1e-323)
  })

  it('of doubles survives an overflow on the way, in any order', () => {
    const sum = (...values: number[]): unknown => resultOf(aggregate('sum', 'real'), 'double', values)
    const huge = Number.MAX_VALUE
    expect(sum(huge, huge, -huge)).toBe(huge)
    expect(sum(huge, -huge, huge)).toBe(huge)
    expect(sum(huge, huge, -huge, -huge, 5e-324)).toBe(5e-324)
    expect(sum(huge, huge, -huge, -huge, 0.1, 0.2, 0.3)).toBe(0.6)
    expect(sum(-huge, -huge)).toBe(Number.NEGATIVE_INFINITY)
  })

  it('of doubles with an infinity is that infinity, and NaN with both or with NaN', () => {
    const sum = (...values: number[]): unknown => resultOf(aggregate('sum', 'real'), 'double', values)
    const infinite = Number.POSITIVE_INFINITY
    expect(sum(1, infinite, 2)).toBe(infinite)
    expect(sum(infinite, Number.MAX_VALUE, Number.MAX_VALUE)).toBe(infinite)
    expect(sum(Number.MAX_VALUE, Number.MAX_VALUE, -infinite)).toBe(-infinite)
    expect(sum(infinite, -infinite)).toBeNaN()
    expect(sum(1, Number.NaN)).toBeNaN()
  })
})

describe('avg', () => {
  it('divides the exact sum by the number of values', () => {
    expect(resultOf(aggregate('avg', 'whole'), 'int', [1, 2, null, 6])).toBe(3)
    expect(resultOf(aggregate('avg', 'whole'), 'long', [MAX, MAX])).toBe(MAX)
    expect(resultOf(aggregate('avg', 'real'), 'double', [1e16, 1, -1e16, 2])).toBe(0.75)
    expect(resultOf(aggregate('avg', 'real'), 'double', [null])).toBeNull()
  })
})

describe('min and max', () => {
  const min = (kind: ColumnKind, ...values: AggregateValue[]): unknown => resultOf(aggregate('min', 'x'), kind, values)
  const max = (kind: ColumnKind, ...values: AggregateValue[]): unknown => resultOf(aggregate('max', 'x'), kind, values)

  it('of numbers, times and dates pass over nulls', () => {
    expect(min('long', 3, null, -2)).toBe(-2)
    expect(max('timestamp', 3, null, -2)).toBe(3)
    expect(min('date', null)).toBeNull()
  })

  it('of doubles have NaN above everything and one zero', () => {
    expect(max('double', Number.NaN, Number.POSITIVE_INFINITY)).toBeNaN()
    expect(min('double', Number.NaN, 1)).toBe(1)
    expect(min('double', Number.NaN)).toBeNaN()
    expect(Object.is(min('double', -0, 0), 0)).toBe(true)
    expect(Object.is(max('double', -0), 0)).toBe(true)
  })

  it('of strings go by code point, not by UTF-16 unit', () => {
    expect(min('string', 'b', 'a', 'ab')).toBe('a')
    expect(max('string', 'a', 'ab', 'B')).toBe('ab')
    expect(max('string', '\u{1f600}', '\uffee')).toBe('\u{1f600}')
    expect(min('string', '', 'a')).toBe('')
  })
})

describe('an aggregate of a column it can not read', () => {
  it('is refused with what it needs and what it got', () => {
    expect(() => aggregateFor(aggregate('sum', 'kind'), 'string')).toThrow(
      'Aggregate "sum_kind": sum needs an int, long or double column, but column "kind" is a string.',
    )
    expect(() => aggregateFor(aggregate('sum', 'kind'), 'string')).toThrow(
      expect.objectContaining({ code: 'PLAN_INVALID' }),
    )
    expect(() => aggregateFor(aggregate('countIf'), null)).toThrow(
      'Aggregate "countIf": countIf needs a boolean column, but no column is named.',
    )
    expect(() => aggregateFor(aggregate('max', 'flag'), 'boolean')).toThrow(
      'Aggregate "max_flag": max needs a column of numbers, times or strings, but column "flag" is a boolean.',
    )
  })

  it('is refused when the rows do not have the column', () => {
    const output = windowOutput(tumbling(10), { aggregates: [aggregate('sum', 'weight')] })
    expect(() => aggregatesOf(output, FIELDS)).toThrow(
      'Output "per_kind" reads column "weight", which its rows don\'t have. They have: time, kind, place, whole, real, flag.',
    )
  })
})

describe('an encoded state', () => {
  it.each<[AggregatePlan, ColumnKind | null, readonly AggregateValue[]]>([
    [aggregate('count'), null, [null, null, null]],
    [aggregate('sum', 'whole', 'double'), 'long', [MAX, MAX, MAX]],
    [aggregate('sum', 'whole', 'double'), 'long', [-MAX]],
    [aggregate('sum', 'whole', 'double'), 'long', [-MAX, -MAX]],
    [aggregate('sum', 'real'), 'double', [0.1, 1e100, -3]],
    [aggregate('sum', 'real'), 'double', [-Number.MAX_VALUE, -Number.MAX_VALUE, 1e300]],
    [aggregate('sum', 'real'), 'double', [Number.NaN]],
    [aggregate('sum', 'real'), 'double', []],
    [aggregate('avg', 'real'), 'double', [0.1, 0.7]],
    [aggregate('avg', 'whole'), 'int', []],
    [aggregate('min', 'kind'), 'string', ['déjà', 'vu']],
    [aggregate('max', 'real'), 'double', [0.25]],
    [aggregate('max', 'whole'), 'long', [-MAX]],
    [aggregate('max', 'whole'), 'long', []],
  ])('of %o comes back as it was', (plan, kind, values) => {
    const own = aggregateFor(plan, kind)
    const state = values.reduce((sum, value) => own.add(sum, value), own.zero())
    const writer = new ByteWriter()
    own.encode(state, writer)
    const reader = new ByteReader(writer.finish())
    expect(own.decode(reader)).toEqual(state)
    expect(reader.left).toBe(0)
  })

  it('of an unknown kind is refused', () => {
    const writer = new ByteWriter()
    writer.varint(7)
    expect(() => aggregateFor(aggregate('min', 'whole'), 'long').decode(new ByteReader(writer.finish()))).toThrow(
      'Expected an accumulator of kind 0 to 5 in a page of window state, found 7.',
    )
  })
})
