import { describe, expect, it } from 'vitest'
import { HOUR } from '#core/time.ts'
import { loadCloseItem } from '#runtime/close-item.ts'
import { c, delta, kafka, pipeline, session, tumbling } from '../../lib/index.ts'
import { PortCalls } from '../support/faulty-ports.ts'
import { World } from './world.ts'

const tills = kafka.topic('tills', {
  schema: { at: c.timestamp(), till: c.string(), cents: c.long(), share: c.double() },
  key: 'till',
  eventTime: 'at',
  outOfOrder: '10 minutes',
  partitions: 1,
})
const byTill = tills.groupBy('till')
const hour = () => tumbling('1 hour', { grace: '0 seconds' })

const sums = pipeline('sums', {
  totals: byTill
    .window(hour())
    .aggregate((a) => ({ cents: a.sum('cents'), shares: a.sum('share'), share: a.avg('share') }))
    .into(delta.table('gold.totals')),
  busy: byTill
    .window(hour())
    .aggregate((a) => ({ sales: a.count() }))
    .where((row) => {
      if (row.till === 'broken') throw new TypeError('no such till')
      return row.sales > 0
    })
    .into(delta.table('gold.busy')),
  visits: byTill
    .window(session('5 minutes', { grace: '0 seconds' }))
    .aggregate((a) => ({ cents: a.sum('cents') }))
    .into(delta.table('gold.visits')),
})

const START = Date.UTC(2026, 4, 5, 12)
const sale = (minute: number, till: string, cents: number, share = 0.5) => ({
  at: new Date(START + minute * 60_000).toISOString(),
  till,
  cents,
  share,
})

async function run(sales: readonly ReturnType<typeof sale>[]) {
  const world = new World({ plan: sums, partitions: 1, batchSize: 10 })
  const process = await world.process()
  await world.feed(sales)
  await process.finish()
  const { body } = await loadCloseItem(world.runtime(new PortCalls<World>(world)))
  const { rows } = await world.read()
  const tillsIn = (table: string): readonly string[] =>
    rows(table)
      .map(({ till }) => String(till))
      .sort()
  return { failed: body.failed, rows, tillsIn }
}

const LARGEST = Number.MAX_SAFE_INTEGER

describe('A row that cannot be made', () => {
  it('is missing alone: all other groups, windows and outputs have theirs, and it is remembered with its reason', async () => {
    const { failed, tillsIn } = await run([
      sale(0, 'north', 100),
      sale(1, 'vast', LARGEST),
      sale(2, 'vast', 5),
      sale(3, 'broken', 7),
      sale(65, 'vast', 1),
    ])
    expect(tillsIn('gold.totals')).toEqual(['broken', 'north', 'vast'])
    expect(tillsIn('gold.busy')).toEqual(['north', 'vast', 'vast'])
    expect(tillsIn('gold.visits')).toEqual(['broken', 'north', 'vast'])
    const sum = `is ${BigInt(LARGEST) + 5n}, outside the whole numbers that are exact here (±2^53).`
    const at = { start: START, end: START + HOUR }
    expect(failed.toSorted((a, b) => (a.output > b.output ? -1 : 1))).toEqual([
      expect.objectContaining({ output: 'visits', group: ['vast'], reason: expect.stringContaining(sum) }),
      { output: 'totals', ...at, group: ['vast'], reason: expect.stringContaining(sum) },
      { output: 'busy', ...at, group: ['broken'], reason: 'where threw: no such till' },
    ])
  })

  it('is no longer remembered as missing once a correction has made it', async () => {
    const world = new World({ plan: sums, partitions: 1, batchSize: 10 })
    const first = await world.process()
    await world.feed([sale(0, 'vast', LARGEST), sale(1, 'vast', 5)])
    await first.finish()
    const second = await world.process()
    await world.feed([sale(2, 'vast', -10)])
    await second.finish()
    const { body } = await loadCloseItem(world.runtime(new PortCalls<World>(world)))
    expect(body.failed.filter(({ output }) => output === 'totals')).toEqual([])
    expect((await world.read()).rows('gold.totals')).toMatchObject([{ till: 'vast', cents: LARGEST - 5 }])
  })
})

describe('Doubles at the end of their range', () => {
  it('reach the table as they are: a sum beyond it is infinite, an average within it is not', async () => {
    const { rows, failed } = await run([
      sale(0, 'north', 1, 1.7e308),
      sale(1, 'north', 1, 1.7e308),
      sale(2, 'south', 1, -0),
    ])
    expect(failed).toEqual([])
    const [north, south] = [...rows('gold.totals')].sort((a, b) => (String(a['till']) < String(b['till']) ? -1 : 1))
    expect(north).toMatchObject({ shares: Number.POSITIVE_INFINITY, share: 1.7e308 })
    expect(south).toMatchObject({ shares: 0 })
  })
})
