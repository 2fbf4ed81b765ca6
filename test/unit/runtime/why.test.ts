import { describe, expect, it } from 'vitest'
import { MINUTE } from '#core/time.ts'
import { createTables } from '#local/ports.ts'
import { isWindowOutput } from '#plan/plan.ts'
import { recordsBehind } from '#runtime/why.ts'
import { c, delta, kafka, pipeline, sliding, tumbling } from '../../../lib/index.ts'
import { drainWorld, produce, testWorld } from '../../../lib/testing/index.ts'

const bids = kafka.topic('bids', {
  schema: { at: c.timestamp(), auction: c.string(), bidder: c.string() },
  eventTime: 'at',
  outOfOrder: '1 minute',
})
const counts = bids
  .groupBy('auction', 'bidder')
  .window(sliding('10 minutes', { every: '5 minutes', grace: '0 seconds' }))
  .aggregate((a) => ({ bids: a.count() }))
const plan = pipeline('bids', {
  bronze: bids.into(delta.table('bronze.bids')),
  best: counts
    .groupBy('auction', 'bids')
    .window(tumbling('20 minutes', { grace: '0 seconds' }))
    .aggregate((a) => ({ results: a.count() }))
    .into(delta.table('gold.best')),
})

const NOON = Date.UTC(2026, 4, 5, 12)
const bid = (minute: number, auction: string, bidder = 'x') => ({
  at: new Date(NOON + minute * MINUTE).toISOString(),
  auction,
  bidder,
})

describe('The records behind a row of results', () => {
  //  results       -5 ──────── 5        0 ──────── 10       5 ──────── 15      10 ─────── 20     15 ─────── 25
  //  in [0, 20)                ●                   ●                   ●                  ●
  it('of results are those of all results in it, by the columns that records have', async () => {
    const world = testWorld(plan)
    await createTables(world.runtime)
    const records = [
      bid(-6, 'a'),
      bid(-5, 'a'),
      bid(3, 'a', 'y'),
      bid(4, 'b'),
      bid(14, 'a'),
      bid(19, 'a'),
      bid(20, 'a'),
    ]
    await produce(world.topic, plan, records)
    await drainWorld(world, 100)
    const output = plan.outputs.filter(isWindowOutput).find(({ name }) => name === 'best')!
    const key = { output, start: NOON, end: NOON + 20 * MINUTE, group: ['a', 1] }
    const behind = await recordsBehind(world.runtime, key, 10)
    expect(behind.records.map(({ eventTime }) => (eventTime - NOON) / MINUTE)).toEqual([-5, 3, 14, 19])
    expect(behind.sums).toEqual({ counted: 4, late: 0, quarantined: 0, waiting: 0 })
  })
})
