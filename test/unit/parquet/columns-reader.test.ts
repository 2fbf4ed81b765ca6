import { crc32 } from 'node:zlib'
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { ChunkCursor } from '#parquet/chunk-cursor.ts'
import { vectorBuilder } from '#parquet/column-vectors.ts'
import { type ColumnsOptions, type DecodedColumns, readParquetColumns } from '#parquet/columns-reader.ts'
import { encodeRows, type ParquetColumn } from '#parquet/rows-writer.ts'
import { bytesSource } from '#parquet/source.ts'
import { ThriftWriter } from '#parquet/thrift-writer.ts'
import { FixedDictionary } from '#schema/byte-text.ts'
import { countedSource, rowsOf } from './file-pages.ts'

const COLUMNS: readonly ParquetColumn[] = [
  { name: 'n', type: 'int', nullable: true },
  { name: 'code', type: 'string', nullable: true },
  { name: 'text', type: 'string', nullable: false },
  { name: 'flag', type: 'boolean', nullable: true },
  { name: 'raw', type: 'binary', nullable: true },
  { name: 'list', type: { kind: 'list', element: { type: 'int', nullable: true } }, nullable: true },
]
const rowOf = (i: number) => ({
  n: i % 10 === 3 ? null : i,
  code: i % 7 === 0 ? null : `code ${i % 5}`,
  text: `text ${i}`,
  flag: i % 3 === 0 ? null : i % 2 === 0,
  raw: i % 4 === 0 ? null : Uint8Array.of(i),
  list: i % 5 === 0 ? null : [i, null],
})
const ROWS = Array.from({ length: 25 }, (_, i) => rowOf(i))
const FILE = encodeRows(COLUMNS, ROWS, { rowGroupRows: 10 }).bytes

async function runsOf(bytes: Uint8Array, options: ColumnsOptions = {}): Promise<DecodedColumns[]> {
  const runs: DecodedColumns[] = []
  for await (const run of readParquetColumns(bytesSource(bytes), options)) runs.push(run)
  return runs
}

const foreign = (columnData: ColumnSource[], options: object = {}) =>
  new Uint8Array(parquetWriteBuffer({ columnData, codec: 'UNCOMPRESSED', ...options }))

describe('columns', () => {
  test('come a row group at a time, as typed arrays where they are flat', async () => {
    const runs = await runsOf(FILE)
    expect(runs.map(({ rows, rowStart }) => [rows, rowStart])).toEqual([
      [10, 0],
      [10, 10],
      [5, 20],
    ])
    const kinds = [...runs[1]!.columns].map(([name, { kind }]) => [name, kind])
    expect(kinds).toEqual([
      ['n', 'number'],
      ['code', 'dictionary'],
      ['text', 'slices'],
      ['flag', 'boolean'],
      ['raw', 'slices'],
      ['list', 'values'],
    ])
    const n = runs[1]?.columns.get('n')
    expect(n).toEqual({
      kind: 'number',
      valid: Uint8Array.of(1, 1, 1, 0, 1, 1, 1, 1, 1, 1),
      values: Float64Array.of(10, 11, 12, 0, 14, 15, 16, 17, 18, 19),
    })
  })

  test('without nulls have no validity', async () => {
    const [run] = await runsOf(FILE, { columns: ['n', 'text'], rowEnd: 3 })
    expect([...run!.columns.values()].map(({ valid }) => valid)).toEqual([null, null])
  })

  test('that the file lacks are null in every row, and the order is that of the question', async () => {
    const [run] = await runsOf(FILE, { columns: ['later', 'n'], rowEnd: 2 })
    expect([...run!.columns.keys()]).toEqual(['later', 'n'])
    expect(run?.columns.get('later')).toEqual({ kind: 'values', valid: null, values: [null, null] })
  })

  test.each([
    [0, 25],
    [3, 5],
    [9, 11],
    [12, 25],
    [24, 100],
  ])('of rows [%i, %i) are those rows', async (rowStart, rowEnd) => {
    const runs = await runsOf(FILE, { rowStart, rowEnd, columns: ['n'] })
    const found = runs.flatMap(({ rows, columns }) => {
      const vector = columns.get('n')!
      if (vector.kind !== 'number') throw new Error(vector.kind)
      return Array.from({ length: rows }, (_, i) => (vector.valid?.[i] === 0 ? null : vector.values[i]))
    })
    expect(found).toEqual(ROWS.slice(rowStart, rowEnd).map(({ n }) => n))
  })

  test('of a row group of many rows come in parts, over pages that end elsewhere', async () => {
    const rows = Array.from({ length: 300_000 }, (_, i) => ({ n: i % 11 === 0 ? null : i, t: `text ${i}` }))
    const columns = [
      { name: 'n', type: 'int', nullable: true },
      { name: 't', type: 'string', nullable: false },
    ] as const
    const { bytes } = encodeRows(columns, rows, { rowGroupRows: 300_000 })
    expect((await runsOf(bytes)).map((run) => run.rows)).toEqual([131_072, 131_072, 37_856])
    expect(await rowsOf(bytes)).toEqual(rows)
  })

  test('of 64-bit integers are numbers, unless one of the run is beyond 2^53: then all are values', async () => {
    const rows = [{ x: 1 }, { x: null }, { x: 2n ** 53n }, { x: -5 }]
    const { bytes } = encodeRows([{ name: 'x', type: 'long', nullable: true }], rows, { rowGroupRows: 2 })
    expect((await runsOf(bytes)).map(({ columns }) => columns.get('x'))).toEqual([
      { kind: 'number', valid: Uint8Array.of(1, 0), values: Float64Array.of(1, 0) },
      { kind: 'values', valid: null, values: [2n ** 53n, -5] },
    ])
  })
})

