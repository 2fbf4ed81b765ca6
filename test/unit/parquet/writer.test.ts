import { describe, expect, test } from 'vitest'
import { encodeParquet } from '#parquet/writer.ts'
import type { ColumnBatch } from '#schema/vector.ts'
import { batchOf, type ColumnInput } from './column-batch-builder.ts'
import { pagesOf, rowsOf } from './file-pages.ts'

const YEAR_9999 = 253_402_300_799_999
const YEAR_1 = -62_135_596_800_000
const bytes = (...values: number[]) => Uint8Array.from(values)

/** Every type at its edges. Nulls are added by the tests, at the places where level encodings can go wrong. */
const SAMPLES: Readonly<Record<string, ColumnInput>> = {
  text: { kind: 'string', values: ['', 'a', 'äöü', '😀', '\ufeffmarked', 'a\u0000b', 'x'.repeat(5000)] },
  code: { kind: 'string', as: 'dictionary', values: ['', 'THEFT', 'THEFT', '😀', 'THEFT', 'THEFT', 'THEFT'] },
  flag: { kind: 'boolean', values: [true, false, true, true, true, false, true] },
  count: { kind: 'int', values: [0, 1, -1, 2147483647, -2147483648, -0, 7] },
  id: {
    kind: 'long',
    values: [0, 1, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 32, -(2 ** 32) - 1],
  },
  ratio: {
    kind: 'double',
    values: [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, 0.1],
  },
  at: { kind: 'timestamp', values: [0, -1, 1, YEAR_9999, YEAR_1, 1_546_300_800_123, -2_208_988_800_001] },
  day: { kind: 'date', values: [0, -1, 1, 2_932_896, -719_162, 17_897, -141_428] },
  raw: { kind: 'binary', values: [bytes(), bytes(0), bytes(255, 254), bytes(1), bytes(2), bytes(3), bytes(4)] },
  place: {
    kind: 'geo_point',
    values: [41, -0, 0, 90, -90, 1e-9, 3].map((latitude, i) => ({ latitude, longitude: -87.5 + i })),
  },
  headers: {
    kind: 'headers',
    values: [
      [],
      [{ name: '', value: bytes() }],
      [{ name: 'a', value: null }],
      [
        { name: 'a', value: bytes(1) },
        { name: 'a', value: bytes(2) },
        { name: 'b', value: null },
      ],
      [{ name: 'trace-ä', value: bytes(9, 9) }],
      [],
      [{ name: 'z', value: bytes(7) }],
    ],
  },
}

/** Nulls before, between and after the values; in runs shorter and longer than 8. */
const withNulls = (values: readonly unknown[]): unknown[] => {
  const nulls = (count: number) => new Array<null>(count).fill(null)
  return [...nulls(1), values[0], ...nulls(9), ...values.slice(1, 4), ...nulls(3), ...values.slice(4), ...nulls(17)]
}

const expectedOf = ({ kind, values, nullable = true }: ColumnInput): unknown[] => {
  if (kind === 'int' || kind === 'long' || kind === 'timestamp' || kind === 'date') {
    return values.map((value) => (value === null ? null : (value as number) + 0))
  }
  return kind === 'headers' && !nullable ? values.map((value) => value ?? []) : [...values]
}

async function valuesOf(batch: ColumnBatch, name: string, options = {}): Promise<unknown[]> {
  return (await rowsOf(encodeParquet(batch, options).bytes)).map((row) => row[name])
}

describe.each(Object.entries(SAMPLES))('a column like "%s"', (name, sample) => {
  test('reads back equal without nulls, nullable or not', async () => {
    for (const nullable of [true, false]) {
      const input = { ...sample, nullable }
      expect(await valuesOf(batchOf({ [name]: input }), name)).toEqual(expectedOf(input))
    }
  })

  test('reads back equal with nulls at the edges and in runs', async () => {
    const input = { ...sample, values: withNulls(sample.values) }
    expect(await valuesOf(batchOf({ [name]: input }), name)).toEqual(expectedOf(input))
  })

  test('reads back equal when every row is null', async () => {
    for (const count of [1, 7, 8, 1000]) {
      const input = { ...sample, values: new Array(count).fill(null) }
      expect(await valuesOf(batchOf({ [name]: input }), name)).toEqual(input.values)
    }
  })

  test('reads back equal in row groups of one and of three rows, uncompressed', async () => {
    const input = { ...sample, values: withNulls(sample.values) }
    for (const rowGroupRows of [1, 3]) {
      const found = await valuesOf(batchOf({ [name]: input }), name, { rowGroupRows, codec: 'uncompressed' })
      expect(found).toEqual(expectedOf(input))
    }
  })

  test('writes the selected rows, in the order of the selection, repeated if it says so', async () => {
    const input = { ...sample, values: withNulls(sample.values) }
    const select = Int32Array.of(12, 1, 0, 11, 11, 13, 1)
    const all = expectedOf(input)
    const found = await valuesOf(batchOf({ [name]: input }), name, { select, rowGroupRows: 4 })
    expect(found).toEqual(Array.from(select, (row) => all[row]))
  })
})

