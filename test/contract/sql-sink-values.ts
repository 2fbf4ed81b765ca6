import { describe, expect, it } from 'vitest'
import type { SqlRow, SqlTable } from '#ports/sql-sink.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'
import type { SqlUnderTest } from './sql-sink-under-test.ts'

const field = (name: string, kind: ColumnKind, nullable = false): Fields[number] => ({
  name,
  column: { kind, nullable },
})

/** How a sink stores each kind of column; part of the contract in sql-sink.ts. */
export function sqlValuesContract(opened: () => SqlUnderTest): void {
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
      await opened().sink.prepare([every], 'state-1')
      await opened().sink.apply('p', 1, [{ table: every.name, upserts: rows, deletes: [] }])
      const found = await opened().query(`SELECT ARRAY[${columns}]::text AS value FROM "every ""kind""" ORDER BY id`)
      return found.map(({ value }) => parseArray(value!))
    }

    it('become columns of their types', async () => {
      await opened().sink.prepare([every], 'state-1')
      const found = await opened().query(
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
        ['-2147483648', '', 'false', '-9007199254740991', '-1e-308', '1969-12-31 23:59:59.999+00', '1969-12-31', '\\x'],
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
}

/** The elements of a one-dimensional array as PostgreSQL prints it. */
function parseArray(text: string): (string | null)[] {
  const parts = text.slice(1, -1).match(/"(?:[^"\\]|\\[\s\S])*"|[^,]+/g) ?? []
  return parts.map((part) =>
    part === 'NULL' ? null : part.startsWith('"') ? part.slice(1, -1).replace(/\\([\s\S])/g, '$1') : part,
  )
}