describe('requests', () => {
  const noise = Array.from({ length: 40_000 }, (_, i) => (i * 7919) % 40_009)
  const columns = Array.from(['a', 'b', 'c', 'd'], (name): ParquetColumn => ({ name, type: 'double', nullable: false }))
  const rows = noise.map((a, i) => ({ a, b: a / 3, c: a / 7, d: i < 20_000 ? 0 : 1 }))
  const large = encodeRows(columns, rows, { rowGroupRows: 20_000, codec: 'uncompressed' }).bytes

  test('for neighbours are one, and for a row group that is not kept none', async () => {
    const { asked, source } = countedSource(large)
    const seen: unknown[] = []
    const keep: ColumnsOptions['keep'] = ({ chunks }, index) => {
      seen.push([index, chunks[3]?.min, chunks[3]?.max])
      return index === 0
    }
    for await (const _ of readParquetColumns(source, { columns: ['b', 'c'], keep }));
    // A zero bound may be either zero.
    expect(seen).toEqual([
      [0, -0, 0],
      [1, 1, 1],
    ])
    expect(asked).toHaveLength(2)
    const [start, end] = asked[1]!
    expect(end - start).toBeGreaterThan(2 * 160_000)
    expect(end - start).toBeLessThan(2 * 160_000 + 1000)
  })

  test('for columns that lie apart are two', async () => {
    const { asked, source } = countedSource(large)
    for await (const _ of readParquetColumns(source, { columns: ['a', 'c'], rowEnd: 20_000 }));
    expect(asked).toHaveLength(3)
  })
})

