import { beforeEach, describe, expect, it } from 'vitest'
import type { SqlChange, SqlRow, SqlSink, SqlTable } from '#ports/sql-sink.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'
import type { SqlUnderTest } from './sql-sink-under-test.ts'
import { sqlValuesContract } from './sql-sink-values.ts'

const field = (name: string, kind: ColumnKind, nullable = false): Fields[number] => ({
  name,
  column: { kind, nullable },
})

/** Area, end of window, count and revision: what a windowed output looks like. */
const counts: SqlTable = {
  name: 'counts',
  fields: [field('area', 'string'), field('ends', 'timestamp'), field('count', 'long'), field('revision', 'int')],
  primaryKey: ['area', 'ends'],
}

const latest: SqlTable = {
  name: 'latest',
  fields: [field('id', 'long'), field('value', 'string', true)],
  primaryKey: ['id'],
}

/** The state that the rows come from. */
const OWNER = 'state-1'

const upsert = (...upserts: SqlRow[]): SqlChange => ({ table: 'counts', upserts, deletes: [] })
const withdraw = (...deletes: SqlRow[]): SqlChange => ({ table: 'counts', upserts: [], deletes })

/** What every SqlSink does. `open` gives a sink on a database without tables. */
export function sqlSinkContract(name: string, open: () => Promise<SqlUnderTest>): void {
  describe(`${name}, as a SQL sink,`, () => {
    let sink: SqlSink
    let query: SqlUnderTest['query']

    beforeEach(async () => {
      const opened = await open()
      sink = opened.sink
      query = (sql) => opened.query(sql)
    })

    const stored = async (): Promise<string[]> =>
      (await query('SELECT area, count::text, revision::text FROM counts ORDER BY area, ends')).map((row) =>
        Object.values(row).join(' '),
      )

    it('has no fence in the beginning, and keeps one a name', async () => {
      await sink.prepare([], OWNER)
      expect(await sink.fence('p/0')).toBeNull()
      expect(await sink.apply('p/0', 0, [])).toBe(true)
      expect(await sink.apply('p/1', 2 ** 53 - 1, [])).toBe(true)
      expect([await sink.fence('p/0'), await sink.fence('p/1')]).toEqual([0, 2 ** 53 - 1])
    })

    it('applies a change once, however often it is sent', async () => {
      await sink.prepare([counts], OWNER)
      expect(await sink.apply('p', 5, [upsert(['loop', 0, 1, 1])])).toBe(true)
      expect(await sink.apply('p', 5, [upsert(['loop', 0, 2, 2])])).toBe(false)
      expect(await sink.apply('p', 4, [upsert(['north', 0, 1, 1])])).toBe(false)
      expect(await stored()).toEqual(['loop 1 1'])
      expect(await sink.fence('p')).toBe(5)
    })

    it('lets one of many with the same fence win', async () => {
      await sink.prepare([counts], OWNER)
      const applied = await Promise.all(
        Array.from({ length: 8 }, (_, i) => sink.apply('p', 1, [upsert(['loop', 0, i, 1])])),
      )
      expect(applied.filter(Boolean)).toHaveLength(1)
      expect(await stored()).toHaveLength(1)
    })

    const AB = {
      table: 'latest',
      upserts: [
        [1, 'a'],
        [2, 'b'],
      ],
      deletes: [],
    }

    it('replaces a row only by one with a higher revision', async () => {
      await sink.prepare([counts], OWNER)
      await sink.apply('p', 1, [upsert(['loop', 0, 10, 2], ['north', 0, 1, 1])])
      await sink.apply('p', 2, [upsert(['loop', 0, 11, 1], ['north', 0, 2, 2])])
      await sink.apply('p', 3, [upsert(['loop', 0, 12, 2])])
      expect(await stored()).toEqual(['loop 10 2', 'north 2 2'])
    })

    it('replaces a row of a table without revisions always', async () => {
      await sink.prepare([latest], OWNER)
      await sink.apply('p', 1, [AB])
      await sink.apply('p', 2, [
        {
          table: 'latest',
          upserts: [
            [1, 'c'],
            [2, 'd'],
            [2, null],
          ],
          deletes: [],
        },
      ])
      expect(await query('SELECT id::text, value FROM latest ORDER BY id')).toEqual([
        { id: '1', value: 'c' },
        { id: '2', value: null },
      ])
    })

    it('keeps the highest revision of a key that comes several times in a change', async () => {
      await sink.prepare([counts], OWNER)
      await sink.apply('p', 1, [upsert(['loop', 0, 1, 1], ['loop', 0, 3, 3], ['loop', 0, 2, 2], ['loop', 1, 9, 1])])
      expect(await stored()).toEqual(['loop 3 3', 'loop 9 1'])
    })

    it('deletes what a correction withdraws, unless the stored revision is as high', async () => {
      await sink.prepare([counts], OWNER)
      await sink.apply('p', 1, [upsert(['loop', 0, 1, 1], ['loop', 1, 1, 2], ['north', 0, 1, 3], ['south', 0, 1, 1])])
      await sink.apply('p', 2, [withdraw(['loop', 0, 0, 2], ['loop', 1, 0, 2], ['north', 0, 0, 2], ['west', 0, 0, 2])])
      expect(await stored()).toEqual(['loop 1 2', 'north 1 3', 'south 1 1'])
    })

    it('lets the higher revision decide between an upsert and a delete of one key in one change', async () => {
      await sink.prepare([counts], OWNER)
      const upserts = [
        ['loop', 0, 1, 2],
        ['north', 0, 1, 1],
      ]
      const deletes = [
        ['loop', 0, 0, 1],
        ['north', 0, 0, 2],
      ]
      await sink.apply('p', 1, [{ table: 'counts', upserts, deletes }])
      expect(await stored()).toEqual(['loop 1 2'])
    })

    it('puts rows in the place of all that a table has, whatever their revisions, once', async () => {
      await sink.prepare([counts, latest], OWNER)
      await sink.apply('p', 1, [upsert(['loop', 0, 1, 7], ['north', 0, 1, 3]), AB])
      const all: SqlChange = { ...upsert(['loop', 0, 2, 0], ['south', 0, 3, 0]), replace: true }
      expect(await sink.apply('p', 2, [all])).toBe(true)
      await sink.apply('p', 3, [upsert(['loop', 0, 4, 1])])
      expect(await sink.apply('p', 2, [{ ...all, upserts: [] }])).toBe(false)
      expect(await stored()).toEqual(['loop 4 1', 'south 3 0'])
      expect(await query('SELECT id::text FROM latest ORDER BY id')).toEqual([{ id: '1' }, { id: '2' }])
    })

    it('deletes from a table without revisions by key alone', async () => {
      await sink.prepare([latest], OWNER)
      await sink.apply('p', 1, [AB])
      await sink.apply('p', 2, [{ table: 'latest', upserts: [], deletes: [[2, null]] }])
      expect(await query('SELECT id::text FROM latest')).toEqual([{ id: '1' }])
    })

    it('moves neither rows nor fence when a part of the change fails', async () => {
      await sink.prepare([counts], OWNER)
      await expect(
        sink.apply('p', 1, [upsert(['loop', 0, 1, 1]), upsert(['north', 0, null, 1])]),
      ).rejects.toMatchObject({
        code: 'SQL_SINK_FAILED',
        retryable: false,
        message: expect.stringMatching(/null value in column "count".* \(SQLSTATE 23502\)\. Correct the cause/),
      })
      expect(await stored()).toEqual([])
      expect(await sink.fence('p')).toBeNull()
      expect(await sink.apply('p', 1, [upsert(['loop', 0, 1, 1])])).toBe(true)
    })

    it('takes many rows in one change', async () => {
      await sink.prepare([counts], OWNER)
      const rows = Array.from({ length: 12_345 }, (_, i) => [`area ${i % 100}`, i, i, 1])
      await sink.apply('p', 1, [upsert(...rows, ...rows)])
      const [row] = await query('SELECT count(*)::text AS rows, sum(count)::text AS sum FROM counts')
      expect(row).toEqual({ rows: '12345', sum: String((12_344 * 12_345) / 2) })
    })

    sqlValuesContract(() => ({ sink, query }))

    describe('prepare', () => {
      it('may be called again and again', async () => {
        await sink.prepare([counts], OWNER)
        await sink.apply('p', 1, [upsert(['loop', 0, 1, 1])])
        await Promise.all([sink.prepare([counts], OWNER), sink.prepare([counts, latest], OWNER)])
        expect(await stored()).toEqual(['loop 1 1'])
      })

      it('creates the schema that a table name has', async () => {
        const table = { ...latest, name: 'sluice_contract.latest' }
        await query('DROP SCHEMA IF EXISTS sluice_contract CASCADE')
        await sink.prepare([table], OWNER)
        await sink.prepare([table], OWNER)
        await sink.apply('p', 1, [{ table: table.name, upserts: [[1, 'a']], deletes: [] }])
        expect(await query('SELECT value FROM sluice_contract.latest')).toEqual([{ value: 'a' }])
        await query('DROP SCHEMA sluice_contract CASCADE')
      })

      it('adds columns that may be empty, and leaves those it does not know', async () => {
        await sink.prepare([latest], OWNER)
        await sink.apply('p', 1, [{ table: 'latest', upserts: [[1, 'a']], deletes: [] }])
        await query('ALTER TABLE latest ADD COLUMN remark text')
        await sink.prepare([{ ...latest, fields: [...latest.fields, field('seen', 'timestamp', true)] }], OWNER)
        await sink.apply('p', 2, [{ table: 'latest', upserts: [[2, 'b', 0]], deletes: [] }])
        expect(await query('SELECT id::text, extract(epoch FROM seen)::text AS seen FROM latest ORDER BY id')).toEqual([
          { id: '1', seen: null },
          { id: '2', seen: '0.000000' },
        ])
      })

      it('tells whose a taken table is, and the SQL that drops it', async () => {
        await sink.prepare([latest], OWNER)
        const [{ schema }] = (await query('SELECT current_schema()::text AS schema')) as [{ schema: string }]
        await expect(sink.prepare([latest], 'state-2')).rejects.toThrow(
          `Expected tables of state state-2 (this data folder's), found ones that another data folder has filled: ` +
            `${schema}.latest (state state-1). The rows of both would get mixed. Use the data folder that filled them, or another ` +
            'database or schema in DATABASE_URL; or drop them, and they are filled anew with all that this data folder delivers ' +
            'from now on:\n' +
            `  DROP TABLE "${schema}"."latest";\n` +
            `  DELETE FROM "${schema}"."sluice_fence" WHERE starts_with(name, 'state-1/');`,
        )
      })

      it('refuses a filled table beside fences that have no owner, until the fences are gone', async () => {
        await sink.prepare([], OWNER)
        await query("INSERT INTO sluice_fence VALUES ('sluice/crimes/crimes/0', 41)")
        await query('CREATE TABLE latest (id bigint PRIMARY KEY, value text)')
        await sink.prepare([latest], OWNER)
        await query('DELETE FROM sluice_owner')
        await query("INSERT INTO latest VALUES (1, 'a')")
        await expect(sink.prepare([latest], OWNER)).rejects.toMatchObject({
          code: 'SQL_TABLE_TAKEN',
          message: expect.stringMatching(
            /latest \(of an earlier version, which kept no owner\)[\s\S]*starts_with\(name, 'sluice\/'\);\nIf it was this data folder that filled them, the DELETE alone hands them over to it\.$/,
          ),
        })
        await query("DELETE FROM sluice_fence WHERE starts_with(name, 'sluice/')")
        await sink.prepare([latest], OWNER)
        expect(await query('SELECT table_name, owner FROM sluice_owner')).toEqual([
          { table_name: 'latest', owner: OWNER },
        ])
      })

      const refusal = async (table: SqlTable): Promise<unknown> =>
        sink.prepare([table], OWNER).catch((error: unknown) => error)

      it('refuses a column of another type', async () => {
        await sink.prepare([latest], OWNER)
        expect(
          await refusal({ ...latest, fields: [field('id', 'int'), field('value', 'string', true)] }),
        ).toMatchObject({
          code: 'SQL_SCHEMA_MISMATCH',
          message:
            'Table latest, column "id": expected integer, found bigint. ' +
            'Change the column, give the sink another table, or drop this one and let it be made anew.',
        })
      })

      it('refuses a missing column that must not be empty, and changes nothing', async () => {
        await sink.prepare([latest], OWNER)
        const fields = [...latest.fields, field('extra', 'string', true), field('count', 'long')]
        expect(await refusal({ ...latest, fields })).toMatchObject({
          code: 'SQL_SCHEMA_MISMATCH',
          message: expect.stringMatching(
            /^Table latest, column "count": expected bigint NOT NULL, found no such column\./,
          ),
        })
        expect(await query('SELECT * FROM latest LIMIT 0')).toEqual([])
        await expect(query('SELECT extra FROM latest')).rejects.toThrow('column "extra" does not exist')
      })

      it('refuses a column that must not be empty and that it never writes', async () => {
        await query('CREATE TABLE latest (id bigint PRIMARY KEY, value text, owner text NOT NULL)')
        expect(await refusal(latest)).toMatchObject({
          code: 'SQL_SCHEMA_MISMATCH',
          message: expect.stringMatching(
            /^Table latest, column "owner": expected no such column, .* found text NOT NULL\./,
          ),
        })
      })

      it('refuses a column that may be empty here and not there', async () => {
        await query('CREATE TABLE latest (id bigint PRIMARY KEY, value text NOT NULL)')
        expect(await refusal(latest)).toMatchObject({
          code: 'SQL_SCHEMA_MISMATCH',
          message: expect.stringMatching(
            /^Table latest, column "value": expected text, may be empty, found text NOT NULL\./,
          ),
        })
      })

      it.each([
        [
          'another key',
          'CREATE TABLE latest (id bigint NOT NULL, value text NOT NULL, PRIMARY KEY (id, value))',
          '(id, value)',
        ],
        ['no key', 'CREATE TABLE latest (id bigint NOT NULL, value text)', 'none'],
      ])('refuses a table with %s', async (_, sql, found) => {
        await query(sql)
        expect(await refusal(latest)).toMatchObject({
          code: 'SQL_SCHEMA_MISMATCH',
          message: expect.stringContaining(
            `Table latest: expected the primary key (id), found ${found}. Give the sink another`,
          ),
        })
      })

      it('refuses kinds that SQL has no type for', async () => {
        expect(await refusal({ ...latest, fields: [field('id', 'long'), field('at', 'geo_point')] })).toMatchObject({
          code: 'SINK_COLUMN_UNSUPPORTED',
          message:
            'A SQL table holds string, boolean, int, long, double, timestamp, date, binary; ' +
            'column "at" of table latest is geo_point. Leave it out.',
        })
      })

      it('refuses names that PostgreSQL would cut', async () => {
        const name = 'ü'.repeat(32)
        expect(await refusal({ ...latest, name })).toMatchObject({
          code: 'NAME_INVALID',
          message: `A name in PostgreSQL has 1 to 63 bytes, "${name}" has 64. Choose another one.`,
        })
      })
    })

    it('refuses rows of a table that was not prepared', async () => {
      await sink.prepare([], OWNER)
      await expect(sink.apply('p', 1, [upsert(['loop', 0, 1, 1])])).rejects.toThrow('table "counts" was not prepared')
    })
  })
}
