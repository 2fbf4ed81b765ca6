import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE } from '#core/time.ts'
import { createTables } from '#local/ports.ts'
import { plannedSqlTables } from '#runtime/tables.ts'
import { c, delta, kafka, pipeline, postgres, tumbling } from '../../../lib/index.ts'
import {
  countingIds,
  drainWorld,
  produce,
  readRun,
  standingClock,
  testPipeline,
  testWorld,
} from '../../../lib/testing/index.ts'
import { MemorySqlSink } from '../../support/memory-sql-sink.ts'

const readings = kafka.topic('readings', {
  schema: { at: c.timestamp(), room: c.string(), celsius: c.double() },
  key: 'room',
  eventTime: 'at',
  outOfOrder: '5 minutes',
  partitions: 3,
})

const plan = pipeline('rooms', {
  bronze: readings.into(delta.table('bronze.readings')),
  hottest: readings
    .groupBy('room')
    .window(tumbling('1 hour', { grace: '0 seconds' }))
    .aggregate((a) => ({ hottest: a.max('celsius') }))
    .into(delta.table('gold.hottest'), postgres.table('hottest')),
})

const NOON = Date.UTC(2026, 4, 5, 12)
const reading = (minute: number, room: string, celsius: number) => ({
  at: new Date(NOON + minute * MINUTE).toISOString(),
  room,
  celsius,
})

describe('testPipeline', () => {
  it('applies all records, closes all windows and gives the rows of every table', async () => {
    const records = [reading(1, 'hall', 19), reading(30, 'hall', 21), reading(61, 'hall', 20), reading(2, 'attic', 33)]
    const run = await testPipeline(plan, { records })
    const byStart = run.rows('gold.hottest').toSorted((a, b) => Number(a['window_start']) - Number(b['window_start']))
    expect(byStart.map((row) => [row['window_start'], row['room'], row['hottest']]).sort()).toEqual([
      [NOON, 'attic', 33],
      [NOON, 'hall', 21],
      [NOON + HOUR, 'hall', 20],
    ])
    expect(run.tables).toEqual(['bronze.readings', 'gold.hottest', 'quarantine.rooms', 'late.rooms'])
    expect(run.counts).toMatchObject({ read: 4, counted: 4, late: 0, quarantined: 0, maxEventTime: NOON + 61 * MINUTE })
  })

  it('gives the same rows whatever the partitions and the batch size', async () => {
    const records = Array.from({ length: 50 }, (_, i) => reading(i * 5, `room ${i % 7}`, i))
    const rowsOf = async (partitions: number, batchSize: number) =>
      (await testPipeline(plan, { records, partitions, batchSize }))
        .rows('gold.hottest')
        .map((row) => JSON.stringify(row))
        .sort()
    const rows = await rowsOf(1, 500)
    expect(rows.length).toBe(30)
    expect(await rowsOf(3, 7)).toEqual(rows)
    expect(await rowsOf(5, 1)).toEqual(rows)
  })

  it('sends text as it is, null as a tombstone, and quarantines what is no record', async () => {
    const run = await testPipeline(plan, { records: ['{"at":', null, reading(1, 'hall', 19)], partitions: 1 })
    expect(run.counts).toMatchObject({ read: 3, counted: 1, quarantined: 2 })
    expect(run.rows('quarantine.rooms').map((row) => row['offset'])).toEqual([0, 1])
    expect(run.rows('bronze.readings')).toHaveLength(3)
  })

  it('appends at the time it is given', async () => {
    const records = [reading(0, 'hall', 19), reading(61, 'hall', 20)]
    const run = await testPipeline(plan, { records, now: NOON })
    expect(run.rows('quarantine.rooms').map((row) => row['reason'])).toEqual(['event time in the future'])
    expect(run.rows('bronze.readings').map((row) => row['append_time'])).toEqual([NOON, NOON])
  })

  it('names its tables when it is asked for another', async () => {
    const run = await testPipeline(plan, { records: [] })
    expect(() => run.rows('gold.coldest')).toThrow(
      'There is no table gold.coldest; tables: bronze.readings, gold.hottest, quarantine.rooms, late.rooms',
    )
  })
})

describe('The parts of a test run', () => {
  it('let a test see what reaches a database, and go on after the end of input', async () => {
    const sql = new MemorySqlSink()
    const world = testWorld(plan, { partitions: 2 }, { sql })
    await sql.prepare(plannedSqlTables(plan), 'rooms-1')
    await createTables(world.runtime)
    await produce(world.topic, plan, [reading(1, 'hall', 19)])
    await drainWorld(world, 10)
    await produce(world.topic, plan, [reading(65, 'hall', 25)])
    await drainWorld(world, 10)
    expect(sql.rows('hottest').map((row) => [row['window_start'], row['hottest']])).toEqual([
      [NOON, 19],
      [NOON + HOUR, 25],
    ])
    expect((await readRun(world.runtime)).rows('gold.hottest')).toHaveLength(2)
  })

  it('have a clock that stands still and ids that count', async () => {
    const clock = standingClock(5)
    await clock.sleep(1_000_000)
    expect(clock.now()).toBe(5)
    const ids = countingIds()
    expect([ids.next(), ids.next()]).toEqual([
      '00000000-0000-4000-8000-000000000001',
      '00000000-0000-4000-8000-000000000002',
    ])
  })
})
