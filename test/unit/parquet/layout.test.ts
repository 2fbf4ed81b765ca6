import { createHash } from 'node:crypto'
import { zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { parquetMetadata } from '#parquet/metadata.ts'
import { bytesSource } from '#parquet/source.ts'
import { encodeParquet } from '#parquet/writer.ts'
import { batchOf, type ColumnInput } from './column-batch-builder.ts'
import { pagesOf } from './file-pages.ts'

const ROWS = 500
const column = (kind: ColumnInput['kind'], value: (row: number) => unknown, more = {}): ColumnInput => ({
  kind,
  values: Array.from({ length: ROWS }, (_, row) => (row % 10 === 9 ? null : value(row))),
  ...more,
})

const all = batchOf({
  text: column('string', (row) => `text ${row}`),
  code: column('string', (row) => `code ${row % 7}`, { as: 'dictionary' }),
  unique: column('string', (row) => `only ${row}`, { as: 'dictionary' }),
  flag: column('boolean', (row) => row % 3 === 0),
  count: column('int', (row) => row % 4),
  id: column('long', (row) => row),
  ratio: column('double', (row) => row % 2),
  at: column('timestamp', (row) => row),
  day: column('date', (row) => row),
  raw: column('binary', () => Uint8Array.of(1)),
  place: column('geo_point', (row) => ({ latitude: row, longitude: -row })),
  headers: column('headers', () => [{ name: 'a', value: Uint8Array.of(1) }]),
})

test('every data page is V1, PLAIN or RLE_DICTIONARY, with RLE levels; booleans and doubles are PLAIN', async () => {
  for (const { column: name, headers } of await pagesOf(encodeParquet(all).bytes)) {
    const dictionary = name === 'code'
    expect(headers.map(({ type }) => type)).toEqual(dictionary ? ['DICTIONARY_PAGE', 'DATA_PAGE'] : ['DATA_PAGE'])
    expect(headers.at(-1)?.data_page_header).toMatchObject({
      encoding: dictionary ? 'RLE_DICTIONARY' : 'PLAIN',
      definition_level_encoding: 'RLE',
      repetition_level_encoding: 'RLE',
      num_values: ROWS,
    })
    if (dictionary) expect(headers[0]?.dictionary_page_header).toMatchObject({ num_values: 7, encoding: 'PLAIN' })
  }
})

test('text that hardly repeats, or is null in the whole row group, has no dictionary page', async () => {
  const values = Array.from({ length: 20 }, (_, row) => (row < 10 ? 'same' : null))
  const { bytes } = encodeParquet(batchOf({ c: { kind: 'string', as: 'dictionary', values } }), { rowGroupRows: 10 })
  const { rowGroups } = await parquetMetadata(bytesSource(bytes))
  expect(rowGroups.map(({ chunks }) => chunks[0]?.encodings)).toEqual([
    ['PLAIN', 'RLE', 'RLE_DICTIONARY'],
    ['PLAIN', 'RLE'],
  ])
})

test('a dictionary larger than two megabytes is given up for PLAIN', async () => {
  const values = Array.from({ length: 600 }, (_, row) => `${row % 300}`.padEnd(8000, '.'))
  const { bytes } = encodeParquet(batchOf({ c: { kind: 'string', as: 'dictionary', values } }))
  expect((await pagesOf(bytes)).map(({ headers }) => headers.map(({ type }) => type))).toEqual([
    Array(5).fill('DATA_PAGE'),
  ])
})

test('the schema has the converted and the logical type of every column', async () => {
  const { schema, columns } = await parquetMetadata(bytesSource(encodeParquet(all).bytes))
  const describe = schema.map((element) => {
    const { name, type, repetition_type, converted_type, logical_type, num_children } = element
    const logical = logical_type === undefined ? [] : Object.values(logical_type)
    return [name, repetition_type, type ?? num_children, converted_type, ...logical].filter(
      (part) => part !== undefined,
    )
  })
  const text = ['BYTE_ARRAY', 'UTF8', 'STRING']
  expect(describe).toEqual([
    ['text', 'OPTIONAL', ...text],
    ['code', 'OPTIONAL', ...text],
    ['unique', 'OPTIONAL', ...text],
    ['flag', 'OPTIONAL', 'BOOLEAN'],
    ['count', 'OPTIONAL', 'INT32'],
    ['id', 'OPTIONAL', 'INT64'],
    ['ratio', 'OPTIONAL', 'DOUBLE'],
    ['at', 'OPTIONAL', 'INT64', 'TIMESTAMP_MICROS', 'TIMESTAMP', true, 'MICROS'],
    ['day', 'OPTIONAL', 'INT32', 'DATE', 'DATE'],
    ['raw', 'OPTIONAL', 'BYTE_ARRAY'],
    ['place', 'OPTIONAL', 2],
    ['latitude', 'REQUIRED', 'DOUBLE'],
    ['longitude', 'REQUIRED', 'DOUBLE'],
    ['headers', 'OPTIONAL', 1, 'LIST', 'LIST'],
    ['list', 'REPEATED', 1],
    ['element', 'REQUIRED', 2],
    ['name', 'REQUIRED', ...text],
    ['value', 'OPTIONAL', 'BYTE_ARRAY'],
  ])
  expect(columns).toEqual(all.fields.map(({ name }) => name))
})

test('the footer names the writer, the codec, the sizes and the null counts', async () => {
  const { bytes } = encodeParquet(all)
  const metadata = await parquetMetadata(bytesSource(bytes))
  expect(metadata).toMatchObject({ rows: ROWS, createdBy: 'sluice version 0.1.0', keyValues: new Map() })
  const chunks = metadata.rowGroups[0]?.chunks ?? []
  expect(chunks[0]?.offset).toBe(4)
  for (const [i, chunk] of chunks.entries()) {
    expect(chunk).toMatchObject({ codec: 'ZSTD', nullCount: ROWS / 10, valueCount: ROWS })
    const next = chunks[i + 1]
    if (next !== undefined) expect(chunk.offset + chunk.compressedBytes).toBe(next.offset)
  }
})

test('the writer’s name and the codec can be chosen', async () => {
  const { bytes } = encodeParquet(all, { createdBy: 'other version 9', codec: 'uncompressed' })
  const { createdBy, rowGroups } = await parquetMetadata(bytesSource(bytes))
  expect(createdBy).toBe('other version 9')
  for (const { codec, compressedBytes, uncompressedBytes } of rowGroups[0]?.chunks ?? []) {
    expect([codec, compressedBytes]).toEqual(['UNCOMPRESSED', uncompressedBytes])
  }
})

test('dates and timestamps before Spark’s calendar switch carry the key that lets Spark 3 read them', async () => {
  const keys = async (kind: 'date' | 'timestamp', value: number) => {
    const { bytes } = encodeParquet(batchOf({ c: { kind, values: [value] } }))
    return [...(await parquetMetadata(bytesSource(bytes))).keyValues]
  }
  expect(await keys('date', -141_428)).toEqual([['org.apache.spark.version', '3.5.0']])
  expect(await keys('timestamp', -2_208_988_800_001)).toEqual([['org.apache.spark.version', '3.5.0']])
  expect(await keys('date', -141_427)).toEqual([])
  expect(await keys('timestamp', -2_208_988_800_000)).toEqual([])
})

test('each page is one zstd frame with a checksum', async () => {
  const { bytes } = encodeParquet(batchOf({ n: { kind: 'long', nullable: false, values: [1, 2, 3] } }))
  const [chunk] = await pagesOf(bytes)
  const size = chunk?.headers[0]?.compressed_page_size ?? 0
  const frameStart = Buffer.from(bytes).indexOf(Buffer.from([0x28, 0xb5, 0x2f, 0xfd]))
  const frame = bytes.subarray(frameStart, frameStart + size)
  expect(zstdDecompressSync(frame)).toHaveLength(24)
  expect((frame[4] ?? 0) & 0b100).toBe(0b100)
})

test('the same rows give the same bytes', () => {
  const hash = () => createHash('sha256').update(encodeParquet(all).bytes).digest('hex')
  expect(hash()).toBe(hash())
})
