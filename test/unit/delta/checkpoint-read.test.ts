import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { readCheckpoint } from '#delta/checkpoint-read.ts'
import { LogPaths } from '#delta/log.ts'
import { replay } from '#delta/replay.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { checkpointPath, lake, TABLE, tableOf } from './fixtures.ts'

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
