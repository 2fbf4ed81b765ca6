import fc from 'fast-check'
import { parquetReadObjects } from 'hyparquet'
import { compressors } from 'hyparquet-compressors'
import { expect, test } from 'vitest'
import { encodeParquet } from '#parquet/writer.ts'
import type { ColumnKind } from '#schema/column.ts'
import { batchOf, type ColumnInput } from '../unit/parquet/column-batch-builder.ts'
import { rowsOf } from '../unit/parquet/file-pages.ts'

const text = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 60 }), fc.constantFrom('a', 'b', ''))
const bytes = fc.uint8Array({ maxLength: 60 })
const long = fc.maxSafeInteger().map((n) => n + 0)

/** NaN has one bit pattern in JavaScript as far as anybody can see. */
const VALUES: Readonly<Record<ColumnKind, fc.Arbitrary<unknown>>> = {
  string: text,
  boolean: fc.boolean(),
  int: fc.integer(),
  long,
  double: fc.double(),
  timestamp: fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 }),
  date: fc.integer(),
  binary: bytes,
  geo_point: fc.record({ latitude: fc.double(), longitude: fc.double() }, { noNullPrototype: true }),
  headers: fc.array(fc.record({ name: text, value: fc.option(bytes) }, { noNullPrototype: true }), { maxLength: 4 }),
}

/** Runs, because levels and indexes are encoded by runs: `times` equal values, or nulls. */
const columnOf = (kind: ColumnKind, rows: number): fc.Arbitrary<ColumnInput> => {
  const run = fc.tuple(fc.option(VALUES[kind], { freq: 3 }), fc.integer({ min: 1, max: 20 }))
  return fc.record({
    kind: fc.constant(kind),
    as: fc.constantFrom('dictionary' as const, 'slices' as const),
    values: fc
      .array(run, { minLength: 1, maxLength: 12 })
      .map((runs) => runs.flatMap(([value, times]) => new Array<unknown>(times).fill(value)))
      .map((values) => Array.from({ length: rows }, (_, i) => values[i % values.length])),
  })
}

const table = fc.integer({ min: 1, max: 200 }).chain((rows) =>
  fc.record({
    columns: fc.record(
      Object.fromEntries(Object.keys(VALUES).map((kind) => [kind, columnOf(kind as ColumnKind, rows)])),
      { noNullPrototype: true },
    ),
    rowGroupRows: fc.integer({ min: 1, max: 250 }),
    select: fc.option(fc.array(fc.nat({ max: rows - 1 }), { minLength: 1, maxLength: 300 })),
  }),
)

test('whatever is encoded reads back equal', async () => {
  await fc.assert(
    fc.asyncProperty(table, async ({ columns, rowGroupRows, select }) => {
      const batch = batchOf(columns)
      const chosen = select === null ? Array.from({ length: batch.rows }, (_, i) => i) : select
      const { bytes: file, rows } = encodeParquet(batch, {
        rowGroupRows,
        select: select === null ? null : Int32Array.from(select),
      })
      expect(rows).toBe(chosen.length)
      const names = Object.keys(columns)
      const expected = chosen.map((row) => Object.fromEntries(names.map((name) => [name, columns[name]!.values[row]])))
      expect(await rowsOf(file)).toEqual(expected)
    }),
    { numRuns: 150 },
  )
})

test('hyparquet on its own, with its own decompressors, reads the same', async () => {
  await fc.assert(
    fc.asyncProperty(table, async ({ columns, rowGroupRows }) => {
      const { string, long, boolean, double, int } = columns
      const flat = { string: string!, long: long!, boolean: boolean!, double: double!, int: int! }
      const { bytes: file } = encodeParquet(batchOf(flat), { rowGroupRows })
      const rows = await parquetReadObjects({ file: new Uint8Array(file).buffer, compressors })
      expect(rows).toEqual(
        Array.from({ length: rows.length }, (_, row) => ({
          string: flat.string.values[row],
          long: flat.long.values[row] === null ? null : BigInt(flat.long.values[row] as number),
          boolean: flat.boolean.values[row],
          double: flat.double.values[row],
          int: flat.int.values[row],
        })),
      )
      expect(rows).toHaveLength(flat.string.values.length)
    }),
    { numRuns: 60 },
  )
})

test('the bounds of the file hold for every value in it', () => {
  fc.assert(
    fc.property(fc.array(fc.option(text), { minLength: 1, maxLength: 50 }), fc.boolean(), (values, dictionary) => {
      const input: ColumnInput = { kind: 'string', values, as: dictionary ? 'dictionary' : 'slices' }
      const { columns } = encodeParquet(batchOf({ c: input }))
      const { min, max } = columns[0]!
      for (const value of values) {
        if (value === null) continue
        expect(Buffer.compare(Buffer.from(min as string), Buffer.from(value))).toBeLessThanOrEqual(0)
        if (max !== undefined)
          expect(Buffer.compare(Buffer.from(max as string), Buffer.from(value))).toBeGreaterThanOrEqual(0)
      }
    }),
    { numRuns: 300 },
  )
})
