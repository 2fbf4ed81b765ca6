import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeRows, ParquetRowsWriter } from '#parquet/rows-writer.ts'
import { rowsOf } from '../unit/parquet/file-pages.ts'
import { rowsCase } from './parquet-rows.ts'

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
