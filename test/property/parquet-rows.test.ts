import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeRows, ParquetRowsWriter } from '#parquet/rows-writer.ts'
import { rowsOf } from '../unit/parquet/file-pages.ts'
import { PRIMITIVES, rowsCase } from './parquet-rows.ts'

test('rows of any schema read back equal', async () => {
  await fc.assert(
    fc.asyncProperty(rowsCase(3), async ({ columns, rows, rowGroupRows }) => {
      const file = encodeRows(columns, rows, { rowGroupRows })
      expect(await rowsOf(file.bytes)).toEqual(rows)
      expect(file.rows).toBe(rows.length)
    }),
    { numRuns: 200 },
  )
})

test('rows that come in several runs make the same file as all at once', () => {
  fc.assert(
    fc.property(rowsCase(2), fc.integer({ min: 1, max: 30 }), ({ columns, rows, rowGroupRows }, run) => {
      const writer = new ParquetRowsWriter(columns, { rowGroupRows })
      const pieces: Uint8Array[] = []
      for (let at = 0; at < rows.length; at += run) pieces.push(...writer.add(rows.slice(at, at + run)))
      const { pieces: last, ...summary } = writer.finish()
      const { bytes, ...expected } = encodeRows(columns, rows, { rowGroupRows })
      expect(Buffer.concat([...pieces, ...last]).equals(bytes)).toBe(true)
      expect(summary).toEqual(expected)
    }),
    { numRuns: 50 },
  )
})

test('the bounds of a leaf hold for every value of it', () => {
  const types = ['int', 'long', 'double', 'float', 'string', 'date', 'timestamp', 'timestamp_ntz'] as const
  fc.assert(
    fc.property(
      fc.constantFrom(...types).chain(columnOf),
      fc.integer({ min: 1, max: 20 }),
      ({ type, values }, rows) => {
        const column = { name: 'x', type, nullable: true }
        const { columns } = encodeRows(
          [column],
          values.map((x) => ({ x })),
          { rowGroupRows: rows },
        )
        const { min, max, nullCount } = columns[0]!
        expect(nullCount).toBe(values.filter((value) => value === null).length)
        for (const value of values) {
          if (value === null || Number.isNaN(value)) continue
          if (min !== undefined) expect(inOrder(min, value)).toBe(true)
          if (max !== undefined) expect(inOrder(value, max)).toBe(true)
        }
      },
    ),
    { numRuns: 300 },
  )
})

function columnOf<T extends string>(type: T) {
  const values = fc.array(fc.option(PRIMITIVES[type]!), { minLength: 1, maxLength: 50 })
  return values.map((found) => ({ type, values: found }))
}

/** Text by its bytes, numbers and bigints by their value. */
function inOrder(a: unknown, b: unknown): boolean {
  if (typeof a === 'string') return Buffer.compare(Buffer.from(a), Buffer.from(b as string)) <= 0
  return (a as number | bigint) <= (b as number | bigint)
}
