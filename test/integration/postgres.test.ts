import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { SqlDriver } from '#adapters/postgres/driver.ts'
import { openPostgres, postgresDriver } from '#adapters/postgres/postgres.ts'
import { PostgresSink } from '#adapters/postgres/sink.ts'
import { sqlSinkContract } from '../contract/sql-sink.ts'
import { overSql, sqlOwnersContract } from '../contract/sql-sink-owners.ts'

const url = process.env['DATABASE_URL']
const schema = `sluice_test_${process.pid}`

/** A URL whose sessions create their tables in the test's own schema. */
function ownSchema(): string {
  const own = new URL(url!)
  own.searchParams.set('options', `-c search_path=${schema} -c TimeZone=UTC`)
  return own.href
}

describe.skipIf(url === undefined)('PostgreSQL at DATABASE_URL', () => {
  let driver: SqlDriver

  beforeAll(async () => {
    driver = await postgresDriver(ownSchema())
  })

  afterAll(async () => {
    await driver.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await driver.close()
  })

  const emptySchema = async (): Promise<void> => {
    await driver.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`)
    await driver.query(`CREATE SCHEMA ${schema}`)
  }

  sqlSinkContract('PostgreSQL', async () => {
    await emptySchema()
    return { sink: new PostgresSink(driver), query: (sql) => driver.query(sql) }
  })

  sqlOwnersContract('PostgreSQL', async () => {
    await emptySchema()
    return overSql(
      (sql) => driver.query(sql),
      async () => {
        const sink = await openPostgres(ownSchema())
        onTestFinished(() => sink.close())
        return sink
      },
    )
  })

  it('lets one of several sessions win a fence, and prepares tables for all of them', async () => {
    await emptySchema()
    const sinks = await Promise.all(Array.from({ length: 4 }, () => openPostgres(ownSchema())))
    const int = { kind: 'int', nullable: false } as const
    const table = { name: 'raced', fields: [{ name: 'id', column: int }], primaryKey: ['id'] }
    await Promise.all(sinks.map((sink) => sink.prepare([table], 'state-1')))
    for (let fence = 1; fence <= 20; fence++) {
      const applied = await Promise.all(
        sinks.map((sink, i) => sink.apply('p', fence, [{ table: 'raced', upserts: [[fence * 10 + i]], deletes: [] }])),
      )
      expect(applied.filter(Boolean)).toHaveLength(1)
    }
    expect(await driver.query('SELECT count(*)::text AS rows FROM raced')).toEqual([{ rows: '20' }])
    for (const sink of sinks) await sink.close()
  })

  it('connects again after its connection was ended, idle or in the middle of a statement', async () => {
    await emptySchema()
    const victim = await postgresDriver(ownSchema())
    const sink = new PostgresSink(victim)
    await sink.prepare([], 'state-1')
    const idle = await victim.query('SELECT pg_backend_pid()::text AS pid')
    await driver.query(`SELECT pg_terminate_backend(${idle[0]!['pid']})::text`)
    await expect.poll(() => sink.apply('p', 1, []).catch(() => null)).toBe(true)
    const busy = await victim.query('SELECT pg_backend_pid()::text AS pid')
    expect(busy).not.toEqual(idle)
    const cut = victim.query('SELECT pg_sleep(60)::text')
    const terminate = (): Promise<unknown> =>
      driver.query(
        `SELECT pg_terminate_backend(pid)::text AS done FROM pg_stat_activity WHERE pid = ${busy[0]!['pid']} AND query LIKE '%pg_sleep%'`,
      )
    await expect.poll(terminate).toEqual([{ done: 'true' }])
    await expect(cut).rejects.toMatchObject({ code: 'SQL_SINK_FAILED', retryable: true })
    expect(await sink.apply('p', 2, [])).toBe(true)
    await sink.close()
  })

  it('names the database and never the password', async () => {
    const wrong = new URL(url!)
    wrong.password = 'open sesame'
    wrong.pathname = '/no such database'
    const error = await openPostgres(wrong.href).then(
      () => null,
      (error: unknown) => error,
    )
    expect(error).toMatchObject({ code: 'SQL_SINK_FAILED', retryable: false })
    expect((error as Error).message).toContain(wrong.host)
    expect(JSON.stringify(error, Object.getOwnPropertyNames(error))).not.toMatch(/sesame/)
  })
})
