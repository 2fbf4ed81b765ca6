import { describe, expect, it } from 'vitest'
import { SluiceError } from '#core/errors.ts'
import { createTables } from '#local/ports.ts'
import { closeStage } from '#runtime/close.ts'
import { loadCloseItem } from '#runtime/close-item.ts'
import { deliverToTables } from '#runtime/deliver.ts'
import { deliverAlertsToSql } from '#runtime/deliver-alerts.ts'
import { detectAnomalies } from '#runtime/detect.ts'
import { loadDetectItem } from '#runtime/detect-item.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { plannedSqlTables } from '#runtime/tables.ts'
import { anomaly, c, delta, kafka, pipeline, postgres, tumbling } from '../../../lib/index.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { MemorySqlSink } from '../../support/memory-sql-sink.ts'
import { anotherProcess, batch, noon, reading, rowsIn, windowsOf } from './builders.ts'

const perHour = kafka
  .topic('readings', {
    schema: { id: c.long(), at: c.timestamp(), room: c.string(), celsius: c.double().nullable() },
    key: 'room',
    eventTime: 'at',
    outOfOrder: '10 minutes',
    partitions: 2,
  })
  .groupBy('room')
  .window(tumbling('1 hour', { grace: '2 hours' }))
  .aggregate((a) => ({ readings: a.count() }))

const watched = pipeline('watched', {
  crowds: perHour
    .detect(anomaly.threshold({ column: 'readings', opensAt: 3 }))
    .into(delta.table('gold.crowds'), postgres.table('crowds')),
})

async function started(): Promise<{ readonly runtime: Runtime; readonly sql: MemorySqlSink }> {
  const sql = new MemorySqlSink()
  await sql.prepare(plannedSqlTables(watched), 'watched-1')
  const { runtime } = testWorld(watched, {}, { sql })
  await createTables(runtime)
  return { runtime, sql }
}

/** Readings at these minutes after noon, from an offset on. */
async function read(runtime: Runtime, from: number, minutes: readonly number[], partition = 0): Promise<number> {
  const values = minutes.map((minute, i) => reading(from + i, minute))
  await windowsOf(runtime).handle([batch(values, { from, partition })])
  return from + minutes.length
}

async function close(runtime: Runtime, ends: readonly number[], endOfInput = false): Promise<void> {
  await closeStage(runtime).run({ endOffsets: async () => ends, endOfInput, moreToCome: true })
  await deliverToTables(runtime)
}

const alertsIn = async (runtime: Runtime) =>
  (await rowsIn(runtime, 'gold.crowds'))
    .map((row) => [Number(row['window_start']), row['alert_state'], row['observed'], row['revision']])
    .sort((a, b) => Number(a[0]) - Number(b[0]) || Number(a[3]) - Number(b[3]))

async function objectsIn(runtime: Runtime): Promise<readonly string[]> {
  const paths: string[] = []
  for await (const { path } of runtime.store.list('_sluice/watched/detect/')) paths.push(path)
  return paths
}

