import { describe, expect, it } from 'vitest'
import { MINUTE } from '#core/time.ts'
import { deliverToTables } from '#runtime/deliver.ts'
import { leafGroup, pageGroup } from '#runtime/keys.ts'
import type { WindowRow } from '#runtime/results.ts'
import { c, type Duration, delta, type EmitOption, kafka, pipeline, sliding, tumbling } from '../../../lib/index.ts'
import { WindowRun } from '../../support/window-run.ts'
import { rowsIn } from './builders.ts'

const bids = kafka.topic('bids', {
  schema: { at: c.timestamp(), auction: c.string(), cents: c.long() },
  eventTime: 'at',
  outOfOrder: '1000 days',
  partitions: 2,
})

const countsBy = (grace: Duration) =>
  bids
    .groupBy('auction')
    .window(tumbling('10 minutes', { grace }))
    .aggregate((a) => ({ bids: a.count(), cents: a.sum('cents') }))

/** Of counts that have no table: the most of 30 minutes. */
const planOf = (grace: Duration, emit: EmitOption = 'final') =>
  pipeline('bids', {
    hot: countsBy(grace)
      .groupBy()
      .window(tumbling('30 minutes', { grace }))
      .aggregate((a) => ({ top: a.max('bids'), results: a.count() }))
      .emit(emit)
      .into(delta.table('gold.hot')),
  })

/** Beside the most of all groups, each group by itself again. */
function planByName() {
  const counts = countsBy('1 hour')
  return pipeline('bids', {
    hot: counts
      .groupBy()
      .window(tumbling('30 minutes', { grace: '1 hour' }))
      .aggregate((a) => ({ top: a.max('bids'), results: a.count(), cents: a.sum('cents') }))
      .into(delta.table('gold.hot')),
    by_name: counts
      .groupBy('auction')
      .window(tumbling('30 minutes', { grace: '1 hour' }))
      .aggregate((a) => ({ bids: a.sum('bids') }))
      .into(delta.table('gold.by_name')),
  })
}

const bid = (minute: number, auction = 'a', cents = 1) => ({ at: minute * MINUTE, auction, cents })
const seen = (rows: readonly WindowRow[]): readonly string[] =>
  rows.map(({ output, start, end, values, revision, final, running }) => {
    const state = final ? '' : running === true ? ', running' : ', withdrawn'
    return `${output} ${start / MINUTE}–${end / MINUTE}: ${values.join(' of ')}, revision ${revision}${state}`
  })

