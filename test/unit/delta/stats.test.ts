import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { indexedBy, numRecords, statsJson, totalRecords } from '#delta/stats.ts'
import { writeDataFile } from '#delta/table.ts'
import type { LeafStatistics } from '#parquet/writer.ts'
import type { Column } from '#schema/column.ts'
import { batchOf, FIELDS, lake, START, TABLE } from './fixtures.ts'

const leaf = (name: string, kind: Column['kind'], nullCount: number, min?: number | string | boolean, max = min) => ({
  path: name.split('.'),
  kind,
  nullCount,
  ...(min === undefined ? {} : { min }),
  ...(max === undefined ? {} : { max }),
})

describe('statistics of a file', () => {
  it('of a column called __proto__ are its own, and touch no other object', () => {
    const stats = statsJson(1, [leaf('__proto__.seen', 'long', 0, 5)])
    expect(({} as Readonly<Record<string, unknown>>)['seen']).toBe(undefined)
    expect(stats).toContain('"minValues":{"__proto__":{"seen":5}}')
  })

  it('give numRecords, and per column null count, minimum and maximum as JSON knows them', () => {
    const stats = statsJson(3, [
      leaf('text', 'string', 1, 'a', 'ü'),
      leaf('n', 'long', 0, -5, Number.MAX_SAFE_INTEGER),
      leaf('ratio', 'double', 0, -0.5, 1e300),
      leaf('at', 'timestamp', 0, START + 1, START + 1001),
      leaf('day', 'date', 0, -1, 20_000),
    ])
    expect(JSON.parse(stats)).toEqual({
      numRecords: 3,
      minValues: { text: 'a', n: -5, ratio: -0.5, at: '2026-03-01T00:00:00.001Z', day: '1969-12-31' },
      maxValues: { text: 'ü', n: 9007199254740991, ratio: 1e300, at: '2026-03-01T00:00:01.001Z', day: '2024-10-04' },
      nullCount: { text: 1, n: 0, ratio: 0, at: 0, day: 0 },
    })
  })

  it('nest those of structs, and say nothing of arrays', () => {
    const stats = statsJson(2, [
      leaf('place.latitude', 'double', 1, 41.5),
      leaf('place.longitude', 'double', 1, -87.5),
      leaf('headers', 'headers', 0),
      { path: ['tags'], kind: 'map', nullCount: 1 },
    ])
    expect(JSON.parse(stats)).toEqual({
      numRecords: 2,
      minValues: { place: { latitude: 41.5, longitude: -87.5 } },
      maxValues: { place: { latitude: 41.5, longitude: -87.5 } },
      nullCount: { place: { latitude: 1, longitude: 1 } },
    })
  })

  it('have no bounds for booleans, binaries, columns of nulls, and what JSON or a calendar can not hold', () => {
    const stats = statsJson(9, [
      leaf('flag', 'boolean', 2, false, true),
      leaf('raw', 'binary', 3),
      leaf('none', 'string', 9),
      leaf('unpriced', 'decimal' as 'long', 9),
      leaf('in.flag', 'boolean', 0, true),
      leaf('odd', 'double', 0, Number.NEGATIVE_INFINITY, Number.NaN),
      leaf('far', 'timestamp', 0, Date.UTC(-1, 0, 1), 8.64e15),
      { path: ['halfway'], kind: 'string', nullCount: 0, min: 'a' },
    ])
    expect(JSON.parse(stats)).toEqual({
      numRecords: 9,
      minValues: { halfway: 'a' },
      maxValues: {},
      nullCount: { flag: 2, raw: 3, none: 9, unpriced: 9, in: { flag: 0 }, odd: 0, far: 0, halfway: 0 },
    })
  })

  it('have bounds for numbers of every width, and instants of the years 1 to 9999', () => {
    const bounds = (kind: LeafStatistics['kind'], min: number, max: number) => {
      const { minValues, maxValues } = JSON.parse(statsJson(1, [{ path: ['x'], kind, nullCount: 0, min, max }]))
      return [minValues.x, maxValues.x]
    }
    for (const kind of ['byte', 'short', 'int', 'long', 'float', 'double'] as const) {
      expect(bounds(kind, -1, 1)).toEqual([-1, 1])
    }
    const first = Date.UTC(2001, 0, 1) - (Date.UTC(2400, 0, 1) - Date.UTC(2000, 0, 1)) * 5
    const last = Date.UTC(9999, 11, 31)
    expect(bounds('timestamp', first, last)).toEqual(['0001-01-01T00:00:00.000Z', '9999-12-31T00:00:00.000Z'])
    expect(bounds('timestamp_ntz', first - 1, last + 86_400_000)).toEqual([undefined, undefined])
    expect(bounds('timestamp_ntz', first, last)).toEqual(['0001-01-01T00:00:00.000', '9999-12-31T00:00:00.000'])
    expect(bounds('date', first / 86_400_000, last / 86_400_000)).toEqual(['0001-01-01', '9999-12-31'])
    expect(bounds('date', first / 86_400_000 - 1, last / 86_400_000 + 1)).toEqual([undefined, undefined])
  })

  it('hold whole numbers beyond 2^53 with all their digits, and instants without zone as such', () => {
    const stats = statsJson(1, [
      { path: ['big'], kind: 'long', nullCount: 0, min: -(2n ** 63n), max: 2n ** 63n - 1n },
      { path: ['local'], kind: 'timestamp_ntz', nullCount: 0, min: START + 1, max: START + 2 },
      { path: ['list'], kind: 'list', nullCount: 1 },
    ])
    expect(stats).toBe(
      `{"numRecords":1,"minValues":{"big":-9223372036854775808,"local":"2026-03-01T00:00:00.001"},"maxValues":{"big":9223372036854775807,"local":"2026-03-01T00:00:00.002"},"nullCount":{"big":0,"local":0}}`,
    )
  })

  it.each([
    ['-0.50', '12345678901234.5', '-0.50', '12345678901234.5'],
    ['12345678901234567890.123', '12345678901234567890.123', '12345678901234500000.000', '12345678901234600000.000'],
    [
      '-12345678901234567890.123',
      '-12345678901234567890.123',
      '-12345678901234600000.000',
      '-12345678901234500000.000',
    ],
    ['123456789012345000.00', '123456789012345000.00', '123456789012345000.00', '123456789012345000.00'],
    ['-99999999999999999.9', '99999999999999999.9', undefined, undefined],
    ['99999999999999999.9', '-99999999999999999.9', '99999999999999900.0', '-99999999999999900.0'],
  ])('hold bounds of the decimals %s to %s that a double keeps: %s to %s', (min, max, low, high) => {
    const stats = statsJson(1, [{ path: ['x'], kind: 'decimal', nullCount: 0, min, max }])
    const tree = (text: string | undefined): string => (text === undefined ? '{}' : `{"x":${text}}`)
    expect(stats).toBe(`{"numRecords":1,"minValues":${tree(low)},"maxValues":${tree(high)},"nullCount":{"x":0}}`)
  })

  it.each([
    [{}, ['a', 'b.c', 'b.d', 'e.f', 'x,y']],
    [{ 'delta.dataSkippingNumIndexedCols': '2' }, ['a', 'b.c']],
    [{ 'delta.dataSkippingNumIndexedCols': '0' }, []],
    [{ 'delta.dataSkippingNumIndexedCols': '-1' }, ['a', 'b.c', 'b.d', 'e.f', 'x,y']],
    [{ 'delta.dataSkippingStatsColumns': 'b, `e.f`', 'delta.dataSkippingNumIndexedCols': '1' }, ['b.c', 'b.d', 'e.f']],
    [{ 'delta.dataSkippingStatsColumns': 'b.d' }, ['b.d']],
    [{ 'delta.dataSkippingStatsColumns': '`x,y`,`e.f` , b.d,' }, ['b.d', 'e.f', 'x,y']],
    [{ 'delta.dataSkippingStatsColumns': 'a,`x,y`, b.c' }, ['a', 'b.c', 'x,y']],
    [{ 'delta.dataSkippingStatsColumns': 'a.of.nobody,b.c.of.nobody' }, []],
    [{ 'delta.dataSkippingStatsColumns': '' }, []],
  ])('are of the columns that the properties %j name: %j', (properties, wanted) => {
    const paths = [['a'], ['b', 'c'], ['b', 'd'], ['e.f'], ['x,y']]
    const columns = paths.map((path): LeafStatistics => ({ path, kind: 'int', nullCount: 0 }))
    const { nullCount } = JSON.parse(
      statsJson(
        1,
        columns,
        indexedBy(properties, (name) => {
          expect(name).not.toBe('')
          return name.startsWith('`') ? [name.slice(1, -1)] : name.split('.')
        }),
      ),
    )
    const found = Object.entries(nullCount).flatMap(([name, inner]) =>
      typeof inner === 'number' ? [name] : Object.keys(inner as object).map((part) => `${name}.${part}`),
    )
    expect(found).toEqual(wanted)
  })

  it('end after 32 leaf columns', () => {
    const names = Array.from({ length: 31 }, (_, at) => `c${at}`)
    const columns = [
      ...names.map((name) => leaf(name, 'int', 0, 1)),
      leaf('place.latitude', 'double', 0, 1),
      leaf('place.longitude', 'double', 0, 1),
    ]
    const { nullCount, minValues } = JSON.parse(statsJson(1, columns))
    expect(Object.keys(nullCount)).toHaveLength(32)
    expect(minValues.place).toEqual({ latitude: 1 })
  })

  it.each([
    ['{"numRecords":5}', 5],
    ['{"numRecords":"5"}', undefined],
    ['{"stats_json":"{}"}', undefined],
    ['{', undefined],
    ['null', undefined],
    ['5', undefined],
    [undefined, undefined],
  ])('%j have %j records', (stats, records) => {
    expect(numRecords(stats)).toBe(records)
  })
})

