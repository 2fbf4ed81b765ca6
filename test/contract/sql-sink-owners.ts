import { beforeEach, describe, expect, it } from 'vitest'
import type { SqlChange, SqlSink, SqlTable } from '#ports/sql-sink.ts'
import type { Fields } from '#schema/column.ts'

/** A database, and what is done to it beside the sinks. */
export interface SqlDatabaseUnderTest {
  /** A sink as another process has it. */
  session(): Promise<SqlSink>
  /** Makes the table as a user does, without a sink. */
  createByHand(table: SqlTable): Promise<void>
  dropTable(name: string): Promise<void>
  /** Does what the message of SQL_TABLE_TAKEN says. */
  clearAsTold(refusal: unknown): Promise<void>
  /** `key value` of each row of a table of this contract, in the order of keys. */
  rows(table: string): Promise<readonly string[]>
}

const fields: Fields = [
  { name: 'id', column: { kind: 'int', nullable: false } },
  { name: 'revision', column: { kind: 'int', nullable: false } },
]
const daily: SqlTable = { name: 'daily', fields, primaryKey: ['id'] }
const hourly: SqlTable = { name: 'hourly', fields, primaryKey: ['id'] }
const into = (table: SqlTable, ...ids: number[]): SqlChange => ({
  table: table.name,
  upserts: ids.map((id) => [id, 0]),
  deletes: [],
})

