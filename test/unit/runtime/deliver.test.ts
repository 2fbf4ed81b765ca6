import { describe, expect, it } from 'vitest'
import { SluiceError } from '#core/errors.ts'
import { DeltaTable } from '#delta/table.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import { closeStage } from '#runtime/close.ts'
import { loadCloseItem } from '#runtime/close-item.ts'
import { confirmed, deliverToSql, deliverToTables } from '#runtime/deliver.ts'
import { controlGroup } from '#runtime/keys.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { plannedSqlTables } from '#runtime/tables.ts'
import { MemorySqlSink } from '../../support/memory-sql-sink.ts'
import { anotherProcess, batch, meddled, noon, reading, rooms, rowsIn, started, windowsOf } from './builders.ts'

/** A database that can be away, or lose the answer to what it did. */
class FlakySql implements SqlSink {
  readonly inner = new MemorySqlSink()
  away: 'no' | 'fails' | 'lost' = 'no'
  /** How many changes took effect. */
  applied = 0

  prepare = this.inner.prepare.bind(this.inner)
  fence = this.inner.fence.bind(this.inner)
  close = this.inner.close.bind(this.inner)

  async apply(...change: Parameters<SqlSink['apply']>): Promise<boolean> {
    if (this.away === 'fails') throw gone()
    const done = await this.inner.apply(...change)
    if (done) this.applied++
    if (this.away === 'lost') throw gone()
    return done
  }
}

const gone = () => new SluiceError('SQL_SINK_FAILED', 'the database is away', { retryable: true })

async function withSql(): Promise<{ readonly sql: FlakySql; readonly runtime: Runtime }> {
  const sql = new FlakySql()
  await sql.prepare(plannedSqlTables(rooms), 'rooms-1')
  return { sql, runtime: await started({ sql }) }
}

/** Applies a reading of each of the rooms in the hour that begins so many minutes after noon, and closes it. */
async function closeHour(runtime: Runtime, from: number, minutes: number, names: readonly string[]): Promise<void> {
  const values = names.map((name, i) => reading(from + i, minutes, name))
  await windowsOf(runtime).handle([batch(values, { from })])
  const end = from + names.length
  await closeStage(runtime).run({ endOffsets: async () => [end, 0], endOfInput: true })
}

const perHour = async (runtime: Runtime) =>
  (await rowsIn(runtime, 'gold.per_hour')).map((row) => [Number(row['window_start']), row['room']])
const pending = async (runtime: Runtime) => (await loadCloseItem(runtime)).body.pending.map(({ seq }) => seq)
const versionOf = async (runtime: Runtime) =>
  (await (await DeltaTable.open(runtime, 'gold/per_hour')).snapshot()).version

const FIRST = [
  [noon(0), 'attic'],
  [noon(0), 'hall'],
]

