import { describe, expect, it } from 'vitest'
import type { SqlChange, SqlSink } from '#ports/sql-sink.ts'
import { partitionAppId } from '#runtime/keys.ts'
import { preparer } from '#runtime/prepare.ts'
import { sqlRowOutputs, sqlRowsStage } from '#runtime/rows-to-sql.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { plannedSqlTables } from '#runtime/tables.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { MemorySqlSink } from '../../support/memory-sql-sink.ts'
import { batch, reading, rooms } from './builders.ts'

async function withSql() {
  const sql = new MemorySqlSink()
  await sql.prepare(plannedSqlTables(rooms), 'rooms-1')
  const { runtime } = testWorld(rooms, {}, { sql })
  return { sql, runtime }
}

const stageOf = (runtime: Runtime) => sqlRowsStage(runtime, preparer(runtime.plan))
const latest = (sql: MemorySqlSink) => sql.rows('latest').map((row) => [row['room'], row['id']])

describe('the SQL sink stage', () => {
  it('is for row outputs with a SQL sink alone', () => {
    expect(sqlRowOutputs({ plan: rooms }).map(({ name }) => name)).toEqual(['latest'])
  })

  it('upserts rows in their order, and moves the partition’s fence with them', async () => {
    const { sql, runtime } = await withSql()
    const rejected = reading(3, 3, 'cellar', null)
    await stageOf(runtime).handle([
      batch([reading(1, 1), reading(2, 2, 'attic'), rejected, reading(4, 4)], { from: 10 }),
    ])
    expect(latest(sql)).toEqual([
      ['hall', 4],
      ['attic', 2],
    ])
    expect(await sql.fence(partitionAppId(runtime, 0))).toBe(13)
  })

  it('moves the fence also where a batch has nothing but rejected records', async () => {
    const { sql, runtime } = await withSql()
    await stageOf(runtime).handle([batch(['no reading', reading(3, 3, 'cellar', null)], { from: 5 })])
    expect(latest(sql)).toEqual([])
    expect(await sql.fence(partitionAppId(runtime, 0))).toBe(6)
  })

  it('applies a batch once: an old one that comes again sets nothing back', async () => {
    const { sql, runtime } = await withSql()
    const stage = stageOf(runtime)
    await stage.handle([batch([reading(1, 1)]), batch([reading(2, 2)], { from: 1 })])
    await stage.handle([batch([reading(1, 1)])])
    expect(latest(sql)).toEqual([['hall', 2]])
  })

  it('applies of a batch that overlaps what is in only the rows above the fence', async () => {
    const { sql, runtime } = await withSql()
    const seen: (readonly unknown[])[] = []
    const watched: SqlSink = {
      prepare: (tables, owner) => sql.prepare(tables, owner),
      fence: (name) => sql.fence(name),
      close: () => sql.close(),
      apply: (name, fence, changes) => {
        seen.push([...(changes as Iterable<SqlChange>)].flatMap(({ upserts }) => upserts))
        return sql.apply(name, fence, changes)
      },
    }
    const stage = stageOf({ ...runtime, sql: watched })
    await stage.handle([batch([reading(1, 1, 'a'), reading(2, 2, 'b')])])
    await stage.handle([batch([reading(2, 2, 'b'), reading(3, 3, 'c')], { from: 1 })])
    expect(seen).toEqual([
      [
        [1, 'a'],
        [2, 'b'],
      ],
      [[3, 'c']],
    ])
  })

  it('keeps a fence a partition', async () => {
    const { sql, runtime } = await withSql()
    const stage = stageOf(runtime)
    await stage.handle([batch([reading(1, 1)], { from: 100 })])
    await stage.handle([batch([reading(2, 2, 'attic')], { partition: 1, from: 3 })])
    expect(latest(sql)).toEqual([
      ['hall', 1],
      ['attic', 2],
    ])
    expect(await sql.fence(partitionAppId(runtime, 1))).toBe(3)
  })

  it('does nothing where there is no database', async () => {
    const { runtime } = await withSql()
    await expect(stageOf({ ...runtime, sql: null }).handle([batch([reading(1, 1)])])).resolves.toBeUndefined()
  })
})