test('a row without headers is a null list where that is allowed, and an empty one where it is not', async () => {
  const values = [null, [], [{ name: 'a', value: null }]]
  expect(await valuesOf(batchOf({ h: { kind: 'headers', values } }), 'h')).toEqual(values)
  const required = batchOf({ h: { kind: 'headers', nullable: false, values } })
  expect(await valuesOf(required, 'h')).toEqual([[], [], [{ name: 'a', value: null }]])
})

test('the same text reads back equal from a dictionary and from slices, and has the same statistics', async () => {
  let state = 1
  const values = Array.from({ length: 20_000 }, (_, i) => {
    state = (state * 48_271) % 2_147_483_647
    return i % 11 === 0 ? null : `district ${state % 23}`
  })
  const dictionary = encodeParquet(batchOf({ t: { kind: 'string', as: 'dictionary', values } }))
  const slices = encodeParquet(batchOf({ t: { kind: 'string', as: 'slices', values } }))
  expect(await rowsOf(dictionary.bytes)).toEqual(await rowsOf(slices.bytes))
  expect(dictionary.columns).toEqual(slices.columns)
  expect(dictionary.bytes.length).toBeLessThan(slices.bytes.length)
})

test.each([1, 2, 3, 255, 256, 257, 5000])('indexes into a dictionary of %i entries read back equal', async (size) => {
  const values = Array.from({ length: size * 3 }, (_, i) => `entry ${(i * 31) % size}`)
  expect(await valuesOf(batchOf({ t: { kind: 'string', as: 'dictionary', values } }), 't')).toEqual(values)
})

test('batches that share a dictionary do not see each other’s entries', async () => {
  const all = batchOf({ t: { kind: 'string', as: 'dictionary', values: ['a', 'b', 'c', 'c', 'b', 'b', 'c', 'c'] } })
  for (const select of [Int32Array.of(2, 3, 6, 7), Int32Array.of(1, 4, 5), Int32Array.of(0)]) {
    const file = encodeParquet(all, { select })
    const texts = Array.from(select, (row) => 'abccbbcc'[row])
    expect((await rowsOf(file.bytes)).map(({ t }) => t)).toEqual(texts)
    expect(file.columns[0]).toMatchObject({ min: texts[0], max: texts[0] })
  }
})

test('values over many pages, and one larger than a page, read back equal', async () => {
  const values = Array.from({ length: 2000 }, (_, i) => (i % 5 === 0 ? null : `${i} `.repeat(1000)))
  values[350] = 'large '.repeat(500_000)
  const { bytes: file } = encodeParquet(batchOf({ t: { kind: 'string', values } }))
  expect((await rowsOf(file)).map(({ t }) => t)).toEqual(values)
  expect((await pagesOf(file))[0]?.headers.length).toBeGreaterThan(3)
})

test('lists over many pages are cut between rows and read back equal', async () => {
  const value = new Uint8Array(100_000).fill(7)
  const values = Array.from({ length: 60 }, (_, i) =>
    i % 7 === 0 ? null : Array.from({ length: i % 4 }, (_, k) => ({ name: `h${k}`, value: k === 2 ? null : value })),
  )
  const { bytes: file } = encodeParquet(batchOf({ h: { kind: 'headers', values } }))
  expect((await rowsOf(file)).map(({ h }) => h)).toEqual(values)
  for (const { headers } of await pagesOf(file)) expect(headers.length).toBeGreaterThan(3)
})

test('numbers over many pages read back equal', async () => {
  const values = Array.from({ length: 300_000 }, (_, i) => (i % 1000 === 3 ? null : i * 1.5))
  const batch = batchOf({ n: { kind: 'double', values } })
  const { bytes: file } = encodeParquet(batch, { rowGroupRows: 1_000_000 })
  expect((await rowsOf(file)).every(({ n }, i) => n === values[i])).toBe(true)
  expect((await pagesOf(file))[0]?.headers).toHaveLength(3)
})

test('microseconds that a table of somebody else had survive being written again', async () => {
  const values = [1_546_300_800_123.456, -0.001, 0.999, -62_135_596_800_000]
  expect(await valuesOf(batchOf({ at: { kind: 'timestamp', values } }), 'at')).toEqual(values)
})

