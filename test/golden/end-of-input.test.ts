import { describe, expect, it } from 'vitest'
import { DAY, type EpochMillis, MINUTE } from '#core/time.ts'
import { c, calendar, delta, kafka, pipeline, session, sliding, tumbling } from '../../lib/index.ts'
import { World } from './world.ts'

const doors = kafka.topic('doors', {
  schema: { at: c.timestamp(), door: c.string() },
  key: 'door',
  eventTime: 'at',
  outOfOrder: '10 minutes',
  partitions: 2,
})
const byDoor = doors.groupBy('door')

/** The longest window is three hundred times the shortest; none has grace. */
const visits = pipeline('visits', {
  hourly: byDoor
    .window(tumbling('1 hour', { grace: '0 seconds' }))
    .aggregate((a) => ({ visits: a.count() }))
    .into(delta.table('gold.hourly')),
  sliding: byDoor
    .window(sliding('5 hours', { every: '30 minutes', grace: '0 seconds' }))
    .aggregate((a) => ({ visits: a.count() }))
    .into(delta.table('gold.sliding')),
  monthly: byDoor
    .window(calendar('month', { zone: 'America/Chicago', grace: '0 seconds' }))
    .aggregate((a) => ({ visits: a.count() }))
    .into(delta.table('gold.monthly')),
  sessions: byDoor
    .window(session('50 minutes', { grace: '0 seconds' }))
    .aggregate((a) => ({ visits: a.count() }))
    .into(delta.table('gold.sessions')),
})

const START: EpochMillis = Date.UTC(2026, 4, 5)

/** A visit every twenty minutes of that day. */
const day = (number: number) =>
  Array.from({ length: 72 }, (_, i) => ({
    at: new Date(START + number * DAY + i * 20 * MINUTE).toISOString(),
    door: `door ${i % 2}`,
  }))

type Row = Readonly<Record<string, unknown>>

/** The last revision of each row. */
function valid(rows: readonly Row[]): readonly string[] {
  const last = new Map<string, Row>()
  for (const row of rows) {
    const key = `${row['window_start']} ${row['window_end']} ${row['door']}`
    if (Number(last.get(key)?.['revision'] ?? -1) < Number(row['revision'])) last.set(key, row)
  }
  return [...last].map(([key, row]) => `${key} ${row['visits']} ${row['is_final']}`).sort()
}

/** Feeds the parts one after the other, each as a run of its own: a process that ends with its input. */
async function run(parts: readonly (readonly { at: string; door: string }[])[]) {
  const world = new World({ plan: visits, partitions: 2, batchSize: 50 })
  for (const part of parts) {
    const process = await world.process()
    await world.feed(part)
    await process.finish()
  }
  const { rows } = await world.read()
  return {
    hourly: valid(rows('gold.hourly')),
    sliding: valid(rows('gold.sliding')),
    monthly: valid(rows('gold.monthly')),
    // A session that went on in the next file was withdrawn.
    sessions: valid(rows('gold.sessions')).filter((row) => row.endsWith('true')),
    late: rows('late.visits').length,
    revisions: Math.max(...rows('gold.hourly').map(({ revision }) => Number(revision))),
  }
}

describe('Input that comes file by file, each run to its end', () => {
  //   month    ├───────────────────────────────────────────────────────── … ┤  published at the end of each run
  //   5 h           ├───────┤ reaches into the next day
  //   1 h      ├┤├┤├┤├┤├┤├┤├┤├┤├┤├┤
  //            day 0      │ day 1      │ day 2
  it('ends in the rows of one run over all of it, and nothing is late', async () => {
    const together = await run([[...day(0), ...day(1), ...day(2)]])
    const apart = await run([day(0), day(1), day(2)])
    expect(together.late).toBe(0)
    expect(together.hourly).toHaveLength(3 * 24 * 2)
    expect(together.sessions).toHaveLength(2)
    expect(apart).toEqual(together)
  })

  it('corrects an hour that the end of a file cut in two', async () => {
    const [first, second] = [day(0).slice(0, 37), day(0).slice(37)]
    const together = await run([day(0)])
    const apart = await run([first, second])
    expect(apart).toEqual({ ...together, revisions: 1 })
  })
})
