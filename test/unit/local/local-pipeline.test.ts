import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { SluiceError } from '#core/errors.ts'
import { bootedSql } from '#local/booted-sql.ts'
import { feedInputs } from '#local/feed-inputs.ts'
import { LocalPipeline } from '#local/local-pipeline.ts'
import { writeCrimesCsv } from '#local/simulator-csv.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import { plannedSqlTables } from '#runtime/tables.ts'
import crimes from '../../../pipelines/crimes.ts'
import { MemorySqlDatabase, MemorySqlSink } from '../../support/memory-sql-sink.ts'
import { temporaryFolder } from '../../support/temp.ts'

const RECORDS = 6_000

function start(
  folder: string,
  workers: number,
  pipelinePath: string | null = null,
  sql: SqlSink | null = null,
): Promise<LocalPipeline> {
  return LocalPipeline.start({
    plan: crimes,
    pipelinePath,
    folders: { lake: join(folder, 'lake'), state: join(folder, 'state.sqlite') },
    topic: { kind: 'embedded', folder: join(folder, 'topic'), name: 'crimes', partitions: 3 },
    batchSize: 100,
    batchWindow: 0,
    workers,
    commitEvery: 1_000,
    closeEvery: 1_000,
    sql,
    clock: systemClock,
    ids: randomIds,
    events: {},
  })
}

async function feed(pipeline: LocalPipeline, folder: string): Promise<void> {
  const path = join(folder, 'crimes.csv')
  writeFileSync(path, writeCrimesCsv(1, RECORDS))
  const { writer, gate } = pipeline
  const { fields, key } = crimes.topic
  await feedInputs({ fields, key, writer, gate, paths: [path] })
}

describe('A local pipeline', () => {
  test('that is stopped before its last record closes no window early', async () => {
    const folder = temporaryFolder()
    const first = await start(folder, 0)
    await feed(first, folder)
    const finishing = first.finish()
    await first.stop()
    await finishing

    const second = await start(folder, 0)
    expect((await second.counts()).read).toBeLessThan(RECORDS)
    await second.finish()
    const counts = await second.counts()
    await second.stop()
    expect(counts).toMatchObject({ read: RECORDS, late: 0, partlyLate: 0 })
  })

  test('does not start on SQL tables of another state, and makes no topic and no table', async () => {
    const folder = temporaryFolder()
    const database = new MemorySqlDatabase()
    await new MemorySqlSink(database).prepare(plannedSqlTables(crimes), 'another state')
    await expect(start(folder, 0, null, new MemorySqlSink(database))).rejects.toMatchObject({ code: 'SQL_TABLE_TAKEN' })
    expect(readdirSync(folder).filter((name) => !name.startsWith('state.sqlite'))).toEqual([])
  })

  test('starts while the database is away, and delivers once it is back', async () => {
    const folder = temporaryFolder()
    const database = new MemorySqlDatabase()
    let away = true
    const sql = bootedSql(
      async () => {
        if (away) throw new SluiceError('SQL_SINK_FAILED', 'the database is away', { retryable: true })
        return new MemorySqlSink(database)
      },
      { wait: true },
    )
    const pipeline = await start(folder, 0, null, sql)
    await feed(pipeline, folder)
    away = false
    await pipeline.finish()
    await pipeline.stop()
    expect(database.tables.get('crime_per_district_day')?.rows.size).toBeGreaterThan(0)
    expect(new Set(database.owners.values()).size).toBe(1)
  })

  test('does not start when a worker thread cannot load the pipeline, and leaves no thread behind', async () => {
    const folder = temporaryFolder()
    const missing = join(folder, 'missing.ts')
    await expect(start(folder, 2, missing)).rejects.toMatchObject({
      code: 'PIPELINE_INVALID',
      message: expect.stringContaining(`The pipeline ${missing} can't be loaded: `),
    })
    expect(process.getActiveResourcesInfo()).not.toContain('Worker')
  })
})
