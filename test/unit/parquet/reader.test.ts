import { deflateSync, gzipSync } from 'node:zlib'
import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, test } from 'vitest'
import { SluiceError } from '#core/errors.ts'
import { decimalText } from '#parquet/decimal.ts'
import { parquetMetadata } from '#parquet/metadata.ts'
import { type ParquetRow, type ReadOptions, readParquetRows } from '#parquet/reader.ts'
import { bytesSource, type ParquetSource } from '#parquet/source.ts'
import { encodeParquet } from '#parquet/writer.ts'
import { batchOf } from './column-batch-builder.ts'
import { countedSource, pagesOf, rowsOf } from './file-pages.ts'

const ROWS = 10
const numbers = Array.from({ length: ROWS }, (_, i) => i)
const { bytes: file } = encodeParquet(
  batchOf({
    n: { kind: 'int', values: numbers },
    text: { kind: 'string', values: numbers.map((n) => (n % 3 === 0 ? null : `row ${n}`)) },
    headers: { kind: 'headers', values: numbers.map((n) => [{ name: `h${n}`, value: null }]) },
  }),
  { rowGroupRows: 4 },
)

async function groupsOf(bytes: Uint8Array, options: ReadOptions = {}): Promise<(readonly ParquetRow[])[]> {
  const groups: (readonly ParquetRow[])[] = []
  for await (const group of readParquetRows(bytesSource(bytes), options)) groups.push(group)
  return groups
}

/** A foreign file: hyparquet's writer knows types that Sluice does not write. */
const foreign = (columnData: ColumnSource[], options: object = {}) =>
  new Uint8Array(parquetWriteBuffer({ columnData, codec: 'UNCOMPRESSED', ...options }))