describe('files of other writers', () => {
  const texts = Array.from({ length: 3000 }, (_, i) => (i < 1000 ? `code ${i % 3}` : `text ${i}`))

  test('whose text has a dictionary for the first pages only are slices, with the same text', () => {
    const type = {
      form: 'text',
      physical: 'BYTE_ARRAY',
      width: 0,
      convert: String,
      definitionMax: 1,
      repetitionMax: 0,
    } as const
    const entries = new FixedDictionary(Buffer.from('abc'), Int32Array.of(0, 1, 3))
    const codes = { kind: 'codes', codes: Int32Array.of(1, 0), dictionary: entries } as const
    const slices = {
      kind: 'slices',
      bytes: Buffer.from('..xyz'),
      starts: Int32Array.of(2),
      ends: Int32Array.of(5),
    } as const
    const builder = vectorBuilder(type, 8)
    builder.append(codes, 0, null, 0, 2)
    builder.append(codes, 1, Uint8Array.of(0, 1), 0, 2)
    builder.append(slices, 0, Uint8Array.of(1, 0), 0, 2)
    builder.append(codes, 0, null, 0, 2)
    const vector = builder.vector()
    if (vector.kind !== 'slices') throw new Error(vector.kind)
    const found = Array.from({ length: 8 }, (_, row) =>
      vector.valid?.[row] === 0
        ? null
        : Buffer.from(vector.buffer.subarray(vector.starts[row], vector.ends[row])).toString(),
    )
    expect(found).toEqual(['bc', 'a', null, 'a', 'xyz', null, 'bc', 'a'])
  })

  test.each<readonly [string, string, readonly unknown[]]>([
    ['DELTA_BINARY_PACKED', 'INT32', Array.from({ length: 1000 }, (_, i) => (i * 7919) % 65_537)],
    ['DELTA_BINARY_PACKED', 'INT32', [2147483647, -2147483648, 0, 2147483647]],
    ['DELTA_BINARY_PACKED', 'INT64', [0n, -(2n ** 63n), 2n ** 63n - 1n, 5n, 5n, 5n, -1n]],
    ['DELTA_LENGTH_BYTE_ARRAY', 'STRING', texts],
    ['DELTA_BYTE_ARRAY', 'STRING', texts],
    ['BYTE_STREAM_SPLIT', 'DOUBLE', [0.1, -0, Number.NaN, 1e300]],
    ['BYTE_STREAM_SPLIT', 'FLOAT', [0.5, -0, Number.NaN]],
    ['BYTE_STREAM_SPLIT', 'INT32', [1, -1, 2147483647]],
    ['RLE', 'BOOLEAN', Array.from({ length: 100 }, (_, i) => i % 17 === 0)],
  ])('encoded as %s read back equal: %s', async (encoding, type, data) => {
    for (const nulls of [false, true]) {
      const values = nulls ? data.flatMap((value, i) => (i % 3 === 0 ? [null, value] : [value])) : [...data]
      const column = { name: 'x', data: values, type, nullable: nulls, encoding } as ColumnSource
      const expected = values.map((value) =>
        typeof value === 'bigint' && Number.isSafeInteger(Number(value)) ? Number(value) : value,
      )
      for (const pageSize of [64, 1 << 20]) {
        expect((await rowsOf(foreign([column], { pageSize }))).map(({ x }) => x)).toEqual(expected)
      }
    }
  })

  test('with half floats, UUIDs and 64 bits without sign read as numbers, text and bigint', async () => {
    const leaf = { repetition_type: 'REQUIRED' } as const
    const bytes = foreign(
      [
        { name: 'h', data: [1.5, -2, 2 ** -24, Number.POSITIVE_INFINITY] },
        { name: 'u', data: Array.from({ length: 4 }, () => '00112233-4455-6677-8899-aabbccddeeff') },
        { name: 'l', data: [0n, 1n, 2n ** 64n - 1n, 2n ** 63n] },
        { name: 'i', data: [0, 1, 2 ** 32 - 1, 2 ** 31] },
      ],
      {
        schema: [
          { name: 'root', num_children: 4 },
          { ...leaf, name: 'h', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 2, logical_type: { type: 'FLOAT16' } },
          { ...leaf, name: 'u', type: 'FIXED_LEN_BYTE_ARRAY', type_length: 16, logical_type: { type: 'UUID' } },
          { ...leaf, name: 'l', type: 'INT64', converted_type: 'UINT_64' },
          { ...leaf, name: 'i', type: 'INT32', converted_type: 'UINT_32' },
        ],
      },
    )
    const rows = await rowsOf(bytes)
    expect(rows.map(({ h }) => h)).toEqual([1.5, -2, 2 ** -24, Number.POSITIVE_INFINITY])
    expect(rows[0]?.['u']).toBe('00112233-4455-6677-8899-aabbccddeeff')
    expect(rows.map(({ l }) => l)).toEqual([0, 1, 2n ** 64n - 1n, 2n ** 63n])
    expect(rows.map(({ i }) => i)).toEqual([0, 1, 2 ** 32 - 1, 2 ** 31])
  })
})

describe('damage that no compression notices', () => {
  const plain = encodeRows(COLUMNS, ROWS, { codec: 'uncompressed' }).bytes

  test('is an error or other values, never a crash or values from beyond the page', async () => {
    const flat = ['n', 'code', 'text', 'flag', 'raw']
    for (let at = 4; at < 900; at++) {
      for (const mask of [0xff, 0x01, 0x80]) {
        const damaged = plain.slice()
        damaged[at] = damaged[at]! ^ mask
        const found = await runsOf(damaged, { columns: flat }).catch((error: unknown) => error)
        if (found instanceof Error) expect(found).toMatchObject({ code: 'PARQUET_INVALID' })
        else expect((found as DecodedColumns[])[0]?.rows).toBe(25)
      }
    }
  })

  test('is found by the checksum of a page that has one', () => {
    const body = new Uint8Array(Float64Array.of(1, 2, 3).buffer)
    const header = new ThriftWriter()
    header.begin()
    header.i32(1, 0)
    header.i32(2, body.length)
    header.i32(3, body.length)
    header.i32(4, crc32(body) | 0)
    header.struct(5)
    for (const [id, value] of [3, 0, 3, 3].entries()) header.i32(id + 1, value)
    header.end()
    header.end()
    const chunk = Uint8Array.from([...header.take(), ...body])
    const type = {
      form: 'double',
      physical: 'DOUBLE',
      width: 8,
      convert: String,
      definitionMax: 0,
      repetitionMax: 0,
    } as const
    const read = (bytes: Uint8Array) => {
      const builder = vectorBuilder(type, 3)
      new ChunkCursor(type, { codec: 'UNCOMPRESSED', compressors: {}, bytes }).read(3, builder)
      return builder.vector()
    }
    expect(read(chunk)).toEqual({ kind: 'number', valid: null, values: Float64Array.of(1, 2, 3) })
    chunk[chunk.length - 1] = 1
    expect(() => read(chunk)).toThrow('a page does not have the checksum of its header')
  })
})