describe('results', () => {
  it('reach tables and database, once each, however often they are delivered', async () => {
    const { sql, runtime } = await withSql()
    await closeHour(runtime, 0, 0, ['hall', 'attic'])
    expect(await perHour(runtime)).toEqual([])
    const committed = await deliverToTables(runtime)
    expect(committed.map(({ table, version }) => [table, version])).toEqual([
      ['gold.per_hour', 1],
      ['gold.hopping', 1],
    ])
    await deliverToSql(runtime)
    expect(await confirmed(runtime)).toBe(1)
    expect(await deliverToTables(anotherProcess(runtime))).toEqual([])
    await deliverToSql(anotherProcess(runtime))
    expect(await perHour(runtime)).toEqual(FIRST)
    expect(await versionOf(runtime)).toBe(1)
    expect(sql.applied).toBe(1)
    expect(sql.inner.rows('per_hour')).toEqual([
      { window_start: noon(0), window_end: noon(60), room: 'attic', readings: 1, revision: 0, is_final: true },
      { window_start: noon(0), window_end: noon(60), room: 'hall', readings: 1, revision: 0, is_final: true },
    ])
  })

  it('stay pending while the database is away, and the tables get them all the same', async () => {
    const { sql, runtime } = await withSql()
    sql.away = 'fails'
    await closeHour(runtime, 0, 0, ['hall', 'attic'])
    await deliverToTables(runtime)
    await expect(deliverToSql(runtime)).rejects.toThrow('the database is away')
    expect(await perHour(runtime)).toEqual(FIRST)
    expect(sql.inner.rows('per_hour')).toEqual([])
    expect([await confirmed(runtime), await pending(runtime)]).toEqual([0, [1]])

    await closeHour(runtime, 2, 180, ['hall'])
    await deliverToTables(runtime)
    expect(await perHour(runtime)).toEqual([...FIRST, [noon(180), 'hall']])
    expect([await confirmed(runtime), await pending(runtime)]).toEqual([0, [1, 2]])

    sql.away = 'no'
    await deliverToSql(runtime)
    expect(sql.inner.rows('per_hour').map((row) => [row['window_start'], row['room']])).toEqual(await perHour(runtime))
    expect([sql.applied, await confirmed(runtime)]).toEqual([2, 2])
  })

  it('are forgotten, with their objects, by the first close after every sink has them', async () => {
    const { runtime } = await withSql()
    await closeHour(runtime, 0, 0, ['hall'])
    const [{ path } = { path: '' }] = (await loadCloseItem(runtime)).body.pending
    await deliverToTables(runtime)
    await closeHour(runtime, 1, 180, ['hall'])
    expect([await pending(runtime), await runtime.store.head(path)]).toEqual([
      [1, 2],
      expect.objectContaining({ path }),
    ])
    await deliverToSql(runtime)
    await deliverToTables(runtime)
    await closeHour(runtime, 2, 360, ['hall'])
    expect([await pending(runtime), await runtime.store.head(path)]).toEqual([[3], undefined])
  })

  it('whose confirmation by the database was lost are not applied again', async () => {
    const { sql, runtime } = await withSql()
    await closeHour(runtime, 0, 0, ['hall', 'attic'])
    sql.away = 'lost'
    await expect(deliverToSql(runtime)).rejects.toThrow('the database is away')
    expect(sql.applied).toBe(1)
    sql.away = 'no'
    await deliverToSql(runtime)
    await deliverToTables(runtime)
    expect([sql.applied, await confirmed(runtime)]).toEqual([1, 1])
    expect(sql.inner.rows('per_hour')).toHaveLength(2)
  })

  it('are in the tables once after a process that died between its commits and its mark', async () => {
    const { runtime } = await withSql()
    await closeHour(runtime, 0, 0, ['hall', 'attic'])
    const state = meddled(runtime.state, controlGroup(runtime), () => Promise.reject(new Error('died')))
    await expect(deliverToTables({ ...anotherProcess(runtime), state })).rejects.toThrow('died')
    expect(await perHour(runtime)).toEqual(FIRST)
    expect(await deliverToTables(runtime)).toEqual([])
    expect(await perHour(runtime)).toEqual(FIRST)
  })

  it('are in the tables once when many deliver them at once', async () => {
    const { sql, runtime } = await withSql()
    await closeHour(runtime, 0, 0, ['hall', 'attic'])
    const processes = ['one', 'two', 'three'].map((name) => anotherProcess(runtime, name))
    await Promise.all(processes.flatMap((process) => [deliverToTables(process), deliverToSql(process)]))
    expect(await perHour(runtime)).toEqual(FIRST)
    expect([await versionOf(runtime), sql.applied, await confirmed(runtime)]).toEqual([1, 1, 1])
  })

  it('wait for the tables alone where there is no database', async () => {
    const runtime = await started()
    await closeHour(runtime, 0, 0, ['hall', 'attic'])
    await deliverToSql(runtime)
    expect(await confirmed(runtime)).toBe(0)
    await deliverToTables(runtime)
    expect(await confirmed(runtime)).toBe(1)
  })
})
