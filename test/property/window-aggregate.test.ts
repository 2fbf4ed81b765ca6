import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '#core/bytes.ts'
import { compareText } from '#core/text-order.ts'
import type { AggregatePlan } from '#plan/plan.ts'
import type { ColumnKind } from '#schema/column.ts'
import { type AggregateValue, aggregateFor } from '#window/aggregate.ts'
import { addExact, type ExactSum, mergeExact, roundExact } from '#window/exact-sum.ts'
import { decodeGroupKey, encodeGroupKey } from '#window/group-key.ts'
import { aggregate } from '../unit/window/builders.ts'

const long = fc.maxSafeInteger()
const double = fc.oneof(fc.double(), fc.double({ noNaN: true, min: -1e3, max: 1e3 }))
const text = fc.string({ unit: 'binary' })

const cases: readonly (readonly [AggregatePlan, ColumnKind | null, fc.Arbitrary<AggregateValue>])[] = [
  [aggregate('count'), null, fc.constant(null)],
  [aggregate('countIf', 'flag'), 'boolean', fc.boolean()],
  [aggregate('sum', 'whole', 'double'), 'long', long],
  [aggregate('sum', 'real'), 'double', double],
  [aggregate('avg', 'whole'), 'long', long],
  [aggregate('avg', 'real'), 'double', double],
  [aggregate('min', 'real'), 'double', double],
  [aggregate('max', 'real'), 'double', double],
  [aggregate('min', 'kind'), 'string', text],
  [aggregate('max', 'kind'), 'string', text],
]

describe.each(cases)('aggregate %o', (plan, kind, value) => {
  const own = aggregateFor(plan, kind)
  const parts = fc.array(fc.array(fc.option(value), { maxLength: 8 }), { maxLength: 6 })
  const add = (state: unknown, one: AggregateValue): unknown => own.add(state, one)
  const stateOf = (values: readonly AggregateValue[]): unknown => values.reduce(add, own.zero())

  it('gives the same bits for any order, split and grouping of merges', () => {
    fc.assert(
      fc.property(parts, fc.gen(), (lists, gen) => {
        const whole = own.finish(stateOf(lists.flat()))
        const shuffled = gen(fc.shuffledSubarray<AggregateValue>, lists.flat(), {
          minLength: lists.flat().length,
          maxLength: lists.flat().length,
        })
        expect(own.finish(stateOf(shuffled))).toBe(whole)
        const states = lists.map(stateOf)
        const left = states.reduce((a, b) => own.merge(a, b), own.zero())
        const right = states.reduceRight((a, b) => own.merge(b, a), own.zero())
        expect(own.finish(left)).toBe(whole)
        expect(own.finish(right)).toBe(whole)
      }),
    )
  })

  it('comes back from bytes, goes on as before, and merging changes nothing it was given', () => {
    const list = fc.array(fc.option(value), { maxLength: 8 })
    fc.assert(
      fc.property(list, list, (before, after) => {
        const first = stateOf(before)
        const writer = new ByteWriter()
        own.encode(first, writer)
        const bytes = writer.finish()
        const second = stateOf(after)
        const merged = own.merge(own.decode(new ByteReader(bytes)), second)
        expect(own.finish(after.reduce(add, own.merge(merged, own.zero())))).toBe(
          own.finish(stateOf([...before, ...after, ...after])),
        )
        const again = new ByteWriter()
        own.encode(first, again)
        expect(again.finish()).toEqual(bytes)
        expect(own.finish(second)).toBe(own.finish(stateOf(after)))
      }),
    )
  })
})

describe('the sum of doubles', () => {
  /** In units of 2^−1074, by the definition of a double. */
  const unitsOf = (value: number): bigint => {
    const view = new DataView(new ArrayBuffer(8))
    view.setFloat64(0, value)
    const bits = view.getBigUint64(0) & 0x7fff_ffff_ffff_ffffn
    const exponent = bits >> 52n
    const mantissa = bits & 0xf_ffff_ffff_ffffn
    const units = exponent === 0n ? mantissa : (mantissa + 2n ** 52n) << (exponent - 1n)
    return value < 0 ? -units : units
  }
  const next = (value: number, by: bigint): number => {
    const view = new DataView(new ArrayBuffer(8))
    view.setFloat64(0, Math.abs(value))
    view.setBigUint64(0, view.getBigUint64(0) + by)
    return Math.sign(value) * view.getFloat64(0)
  }
  const distance = (a: bigint, b: bigint): bigint => (a > b ? a - b : b - a)

  it('is the double nearest to the true sum', () => {
    const finite = fc.oneof(
      fc.double({ noNaN: true, noDefaultInfinity: true }),
      fc.double({ noNaN: true, min: -1e3, max: 1e3 }),
      fc.integer().map((i) => i / 10),
    )
    fc.assert(
      fc.property(fc.array(finite, { minLength: 1, maxLength: 30 }), (values) => {
        const exact = values.reduce((sum, value) => sum + unitsOf(value), 0n)
        const rounded = roundExact(values.reduce<ExactSum>(addExact, []))
        if (!Number.isFinite(rounded)) {
          expect(distance(exact, 0n)).toBeGreaterThan(unitsOf(Number.MAX_VALUE))
          return
        }
        const error = distance(exact, unitsOf(rounded))
        expect(error).toBeLessThanOrEqual(distance(exact, unitsOf(next(rounded, 1n))))
        if (rounded !== 0) expect(error).toBeLessThanOrEqual(distance(exact, unitsOf(next(rounded, -1n))))
        const halves = [values.slice(0, 9), values.slice(9)].map((part) => part.reduce<ExactSum>(addExact, []))
        expect(roundExact(mergeExact(halves[0]!, halves[1]!))).toBe(rounded)
      }),
      { numRuns: 500 },
    )
  })
})

describe('compareText', () => {
  it('orders texts as their UTF-8 bytes do', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        expect(Math.sign(compareText(a, b))).toBe(Buffer.compare(Buffer.from(a), Buffer.from(b)))
      }),
    )
  })
})

describe('group keys', () => {
  const value = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: fc.constantFrom('\u0000', '\u0001', '0', '1', 's', 'z') }),
    fc.double().map((x) => x + 0),
    fc.boolean(),
    fc.constant(null),
  )
  const values = fc.array(value, { maxLength: 4 })

  it('give back the values they were made of', () => {
    fc.assert(
      fc.property(values, (group) => {
        expect(decodeGroupKey(encodeGroupKey(group))).toEqual(group)
      }),
    )
  })

  it('are equal only for equal values', () => {
    fc.assert(
      fc.property(values, values, (a, b) => {
        const equal = a.length === b.length && a.every((one, i) => Object.is(one, b[i]))
        expect(encodeGroupKey(a) === encodeGroupKey(b)).toBe(equal)
      }),
    )
  })
})
