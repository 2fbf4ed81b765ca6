import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { readCheckpoint } from '#delta/checkpoint-read.ts'
import { LogPaths } from '#delta/log.ts'
import { replay } from '#delta/replay.ts'
import { parsedStatsFormat } from '#delta/stats-parsed.ts'
import { DeltaTable } from '#delta/table.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { checkpointPath, deleteCommits, LOG, lake, TABLE, tableOf, versionName } from './fixtures.ts'

const leaf = (name: string, type: string, more: object = {}) => ({ name, type, repetition_type: 'OPTIONAL', ...more })
const text = (name: string) => leaf(name, 'BYTE_ARRAY', { converted_type: 'UTF8' })
const group = (name: string, ...children: readonly (readonly object[])[]) => [
  { name, repetition_type: 'OPTIONAL', num_children: children.length },
  ...children.flat(),
]

/** A checkpoint of one file whose statistics are a struct, with these values as minimum. */
async function statsOf(values: Readonly<Record<string, unknown>>, stats?: string): Promise<string | undefined> {
  const leaves = [
    leaf('n', 'INT64'),
    leaf('d', 'DOUBLE'),
    text('s'),
    leaf('day', 'INT32', { converted_type: 'DATE' }),
    leaf('at', 'INT64', { converted_type: 'TIMESTAMP_MICROS' }),
    leaf('price', 'INT32', { converted_type: 'DECIMAL', precision: 9, scale: 2 }),
    leaf('raw', 'BYTE_ARRAY'),
  ]
  const minValues = group('minValues', ...leaves.map((one) => [one]), group('in', [leaf('ok', 'BOOLEAN')]))
  const parsed = group('stats_parsed', [leaf('numRecords', 'INT64')], minValues)
  const add = group('add', [text('path')], [leaf('size', 'INT64')], [text('stats')], parsed)
  const protocol = group('protocol', [leaf('minReaderVersion', 'INT32')], [leaf('minWriterVersion', 'INT32')])
  const metaData = group('metaData', [text('id')], [text('schemaString')])
  const action = {
    path: 'x.parquet',
    size: 5n,
    stats: stats ?? null,
    stats_parsed: { numRecords: 3n, minValues: values },
  }
  const columnData = [
    { name: 'protocol', data: [{ minReaderVersion: 1, minWriterVersion: 2 }, null, null] },
    { name: 'metaData', data: [null, { id: 'x', schemaString: '{}' }, null] },
    { name: 'add', data: [null, null, action] },
  ] as unknown as ColumnSource[]
  const schema = [{ name: 'root', num_children: 3 }, ...protocol, ...metaData, ...add] as never
  const { memory } = lake()
  await memory.put('cp.parquet', new Uint8Array(parquetWriteBuffer({ columnData, schema, codec: 'UNCOMPRESSED' })))
  const info = (await memory.head('cp.parquet'))!
  for await (const { adds } of readCheckpoint(memory, new LogPaths(TABLE), { version: 0, files: [info] })) {
    return adds[0]!.stats
  }
}

describe('statistics as a struct', () => {
  it('become the JSON that commits have', async () => {
    const stats = await statsOf({
      n: 9_007_199_254_740_993n,
      d: 1.5,
      s: 'a "quoted" é',
      day: new Date('2024-03-01'),
      at: 1_709_287_200_123_456n,
      price: 12.5,
      in: { ok: true },
    })
    expect(stats).toBe(
      '{"numRecords":3,"minValues":{"n":9007199254740993,"d":1.5,"s":"a \\"quoted\\" é","day":"2024-03-01","at":"2024-03-01T10:00:00.123Z","price":12.50,"in":{"ok":true}}}',
    )
  })

  it('leave out what is null, and what JSON has no statistics of', async () => {
    expect(await statsOf({ n: null, raw: Uint8Array.of(1) })).toBe('{"numRecords":3,"minValues":{}}')
  })

  it('have numbers that are none as text, as commits have', async () => {
    expect(await statsOf({ d: Number.POSITIVE_INFINITY })).toBe('{"numRecords":3,"minValues":{"d":"Infinity"}}')
  })

  it('count only where there is no JSON', async () => {
    expect(await statsOf({ n: 1n }, '{"numRecords":4}')).toBe('{"numRecords":4}')
  })
})