describe('a window over results', () => {
  //  results  0 ── a a b ── 10 ──── a ──── 20 ──────── 30 ── b
  //  hot      0 ──────────────────────────────────── 30
  it('closes with the last of its results, and of those that go nowhere else no row comes out', async () => {
    const run = await WindowRun.start(planOf('0 seconds'), 2)
    await run.feed([bid(0), bid(1), bid(2, 'b')])
    await run.feed([bid(12), bid(31, 'b')], 1)
    expect(await run.watermark(29 * MINUTE)).toEqual([])
    expect(seen(await run.watermark(30 * MINUTE))).toEqual(['hot 0–30: 2 of 3, revision 0'])
    expect(seen(await run.watermark(60 * MINUTE))).toEqual(['hot 30–60: 1 of 1, revision 0'])
  })

  it('is corrected with its results, within grace, and not by what changes none of them', async () => {
    const run = await WindowRun.start(planOf('1 hour'))
    await run.feed([bid(0), bid(1), bid(12)])
    expect(seen(await run.watermark(30 * MINUTE))).toEqual(['hot 0–30: 2 of 2, revision 0'])
    await run.feed([bid(13)])
    expect(await run.watermark(31 * MINUTE)).toEqual([])
    await run.feed([bid(14), bid(25, 'c')])
    expect(seen(await run.watermark(32 * MINUTE))).toEqual(['hot 0–30: 3 of 3, revision 1'])
  })

  it('takes in results that are new in it, when input goes on after its end', async () => {
    const run = await WindowRun.start(planOf('0 seconds'))
    await run.feed([bid(0), bid(1)])
    expect(seen(await run.endOfInput())).toEqual(['hot 0–30: 2 of 1, revision 0'])
    await run.feed([bid(21), bid(22), bid(23)])
    expect(seen(await run.endOfInput())).toEqual(['hot 0–30: 3 of 2, revision 1'])
    await run.feed([bid(24), bid(35)])
    expect(seen(await run.watermark(30 * MINUTE))).toEqual(['hot 0–30: 4 of 2, revision 2'])
    expect(await run.watermark(31 * MINUTE)).toEqual([])
  })

  it('has running results, which are made of those of open windows as well', async () => {
    const run = await WindowRun.start(planOf('1 hour', 'change'))
    await run.feed([bid(0), bid(11), bid(12)])
    expect(seen(await run.watermark(1 * MINUTE))).toEqual(['hot 0–30: 2 of 2, revision 0, running'])
    await run.feed([bid(13)])
    expect(seen(await run.watermark(15 * MINUTE))).toEqual(['hot 0–30: 3 of 2, revision 1, running'])
    expect(await run.watermark(20 * MINUTE)).toEqual([])
    expect(seen(await run.watermark(30 * MINUTE))).toEqual(['hot 0–30: 3 of 2, revision 2'])
  })

  it('keeps the pages of its results until it is settled, and no longer', async () => {
    const run = await WindowRun.start(planOf('0 seconds'))
    const pages = async () => (await run.runtime.state.list(pageGroup(run.runtime))).length
    await run.feed([bid(1), bid(12), bid(35)])
    await run.watermark(29 * MINUTE)
    await run.watermark(29 * MINUTE + 1)
    const kept = await pages()
    await run.feed([bid(40 * 24 * 60)])
    await run.watermark(30 * 24 * 60 * MINUTE)
    await run.feed([bid(40 * 24 * 60 + 1)])
    await run.watermark(31 * 24 * 60 * MINUTE)
    expect([kept, await pages()]).toEqual([1, 1])
  })

  //  results  0 ── a ── 10          20 ── ── 30          40 ── ── 50          60
  //  above    0 ─────────────────────────────────────────────────────────────── 60
  it('keeps them where windows leave gaps, too', async () => {
    const plan = pipeline('bids', {
      above: bids
        .groupBy('auction')
        .window(sliding('10 minutes', { every: '20 minutes', grace: '0 seconds' }))
        .aggregate((a) => ({ bids: a.count() }))
        .groupBy()
        .window(tumbling('60 days', { grace: '0 seconds' }))
        .aggregate((a) => ({ top: a.max('bids') }))
        .into(delta.table('gold.above')),
    })
    const run = await WindowRun.start(plan)
    const day = 24 * 60
    await run.feed([bid(5)])
    for (const at of [10, 20, 30]) await run.watermark(at * day * MINUTE)
    await run.feed([bid(35 * day + 5)])
    for (const at of [36, 37]) await run.watermark(at * day * MINUTE)
    expect(seen(await run.watermark(60 * day * MINUTE))).toEqual([`above 0–${60 * day}: 1, revision 0`])
    expect((await rowsIn(run.runtime, 'gold.above')).length).toBe(0)
    await run.feed([bid(61 * day + 5), bid(5)])
    expect(await run.late()).toHaveLength(1)
  })

  it('reads each result once where their windows overlap', async () => {
    const plan = pipeline('bids', {
      hot: bids
        .groupBy('auction')
        .window(sliding('20 minutes', { every: '10 minutes', grace: '1 hour' }))
        .aggregate((a) => ({ bids: a.count() }))
        .groupBy('auction')
        .aggregate((a) => ({ bids: a.sum('bids'), results: a.count() }))
        .into(delta.table('gold.hot')),
    })
    const run = await WindowRun.start(plan)
    await run.feed([bid(5), bid(15), bid(15, 'b')])
    expect(seen(await run.watermark(30 * MINUTE))).toEqual([
      'hot -10–10: 1 of 1, revision 0',
      'hot 0–20: 2 of 1, revision 0',
      'hot 0–20: 1 of 1, revision 0',
      'hot 10–30: 1 of 1, revision 0',
      'hot 10–30: 1 of 1, revision 0',
    ])
    await run.feed([bid(16, 'b')])
    expect(seen(await run.watermark(31 * MINUTE))).toEqual([
      'hot 0–20: 2 of 1, revision 1',
      'hot 10–30: 2 of 1, revision 1',
    ])
  })

  it('sees all results, and what was published of it, when there are so many groups that pages are split', async () => {
    const run = await WindowRun.start(planByName())
    const names = Array.from({ length: 6_000 }, (_, i) => `auction ${'x'.repeat(40)} ${i}`)
    await run.feed(names.map((name, i) => bid(i % 10, name, i)))
    await run.feed([bid(3, names[4_321]), bid(31)])
    const pieces = await run.runtime.state.list(leafGroup(run.runtime))
    expect(pieces.length).toBeGreaterThan(4)
    expect(seen(await run.watermark(30 * MINUTE)).filter((row) => row.startsWith('hot'))).toEqual([
      `hot 0–30: 2 of 6000 of ${(5_999 * 6_000) / 2 + 1}, revision 0`,
    ])
    await run.feed([bid(4, names[4_321]), bid(5, names[17])])
    const corrected = await run.watermark(31 * MINUTE)
    expect(seen(corrected.filter(({ output }) => output === 'hot'))).toEqual([
      `hot 0–30: 3 of 6000 of ${(5_999 * 6_000) / 2 + 3}, revision 1`,
    ])
    expect(
      corrected.filter(({ output }) => output === 'by_name').map(({ values, revision }) => [values[0], revision]),
    ).toEqual([
      [2, 1],
      [3, 1],
    ])
  })

  it('comes out though it goes nowhere, as long as nothing else is made of it', async () => {
    const plan = planOf('0 seconds')
    const outputs = plan.outputs.map((output) => ({ ...output, sinks: [] }))
    const run = await WindowRun.start({ ...plan, outputs })
    await run.feed([bid(0), bid(1)])
    expect(seen(await run.watermark(30 * MINUTE))).toEqual(['hot 0–30: 2 of 1, revision 0'])
  })

  it('goes without a result that can not be made, and says which', async () => {
    const run = await WindowRun.start(planOf('0 seconds'))
    const huge = Number.MAX_SAFE_INTEGER
    await run.feed([bid(0, 'a', huge), bid(1, 'a', huge), bid(2, 'b')])
    expect(seen(await run.watermark(30 * MINUTE))).toEqual(['hot 0–30: 1 of 1, revision 0'])
    await deliverToTables(run.runtime)
    expect(await rowsIn(run.runtime, 'gold.hot')).toHaveLength(1)
  })
})
