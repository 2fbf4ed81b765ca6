import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { crimes, crimesAnswer, JULY, JUNE, simulatedCrimes } from '../support/crimes-pipeline.ts'
import { linesOf } from '../support/table-rows.ts'
import { corrections, correctionsScenario } from './corrections.ts'
import { Stages } from './stages.ts'
import { expectAnswer, runPlain } from './ways.ts'
import { World } from './world.ts'

const NOON = Date.UTC(2026, 4, 5, 12)
let nextId = 0
const order = (minute: number, shop = 'corner', at = NOON + minute * MINUTE) => ({
  id: nextId++,
  at: new Date(at).toISOString(),
  shop,
  cents: 100,
})

const ordersWorld = (partitions = 1): World => new World({ plan: corrections, partitions, batchSize: 1000 })

const quietShops = async (world: World) => {
  const rows = (await world.read()).rows('gold.quiet_shops')
  return rows.map(
    (row) => `${((row['window_start'] as number) - NOON) / MINUTE} ${row['shop']} ${row['orders']} r${row['revision']}`,
  )
}

async function batchOf(world: World): Promise<RecordBatch> {
  return (await world.topic.read(0, 0, { maxRecords: 1000, maxBytes: 1e9 }))!
}

describe('Every record', () => {
  it('is in exactly one of counted, late and quarantined, and the tables have its coordinates', async () => {
    const scenario = correctionsScenario({ perMinute: 3 })
    const world = await runPlain(scenario)
    await expectAnswer(world, scenario)
    const run = await world.read()
    const { counts } = run
    expect(counts.read).toBe(counts.counted + counts.late + counts.quarantined)
    expect(Math.min(counts.counted, counts.late, counts.partlyLate, counts.quarantined)).toBeGreaterThan(0)
    const where = (rows: readonly Readonly<Record<string, unknown>>[]) =>
      new Set(rows.map((row) => `${row['topic']}/${row['partition']}/${row['offset']}`))
    const wholly = where(run.rows('late.corrections').filter((row) => !row['counted_elsewhere']))
    const partly = where(run.rows('late.corrections').filter((row) => row['counted_elsewhere']))
    const quarantined = where(run.rows('quarantine.corrections'))
    expect([wholly.size, partly.size, quarantined.size]).toEqual([counts.late, counts.partlyLate, counts.quarantined])
    expect(new Set([...wholly, ...partly, ...quarantined]).size).toBe(wholly.size + partly.size + quarantined.size)
  })

  it('that comes a day later than the rest is late in the window that it missed, by how much that was', async () => {
    const world = ordersWorld()
    const process = await world.process()
    await world.feed([order(0), order(24 * 60)])
    await process.drain()
    await process.keepHouse()
    await world.feed([order(1)])
    await process.drain()
    await process.finish()
    expect((await world.read()).rows('late.corrections')).toMatchObject([
      // Closed up to 11:55, whole slices of 5 minutes below 12:00 − 2 minutes.
      {
        offset: 2,
        output: 'quiet_shops',
        windows_missed: 1,
        late_by_ms: 23 * HOUR + 45 * MINUTE,
        counted_elsewhere: false,
      },
      {
        offset: 2,
        output: 'no_grace',
        windows_missed: 2,
        late_by_ms: 23 * HOUR + 45 * MINUTE,
        counted_elsewhere: false,
      },
    ])
  })
})

describe('A topic that was deleted and created again', () => {
  const refused = async (apply: (stages: Stages, batch: RecordBatch) => Promise<void>): Promise<unknown> => {
    const world = ordersWorld()
    await world.process()
    await world.feed([order(0), order(1), order(2)])
    await new Stages(world).deliver(0, 0, 1000)
    const again = ordersWorld()
    again.clock.advance(HOUR)
    await again.feed([order(50), order(51), order(52), order(53)])
    return apply(new Stages(world), await batchOf(again)).catch((error: unknown) => error)
  }

  it.each(['lake', 'windows'] as const)('stops the %s stage at the record that is another one', async (stage) => {
    expect(await refused((stages, batch) => stages[stage](batch))).toMatchObject({
      code: 'TOPIC_RECREATED',
      retryable: false,
      message:
        'Topic orders, partition 0: the record at offset 2 is not the one that was applied. The topic was deleted and created ' +
        'again, so its offsets mean other records. Stop here, and start with an empty data folder.',
    })
  })
})

