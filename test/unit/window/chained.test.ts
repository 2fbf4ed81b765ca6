import { describe, expect, test } from 'vitest'
import { MINUTE } from '#core/time.ts'
import { computedFields } from '#plan/plan.ts'
import {
  type ClosedOutput,
  closedOutputs,
  disjointEnds,
  endsOfInput,
  endsOfParent,
  firstEventOf,
  isWithinEnds,
  lastEndOf,
  windowsOfRecord,
  windowsOfResult,
} from '#window/chained.ts'
import type { ResultRow } from '#window/close.ts'
import { ResultFold } from '#window/result-fold.ts'
import { c, delta, kafka, pipeline, sliding, tumbling } from '../../../lib/index.ts'

const bids = kafka.topic('bids', {
  schema: { at: c.timestamp(), auction: c.string(), cents: c.int(), paid: c.boolean() },
  eventTime: 'at',
  outOfOrder: '1 minute',
})
const counts = bids
  .groupBy('auction')
  .window(sliding('10 minutes', { every: '5 minutes', grace: '1 hour' }))
  .aggregate((a) => ({ bids: a.count(), dearest: a.max('cents'), paid: a.first('paid') }))
const hot = counts
  .groupBy()
  .window(tumbling('20 minutes', { grace: '1 hour' }))
  .aggregate((a) => ({
    top: a.max('bids'),
    auctions: a.distinct('auction'),
    rows: a.count(),
    paid: a.count({ where: 'paid' }),
    dearest: a.sum('dearest'),
    order: a.collect('auction'),
    last: a.last('window_end'),
  }))
const same = counts.groupBy('paid').aggregate((a) => ({ top: a.max('bids') }))
const plan = pipeline('bids', {
  same: same.into(delta.table('gold.same')),
  hot: hot.into(delta.table('gold.hot')),
  hottest: hot
    .groupBy()
    .window(tumbling('1 hour', { grace: '1 hour' }))
    .aggregate((a) => ({ top: a.max('top') }))
    .where((row) => row.top !== null && row.top > 1)
    .into(delta.table('gold.hottest')),
})
const outputs = closedOutputs(plan)
const named = (name: string): ClosedOutput => outputs.find((output) => output.name === name)!
const window = (from: number, to: number) => ({ start: from * MINUTE, end: to * MINUTE })
const span = (after: number | null, upTo: number) => ({
  after: after === null ? null : after * MINUTE,
  upTo: upTo * MINUTE,
})

describe('The outputs of a plan', () => {
  test('are closed after the results they are made of, which have a name also where the user gave none', () => {
    expect(outputs.map(({ name, parent }) => [name, parent?.name])).toEqual([
      ['same.input', undefined],
      ['same', 'same.input'],
      ['hot', 'same.input'],
      ['hottest', 'hot'],
    ])
  })
})

describe('The outputs of a plan with others', () => {
  test('are first those that records are folded into; tables of rows are none of them', () => {
    const mixed = pipeline('mixed', {
      rows: bids.into(delta.table('silver.bids')),
      same: same.into(delta.table('gold.same')),
      direct: bids
        .groupBy()
        .window(tumbling('1 hour', { grace: '0 seconds' }))
        .aggregate((a) => ({ bids: a.count() }))
        .into(delta.table('gold.direct')),
    })
    expect(closedOutputs(mixed).map(({ name, parent }) => [name, parent?.name])).toEqual([
      ['same.input', undefined],
      ['direct', undefined],
      ['same', 'same.input'],
    ])
  })
})

describe('Windows over results', () => {
  //  results       0 ──────── 10        5 ──────── 15        10 ─────── 20      15 ─────── 25
  //  in [0, 20)               ●                    ●                    ●
  //  in [20, 40)                                                                            ●
  test('hold a result a millisecond before its end, or are its own window', () => {
    expect(windowsOfResult(named('hot'), window(10, 20))).toEqual([window(0, 20)])
    expect(windowsOfResult(named('hot'), window(15, 25))).toEqual([window(20, 40)])
    expect(windowsOfResult(named('same'), window(15, 25))).toEqual([window(15, 25)])
  })

  //  record at 7   0 ──●──── 10        5 ●────── 15                                      in [0, 20), by both
  //  record at 17                                   10 ────●── 20      15 ●───── 25     in [0, 20) by the first, in [20, 40) by the second
  test('count a record by each of its results', () => {
    const windows = (name: string, minute: number) =>
      windowsOfRecord(named(name), minute * MINUTE).map(({ window: own, by }) => [own, by])
    const same = (...all: ReturnType<typeof window>[]) => all.map((own) => [own, own])
    expect(windows('same.input', 7)).toEqual(same(window(0, 10), window(5, 15)))
    expect(windows('same', 7)).toEqual(same(window(0, 10), window(5, 15)))
    expect(windows('hot', 7)).toEqual([
      [window(0, 20), window(0, 10)],
      [window(0, 20), window(5, 15)],
    ])
    expect(windows('hot', 17)).toEqual([
      [window(0, 20), window(10, 20)],
      [window(20, 40), window(15, 25)],
    ])
    expect(windows('hottest', 17)).toEqual([
      [window(0, 60), window(10, 20)],
      [window(0, 60), window(15, 25)],
    ])
  })

  test('need results that end in them, and records from where the first of these starts', () => {
    expect(endsOfParent(named('hot'), span(20, 40))).toEqual(span(20, 40))
    expect(endsOfParent(named('hot'), span(25, 60))).toEqual(span(20, 60))
    expect(endsOfParent(named('hot'), span(20, 39))).toBeNull()
    expect(endsOfParent(named('hot'), span(null, 40))).toEqual(span(null, 40))
    expect(endsOfParent(named('same'), span(20, 40))).toEqual(span(20, 40))
    expect(firstEventOf(named('hot'), 20 * MINUTE)).toBe(15 * MINUTE)
    expect(firstEventOf(named('hottest'), 60 * MINUTE)).toBe(55 * MINUTE)
    expect(firstEventOf(named('same'), 60 * MINUTE)).toBe(60 * MINUTE)
  })

  test('end last for a record where the last of its results does', () => {
    expect(lastEndOf(named('same.input'), 12 * MINUTE)).toBe(20 * MINUTE)
    expect(lastEndOf(named('hot'), 12 * MINUTE)).toBe(20 * MINUTE)
    expect(lastEndOf(named('hot'), 17 * MINUTE)).toBe(40 * MINUTE)
    expect(lastEndOf(named('hottest'), 17 * MINUTE)).toBe(60 * MINUTE)
    expect(endsOfInput(outputs, 17 * MINUTE)).toEqual([25, 25, 40, 60].map((minute) => minute * MINUTE))
  })

  test('are named by spans of their ends, each once', () => {
    const spans = disjointEnds([span(20, 30), span(10, 20), span(5, 5), span(40, 50), span(45, 60)])
    expect(spans).toEqual([span(10, 30), span(40, 60)])
    expect(disjointEnds([span(20, 30), span(null, 25)])).toEqual([span(null, 30)])
    expect([10, 11, 30, 31, 60].map((end) => isWithinEnds(spans, end * MINUTE))).toEqual([
      false,
      true,
      true,
      false,
      true,
    ])
    // Before 1970 too.
    expect([-9, -5].map((end) => isWithinEnds([span(null, -5)], end * MINUTE))).toEqual([true, true])
    expect([-9, -8].map((end) => isWithinEnds([span(-9, -5)], end * MINUTE))).toEqual([false, true])
  })
})

