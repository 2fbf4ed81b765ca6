import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { SqlDriver } from '#adapters/postgres/driver.ts'
import { openPglite, pgliteDriver } from '#adapters/postgres/pglite.ts'
import { PostgresSink } from '#adapters/postgres/sink.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { sqlSinkContract } from './sql-sink.ts'
import { overSql, sqlOwnersContract } from './sql-sink-owners.ts'

const folder = createTemporaryFolder()
const path = join(folder.path, 'deep', 'postgres')
let driver: SqlDriver

// Creating a database takes seconds: one for all.
beforeAll(async () => {
  driver = await pgliteDriver(path)
  await driver.query("SET TIME ZONE 'UTC'")
  await driver.query('SET search_path TO contract')
}, 60_000)

afterAll(async () => {
  await driver.close()
  folder[Symbol.dispose]()
})

sqlSinkContract('PGlite', async () => {
  await driver.query('DROP SCHEMA IF EXISTS contract CASCADE')
  await driver.query('CREATE SCHEMA contract')
  return { sink: new PostgresSink(driver), query: (sql) => driver.query(sql) }
})

sqlOwnersContract('PGlite', async () => {
  await driver.query('DROP SCHEMA IF EXISTS contract CASCADE')
  await driver.query('CREATE SCHEMA contract')
  return overSql(
    (sql) => driver.query(sql),
    async () => new PostgresSink(driver),
  )
})

describe('A PGlite folder', () => {
  /** A process that prints a line for each change it has applied, with the next one under way. */
  const writer = (at: string): { lines: AsyncIterableIterator<string>; kill(): Promise<void> } => {
    const program = fileURLToPath(new URL('./sql-sink-writer.ts', import.meta.url))
    const child = spawn(process.execPath, [program, at], { stdio: ['ignore', 'pipe', 'inherit'] })
    const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
    const kill = async (): Promise<void> => {
      child.kill('SIGKILL')
      await gone
    }
    onTestFinished(kill)
    return { lines: createInterface({ input: child.stdout })[Symbol.asyncIterator](), kill }
  }

  it('opens again after kill -9 in the middle of a transaction, with nothing half applied', {
    timeout: 60_000,
  }, async () => {
    const temporary = createTemporaryFolder()
    onTestFinished(() => temporary[Symbol.dispose]())
    const at = join(temporary.path, 'postgres')
    for (const changes of [3, 1, 7]) {
      const { lines, kill } = writer(at)
      let applied = 0
      for (let i = 0; i < changes; i++) applied = Number((await lines.next()).value)
      await kill()
      const again = await pgliteDriver(at)
      const sink = new PostgresSink(again)
      await sink.prepare([], 'state-1')
      const fence = Number(await sink.fence('writer'))
      expect(fence).toBeGreaterThanOrEqual(applied)
      const found = await again.query(
        'SELECT fence::text, count(*)::text AS rows FROM rows GROUP BY rows.fence ORDER BY rows.fence',
      )
      await again.close()
      expect(found).toEqual(Array.from({ length: fence }, (_, i) => ({ fence: String(i + 1), rows: '5000' })))
    }
  })

  it('is made beside its place, so that kill -9 while it is made leaves nothing in it', {
    timeout: 60_000,
  }, async () => {
    const temporary = createTemporaryFolder()
    onTestFinished(() => temporary[Symbol.dispose]())
    const at = join(temporary.path, 'postgres')
    const { kill } = writer(at)
    const started = (): boolean =>
      readdirSync(temporary.path).some((name) => existsSync(join(temporary.path, name, 'base')))
    await expect.poll(started, { interval: 5, timeout: 20_000 }).toBe(true)
    await kill()
    expect(existsSync(at)).toBe(false)
    const sink = await openPglite(at)
    await sink.prepare([], 'state-1')
    expect(await sink.apply('p', 1, [])).toBe(true)
    await sink.close()
    expect(readdirSync(temporary.path)).toEqual(['postgres'])
  })

  it('goes on with tables that were filled before owners were on record', { timeout: 60_000 }, async () => {
    const temporary = createTemporaryFolder()
    onTestFinished(() => temporary[Symbol.dispose]())
    const at = join(temporary.path, 'postgres')
    const before = await pgliteDriver(at)
    await before.query('CREATE TABLE sluice_fence (name text PRIMARY KEY, fence bigint NOT NULL)')
    await before.query("INSERT INTO sluice_fence VALUES ('sluice/rooms/readings/0', 41)")
    await before.query('CREATE TABLE latest (id integer PRIMARY KEY)')
    await before.query('INSERT INTO latest VALUES (1)')
    await before.close()
    const sink = await openPglite(at)
    const id = { name: 'id', column: { kind: 'int', nullable: false } } as const
    await sink.prepare([{ name: 'latest', fields: [id], primaryKey: ['id'] }], 'state-1')
    expect(await sink.apply('p', 1, [{ table: 'latest', upserts: [[2]], deletes: [] }])).toBe(true)
    await sink.close()
  })

  it('with something else in it is refused', async () => {
    const other = join(folder.path, 'other')
    mkdirSync(other)
    writeFileSync(join(other, 'notes.txt'), '')
    await expect(openPglite(other)).rejects.toMatchObject({
      code: 'SQL_SINK_FAILED',
      retryable: false,
      message: `Expected a database or nothing in ${other}, found other files. Move them away.`,
    })
  })

  it('that is damaged is refused', { timeout: 60_000 }, async () => {
    const damaged = join(folder.path, 'damaged')
    mkdirSync(damaged)
    writeFileSync(join(damaged, 'PG_VERSION'), '18\n')
    await expect(openPglite(damaged)).rejects.toMatchObject({
      code: 'SQL_SINK_FAILED',
      message: expect.stringContaining(`Expected the database in ${damaged} to do its part`),
    })
  })
})