describe('what is read', () => {
  test('rows come a row group at a time', async () => {
    expect((await groupsOf(file)).map((group) => group.map(({ n }) => n))).toEqual([
      [0, 1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ])
  })

  test('a large row group comes in parts', async () => {
    const values = Array.from({ length: 25_000 }, (_, i) => i)
    const groups = await groupsOf(encodeParquet(batchOf({ n: { kind: 'int', values } })).bytes)
    expect(groups.map(({ length }) => length)).toEqual([10_000, 10_000, 5000])
    expect(groups.flat().map(({ n }) => n)).toEqual(values)
  })

  test.each([
    [0, 10],
    [3, 5],
    [4, 8],
    [9, 10],
    [0, 1],
    [2, 100],
  ])('rows [%i, %i) across row groups, with lists in them', async (rowStart, rowEnd) => {
    const rows = (await groupsOf(file, { rowStart, rowEnd })).flat()
    expect(rows).toEqual((await rowsOf(file)).slice(rowStart, rowEnd))
  })

  test('an empty range of rows gives no group', async () => {
    expect(await groupsOf(file, { rowStart: 5, rowEnd: 5 })).toEqual([])
    expect(await groupsOf(file, { rowStart: 10 })).toEqual([])
  })

  test('only the columns asked for, in their order; one that the file lacks is null', async () => {
    const rows = (await groupsOf(file, { columns: ['later', 'n'], rowEnd: 2 })).flat()
    expect(rows).toEqual([
      { later: null, n: 0 },
      { later: null, n: 1 },
    ])
    expect(Object.keys(rows[0] ?? {})).toEqual(['later', 'n'])
  })

  test('no columns give as many empty rows as there are', async () => {
    expect((await groupsOf(file, { columns: [] })).flat()).toEqual(numbers.map(() => ({})))
    expect((await groupsOf(file, { columns: ['later'], rowStart: 9 })).flat()).toEqual([{ later: null }])
  })
})

describe('types of other writers', () => {
  const values = async (column: ColumnSource, schema: object, options = {}) => {
    const root = { name: 'root', num_children: 1 }
    const bytes = foreign([column], { schema: [root, { name: column.name, ...schema }], ...options })
    return (await rowsOf(bytes)).map((row) => row[column.name])
  }

  test('microseconds are a fraction of the milliseconds', async () => {
    const data = [1_546_300_800_123_456n, -1n, null]
    const schema = { type: 'INT64', repetition_type: 'OPTIONAL', converted_type: 'TIMESTAMP_MICROS' }
    expect(await values({ name: 't', data }, schema)).toEqual([1_546_300_800_123.456, -0.001, null])
  })

  test('nanoseconds and milliseconds are milliseconds', async () => {
    const logical = (unit: string) => ({ logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: false, unit } })
    const schema = { type: 'INT64', repetition_type: 'REQUIRED' }
    expect(await values({ name: 't', data: [1_500_000n] }, { ...schema, ...logical('NANOS') })).toEqual([1.5])
    expect(await values({ name: 't', data: [1_500_000n] }, { ...schema, ...logical('MILLIS') })).toEqual([1_500_000])
  })

  test('64-bit integers are numbers where that is exact, otherwise bigint', async () => {
    const data = [1n, -(2n ** 53n) + 1n, 2n ** 53n, 2n ** 63n - 1n, -(2n ** 63n)]
    const schema = { type: 'INT64', repetition_type: 'REQUIRED' }
    expect(await values({ name: 'n', data }, schema)).toEqual([1, -(2 ** 53) + 1, ...data.slice(2)])
  })

  test('decimals are exact text', async () => {
    const data = [123.45, -0.5, 0]
    const schema = { type: 'INT32', repetition_type: 'REQUIRED', converted_type: 'DECIMAL', precision: 9, scale: 2 }
    expect(await values({ name: 'd', data }, schema)).toEqual(['123.45', '-0.50', '0.00'])
  })

  test('bytes stay bytes, and text keeps a byte order mark', async () => {
    const schema = { type: 'BYTE_ARRAY', repetition_type: 'REQUIRED' }
    expect(await values({ name: 'b', data: [Uint8Array.of(0xff)] }, schema)).toEqual([Uint8Array.of(0xff)])
    const text = { ...schema, converted_type: 'UTF8' }
    expect(await values({ name: 's', data: ['\ufeffa'] }, text)).toEqual(['\ufeffa'])
  })

  test('JSON stays text', async () => {
    const schema = { type: 'BYTE_ARRAY', repetition_type: 'REQUIRED', converted_type: 'JSON' }
    expect(await values({ name: 'j', data: [{ a: 1 }] }, schema)).toEqual(['{"a":1}'])
  })

  test('maps are Map, with keys of any type and keys that an object could not have', async () => {
    const bytes = foreign([{ name: 'm', data: [{ __proto__x: 1, a: null }, {}, null] }], {
      schema: [
        { name: 'root', num_children: 1 },
        { name: 'm', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'MAP' },
        { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
        { name: 'key', type: 'BYTE_ARRAY', repetition_type: 'REQUIRED', converted_type: 'UTF8' },
        { name: 'value', type: 'INT64', repetition_type: 'OPTIONAL' },
      ],
      columnData: [{ name: 'm', data: [{ __proto__x: 1n, a: null }, {}, null] }],
    })
    const maps = (await rowsOf(bytes)).map(({ m }) => m)
    expect(maps).toEqual([
      new Map<string, unknown>([
        ['__proto__x', 1],
        ['a', null],
      ]),
      new Map(),
      null,
    ])
  })

  // The repeated node is the element: Spark's legacy format, and Avro's.
  test.each([
    ['list_tuple', undefined, [[{ n: 1 }, { n: 2 }], [], null]],
    ['array', undefined, [[{ n: 1 }, { n: 2 }], [], null]],
    ['bag', undefined, [[1, 2], [], null]],
  ])('lists in two levels, with elements called %s', async (name, converted_type, expected) => {
    const bytes = foreign([], {
      schema: [
        { name: 'root', num_children: 1 },
        { name: 'list', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
        { name, repetition_type: 'REPEATED', num_children: 1, converted_type },
        { name: 'n', type: 'INT32', repetition_type: 'REQUIRED' },
      ],
      columnData: [{ name: 'list', data: [[1, 2], [], null] }],
    })
    expect((await rowsOf(bytes)).map(({ list }) => list)).toEqual(expected)
  })

  test('lists of maps in two levels', async () => {
    const bytes = foreign([], {
      schema: [
        { name: 'root', num_children: 1 },
        { name: 'list', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
        { name: 'array', repetition_type: 'REPEATED', num_children: 1, converted_type: 'MAP' },
        { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
        { name: 'key', type: 'INT32', repetition_type: 'REQUIRED' },
        { name: 'value', type: 'INT32', repetition_type: 'OPTIONAL' },
      ],
      columnData: [{ name: 'list', data: [[[{ key: 1, value: 2 }], []], null] }],
    })
    expect((await rowsOf(bytes)).map(({ list }) => list)).toEqual([[new Map([[1, 2]]), new Map()], null])
  })

  test.each(['SNAPPY', 'GZIP', 'LZ4_RAW', 'BROTLI'] as const)('codec %s', async (codec) => {
    const data = Array.from({ length: 100 }, (_, i) => `text ${i % 3}`)
    const { brotliCompressSync } = await import('node:zlib')
    const compressors = { GZIP: gzipSync, BROTLI: brotliCompressSync, LZ4_RAW: lz4Literals }
    const bytes = foreign([{ name: 's', data, type: 'STRING' }], { codec, compressors })
    expect((await rowsOf(bytes)).map(({ s }) => s)).toEqual(data)
    expect((await parquetMetadata(bytesSource(bytes))).rowGroups[0]?.chunks[0]?.codec).toBe(codec)
  })
})

/** An LZ4 block of nothing but literals. */
function lz4Literals(input: Uint8Array): Uint8Array {
  if (input.length < 15) return Uint8Array.of(input.length << 4, ...input)
  const more = input.length - 15
  return Uint8Array.of(0xf0, ...new Array(Math.floor(more / 255)).fill(255), more % 255, ...input)
}

test.each([
  [0n, 0, '0'],
  [5n, 3, '0.005'],
  [-12345n, 2, '-123.45'],
  [10n ** 38n - 1n, 10, '9999999999999999999999999999.9999999999'],
])('the decimal %d with scale %i is %s', (value, scale, text) => {
  expect(decimalText(value, scale)).toBe(text)
})

describe('requests', () => {
  test('a small file is one request', async () => {
    const { asked, source } = countedSource(file)
    for await (const _ of readParquetRows(source));
    expect(asked).toEqual([[0, file.length]])
  })

  test('of a large file only the columns asked for are read', async () => {
    const text = Array.from({ length: 50 }, (_, i) => String.fromCharCode(33 + i).repeat(100_000))
    const columns = {
      n: { kind: 'int', values: text.map((_, i) => i) },
      text: { kind: 'string', values: text },
    } as const
    const { asked, source } = countedSource(encodeParquet(batchOf(columns), { codec: 'uncompressed' }).bytes)
    for await (const _ of readParquetRows(source, { columns: ['n'] }));
    expect(asked).toHaveLength(2)
    expect(asked[1]?.[1]).toBeLessThan(1000)
  })
})

describe('damage', () => {
  const failure = async (bytes: Uint8Array, options: ReadOptions = { name: 'lake/x.parquet' }) => {
    try {
      await groupsOf(bytes, options)
    } catch (error) {
      return error as SluiceError
    }
    return undefined
  }

  test('a file that is no Parquet file', async () => {
    const error = await failure(Buffer.from('{"not": "parquet", "at": "all"}'))
    expect(error).toMatchObject({
      code: 'PARQUET_INVALID',
      message:
        'Expected lake/x.parquet to be a Parquet file of 31 bytes, found damage: parquet file invalid (footer != PAR1). Restore the file, or write it again from its source.',
    })
  })

  test('an empty file, and one shorter than any Parquet file', async () => {
    for (const length of [0, 1, 4, 8, 11]) {
      expect((await failure(file.slice(0, length)))?.message).toContain(
        'shorter than the shortest Parquet file, 12 bytes',
      )
    }
  })

  test('a file that lost its end, wherever it was cut', async () => {
    for (let length = 12; length < file.length; length++) {
      expect(await failure(file.slice(0, length))).toMatchObject({ code: 'PARQUET_INVALID' })
    }
  })

  test('a file that lost its beginning', async () => {
    expect(await failure(file.slice(5))).toMatchObject({ code: 'PARQUET_INVALID' })
  })

  test('a bit that changed in the values of a page is an error, never another value', async () => {
    const expected = await rowsOf(file)
    for (const { bodies } of await pagesOf(file)) {
      for (const { start, end } of bodies) {
        for (let bit = start * 8; bit < end * 8; bit += 7) {
          const damaged = file.slice()
          damaged[bit >>> 3] = (damaged[bit >>> 3] ?? 0) ^ (1 << (bit & 7))
          const found = await groupsOf(damaged).catch((error: unknown) => error)
          if (found instanceof SluiceError) expect(found.code).toBe('PARQUET_INVALID')
          // Some bits of a frame's header mean nothing.
          else expect((found as ParquetRow[][]).flat()).toEqual(expected)
        }
      }
    }
  })

  test('the message says "the file" where nobody names it', async () => {
    expect((await failure(new Uint8Array(20), {}))?.message).toContain(
      'Expected the file to be a Parquet file of 20 bytes',
    )
    await expect(parquetMetadata(bytesSource(new Uint8Array(20)), { name: 'y' })).rejects.toThrow('Expected y to be a')
  })

  test('a codec that nobody can read is named', async () => {
    const bytes = foreign([{ name: 'n', data: [1, 2, 3] }], { codec: 'LZO', compressors: { LZO: deflateSync } })
    expect((await failure(bytes))?.message).toContain('unsupported compression codec: LZO')
  })

  test('a source that gives fewer bytes than asked', async () => {
    const source: ParquetSource = { byteLength: file.length + 10, slice: (start) => bytesSource(file).slice(start) }
    await expect(readParquetRows(source).next()).rejects.toMatchObject({
      code: 'PARQUET_INVALID',
      message: expect.stringContaining(`bytes 0 to ${file.length + 10} were asked for, ${file.length} came`),
    })
  })

  test('a fault of the source is passed on as it is: the file may be whole', async () => {
    const fault = new Error('connection reset')
    const source: ParquetSource = { byteLength: 100, slice: () => Promise.reject(fault) }
    await expect(readParquetRows(source).next()).rejects.toBe(fault)
    await expect(parquetMetadata(source)).rejects.toBe(fault)
  })
})