describe('Folding results', () => {
  const fold = (output: string, wanted = () => true) =>
    new ResultFold(named(output), 7, computedFields(named(output).parent!), wanted)
  const result = (from: number, auction: string, bids: number, paid: boolean | null) => ({
    window: window(from, from + 10),
    key: auction,
    group: [auction],
    values: [bids, bids * 100, paid],
  })
  const shown = (rows: Iterable<ResultRow>) =>
    [...rows].map(({ output, window: { start, end }, group, values }) => [
      output,
      start / MINUTE,
      end / MINUTE,
      group,
      values,
    ])

  test('gives each window its aggregates, in the order in which the results came', () => {
    const hotFold = fold('hot')
    hotFold.add(result(0, 'b', 3, true))
    hotFold.add(result(5, 'a', 1, null))
    hotFold.add(result(5, 'b', 2, false))
    hotFold.add(result(15, 'b', 5, true))
    const order = (...values: string[]) => JSON.stringify({ values, left_out: 0 })
    expect(shown(hotFold.rows(() => {}))).toEqual([
      [7, 0, 20, [], [3, 2, 3, 1, 600, order('b', 'a', 'b'), 15 * MINUTE]],
      [7, 20, 40, [], [5, 1, 1, 1, 500, order('b'), 25 * MINUTE]],
    ])
  })

  test('groups by columns of the results, nulls too, in their own windows where these are meant', () => {
    const sameFold = fold('same')
    sameFold.add(result(0, 'a', 3, true))
    sameFold.add(result(0, 'b', 4, true))
    sameFold.add(result(0, 'c', 1, null))
    sameFold.add(result(5, 'a', 2, true))
    expect(shown(sameFold.rows(() => {}))).toEqual([
      [7, 0, 10, [true], [4]],
      [7, 0, 10, [null], [1]],
      [7, 5, 15, [true], [2]],
    ])
  })

  test('gives the same rows in whatever order the results come: by window, then by key', () => {
    const results = [
      result(0, 'a', 3, null),
      result(0, 'b', 4, true),
      result(10, 'b', 1, true),
      result(10, 'a', 1, false),
      result(15, 'a', 1, true),
    ]
    const rows = (name: string, all: typeof results) => {
      const own = fold(name)
      for (const one of all) own.add(one)
      return shown(own.rows(() => {}))
    }
    for (const name of ['hot', 'same']) expect(rows(name, results.toReversed())).toEqual(rows(name, results))
    expect(rows('same', results.toReversed()).map(([, start, , group]) => [start, group])).toEqual([
      [0, [true]],
      [0, [null]],
      [10, [false]],
      [10, [true]],
      [15, [true]],
    ])
    // What ends at 20 is of the window that ends there.
    expect(rows('hot', results).map(([, start, , , values]) => [start, (values as number[])[2]])).toEqual([
      [0, 4],
      [20, 1],
    ])
  })

  test('takes no value for none', () => {
    const hotFold = fold('hot')
    hotFold.add({ ...result(0, 'a', 3, true), values: [3, null, null] })
    hotFold.add({ ...result(0, 'b', 1, true), values: [1, null, null] })
    expect(shown(hotFold.rows(() => {})).map(([, , , , values]) => (values as unknown[]).slice(0, 5))).toEqual([
      [3, 2, 2, 0, null],
    ])
  })

  test('leaves out windows that are not wanted, and rows that `where` refuses', () => {
    const hotFold = fold('hot', () => false)
    hotFold.add(result(0, 'b', 3, true))
    expect(shown(hotFold.rows(() => {}))).toEqual([])
    const hottest = fold('hottest')
    const hour = (from: number, top: number) => ({ window: window(from, from + 20), key: '', group: [], values: [top] })
    hottest.add(hour(0, 1))
    hottest.add(hour(60, 2))
    expect(shown(hottest.rows(() => {})).map(([, start, , , values]) => [start, values])).toEqual([[60, [2]]])
  })
})
