import { beforeEach, describe, expect, it } from 'vitest'
import type { SqlChange, SqlRow, SqlSink, SqlTable } from '#ports/sql-sink.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'

export interface SqlUnderTest {
  readonly sink: SqlSink
  /** Runs a statement beside the sink; values as text. */
  query(sql: string): Promise<readonly Readonly<Record<string, string | null>>[]>
}

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
      await sink.prepare([])
      expect(await sink.fence('p/0')).toBeNull()
      expect(await sink.apply('p/0', 0, [])).toBe(true)
      expect(await sink.apply('p/1', 2 ** 53 - 1, [])).toBe(true)
      expect([await sink.fence('p/0'), await sink.fence('p/1')]).toEqual([0, 2 ** 53 - 1])
    })

    it('applies a change once, however often it is sent', async () => {
      await sink.prepare([counts])
      expect(await sink.apply('p', 5, [upsert(['loop', 0, 1, 1])])).toBe(true)
      expect(await sink.apply('p', 5, [upsert(['loop', 0, 2, 2])])).toBe(false)
      expect(await sink.apply('p', 4, [upsert(['north', 0, 1, 1])])).toBe(false)
      expect(await stored()).toEqual(['loop 1 1'])
      expect(await sink.fence('p')).toBe(5)
    })

    it('lets one of many with the same fence win', async () => {
      await sink.prepare([counts])
      const applied = await Promise.all(
        Array.from({ length: 8 }, (_, i) => sink.apply('p', 1, [upsert(['loop', 0, i, 1])])),
      )
      expect(applied.filter(Boolean)).toHaveLength(1)
      expect(await stored()).toHaveLength(1)
    })

    it('replaces a row only by one with a higher revision', async () => {
      await sink.prepare([counts])
      await sink.apply('p', 1, [upsert(['loop', 0, 10, 2], ['north', 0, 1, 1])])
      await sink.apply('p', 2, [upsert(['loop', 0, 11, 1], ['north', 0, 2, 2])])
      await sink.apply('p', 3, [upsert(['loop', 0, 12, 2])])
      expect(await stored()).toEqual(['loop 10 2', 'north 2 2'])
    })

    it('replaces a row of a table without revisions always', async () => {
      await sink.prepare([latest])
      await sink.apply('p', 1, [
        {
          table: 'latest',
          upserts: [
            [1, 'a'],
            [2, 'b'],
          ],
          deletes: [],
        },
      ])
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
      await sink.prepare([counts])
      await sink.apply('p', 1, [upsert(['loop', 0, 1, 1], ['loop', 0, 3, 3], ['loop', 0, 2, 2], ['loop', 1, 9, 1])])
      expect(await stored()).toEqual(['loop 3 3', 'loop 9 1'])
    })

    it('deletes what a correction withdraws, unless the stored revision is as high', async () => {
      await sink.prepare([counts])
      await sink.apply('p', 1, [upsert(['loop', 0, 1, 1], ['loop', 1, 1, 2], ['north', 0, 1, 3], ['south', 0, 1, 1])])
      await sink.apply('p', 2, [withdraw(['loop', 0, 0, 2], ['loop', 1, 0, 2], ['north', 0, 0, 2], ['west', 0, 0, 2])])
      expect(await stored()).toEqual(['loop 1 2', 'north 1 3', 'south 1 1'])
    })

    it('lets the higher revision decide between an upsert and a delete of one key in one change', async () => {
      await sink.prepare([counts])
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

    it('deletes from a table without revisions by key alone', async () => {
      await sink.prepare([latest])
      await sink.apply('p', 1, [
        {
          table: 'latest',
          upserts: [
            [1, 'a'],
            [2, 'b'],
          ],
          deletes: [],
        },
      ])
      await sink.apply('p', 2, [{ table: 'latest', upserts: [], deletes: [[2, null]] }])
      expect(await query('SELECT id::text FROM latest')).toEqual([{ id: '1' }])
    })

    it('moves neither rows nor fence when a part of the change fails', async () => {
      await sink.prepare([counts])
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
      await sink.prepare([counts])
      const rows = Array.from({ length: 12_345 }, (_, i) => [`area ${i % 100}`, i, i, 1])
      await sink.apply('p', 1, [upsert(...rows, ...rows)])
      const [row] = await query('SELECT count(*)::text AS rows, sum(count)::text AS sum FROM counts')
      expect(row).toEqual({ rows: '12345', sum: String((12_344 * 12_345) / 2) })
    })

    describe('values', () => {
      const every: SqlTable = {
        name: 'every "kind"',
        fields: [
          field('id', 'int'),
          field('from', 'string', true),
          field('a "quoted" name', 'boolean', true),
          field('l', 'long', true),
          field('d', 'double', true),
          field('t', 'timestamp', true),
          field('day', 'date', true),
          field('b', 'binary', true),
        ],
        primaryKey: ['id'],
      }
      const columns = every.fields.map(({ name }) => `"${name.replaceAll('"', '""')}"::text`).join(', ')

      const written = async (...rows: SqlRow[]): Promise<(string | null)[][]> => {
        await sink.prepare([every])
        await sink.apply('p', 1, [{ table: every.name, upserts: rows, deletes: [] }])
        const found = await query(`SELECT ARRAY[${columns}]::text AS value FROM "every ""kind""" ORDER BY id`)
        return found.map(({ value }) => parseArray(value!))
      }

      it('become columns of their types', async () => {
        await sink.prepare([every])
        const found = await query(
          'SELECT data_type::text, is_nullable::text FROM information_schema.columns WHERE table_name = \'every "kind"\' ORDER BY ordinal_position',
        )
        expect(found.map((row) => `${row['data_type']} ${row['is_nullable']}`)).toEqual([
          'integer NO',
          'text YES',
          'boolean YES',
          'bigint YES',
          'double precision YES',
          'timestamp with time zone YES',
          'date YES',
          'bytea YES',
        ])
      })

      it('are stored exactly, extreme ones too', async () => {
        const bytes = Uint8Array.of(0, 92, 34, 255)
        expect(
          await written(
            [1, 'O\'Hare "x" \\ {,} NULL\n値', true, 2 ** 53 - 1, 0.1 + 0.2, 1_700_000_000_123, 19_000, bytes],
            [-(2 ** 31), '', false, -(2 ** 53 - 1), -1e-308, -1, -1, Uint8Array.of()],
            [3, null, null, null, null, null, null, null],
          ),
        ).toEqual([
          [
            '-2147483648',
            '',
            'false',
            '-9007199254740991',
            '-1e-308',
            '1969-12-31 23:59:59.999+00',
            '1969-12-31',
            '\\x',
          ],
          [
            '1',
            'O\'Hare "x" \\ {,} NULL\n値',
            'true',
            '9007199254740991',
            '0.30000000000000004',
            '2023-11-14 22:13:20.123+00',
            '2022-01-08',
            '\\x005c22ff',
          ],
          ['3', null, null, null, null, null, null, null],
        ])
      })

      it('include what is no number, and years before 1 and after 9999', async () => {
        const year = (text: string): number => Date.parse(text)
        const day = (text: string): number => Date.parse(text) / 86_400_000
        const rows = await written(
          [1, 'a', true, 0, Number.NaN, year('+012345-06-07T08:09:10.011Z'), day('+012345-06-07T00:00:00Z'), null],
          [
            2,
            'a',
            true,
            0,
            Number.POSITIVE_INFINITY,
            year('0000-01-02T00:00:00.001Z'),
            day('0000-01-02T00:00:00Z'),
            null,
          ],
          [
            3,
            'a',
            true,
            0,
            Number.NEGATIVE_INFINITY,
            year('-000043-03-15T00:00:00Z'),
            day('-000043-03-15T00:00:00Z'),
            null,
          ],
        )
        expect(rows.map((row) => row.slice(4, 7))).toEqual([
          ['NaN', '12345-06-07 08:09:10.011+00', '12345-06-07'],
          ['Infinity', '0001-01-02 00:00:00.001+00 BC', '0001-01-02 BC'],
          ['-Infinity', '0044-03-15 00:00:00+00 BC', '0044-03-15 BC'],
        ])
      })

      it('lose the character U+0000, which PostgreSQL has no room for, to U+FFFD', async () => {
        expect((await written([1, 'a\0b', null, null, null, null, null, null]))[0]![1]).toBe('a\uFFFDb')
      })
    })

    describe('prepare', () => {
      it('may be called again and again', async () => {
        await sink.prepare([counts])
        await sink.apply('p', 1, [upsert(['loop', 0, 1, 1])])
        await Promise.all([sink.prepare([counts]), sink.prepare([counts, latest])])
        expect(await stored()).toEqual(['loop 1 1'])
      })

      it('creates the schema that a table name has', async () => {
        const table = { ...latest, name: 'sluice_contract.latest' }
        await query('DROP SCHEMA IF EXISTS sluice_contract CASCADE')
        await sink.prepare([table])
        await sink.prepare([table])
        await sink.apply('p', 1, [{ table: table.name, upserts: [[1, 'a']], deletes: [] }])
        expect(await query('SELECT value FROM sluice_contract.latest')).toEqual([{ value: 'a' }])
        await query('DROP SCHEMA sluice_contract CASCADE')
      })

      it('adds columns that may be empty, and leaves those it does not know', async () => {
        await sink.prepare([latest])
        await sink.apply('p', 1, [{ table: 'latest', upserts: [[1, 'a']], deletes: [] }])
        await query('ALTER TABLE latest ADD COLUMN remark text')
        await sink.prepare([{ ...latest, fields: [...latest.fields, field('seen', 'timestamp', true)] }])
        await sink.apply('p', 2, [{ table: 'latest', upserts: [[2, 'b', 0]], deletes: [] }])
        expect(await query('SELECT id::text, extract(epoch FROM seen)::text AS seen FROM latest ORDER BY id')).toEqual([
          { id: '1', seen: null },
          { id: '2', seen: '0.000000' },
        ])
      })

      const refusal = async (table: SqlTable): Promise<unknown> =>
        sink.prepare([table]).catch((error: unknown) => error)

      it('refuses a column of another type', async () => {
        await sink.prepare([latest])
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
        await sink.prepare([latest])
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
      await sink.prepare([])
      await expect(sink.apply('p', 1, [upsert(['loop', 0, 1, 1])])).rejects.toThrow('table "counts" was not prepared')
    })
  })
}

/** The elements of a one-dimensional array as PostgreSQL prints it. */
function parseArray(text: string): (string | null)[] {
  const parts = text.slice(1, -1).match(/"(?:[^"\\]|\\[\s\S])*"|[^,]+/g) ?? []
  return parts.map((part) =>
    part === 'NULL' ? null : part.startsWith('"') ? part.slice(1, -1).replace(/\\([\s\S])/g, '$1') : part,
  )
}