describe('the rows of several files', () => {
  it('are the sum of what each says, or unknown where one says nothing', () => {
    const file = (rows: number) => ({ stats: JSON.stringify({ numRecords: rows }) })
    expect(totalRecords([])).toBe(0)
    expect(totalRecords([file(3), file(0), file(4)])).toBe(7)
    expect(totalRecords([file(3), {}, file(4)])).toBeNull()
  })
})

describe('a data file', () => {
  it('is one new object below the table, described by an add', async () => {
    const { deps, memory } = lake()
    const batch = batchOf([
      [7, 'b'],
      [3, null],
      [5, 'a'],
    ])
    const add = await writeDataFile(deps(), TABLE, batch)
    expect(add).toEqual({
      path: 'part-id-0000.zstd.parquet',
      size: (await memory.get(`${TABLE}/part-id-0000.zstd.parquet`)).length,
      modificationTime: START,
      dataChange: true,
      partitionValues: {},
      stats: expect.any(String),
    })
    expect(JSON.parse(add?.stats ?? '')).toEqual({
      numRecords: 3,
      minValues: { id: 3, district: 'a' },
      maxValues: { id: 7, district: 'b' },
      nullCount: { id: 0, district: 1 },
    })
  })

  it('holds the selected rows only, in their order, and is not written for none', async () => {
    const { deps, memory } = lake()
    const batch = batchOf([
      [1, 'a'],
      [2, 'b'],
      [3, 'c'],
    ])
    const add = await writeDataFile(deps(), TABLE, batch, Int32Array.of(2, 0))
    expect(JSON.parse(add?.stats ?? '')).toMatchObject({ numRecords: 2, minValues: { id: 1 }, maxValues: { id: 3 } })
    const none = lake()
    expect(await writeDataFile(none.deps(), TABLE, batch, new Int32Array(0))).toBeNull()
    expect(await writeDataFile(none.deps(), TABLE, batchOf([]))).toBeNull()
    for await (const { path } of none.memory.list('')) throw new Error(path)
    expect(await memory.head(`${TABLE}/${add?.path}`)).toBeDefined()
  })

  it('has bounds that enclose every value', async () => {
    const row = fc.tuple(fc.maxSafeInteger(), fc.option(fc.string({ unit: 'grapheme', maxLength: 60 })))
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 30 }), async (rows) => {
        const add = await writeDataFile(lake().deps(), TABLE, batchOf(rows))
        const { minValues, maxValues, nullCount } = JSON.parse(add?.stats ?? '')
        const ids = rows.map(([id]) => id)
        expect([minValues.id, maxValues.id]).toEqual([Math.min(...ids), Math.max(...ids)])
        const texts = rows.flatMap(([, text]) => (text === null ? [] : [Buffer.from(text)]))
        expect(nullCount).toEqual({ id: 0, district: rows.length - texts.length })
        for (const text of texts) {
          expect(Buffer.compare(Buffer.from(minValues.district), text)).toBeLessThanOrEqual(0)
          if (maxValues.district !== undefined) {
            expect(Buffer.compare(Buffer.from(maxValues.district), text)).toBeGreaterThanOrEqual(0)
          }
        }
      }),
      { numRuns: 100 },
    )
    expect(FIELDS).toHaveLength(2)
  })
})