/** Whose a table is, for every SqlSink. `open` gives a database without tables. */
export function sqlOwnersContract(name: string, open: () => Promise<SqlDatabaseUnderTest>): void {
  describe(`${name}, whose tables have owners,`, () => {
    let database: SqlDatabaseUnderTest

    beforeEach(async () => {
      database = await open()
    })

    const prepared = async (owner: string, ...tables: readonly SqlTable[]): Promise<SqlSink> => {
      const sink = await database.session()
      await sink.prepare(tables, owner)
      return sink
    }
    const refused = async (owner: string, ...tables: readonly SqlTable[]): Promise<unknown> =>
      prepared(owner, ...tables).then(
        () => null,
        (error: unknown) => error,
      )

    it('lets any session of the owner go on with its tables and fences', async () => {
      await (await prepared('june', daily)).apply('p', 1, [into(daily, 1)])
      const again = await prepared('june', daily, hourly)
      expect(await again.fence('p')).toBe(1)
      expect(await again.apply('p', 2, [into(daily, 2), into(hourly, 1)])).toBe(true)
      expect([await database.rows('daily'), await database.rows('hourly')]).toEqual([['1 0', '2 0'], ['1 0']])
    })

    it('refuses another state before it changes anything, and names every table that is taken', async () => {
      const june = await prepared('june', daily, hourly)
      await june.apply('p', 5, [into(daily, 1)])
      const sensors: SqlTable = { ...daily, name: 'sensors' }
      expect(await refused('july', daily, sensors, hourly)).toMatchObject({
        code: 'SQL_TABLE_TAKEN',
        retryable: false,
        details: {
          tables: [expect.stringMatching(/daily$/), expect.stringMatching(/hourly$/)],
          expected: 'july',
          found: ['june', 'june'],
        },
      })
      await prepared('august', sensors)
      expect(await june.apply('p', 6, [into(daily, 2)])).toBe(true)
      expect(await database.rows('daily')).toEqual(['1 0', '2 0'])
    })

    it('keeps fences of the same name apart', async () => {
      const june = await prepared('june', daily)
      const july = await prepared('july', hourly)
      await june.apply('p', 7, [into(daily, 1)])
      expect(await july.fence('p')).toBeNull()
      expect(await july.apply('p', 3, [into(hourly, 1)])).toBe(true)
      expect([await june.fence('p'), await july.fence('p')]).toEqual([7, 3])
      expect([await database.rows('daily'), await database.rows('hourly')]).toEqual([['1 0'], ['1 0']])
    })

    it('adopts a table that a user has made, which then is nobody else’s', async () => {
      await database.createByHand(daily)
      await (await prepared('june', daily)).apply('p', 1, [into(daily, 1)])
      expect(await database.rows('daily')).toEqual(['1 0'])
      expect(await refused('july', daily)).toMatchObject({ code: 'SQL_TABLE_TAKEN' })
    })

    it('gives a table to one of two states that prepare it at once', async () => {
      const owners = ['june', 'july']
      for (const made of ['anew', 'by hand']) {
        const table = { ...daily, name: `daily ${made}` }
        if (made === 'by hand') await database.createByHand(table)
        const sinks = await Promise.all(owners.map(() => database.session()))
        const outcomes = await Promise.allSettled(sinks.map((sink, i) => sink.prepare([table], owners[i]!)))
        expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
        const loser = outcomes.findIndex(({ status }) => status === 'rejected')
        expect(outcomes[loser]).toMatchObject({
          reason: { code: 'SQL_TABLE_TAKEN', details: { expected: owners[loser], found: [owners[1 - loser]] } },
        })
        expect(await sinks[1 - loser]!.apply(made, 1, [into(table, 1)])).toBe(true)
      }
    })

    it('fills a dropped table from the first result, whatever the other state’s fences were', async () => {
      await (await prepared('june', daily)).apply('p', 9, [into(daily, 1)])
      await database.clearAsTold(await refused('july', daily))
      const july = await prepared('july', daily)
      expect(await july.apply('p', 1, [into(daily, 1, 2)])).toBe(true)
      expect(await database.rows('daily')).toEqual(['1 0', '2 0'])
      // And back again.
      await database.clearAsTold(await refused('june', daily))
      const june = await prepared('june', daily)
      expect(await june.apply('p', 1, [into(daily, 3)])).toBe(true)
      expect(await database.rows('daily')).toEqual(['3 0'])
    })

    it('fills a table anew that was dropped with the fences left', async () => {
      await (await prepared('june', daily)).apply('p', 9, [into(daily, 1)])
      await database.dropTable('daily')
      const june = await prepared('june', daily)
      expect(await june.fence('p')).toBeNull()
      expect(await june.apply('p', 9, [into(daily, 1)])).toBe(true)
      await database.dropTable('daily')
      const july = await prepared('july', daily)
      expect(await july.apply('p', 1, [into(daily, 4)])).toBe(true)
      await database.dropTable('daily')
      const again = await prepared('june', daily)
      expect(await again.apply('p', 9, [into(daily, 1)])).toBe(true)
      expect(await database.rows('daily')).toEqual(['1 0'])
    })

    it('keeps its fences when a table is added to the others', async () => {
      await (await prepared('june', daily)).apply('p', 9, [into(daily, 1)])
      expect(await (await prepared('june', daily, hourly)).fence('p')).toBe(9)
    })

    it('stops a session whose table was dropped and taken by another state while it ran', async () => {
      const june = await prepared('june', daily, hourly)
      await june.apply('p', 1, [into(daily, 1)])
      await database.dropTable('daily')
      await prepared('july', daily)
      await expect(june.apply('p', 2, [into(hourly, 2), into(daily, 2)])).rejects.toMatchObject({
        code: 'SQL_TABLE_TAKEN',
        details: { tables: [expect.stringMatching(/daily$/)], expected: 'june', found: ['july'] },
      })
      expect([await june.fence('p'), await database.rows('daily'), await database.rows('hourly')]).toEqual([1, [], []])
    })

    it('knows no fences before it knows whose they are', async () => {
      const sink = await database.session()
      await expect(sink.fence('p')).rejects.toThrow('the sink was not prepared')
      await expect(sink.apply('p', 1, [])).rejects.toThrow('the sink was not prepared')
    })
  })
}

type RunSql = (sql: string) => Promise<readonly Readonly<Record<string, string | null>>[]>

/** The part of a database that SQL does; tables are in the search path. */
export function overSql(query: RunSql, session: () => Promise<SqlSink>): SqlDatabaseUnderTest {
  return {
    session,
    async createByHand({ name }) {
      await query(`CREATE TABLE "${name}" (id integer PRIMARY KEY, revision integer NOT NULL)`)
    },
    async dropTable(name) {
      await query(`DROP TABLE "${name}"`)
    },
    async clearAsTold(refusal) {
      const statements = (refusal as Error).message.split('\n').filter((line) => line.endsWith(';'))
      expect(statements).toHaveLength(2)
      for (const statement of statements) await query(statement)
    },
    async rows(table) {
      const found = await query(`SELECT id::text, revision::text FROM "${table}" ORDER BY id`)
      return found.map(({ id, revision }) => `${id} ${revision}`)
    },
  }
}
