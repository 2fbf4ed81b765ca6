import { describe, expect, test } from 'vitest'
import { DeltaTable } from '#delta/table.ts'
import { parquetMetadata } from '#parquet/metadata.ts'
import { readParquetRows } from '#parquet/reader.ts'
import { bytesSource } from '#parquet/source.ts'
import { encodeRows, encodeZ85 } from '../../support/roaring.ts'
import { foreignCommit, lake, TABLE } from './fixtures.ts'

const field = (name: string, type: string, nullable = true) => ({ name, type, nullable, metadata: {} })

/** Every type whose columns are copied. */
const FLAT = [
  field('id', 'long', false),
  field('day', 'date'),
  field('at', 'timestamp'),
  field('code', 'string'),
  field('flag', 'boolean'),
  field('small', 'integer'),
  field('ratio', 'double'),
  field('raw', 'binary'),
]
type Row = Readonly<Record<string, unknown>>

const row = (id: number): Row => ({
  id,
  day: id % 5 === 4 ? null : 20_000 + (id % 2),
  at: id % 7 === 0 ? null : 1_700_000_000_000 + id + 0.25,
  code: id % 3 === 0 ? null : `code ${id % 4}`,
  flag: id % 4 === 0 ? null : id % 2 === 0,
  small: id % 6 === 0 ? null : -id,
  ratio: [null, Number.NaN, -0, id / 3][id % 4],
  raw: id % 5 === 0 ? null : Uint8Array.of(id, 255),
})
const rowsFrom = (from: number, to: number): Row[] => Array.from({ length: to - from }, (_, i) => row(from + i))

async function tableOf(fields: readonly ReturnType<typeof field>[], partitionBy: readonly string[] = []) {
  const made = lake()
  const schema = { type: 'struct', fields } as const
  return { ...made, table: await DeltaTable.create(made.deps(), TABLE, { schema, partitionBy }) }
}

async function rowsIn(table: DeltaTable): Promise<Row[]> {
  const rows: Row[] = []
  for await (const run of (await table.snapshot()).rows()) rows.push(...run)
  return rows.sort((a, b) => Number(a['id']) - Number(b['id']))
}

const filesIn = async (table: DeltaTable) => (await table.snapshot()).files

describe('Files that are written together', () => {
  test.each([[[]], [['day']], [['day', 'flag']]])(
    'hold the rows and the statistics of one append, partitioned by %j',
    async (by) => {
      const { table } = await tableOf(FLAT, by)
      const { table: once } = await tableOf(FLAT, by)
      for (let from = 0; from < 60; from += 20) await table.append(rowsFrom(from, from + 20))
      await once.append(rowsFrom(0, 60))
      await table.optimize()
      expect(await rowsIn(table)).toEqual(rowsFrom(0, 60))
      const known = async (of: DeltaTable) =>
        (await filesIn(of))
          .map(({ partitionValues, stats }) => ({ partitionValues, stats }))
          .sort((a, b) => (JSON.stringify(a.partitionValues) < JSON.stringify(b.partitionValues) ? -1 : 1))
      expect(await known(table)).toEqual(await known(once))
    },
  )

  test('lack the rows that deletion vectors hide, and have null where a file is older than a column', async () => {
    const { table, memory } = await tableOf(FLAT.filter(({ name }) => name !== 'code'))
    const old = rowsFrom(0, 10).map(({ code: _, ...rest }) => rest)
    await table.append(old)
    await table.evolve({ type: 'struct', fields: [...FLAT] })
    await table.append(rowsFrom(10, 20))
    const [first] = await filesIn(table)
    const bitmap = encodeRows([0, 1, 7])
    const vector = { storageType: 'i', pathOrInlineDv: encodeZ85(bitmap), sizeInBytes: bitmap.length, cardinality: 3 }
    const features = { readerFeatures: ['deletionVectors'], writerFeatures: ['deletionVectors'] }
    const { version } = await table.snapshot()
    await foreignCommit(memory, version + 1, [
      { protocol: { minReaderVersion: 3, minWriterVersion: 7, ...features } },
      { remove: { path: first!.path, dataChange: true, size: first!.size } },
      { add: { ...first, deletionVector: vector } },
    ])
    await table.optimize()
    expect(await filesIn(table)).toHaveLength(1)
    const shown = old.filter(({ id }) => ![0, 1, 7].includes(id as number)).map((each) => ({ ...each, code: null }))
    expect(await rowsIn(table)).toEqual([...shown, ...rowsFrom(10, 20)])
  })

  test('have row groups of 100,000 rows, however the files are cut', async () => {
    const { table, memory } = await tableOf([field('id', 'long', false), field('text', 'string')])
    const rows = Array.from({ length: 210_000 }, (_, id) => ({ id, text: id % 2 === 0 ? `text ${id}` : null }))
    await table.append(rows.slice(0, 70_000))
    await table.append(rows.slice(70_000, 195_000))
    await table.append(rows.slice(195_000))
    await table.optimize()
    const [file] = await filesIn(table)
    const source = bytesSource(await memory.get(`${TABLE}/${file!.path}`))
    const { rowGroups } = await parquetMetadata(source)
    expect(rowGroups.map((group) => group.rows)).toEqual([100_000, 100_000, 10_000])
    const found: Row[] = []
    for await (const run of readParquetRows(source)) found.push(...run)
    expect(found).toEqual(rows)
    expect(await filesIn(table)).toHaveLength(1)
  })

  test('are copied row by row when whole numbers are beyond 2^53', async () => {
    const { table } = await tableOf([field('id', 'long', false), field('large', 'long')])
    const rows = [
      { id: 0, large: 5 },
      { id: 1, large: 2n ** 60n + 1n },
      { id: 2, large: null },
    ]
    for (const each of rows) await table.append([each])
    await table.optimize()
    expect(await rowsIn(table)).toEqual(rows)
    expect(await filesIn(table)).toHaveLength(1)
  })

  test('keep the types that only rows have, and nested columns', async () => {
    const point = { type: 'struct', fields: [field('x', 'double')] } as const
    const { table } = await tableOf([
      field('id', 'short', false),
      field('half', 'float'),
      { ...field('point', ''), type: point as unknown as string },
    ])
    const rows = [0, 1, 2].map((id) => ({ id, half: id / 2, point: id === 1 ? null : { x: id } }))
    for (const each of rows) await table.append([each])
    await table.optimize()
    expect(await rowsIn(table)).toEqual(rows)
    expect(await filesIn(table)).toHaveLength(1)
  })
})