describe('Alerts', () => {
  it('reach table and database once, however often they are looked for', async () => {
    const { runtime, sql } = await started()
    //  noon      13      14        15
    //  | 1 2 3   | 70    | 125     |
    const end = await read(runtime, 0, [1, 2, 3, 70, 125])
    await close(runtime, [end, 0])
    for (const process of [runtime, anotherProcess(runtime), runtime]) {
      await detectAnomalies(process)
      await deliverAlertsToSql(process)
    }
    expect(await alertsIn(runtime)).toEqual([[noon(0), 'open', 3, 0]])
    await read(runtime, end, [200])
    await close(runtime, [end + 1, 0])
    await Promise.all([runtime, anotherProcess(runtime, 'twin')].map(detectAnomalies))
    await deliverAlertsToSql(runtime)
    expect(await alertsIn(runtime)).toEqual([
      [noon(0), 'open', 3, 0],
      [noon(0), 'resolved', 3, 1],
    ])
    expect(sql.rows('crowds').map((row) => [row['alert_state'], row['revision'], row['room']])).toEqual([
      ['resolved', 1, 'hall'],
    ])
  })

  it('are revised by a late record, and withdrawn', async () => {
    const { runtime, sql } = await started()
    await read(runtime, 0, [1, 2, 3, 70, 71, 125])
    await close(runtime, [6, 0])
    await detectAnomalies(runtime)
    // A third reading of the second hour is late: the alert goes on, and what was resolved there isn't.
    await read(runtime, 6, [72, 200])
    await close(runtime, [8, 0])
    await detectAnomalies(runtime)
    await deliverAlertsToSql(runtime)
    const [row] = sql.rows('crowds')
    expect(row).toMatchObject({
      alert_state: 'resolved',
      windows: 2,
      resolved_at: noon(180),
      last_window_end: noon(120),
    })
  })

  it('wait while a partition lags, and come when it has caught up', async () => {
    const { runtime } = await started()
    const end = await read(runtime, 0, [1, 2, 3, 400])
    await read(runtime, 0, [130], 1)
    // Four more in partition 1, of nobody knows when.
    await close(runtime, [end, 5])
    await detectAnomalies(runtime)
    expect(await alertsIn(runtime)).toEqual([])
    expect((await loadDetectItem(runtime)).body.holding).toEqual(['crowds'])
    await read(runtime, 1, [4, 131, 132, 401], 1)
    await close(runtime, [end, 5])
    await detectAnomalies(runtime)
    expect(await alertsIn(runtime)).toEqual([
      [noon(0), 'resolved', 4, 0],
      [noon(120), 'resolved', 3, 0],
    ])
    expect((await loadDetectItem(runtime)).body.holding).toEqual([])
  })

  it('wait for a database that is away, in a few objects', async () => {
    const { runtime, sql } = await started()
    let end = 0
    for (let hour = 0; hour < 80; hour++) {
      const minutes = hour % 2 === 0 ? [1, 2, 3] : [1]
      end = await read(
        runtime,
        end,
        minutes.map((minute) => hour * 60 + minute),
      )
      await close(runtime, [end, 0])
      await detectAnomalies(runtime)
    }
    expect((await loadDetectItem(runtime)).body.pending.length).toBeLessThanOrEqual(33)
    expect((await objectsIn(runtime)).length).toBeLessThanOrEqual(34)
    await deliverAlertsToSql(runtime)
    const states = sql.rows('crowds').map((row) => row['alert_state'])
    expect([states.length, states.filter((state) => state === 'resolved').length]).toEqual([39, 39])
    expect(await alertsIn(runtime)).toHaveLength(78)
  })
})

describe('What detectors keep', () => {
  it('are results until they have taken them, and then one object of state', async () => {
    const { runtime } = await started()
    let end = await read(runtime, 0, [1, 2, 70, 200])
    await close(runtime, [end, 0])
    end = await read(runtime, end, [300])
    await close(runtime, [end, 0])
    const waiting = async () => (await loadCloseItem(runtime)).body.pending.map(({ seq }) => seq)
    expect(await waiting()).toEqual([1, 2])
    await detectAnomalies(runtime)
    end = await read(runtime, end, [500])
    await close(runtime, [end, 0])
    expect(await waiting()).toEqual([3])
    await detectAnomalies(runtime)
    expect((await objectsIn(runtime)).map((path) => path.replace(/.*\/(\d+)-.*\.(\w+)\.json/, '$1 $2'))).toEqual([
      '000000000003 state',
    ])
  })

  it('are not the objects of a process that was stopped in between', async () => {
    const { runtime } = await started()
    const end = await read(runtime, 0, [1, 200])
    await close(runtime, [end, 0])
    const stopped: Runtime = {
      ...anotherProcess(runtime, 'stopped'),
      state: {
        ...runtime.state,
        get: (group, id) => runtime.state.get(group, id),
        list: (group, range) => runtime.state.list(group, range),
        put: async () => {
          throw new SluiceError('STATE_ITEM_FULL', 'stopped')
        },
      },
    }
    await expect(detectAnomalies(stopped)).rejects.toThrow('stopped')
    expect(await objectsIn(runtime)).toHaveLength(1)
    await detectAnomalies(runtime)
    expect(await objectsIn(runtime)).toHaveLength(2)
    await detectAnomalies(anotherProcess(runtime, 'later'))
    expect((await objectsIn(runtime)).filter((path) => path.includes('stopped'))).toEqual([])
  })
})
