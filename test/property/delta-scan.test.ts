import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { readStoredColumns } from '#delta/file-columns.ts'
import { readFileRows } from '#delta/file-rows.ts'
import type { TableLayout } from '#delta/layout.ts'
import { LogPaths } from '#delta/log.ts'
import { compilePredicate, type Predicate } from '#delta/predicate.ts'
import { readRows } from '#delta/rows.ts'
import { scanFiles } from '#delta/scan.ts'
import { toStruct } from '#delta/schema-json.ts'
import { valueGetter } from '#parquet/reader.ts'
import { encodeParquet } from '#parquet/writer.ts'
import type { Fields } from '#schema/column.ts'
import { fromRows } from '#schema/from-rows.ts'
import { encodeRows, encodeZ85 } from '../support/roaring.ts'

type Row = Readonly<Record<string, unknown>>

const STORED: Fields = [
  { name: 'n', column: { kind: 'int', nullable: true } },
  { name: 'big', column: { kind: 'long', nullable: true } },
  { name: 'd', column: { kind: 'double', nullable: true } },
  { name: 's', column: { kind: 'string', nullable: true } },
  { name: 'at', column: { kind: 'timestamp', nullable: true } },
  { name: 'day', column: { kind: 'date', nullable: true } },
  { name: 'ok', column: { kind: 'boolean', nullable: true } },
]
/** A column that came after the file, and one that is in no file. */
const FIELDS: Fields = [
  ...STORED,
  { name: 'late', column: { kind: 'int', nullable: true } },
  { name: 'part', column: { kind: 'int', nullable: true } },
]
const LAYOUT: TableLayout = { schema: toStruct(FIELDS), mapping: 'none', partitionColumns: ['part'] }
const NAMES = FIELDS.map(({ name }) => name)

const VALUES: Readonly<Record<string, fc.Arbitrary<string | number | boolean>>> = {
  n: fc.integer({ min: 0, max: 9 }),
  big: fc.integer({ min: 2 ** 40, max: 2 ** 40 + 9 }),
  d: fc.constantFrom(-1.5, 0, -0, 2.5, Number.NaN),
  s: fc.constantFrom('', 'a', 'b', '\uffff', '\u{1f600}', 'x'.repeat(80)),
  at: fc.integer({ min: -3, max: 3 }),
  day: fc.integer({ min: -3, max: 3 }),
  ok: fc.boolean(),
  late: fc.integer({ min: 0, max: 2 }),
  part: fc.integer({ min: 6, max: 8 }),
}

/** Values in runs, so that row groups differ. */
const rows: fc.Arbitrary<readonly Row[]> = fc
  .array(
    fc.tuple(
      fc.record(Object.fromEntries(STORED.map(({ name }) => [name, fc.option(VALUES[name]!, { freq: 4, nil: null })]))),
      fc.integer({ min: 1, max: 4 }),
    ),
    { minLength: 1, maxLength: 5 },
  )
  .map((runs) => runs.flatMap(([row, count]) => new Array<Row>(count).fill(row)))

const test: fc.Arbitrary<Predicate> = fc.constantFrom(...NAMES).chain((name) =>
  fc
    .oneof(
      fc
        .record({ op: fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte'), value: VALUES[name]! })
        .map(({ op, value }) => ({ [op]: value })),
      fc.boolean().map((isNull) => ({ isNull })),
    )
    .map((tests) => ({ [name]: tests }) as Predicate),
)
const predicate: fc.Arbitrary<Predicate> = fc.oneof(
  test,
  fc.array(test, { maxLength: 3 }).map((and) => ({ and })),
  fc.array(test, { maxLength: 3 }).map((or) => ({ or })),
  test.map((not) => ({ not })),
)

async function world(all: readonly Row[], hidden: readonly number[]) {
  const store = new MemoryObjectStore({ now: () => 0 })
  const { bytes } = encodeParquet(fromRows(STORED, all), { rowGroupRows: 3 })
  await store.put('t/x.parquet', bytes)
  const vector = encodeRows(hidden)
  const file = {
    path: 'x.parquet',
    size: bytes.length,
    modificationTime: 0,
    dataChange: true,
    partitionValues: { part: '7' },
    deletionVector: {
      storageType: 'i',
      pathOrInlineDv: encodeZ85(vector),
      sizeInBytes: vector.length,
      cardinality: hidden.length,
    },
  }
  return { source: { store, paths: new LogPaths('t'), contents: { version: 0 }, layout: LAYOUT }, file }
}

it('A filtered scan finds the rows that a full one would, by rows and by columns, whatever row groups it leaves out', async () => {
  let skipped = 0
  await fc.assert(
    fc.asyncProperty(rows, predicate, fc.uniqueArray(fc.nat(20)), async (all, where, some) => {
      const hidden = some.filter((index) => index < all.length)
      const { source, file } = await world(all, hidden)
      const compiled = compilePredicate(where, LAYOUT, 't')
      const complete = all.map((row, index) => ({ row: { ...row, late: null, part: 7 }, index }))
      const expected = complete.filter(({ row, index }) => !hidden.includes(index) && compiled.matches(row))

      const found: unknown[] = []
      for await (const run of readRows(source, [file], { where })) found.push(...run)
      expect(found).toEqual(expected.map(({ row }) => row))

      const positions: number[] = []
      for await (const run of readFileRows(source, file, NAMES, compiled)) {
        for (const [i, row] of run.rows.entries()) if (compiled.matches(row)) positions.push(run.positions![i]!)
      }
      expect(positions).toEqual(expected.map(({ index }) => index))

      const scanned: unknown[] = []
      for await (const { rows: count, columns, selected } of scanFiles(source, [file], {
        where,
        columns: ['s', 'part'],
      })) {
        const [s, part] = [valueGetter(columns.get('s')!), valueGetter(columns.get('part')!)]
        for (const i of selected ?? Array.from({ length: count }, (_, at) => at)) scanned.push([s(i), part(i)])
      }
      expect(scanned).toEqual(expected.map(({ row }) => [(row as Row).s, 7]))

      let read = 0
      for await (const batch of readStoredColumns(source, file, LAYOUT.schema.fields, compiled)) read += batch.rows
      skipped += all.length - read
    }),
    { numRuns: 300 },
  )
  expect(skipped).toBeGreaterThan(100)
})