describe('A delivery out of order', () => {
  it.each(['lake', 'windows'] as const)('is refused by the %s stage before it has any effect', async (stage) => {
    const world = ordersWorld()
    await world.process()
    await world.feed([order(0), order(1), order(2)])
    const batch = await batchOf(world)
    const descending = { ...batch, offsets: Float64Array.of(0, 2, 1) }
    await expect(new Stages(world)[stage](descending)).rejects.toMatchObject({
      code: 'OFFSETS_DESCEND',
      message:
        'Offsets of orders/0 must ascend within a batch, but 1 follows 2. ' +
        'Deliver the partition in order (no share group, no queue mode).',
    })
    const process = await world.process()
    await process.finish()
    expect((await world.read()).counts).toMatchObject({ read: 3, counted: 3 })
  })
})

describe('Closing', () => {
  it('of all windows at the end of June leaves July in time', async () => {
    const june = simulatedCrimes(1, 300, JUNE + 29 * DAY).filter(({ date }) => date.startsWith('06'))
    const july = simulatedCrimes(2, 300, JULY)
    const world = new World({ plan: crimes, partitions: 2, batchSize: 100 })
    const first = await world.process()
    await world.feed(june)
    await first.finish()
    expect(await goldOf(world)).toEqual(linesOf(crimesAnswer(june).tables['gold.crime_per_district_day']))
    const second = await world.process()
    await world.feed(july)
    await second.finish()
    const { tables, quarantined } = crimesAnswer([...june, ...july])
    expect(await goldOf(world)).toEqual(linesOf(tables['gold.crime_per_district_day']))
    const { counts } = await world.read()
    expect(counts).toMatchObject({ read: june.length + july.length, late: 0, partlyLate: 0, quarantined })
  })

  // June's last records are applied; then nothing comes for hours, and then all of July, in one process that never ends.
  it('of what a quiet topic lets close at the end of June leaves July in time, in one process', async () => {
    const june = simulatedCrimes(1, 300, JUNE + 29 * DAY).filter(({ date }) => date.startsWith('06'))
    const july = simulatedCrimes(2, 1_500, JULY)
    const world = new World({ plan: crimes, partitions: 2, batchSize: 100 })
    const process = await world.process()
    await world.feed(june)
    await process.drain()
    await process.keepHouse()
    world.clock.advance(3 * HOUR)
    await process.keepHouse()
    await world.feed(july)
    await process.drain()
    await process.keepHouse()
    const { counts } = await world.read()
    const { quarantined } = crimesAnswer([...june, ...july])
    expect(counts).toMatchObject({ read: june.length + july.length, late: 0, partlyLate: 0, quarantined })
    expect((await goldOf(world))!.length).toBeGreaterThan(0)
  })

  const goldOf = async (world: World) => (await world.contents({ coordinates: false }))['gold.crime_per_district_day']

  // Orders at 12:01 and 12:04, appended "now". The window ends at 12:10, and 2 minutes may be out of order.
  it('of the last window of a quiet topic comes as the clock moves', async () => {
    const world = ordersWorld()
    const process = await world.process()
    await world.feed([order(1), order(4)])
    await process.drain()
    world.clock.advance(7 * MINUTE)
    await process.keepHouse()
    expect(await quietShops(world)).toEqual([])
    world.clock.advance(2 * MINUTE)
    await process.keepHouse()
    expect(await quietShops(world)).toEqual(['0 corner 2 r0'])
  })

  // Partition 0 has been read up to 13:00, partition 1 not yet: it still holds what was appended before.
  it('waits for a partition that lags', async () => {
    const world = ordersWorld(2)
    const process = await world.process()
    await world.feedTo(0, order(5))
    await world.feedTo(0, order(60))
    await world.feedTo(1, order(6))
    await process.drain([0])
    world.clock.advance(DAY)
    await process.keepHouse()
    expect(await quietShops(world)).toEqual([])
    await process.drain([1])
    await process.keepHouse()
    expect(await quietShops(world)).toContain('0 corner 2 r0')
  })

  it('is not brought about by a clock in the future: such a record is quarantined', async () => {
    const world = ordersWorld()
    const process = await world.process()
    const appended = world.clock.now()
    await world.feed([
      order(0, 'corner', appended),
      order(0, 'fast clock', appended + HOUR + 1),
      order(0, 'just so', appended + HOUR),
    ])
    await process.drain()
    expect((await world.read()).counts).toMatchObject({ counted: 2, quarantined: 1, maxEventTime: appended + HOUR })
    await process.keepHouse()
    await process.finish()
    expect((await world.read()).rows('quarantine.corrections')).toMatchObject([
      {
        offset: 1,
        reason: 'event time in the future',
        detail: `event time ${new Date(appended + HOUR + 1).toISOString()}, appended ${new Date(appended).toISOString()}`,
      },
    ])
    expect((await world.read()).rows('gold.quiet_shops').map((row) => row['shop'])).not.toContain('fast clock')
  })
})
