import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '#core/bytes.ts'
import type { AggregatePlan } from '#plan/plan.ts'
import type { ColumnKind } from '#schema/column.ts'
import type { RecordPlace } from '#window/accumulator.ts'
import { type Aggregate, type AggregateValue, aggregateFor } from '#window/aggregate.ts'
import { aggregate } from '../unit/window/builders.ts'

interface Item {
  readonly value: AggregateValue
  readonly place: RecordPlace
}

const text = fc.option(fc.constantFrom('a', 'b', 'c', 'd', 'ee', 'é', ''))
const real = fc.option(fc.oneof(fc.double({ noNaN: true }), fc.constantFrom(-0, 0, 1, -1, 2.5)))
const truth = fc.option(fc.boolean())

/** Values at places that nobody shares, times among them that do. */
function items(values: fc.Arbitrary<AggregateValue>): fc.Arbitrary<readonly Item[]> {
  return fc
    .array(fc.record({ value: values, time: fc.integer({ min: -3, max: 3 }), partition: fc.nat(2) }), { maxLength: 40 })
    .map((rows) => rows.map(({ value, time, partition }, offset) => ({ value, place: { time, partition, offset } })))
}

const known = (all: readonly Item[]): readonly Item[] =>
  all
    .filter(({ value }) => value !== null)
    .toSorted(
      (a, b) => a.place.time - b.place.time || a.place.partition - b.place.partition || a.place.offset - b.place.offset,
    )

interface Subject {
  readonly plan: AggregatePlan
  readonly kind: ColumnKind
  readonly values: fc.Arbitrary<AggregateValue>
  readonly answer: (all: readonly Item[]) => unknown
}

const ranked = (values: readonly AggregateValue[]): readonly (readonly [AggregateValue, number])[] =>
  [...Map.groupBy(values, (value) => value)]
    .map(([value, own]) => [value, own.length] as const)
    .sort(([a, m], [b, n]) => n - m || (Buffer.from(String(a)) < Buffer.from(String(b)) ? -1 : 1))

const SUBJECTS: readonly Subject[] = [
  {
    plan: aggregate('first', 'kind', 'string'),
    kind: 'string',
    values: text,
    answer: (all) => known(all)[0]?.value ?? null,
  },
  {
    plan: aggregate('last', 'flag', 'boolean'),
    kind: 'boolean',
    values: truth,
    answer: (all) => known(all).at(-1)?.value ?? null,
  },
  {
    plan: aggregate('distinct', 'kind'),
    kind: 'string',
    values: text,
    answer: (all) => new Set(known(all).map(({ value }) => value)).size,
  },
  {
    plan: { ...aggregate('collect', 'kind'), parameter: 7 },
    kind: 'string',
    values: text,
    answer: (all) => {
      const values = known(all).map(({ value }) => value)
      if (values.length === 0) return null
      return JSON.stringify({ values: values.slice(0, 7), left_out: Math.max(0, values.length - 7) })
    },
  },
  {
    plan: { ...aggregate('topK', 'kind'), parameter: 2 },
    kind: 'string',
    values: fc.option(fc.constantFrom('a', 'b', 'c', 'd')),
    answer: (all) => {
      const top = ranked(known(all).map(({ value }) => value)).slice(0, 2)
      return top.length === 0 ? null : JSON.stringify(top.map(([value, count]) => ({ value, count })))
    },
  },
  {
    plan: { ...aggregate('topK', 'real'), parameter: 3, by: 'value' },
    kind: 'double',
    values: fc.option(fc.integer({ min: -5, max: 5 })),
    answer: (all) => {
      const values = known(all).map(({ value }) => Number(value))
      return values.length === 0 ? null : JSON.stringify(values.sort((a, b) => b - a).slice(0, 3))
    },
  },
]

function throughBytes(own: Aggregate<unknown>, state: unknown): unknown {
  const writer = new ByteWriter()
  own.encode(state, writer)
  const reader = new ByteReader(writer.finish())
  const decoded = own.decode(reader)
  expect(reader.left).toBe(0)
  return decoded
}

const fold = (own: Aggregate<unknown>, all: readonly Item[]): unknown =>
  all.reduce((state, { value, place }) => own.add(state, value, place), own.zero())

/** Splits into parts by each item's draw, folds each backwards, merges them as they come, with bytes in between. */
function inParts(own: Aggregate<unknown>, all: readonly Item[], draws: readonly number[]): unknown {
  const parts = [...Map.groupBy(all, (_, i) => draws[i % draws.length])].map(([, part]) => fold(own, part.toReversed()))
  return parts.reduce((merged, part) => own.merge(throughBytes(own, part), throughBytes(own, merged)), own.zero())
}

const draws = fc.array(fc.nat(4), { minLength: 1, maxLength: 10 })

describe('aggregates that keep values', () => {
  it.each(SUBJECTS.map((subject) => [`${subject.plan.function} of ${subject.kind}`, subject] as const))(
    '%s gives what a query over all rows gives, whatever the order and the parts',
    (_, { plan, kind, values, answer }) => {
      const own = aggregateFor(plan, kind)
      fc.assert(
        fc.property(items(values), draws, (all, parts) => {
          expect(own.finish(fold(own, all))).toEqual(answer(all))
          expect(own.finish(inParts(own, all, parts))).toEqual(answer(all))
        }),
        { numRuns: 150 },
      )
    },
  )

  it('a quantile is within 1 % of the value of its rank, and the same for all parts', () => {
    fc.assert(
      fc.property(items(real), draws, fc.double({ min: 0, max: 1, noNaN: true }), (all, parts, q) => {
        const own = aggregateFor({ ...aggregate('quantile', 'real'), parameter: q }, 'double')
        const found = own.finish(fold(own, all)) as number | null
        expect(own.finish(inParts(own, all, parts))).toBe(found)
        const values = known(all)
          .map(({ value }) => Number(value))
          .sort((a, b) => a - b)
        if (values.length === 0) {
          expect(found).toBeNull()
          return
        }
        const exact = values[Math.floor(q * (values.length - 1))]!
        if (!Number.isFinite(exact)) {
          expect(found).toBe(exact)
          return
        }
        const largest = Math.max(...values.map(Math.abs).filter(Number.isFinite))
        expect(Math.abs(found! - exact)).toBeLessThanOrEqual(Math.max(Math.abs(exact) * 0.0100001, largest / 1e17))
      }),
      { numRuns: 300 },
    )
  })
})
