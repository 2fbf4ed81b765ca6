import { describe, expect, it } from 'vitest'
import { SluiceError } from '#core/errors.ts'
import { bootedSql } from '#local/booted-sql.ts'
import type { SqlTable } from '#ports/sql-sink.ts'
import { MemorySqlDatabase, MemorySqlSink } from '../../support/memory-sql-sink.ts'

const id = { name: 'id', column: { kind: 'int', nullable: false } } as const
const latest: SqlTable = { name: 'latest', fields: [id], primaryKey: ['id'] }
const gone = new SluiceError('SQL_SINK_FAILED', 'the database is away', { retryable: true })

describe('A SQL sink that boots beside the stream', () => {
  it('boots once, before it is asked for anything', async () => {
    const database = new MemorySqlDatabase()
    let boots = 0
    const sink = bootedSql(
      async () => {
        boots++
        return new MemorySqlSink(database)
      },
      { wait: true },
    )
    expect(boots).toBe(1)
    await sink.prepare([latest], 'june')
    await Promise.all([sink.fence('p'), sink.apply('p', 1, []), sink.fence('q')])
    expect([boots, await sink.fence('p')]).toEqual([1, 1])
  })

  it('tries a boot that failed again, and then prepares the tables', async () => {
    const database = new MemorySqlDatabase()
    let away = true
    const sink = bootedSql(
      async () => {
        if (away) throw gone
        return new MemorySqlSink(database)
      },
      { wait: true },
    )
    await expect(sink.prepare([latest], 'june')).rejects.toThrow(gone)
    await expect(sink.apply('p', 1, [])).rejects.toThrow(gone)
    away = false
    expect(await sink.apply('p', 1, [{ table: 'latest', upserts: [[1]], deletes: [] }])).toBe(true)
    expect(database.owners).toEqual(new Map([['latest', 'june']]))
  })

  it('says at once or with the next call that a table is taken, as it was told', async () => {
    const database = new MemorySqlDatabase()
    await new MemorySqlSink(database).prepare([latest], 'june')
    const boot = async () => new MemorySqlSink(database)
    await expect(bootedSql(boot, { wait: true }).prepare([latest], 'july')).rejects.toMatchObject({
      code: 'SQL_TABLE_TAKEN',
    })
    const beside = bootedSql(boot, { wait: false })
    await beside.prepare([latest], 'july')
    await expect(beside.apply('p', 1, [])).rejects.toMatchObject({ code: 'SQL_TABLE_TAKEN' })
  })

  it('closes what it has opened, also where the tables were refused, and boots nothing to close it', async () => {
    const database = new MemorySqlDatabase()
    await new MemorySqlSink(database).prepare([latest], 'june')
    let closed = 0
    const opened = new MemorySqlSink(database)
    opened.close = async () => void closed++
    const refused = bootedSql(async () => opened, { wait: true })
    await expect(refused.prepare([latest], 'july')).rejects.toMatchObject({ code: 'SQL_TABLE_TAKEN' })
    await refused.close()
    expect(closed).toBe(1)

    let boots = 0
    const away = bootedSql(
      async () => {
        boots++
        throw gone
      },
      { wait: true },
    )
    await expect(away.prepare([], 'june')).rejects.toThrow(gone)
    const before = boots
    await away.close()
    expect(boots).toBe(before)
  })
})
