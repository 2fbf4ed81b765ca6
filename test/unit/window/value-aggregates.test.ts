import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '#core/bytes.ts'
import type { AggregatePlan } from '#plan/plan.ts'
import { type Aggregate, type AggregateValue, aggregateFor } from '#window/aggregate.ts'
import { closeWindows } from '#window/close.ts'
import { Folder } from '#window/fold.ts'
import { pageCodec } from '#window/page.ts'
import { sliceLayout } from '#window/slices.ts'
import { windowsEndingIn } from '#window/windows.ts'
import { dice } from '../../support/dice.ts'
import { aggregate, allRows, columnBatch, FIELDS, noFailures, sliding, timesOf, windowOutput } from './builders.ts'

const place = (time: number, partition: number, offset: number) => ({ time, partition, offset })

function sketch(plan: AggregatePlan, values: Iterable<AggregateValue>): { own: Aggregate<unknown>; state: unknown } {
  const own = aggregateFor(plan, plan.function === 'quantile' ? 'double' : 'string')
  let state = own.zero()
  for (const value of values) state = own.add(state, value)
  return { own, state }
}

function bytesOf(own: Aggregate<unknown>, state: unknown): number {
  const writer = new ByteWriter()
  own.encode(state, writer)
  return writer.length
}

describe('first and last', () => {
  it('go by event time, then partition, then offset, not by arrival', () => {
    const first = aggregateFor(aggregate('first', 'kind', 'string'), 'string')
    const last = aggregateFor(aggregate('last', 'kind', 'string'), 'string')
    const rows = [
      ['d', place(5, 1, 9)],
      ['b', place(1, 1, 3)],
      ['c', place(5, 1, 8)],
      ['a', place(1, 0, 7)],
      [null, place(0, 0, 0)],
      [null, place(9, 9, 9)],
    ] as const
    const fold = (own: Aggregate<unknown>) => rows.reduce((state, [value, at]) => own.add(state, value, at), own.zero())
    expect(first.finish(fold(first))).toBe('a')
    expect(last.finish(fold(last))).toBe('d')
  })
})

describe('distinct', () => {
  const plan = aggregate('distinct', 'kind')
  const texts = function* (from: number, to: number): Generator<string> {
    for (let i = from; i < to; i++) yield `value ${i}`
  }

  it('is exact up to 256 values, however often they come', () => {
    const { own, state } = sketch(plan, [...texts(0, 256), ...texts(0, 256)])
    expect(own.finish(state)).toBe(256)
    expect(bytesOf(own, state)).toBeLessThan(2048)
  })

  // HyperLogLog's standard error is 1.04 / √m (Flajolet et al., 2007): 1.6 % of 4,096 registers. Over many sets the root mean square
  // must be near it, and hardly one beyond three times that.
  it.each([300, 1_000, 4_000, 10_000, 100_000])('of %d values errs as HyperLogLog should', (count) => {
    const sets = count >= 100_000 ? 12 : 60
    const errors: number[] = []
    for (let set = 0; set < sets; set++) {
      const { own, state } = sketch(plan, texts(set * count, (set + 1) * count))
      errors.push((own.finish(state) as number) / count - 1)
      if (set === 0) expect(bytesOf(own, state)).toBeLessThan(2600)
    }
    const rms = Math.sqrt(errors.reduce((sum, error) => sum + error * error, 0) / sets)
    expect(rms).toBeLessThan(0.0163 * 1.4)
    expect(errors.filter((error) => Math.abs(error) > 3 * 0.0163).length).toBeLessThanOrEqual(1)
  })

  it('of numbers that follow each other, and of negative ones, errs no more', () => {
    const own = aggregateFor(plan, 'long')
    let state = own.zero()
    for (let i = -50_000; i < 50_000; i++) state = own.add(state, i)
    expect(Math.abs((own.finish(state) as number) / 100_000 - 1)).toBeLessThan(0.05)
  })

  it('of two parts is that of the whole, to the bit', () => {
    const whole = sketch(plan, texts(0, 5000))
    const parts = [sketch(plan, texts(0, 200)), sketch(plan, texts(100, 4000)), sketch(plan, texts(3000, 5000))]
    const { own } = whole
    const merged = parts.map(({ state }) => state).reduce((a, b) => own.merge(a, b))
    const encoded = (state: unknown): Uint8Array => {
      const writer = new ByteWriter()
      own.encode(state, writer)
      return writer.finish()
    }
    expect(encoded(merged)).toEqual(encoded(whole.state))
    expect(own.finish(own.decode(new ByteReader(encoded(merged))))).toBe(own.finish(whole.state))
  })

  it('that is damaged is refused', () => {
    const own = aggregateFor(plan, 'string')
    const writer = new ByteWriter()
    writer.varint(256 + 1 + 43)
    writer.raw(new Uint8Array(2048))
    expect(() => own.decode(new ByteReader(writer.finish()))).toThrow(
      'Expected ranks up to 42 in a distinct count, found 43.',
    )
  })
})

