import { describe, expect, test } from 'vitest'
import { parquetMetadata } from '#parquet/metadata.ts'
import { bytesSource } from '#parquet/source.ts'
import { encodeParquet } from '#parquet/writer.ts'
import { batchOf, type ColumnInput } from './column-batch-builder.ts'

const statisticsOf = (input: ColumnInput, options = {}) => encodeParquet(batchOf({ c: input }), options).columns[0]

async function footerOf(input: ColumnInput, options = {}) {
  const { bytes } = encodeParquet(batchOf({ c: input }), options)
  const { rowGroups } = await parquetMetadata(bytesSource(bytes))
  return rowGroups.map(({ chunks }) => ({ min: chunks[0]?.min, max: chunks[0]?.max, nullCount: chunks[0]?.nullCount }))
}

describe('numbers', () => {
  test.each([
    ['int', [3, null, -5, 4], -5, 4],
    ['long', [Number.MAX_SAFE_INTEGER, null, 1], 1, Number.MAX_SAFE_INTEGER],
    ['double', [0.5, -1e300, null], -1e300, 0.5],
    ['timestamp', [253_402_300_799_999, null, -62_135_596_800_000], -62_135_596_800_000, 253_402_300_799_999],
    ['date', [null, 17_897, -719_162], -719_162, 17_897],
  ] as const)('%s: the lowest and the highest value, and how many are null', (kind, values, min, max) => {
    expect(statisticsOf({ kind, values })).toEqual({ path: ['c'], kind, nullCount: 1, min, max })
  })

  test('only selected rows count', () => {
    const statistics = statisticsOf({ kind: 'int', values: [1, null, 99, 5] }, { select: Int32Array.of(3, 0) })
    expect(statistics).toEqual({ path: ['c'], kind: 'int', nullCount: 0, min: 1, max: 5 })
  })

  test('each row group has its own in the footer, the file has those of all', async () => {
    const input: ColumnInput = { kind: 'int', values: [5, 6, null, 1, 9, null, null, null] }
    expect(await footerOf(input, { rowGroupRows: 3 })).toEqual([
      { min: 5, max: 6, nullCount: 1 },
      { min: 1, max: 9, nullCount: 1 },
      { min: undefined, max: undefined, nullCount: 2 },
    ])
    expect(statisticsOf(input, { rowGroupRows: 3 })).toMatchObject({ nullCount: 4, min: 1, max: 9 })
  })

  test('timestamps are microseconds in the footer, exact in the year 9999', async () => {
    const values = [253_402_300_799_999, -62_135_596_800_000]
    expect(await footerOf({ kind: 'timestamp', values })).toEqual([
      { min: -62_135_596_800_000_000n, max: 253_402_300_799_999_000n, nullCount: 0 },
    ])
  })

  test('a fraction of a millisecond is rounded outwards', () => {
    expect(statisticsOf({ kind: 'timestamp', values: [1.25, 2.25] })).toMatchObject({ min: 1, max: 3 })
  })

  test.each([
    [[0, 1], -0, 1],
    [[-0, 1], -0, 1],
    [[-1, 0], -1, 0],
    [[-1, -0], -1, 0],
  ])('zero among %j is −0 as minimum and +0 as maximum in the footer', async (values, min, max) => {
    expect(await footerOf({ kind: 'double', values })).toEqual([{ min, max, nullCount: 0 }])
  })

  test('the statistics of the file never hold −0, which JSON would lose', () => {
    expect(statisticsOf({ kind: 'double', values: [-0] })).toMatchObject({ min: 0, max: 0 })
  })

  test('NaN leaves the footer without bounds, and the file without a maximum: Spark sorts it above all', async () => {
    const input: ColumnInput = { kind: 'double', values: [Number.NaN, 2, 1] }
    expect(await footerOf(input)).toEqual([{ min: undefined, max: undefined, nullCount: 0 }])
    expect(statisticsOf(input)).toEqual({ path: ['c'], kind: 'double', nullCount: 0, min: 1 })
  })

  test('a column of nothing but NaN has no bounds', async () => {
    const input: ColumnInput = { kind: 'double', values: [Number.NaN] }
    expect(await footerOf(input)).toEqual([{ min: undefined, max: undefined, nullCount: 0 }])
    expect(statisticsOf(input)).toEqual({ path: ['c'], kind: 'double', nullCount: 0 })
  })

  test('an infinite bound is in the footer, not in the statistics of the file, which are JSON', async () => {
    const input: ColumnInput = { kind: 'double', values: [Number.NEGATIVE_INFINITY, 1] }
    expect(await footerOf(input)).toEqual([{ min: Number.NEGATIVE_INFINITY, max: 1, nullCount: 0 }])
    expect(statisticsOf(input)).toEqual({ path: ['c'], kind: 'double', nullCount: 0, max: 1 })
  })
})

