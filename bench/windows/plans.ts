import type { Plan } from '#plan/plan.ts'
import { c, delta, kafka, pipeline, session, sliding, tumbling } from '../../lib/index.ts'
import { dice } from '../../test/support/dice.ts'

const keys = kafka.topic('keys', {
  schema: { key: c.string(), at: c.timestamp(), value: c.long() },
  eventTime: 'at',
  outOfOrder: '1 hour',
  partitions: 1,
})

/** One window of an hour with a count and a sum of each key. */
export const keyPlan: Plan = pipeline('keys', {
  per_key: keys
    .groupBy('key')
    .window(tumbling('1 hour', { grace: '0 seconds' }))
    .aggregate((a) => ({ records: a.count(), total: a.sum('value') }))
    .into(delta.table('gold.per_key')),
})

const readings = kafka.topic('readings', {
  schema: { sensor: c.string(), at: c.timestamp(), value: c.long() },
  eventTime: 'at',
  outOfOrder: '5 seconds',
  partitions: 1,
})

/** Windows of five minutes: one after the other, or one every second, in 300 slices. */
export function slidingPlan(kind: 'tumbling' | 'sliding'): Plan {
  const window =
    kind === 'tumbling'
      ? tumbling('5 minutes', { grace: '0 seconds' })
      : sliding('5 minutes', { every: '1 second', grace: '0 seconds' })
  return pipeline('readings', {
    per_sensor: readings
      .groupBy('sensor')
      .window(window)
      .aggregate((a) => ({ readings: a.count(), total: a.sum('value') }))
      .into(delta.table('gold.per_sensor')),
  })
}

const bids = kafka.topic('bids', {
  schema: { auction: c.long(), bidder: c.long(), price: c.long(), channel: c.string(), at: c.timestamp() },
  eventTime: 'at',
  outOfOrder: '4 seconds',
  partitions: 1,
})

/**
 * The windowed halves of Nexmark's queries: counts of hot auctions in sliding windows (q5), the dearest bid of each window (q7), bids
 * of a bidder's session (q11) and in its windows (q12). What q5 and q7 make of those is another window, or a join.
 */
export function nexmarkPlan(query: 'q5' | 'q7' | 'q11' | 'q12'): Plan {
  const none = { grace: '0 seconds' } as const
  const result = delta.table('gold.result')
  switch (query) {
    case 'q5': {
      const window = sliding('10 seconds', { every: '2 seconds', ...none })
      const counts = bids.groupBy('auction').window(window)
      return pipeline('nexmark', { result: counts.aggregate((a) => ({ bids: a.count() })).into(result) })
    }
    case 'q7': {
      const dearest = bids.groupBy().window(tumbling('10 seconds', none))
      return pipeline('nexmark', { result: dearest.aggregate((a) => ({ price: a.max('price') })).into(result) })
    }
    case 'q11': {
      const sessions = bids.groupBy('bidder').window(session('10 seconds', none))
      return pipeline('nexmark', { result: sessions.aggregate((a) => ({ bids: a.count() })).into(result) })
    }
    case 'q12': {
      const windows = bids.groupBy('bidder').window(tumbling('10 seconds', none))
      return pipeline('nexmark', { result: windows.aggregate((a) => ({ bids: a.count() })).into(result) })
    }
  }
}

const START = Date.UTC(2026, 0, 1)

/**
 * Bids as Nexmark's generator makes them, in what counts here: 10,000 a second; half of them for a hot auction, which changes every 100
 * auctions, three in four by a hot bidder; times go up by themselves.
 */
export function nexmarkBid(seed: number): (number: number) => string {
  const random = dice(seed)
  return (number) => {
    const newest = Math.floor(number / 15)
    const auction = random() < 0.5 ? newest - (newest % 100) : newest - Math.floor(random() * 100)
    const bidder = random() < 0.75 ? newest - (newest % 100) + 1 : newest - Math.floor(random() * 1000)
    const price = Math.round(10 ** (random() * 6) * 100)
    const at = START + number / 10
    return `{"auction":${Math.max(0, auction)},"bidder":${Math.max(0, bidder)},"price":${price},"channel":"Google","at":${Math.floor(at)}}`
  }
}