describe('quantile', () => {
  it('of 100,000 latencies is within 1 %, in a few kilobytes', () => {
    const random = dice(7)
    const values = Array.from({ length: 100_000 }, () => Math.exp(random() * 12 - 2))
    const sorted = Float64Array.from(values).sort()
    for (const q of [0.001, 0.25, 0.5, 0.9, 0.99, 0.999]) {
      const { own, state } = sketch({ ...aggregate('quantile', 'real'), parameter: q }, values)
      const exact = sorted[Math.floor(q * (sorted.length - 1))]!
      expect(Math.abs((own.finish(state) as number) / exact - 1)).toBeLessThanOrEqual(0.01 + 1e-9)
      expect(bytesOf(own, state)).toBeLessThan(4096)
    }
  })

  it('keeps at most 2048 buckets a sign, however far values lie apart', () => {
    const values = Array.from({ length: 3000 }, (_, i) => 10 ** ((i % 600) - 300))
    const { own, state } = sketch({ ...aggregate('quantile', 'real'), parameter: 0.999 }, values)
    expect(bytesOf(own, own.merge(state, own.zero()))).toBeLessThan(2048 * 4)
    expect(own.finish(state)).toBeCloseTo(1e299, -297)
    const { own: least, state: all } = sketch({ ...aggregate('quantile', 'real'), parameter: 0 }, values)
    expect(least.finish(all)).toBe(1e-300)
  })
})

describe('topK', () => {
  const plan = { ...aggregate('topK', 'kind'), parameter: 2 }
  const parse = (result: unknown) =>
    JSON.parse(result as string) as { value: string; count: number; at_most?: number }[]

  it('is exact up to 512 distinct values', () => {
    const values = Array.from({ length: 512 }, (_, i) => `v${i}`)
    const { own, state } = sketch(plan, [...values, 'v3', 'v3', 'v7'])
    expect(parse(own.finish(state))).toEqual([
      { value: 'v3', count: 3 },
      { value: 'v7', count: 2 },
    ])
  })

  it('of more values says how far counts may be off, and is no further off than n / 257', () => {
    const random = dice(11)
    const values = Array.from({ length: 50_000 }, () => `v${Math.floor(5000 * random() ** 3)}`)
    const own = aggregateFor(plan, 'string')
    const parts = Array.from(
      { length: 7 },
      (_, part) =>
        sketch(
          plan,
          values.filter((_, i) => i % 7 === part),
        ).state,
    )
    const found = parse(own.finish(parts.reduce((a, b) => own.merge(a, b))))
    for (const { value, count, at_most } of found) {
      const exact = values.filter((one) => one === value).length
      expect(count).toBeLessThanOrEqual(exact)
      expect(at_most).toBeGreaterThanOrEqual(exact)
      expect(at_most! - count).toBeLessThanOrEqual(50_000 / 257)
    }
    expect(found.map(({ value }) => value)).toEqual(['v0', 'v1'])
  })
})

describe('collect', () => {
  it('says how many values it left out: beyond its limit, or beyond 16,384 characters', () => {
    const few = sketch({ ...aggregate('collect', 'kind'), parameter: 2 }, [])
    const add = (state: unknown, value: string, time: number): unknown =>
      few.own.add(state, value, place(time, 0, time))
    expect(few.own.finish(few.state)).toBeNull()
    const three = add(add(add(few.own.zero(), 'c', 3), 'b', 2), 'a', 1)
    expect(few.own.finish(three)).toBe('{"values":["a","b"],"left_out":1}')
    const long = add(add(add(few.own.zero(), 'x'.repeat(10_000), 1), 'y'.repeat(10_000), 2), 'z', 3)
    expect(few.own.finish(long)).toBe(`{"values":["${'x'.repeat(10_000)}"],"left_out":2}`)
    // 'z' is behind the cut even where the long one isn't
    const late = few.own.merge(long, add(few.own.zero(), 'z', 4))
    expect(few.own.finish(late)).toBe(`{"values":["${'x'.repeat(10_000)}"],"left_out":3}`)
  })
})

describe('an aggregate with a condition', () => {
  // whole  1 2 4 8 at 0 1 2 3, flag true for 2 and 8
  it('takes only the rows in which the column is true, in every window', () => {
    const window = sliding(4, 2)
    const output = windowOutput(window, {
      groupBy: [],
      aggregates: [
        { ...aggregate('count'), where: 'flag' },
        { ...aggregate('sum', 'whole', 'long'), where: 'flag' },
        { ...aggregate('collect', 'whole'), parameter: 10, where: 'flag' },
        aggregate('sum', 'whole', 'long'),
      ],
    })
    const rows = [1, 2, 4, 8, 16].map((whole, time) => ({
      time,
      whole,
      flag: [false, true, null, true, null][time] ?? null,
    }))
    const page = pageCodec([output], FIELDS).empty()
    const folder = new Folder([output], FIELDS, sliceLayout([window], 10))
    folder.fold(page, columnBatch(rows), allRows(5), timesOf(rows), Float64Array.of(0, 1, 2, 3, 4), { mark: null })
    const decoded = pageCodec([output], FIELDS).decode(pageCodec([output], FIELDS).encode(page))
    const results = [...closeWindows(output, 0, FIELDS, [decoded], windowsEndingIn(window, 0, 8), noFailures)]
    expect(results.map(({ window: { end }, values }) => [end, ...values])).toEqual([
      [2, 1, 2, '{"values":[2],"left_out":0}', 3],
      [4, 2, 10, '{"values":[2,8],"left_out":0}', 15],
      [6, 1, 8, '{"values":[8],"left_out":0}', 28],
      [8, 0, null, null, 16],
    ])
  })
})