describe.each(['slices', 'dictionary'] as const)('text in %s', (as) => {
  const bounds = (values: readonly (string | null)[]) => {
    const { min, max } = statisticsOf({ kind: 'string', as, values }) ?? {}
    return [min, max]
  }

  test.each([
    [['b', null, 'a', 'c']],
    [['abcd', 'abcde', 'abc']],
    [['', 'a']],
    [['z', 'ä', '😀', '\ufffd']],
    [['a\u0000', 'a', 'a\u0000\u0000']],
    [['same', 'same']],
  ])('the bounds of %j are those of its code points', (values) => {
    const sorted = values
      .filter((value) => value !== null)
      .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
    expect(bounds(values)).toEqual([sorted[0], sorted.at(-1)])
  })

  test('32 code points are kept whole', () => {
    expect(bounds(['😀'.repeat(32)])).toEqual(['😀'.repeat(32), '😀'.repeat(32)])
  })

  test('a longer minimum is cut, a longer maximum is cut and rounded up', () => {
    expect(bounds([`${'a'.repeat(40)}`, `${'b'.repeat(40)}`])).toEqual(['a'.repeat(32), `${'b'.repeat(31)}c`])
  })

  test('rounding up steps over the surrogates and carries over U+10FFFF', () => {
    expect(bounds([`${'a'.repeat(31)}\ud7ff!`])[1]).toBe(`${'a'.repeat(31)}\ue000`)
    expect(bounds([`${'a'.repeat(30)}\u{10ffff}\u{10ffff}!`])[1]).toBe(`${'a'.repeat(29)}b`)
  })

  test('there is no maximum above 33 times U+10FFFF', () => {
    expect(bounds(['\u{10ffff}'.repeat(33)])).toEqual(['\u{10ffff}'.repeat(32), undefined])
  })

  test('the footer has the same bounds', async () => {
    const values = ['a'.repeat(40), null, 'b'.repeat(40)]
    expect(await footerOf({ kind: 'string', as, values })).toEqual([
      { min: 'a'.repeat(32), max: `${'b'.repeat(31)}c`, nullCount: 1 },
    ])
  })
})

test('booleans and bytes count their nulls and have no bounds', () => {
  expect(statisticsOf({ kind: 'boolean', values: [true, null] })).toEqual({
    path: ['c'],
    kind: 'boolean',
    nullCount: 1,
  })
  const binary = statisticsOf({ kind: 'binary', values: [null, Uint8Array.of(1)] })
  expect(binary).toEqual({ path: ['c'], kind: 'binary', nullCount: 1 })
})

test.each([
  [[true, true], true, true],
  [[false, null], false, false],
  [[true, false], false, true],
])('booleans %j have bounds in the footer', async (values, min, max) => {
  expect(await footerOf({ kind: 'boolean', values })).toMatchObject([{ min, max }])
})

test('a point has statistics for each of its parts', () => {
  const values = [{ latitude: 41, longitude: -87 }, null, { latitude: 42, longitude: -88 }]
  expect(encodeParquet(batchOf({ place: { kind: 'geo_point', values } })).columns).toEqual([
    { path: ['place', 'latitude'], kind: 'double', nullCount: 1, min: 41, max: 42 },
    { path: ['place', 'longitude'], kind: 'double', nullCount: 1, min: -88, max: -87 },
  ])
})

test('headers have one entry, which counts the rows without a list', () => {
  const values = [null, [], [{ name: 'a', value: null }], null]
  expect(encodeParquet(batchOf({ h: { kind: 'headers', values } })).columns).toEqual([
    { path: ['h'], kind: 'headers', nullCount: 2 },
  ])
})