describe('values that the format would not hold are refused, naming column and row', () => {
  const refusal = (input: ColumnInput, options = {}) => {
    try {
      encodeParquet(batchOf({ amount: input }), options)
    } catch (error) {
      return error
    }
    return undefined
  }

  test.each([
    ['int', 2147483648, 'a whole number from -2147483648 to 2147483647'],
    ['int', 1.5, 'a whole number from -2147483648 to 2147483647'],
    ['int', Number.NaN, 'a whole number from -2147483648 to 2147483647'],
    ['date', 0.5, 'a whole number from -2147483648 to 2147483647'],
    ['long', 2 ** 53, 'a whole number below 2^53 either way'],
    ['long', -(2 ** 53), 'a whole number below 2^53 either way'],
    ['long', 0.5, 'a whole number below 2^53 either way'],
    ['long', Number.NaN, 'a whole number below 2^53 either way'],
    ['long', Number.POSITIVE_INFINITY, 'a whole number below 2^53 either way'],
    ['timestamp', Number.NaN, 'epoch milliseconds within 64-bit microseconds'],
    ['timestamp', 9_223_372_036_854_778, 'epoch milliseconds within 64-bit microseconds'],
    ['timestamp', Number.NEGATIVE_INFINITY, 'epoch milliseconds within 64-bit microseconds'],
  ] as const)('%s: %d', (kind, value, expected) => {
    expect(refusal({ kind, values: [1, null, value] })).toMatchObject({
      code: 'PARQUET_VALUE_INVALID',
      message: `Column "amount", row 2 of the batch: expected ${expected}, found ${value}. Declare the column with a wider type, or quarantine the row before it is written.`,
      details: { column: 'amount', row: 2 },
    })
  })

  test.each(['string', 'boolean', 'double', 'binary', 'geo_point'] as const)('null in a required %s', (kind) => {
    expect(refusal({ kind, nullable: false, values: [null, null] }, { select: Int32Array.of(1) })).toMatchObject({
      code: 'PARQUET_VALUE_INVALID',
      message:
        'Column "amount", row 1 of the batch: expected a value, because the column is not nullable, found null. Declare the column as nullable, or quarantine the row before it is written.',
    })
  })

  test('an invalid row in a required column of headers', () => {
    const batch = batchOf({ h: { kind: 'headers', nullable: false, values: [[], []] } })
    const vectors = [{ ...batch.vectors[0]!, valid: Uint8Array.of(1, 0) }]
    expect(() => encodeParquet({ ...batch, vectors })).toThrow('Column "h", row 1 of the batch: expected a value')
  })

  test('a null that is not selected is no error', async () => {
    const batch = batchOf({ amount: { kind: 'double', nullable: false, values: [null, 2] } })
    expect(await valuesOf(batch, 'amount', { select: Int32Array.of(1) })).toEqual([2])
  })

  test('a batch without rows', () => {
    const message =
      'Expected at least one row, found none. Write no file at all for an empty batch: readers fail on a file without rows.'
    expect(refusal({ kind: 'int', values: [] })).toMatchObject({ code: 'PARQUET_VALUE_INVALID', message })
    const none = refusal({ kind: 'int', values: [1] }, { select: new Int32Array(0) })
    expect(none).toMatchObject({ code: 'PARQUET_VALUE_INVALID', message })
  })

  test('a batch without columns', () => {
    expect(() => encodeParquet({ fields: [], rows: 1, vectors: [] })).toThrow(
      'Expected a batch with at least one column, found none. A Parquet file needs a column.',
    )
  })

  test.each([0, -1, 1.5, Number.NaN])('row groups of %d rows', (rowGroupRows) => {
    expect(refusal({ kind: 'int', values: [1] }, { rowGroupRows })).toMatchObject({
      code: 'PARQUET_VALUE_INVALID',
      message: `Expected rowGroupRows to be a whole number above 0, found ${rowGroupRows}.`,
    })
  })

  test.each([
    ['long', { kind: 'boolean', valid: null, values: Uint8Array.of(1) }],
    ['string', { kind: 'number', valid: null, values: Float64Array.of(1) }],
    ['geo_point', { kind: 'number', valid: null, values: Float64Array.of(1) }],
    ['headers', { kind: 'boolean', valid: null, values: Uint8Array.of(1) }],
    ['double', { kind: 'headers', valid: null, values: [[]] }],
  ] as const)('a %s column in a vector that cannot hold it', (kind, vector) => {
    const fields = [{ name: 'c', column: { kind, nullable: true } }]
    expect(() => encodeParquet({ fields, rows: 1, vectors: [vector] })).toThrow(
      `Column "c": expected a vector that holds ${kind} values, found one of kind ${vector.kind}. ` +
        'Build the batch from the same fields that it is written with.',
    )
  })

  test('a refused batch leaves nothing behind for the next one', async () => {
    refusal({ kind: 'int', values: [1, 2, 0.5] })
    expect(await valuesOf(batchOf({ n: { kind: 'int', values: [4, null, 5] } }), 'n')).toEqual([4, null, 5])
  })
})