describe('a leaf of such statistics', () => {
  const format = (element: object, value: unknown): string | undefined =>
    parsedStatsFormat({ element: { name: 'x', ...element }, children: [] } as never)(value)
  const at = Date.UTC(2024, 2, 1, 10)

  it.each([
    [{ type: 'INT32', converted_type: 'DATE' }, 19_783, '"2024-03-01"'],
    [{ type: 'INT32', logical_type: { type: 'DATE' } }, -1, '"1969-12-31"'],
    [{ type: 'INT32', logical_type: { type: 'DATE' } }, 1e9, undefined],
    [{ type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' }, at + 0.9, '"2024-03-01T10:00:00.000Z"'],
    [{ type: 'INT64', logical_type: { type: 'TIMESTAMP' } }, at, '"2024-03-01T10:00:00.000Z"'],
    [{ type: 'INT96' }, at - 0.1, '"2024-03-01T09:59:59.999Z"'],
    [{ type: 'INT64', logical_type: { type: 'TIMESTAMP' } }, Number.MAX_VALUE, undefined],
    [{ type: 'INT32', converted_type: 'DECIMAL' }, '1.50', '1.50'],
    [{ type: 'INT32', logical_type: { type: 'DECIMAL' } }, '1.50', '1.50'],
    [{ type: 'INT32', logical_type: { type: 'INTEGER' } }, 5, '5'],
    [{ type: 'DOUBLE' }, Number.NaN, '"NaN"'],
    [{ type: 'BOOLEAN' }, false, 'false'],
  ])('%j with the value %s is %s', (element, value, expected) => {
    expect(format(element, value)).toBe(expected)
  })
})

describe('reading a checkpoint', () => {
  it('is one GET, and of its header alone one as well', async () => {
    const { memory } = await tableOf(5, 5)
    const counting = new CountingStore(memory)
    const files = [(await memory.head(checkpointPath(5)))!]
    for (const part of ['all', 'files', 'header'] as const) {
      const found = { adds: 0, txns: 0 }
      for await (const { adds, txns } of readCheckpoint(counting, new LogPaths(TABLE), { version: 5, files }, part)) {
        found.adds += adds.length
        found.txns += txns.length
      }
      expect(found).toEqual({ adds: part === 'header' ? 0 : 5, txns: part === 'files' ? 0 : 1 })
      expect(counting.take()).toEqual([`get ${checkpointPath(5)}`])
    }
  })

  it('shares what files of one partition have in common', async () => {
    const { memory } = await tableOf(3, 3)
    const { files } = await replay(memory, new LogPaths(TABLE))
    const [first, ...others] = [...files.values()].map(({ partitionValues }) => partitionValues)
    expect(others.every((values) => values === first)).toBe(true)
  })
})

describe('a checkpoint of other columns', () => {
  const int = (name: string) => leaf(name, 'INT32')
  const COLUMNS = {
    protocol: [int('minReaderVersion'), int('minWriterVersion')],
    metaData: [text('id'), text('schemaString')],
    add: [text('path'), int('size')],
    remove: [text('path')],
    txn: [text('appId'), int('version')],
  }
  const ROWS: readonly Readonly<Record<string, Readonly<Record<string, unknown>>>>[] = [
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    { metaData: { id: 'x', schemaString: '{"type":"struct","fields":[]}' } },
    { add: { path: 'x.parquet', size: 5 } },
    { txn: { appId: 'app', version: 7 } },
  ]

  /** The log is this checkpoint of version 5, as another writer made it, and nothing else. */
  async function logOf(columns: Readonly<Record<string, readonly object[]>>, rows = ROWS) {
    const { memory } = await tableOf(5)
    await deleteCommits(memory, 0, 5)
    for (let version = 0; version <= 5; version++) await memory.delete(`${LOG}/${versionName(version)}.crc`)
    const kinds = Object.keys(columns)
    const schema = [{ name: 'root', num_children: kinds.length }]
    for (const kind of kinds) schema.push(...(group(kind, ...columns[kind]!.map((one) => [one])) as never[]))
    const columnData = kinds.map((name) => ({ name, data: rows.map((row) => row[name] ?? null) }))
    const bytes = parquetWriteBuffer({
      columnData: columnData as never,
      schema: schema as never,
      codec: 'UNCOMPRESSED',
    })
    await memory.put(checkpointPath(5), new Uint8Array(bytes))
    return { memory, paths: new LogPaths(TABLE) }
  }

  it('is read, where it has all that is needed', async () => {
    const { memory, paths } = await logOf(COLUMNS)
    const { files, txns } = await replay(memory, paths)
    expect([...files.keys()]).toEqual(['x.parquet'])
    expect(txns.get('app')?.version).toBe(7)
    expect((await (await DeltaTable.open(lake().deps(memory), TABLE)).appendState()).txns.get('app')).toBe(7)
  })

  it.each([
    ['add', 'add', undefined],
    ['metaData', 'metaData', undefined],
    ['protocol', 'protocol', undefined],
    ['add.path', 'add', 'path'],
    ['remove.path', 'remove', 'path'],
    ['txn.appId', 'txn', 'appId'],
    ['metaData.id', 'metaData', 'id'],
  ] as const)('is refused without its column %s, which would be a table without', async (column, kind, child) => {
    const { [kind]: children, ...others } = COLUMNS
    const kept = children.filter((one) => one.name !== child)
    const { memory, paths } = await logOf(child === undefined ? others : { ...others, [kind]: [...kept, int('more')] })
    const error = {
      code: 'DELTA_CHECKPOINT_CORRUPT',
      message: `Expected a whole Delta checkpoint at ${checkpointPath(5)}, but it lacks a column ${column}. Restore it from a copy; until then only versions whose commits are all there can be read.`,
    }
    await expect(replay(memory, paths)).rejects.toMatchObject(error)
    await expect((await DeltaTable.open(lake().deps(memory), TABLE)).appendState()).rejects.toMatchObject(error)
  })

  it('may lack what it has nothing of', async () => {
    const { remove: _, txn: __, ...columns } = COLUMNS
    const { memory, paths } = await logOf(columns)
    expect((await replay(memory, paths)).files.size).toBe(1)
  })

  it('is refused for a file without a path', async () => {
    const { memory, paths } = await logOf(COLUMNS, [...ROWS, { add: { path: null, size: 9 } }])
    await expect(replay(memory, paths)).rejects.toMatchObject({
      code: 'DELTA_CHECKPOINT_CORRUPT',
      message: expect.stringContaining('but it lacks the path of the file in row 5.'),
    })
  })

  it('may give every row all structs, with nothing in them', async () => {
    const nothing = { add: { path: null, size: null }, txn: { appId: null, version: null } }
    const { memory, paths } = await logOf(
      COLUMNS,
      ROWS.map((row) => ({ ...nothing, ...row })),
    )
    const { files, txns } = await replay(memory, paths)
    expect([files.size, txns.size]).toEqual([1, 1])
  })
})
