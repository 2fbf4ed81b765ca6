import { describe, expect, test } from 'vitest'
import type { AddFile } from '#delta/actions.ts'
import { resolveColumn } from '#delta/column-path.ts'
import { fileStatistics } from '#delta/file-bounds.ts'
import { groupStatistics } from '#delta/group-bounds.ts'
import type { TableLayout } from '#delta/layout.ts'
import { orderingOf } from '#delta/ordering.ts'
import type { DeltaType } from '#delta/schema-json.ts'
import type { ParquetTree } from '#parquet/reader.ts'

const column = (name: string, type: DeltaType) => ({ name, type, nullable: true, metadata: {} })
const layoutOf = (type: DeltaType, partitionColumns: readonly string[] = []): TableLayout => ({
  schema: {
    type: 'struct',
    fields: [column('x', type), column('s', { type: 'struct', fields: [column('in', 'long')] })],
  },
  mapping: 'none',
  partitionColumns,
})

type Stats = Pick<AddFile, 'partitionValues' | 'stats'>

function fileBounds(file: Partial<Stats>, type: string, name = 'x', partitionColumns: readonly string[] = []) {
  const layout = layoutOf(type, partitionColumns)
  const statistics = fileStatistics({ partitionValues: {}, ...file }, layout, 't')
  const path = resolveColumn(name, layout, 't')
  expect(statistics.presence(path)).toEqual({ nulls: expect.any(Boolean), values: expect.any(Boolean) })
  return statistics.bounds(path, orderingOf(type, 0)!)
}

describe('What the log tells of a file', () => {
  const stats = (json: object) => ({ stats: JSON.stringify(json) })
  const UNKNOWN = { nulls: true, values: true, low: undefined, high: undefined }

  test.each<[string, Partial<Stats>, object]>([
    ['nothing', {}, UNKNOWN],
    ['no JSON', { stats: '{' }, UNKNOWN],
    ['null', { stats: 'null' }, UNKNOWN],
    ['a number', { stats: '5' }, UNKNOWN],
    ['no counts', stats({ minValues: { x: 1 }, maxValues: { x: 2 } }), { ...UNKNOWN, low: 1, high: 2 }],
    ['no nulls', stats({ numRecords: 3, nullCount: { x: 0 } }), { ...UNKNOWN, nulls: false }],
    ['some nulls', stats({ numRecords: 3, nullCount: { x: 1 } }), UNKNOWN],
    ['nulls only', stats({ numRecords: 3, nullCount: { x: 3 } }), { ...UNKNOWN, values: false }],
    ['nulls of no known number of rows', stats({ nullCount: { x: 3 } }), UNKNOWN],
    ['counts that are none', stats({ numRecords: '3', nullCount: { x: '3' } }), UNKNOWN],
    ['another column', stats({ numRecords: 3, nullCount: { y: 3 }, minValues: { y: 1 } }), UNKNOWN],
    ['a tree that is none', stats({ numRecords: 3, nullCount: 3, minValues: null }), UNKNOWN],
  ])('is no more than is sure: %s', (_, file, expected) => {
    expect(fileBounds(file, 'long')).toEqual(expected)
  })

  test('is found inside of structs, and never in what objects have by themselves', () => {
    const file = stats({
      numRecords: 2,
      nullCount: { s: { in: 0 } },
      minValues: { s: { in: 5 } },
      maxValues: { s: {} },
    })
    expect(fileBounds(file, 'long', 's.in')).toEqual({ nulls: false, values: true, low: 5, high: undefined })
    const layout: TableLayout = {
      schema: { type: 'struct', fields: [column('constructor', 'long')] },
      mapping: 'none',
      partitionColumns: [],
    }
    const statistics = fileStatistics({ partitionValues: {}, stats: '{"nullCount":{}}' }, layout, 't')
    expect(statistics.presence(resolveColumn('constructor', layout, 't'))).toEqual({ nulls: true, values: true })
  })

  test.each<[string, string | null, object]>([
    ['long', '5', { nulls: false, values: true, low: 5, high: 5 }],
    ['long', null, { nulls: true, values: false, low: undefined, high: undefined }],
    ['long', '', { nulls: true, values: false, low: undefined, high: undefined }],
    ['double', 'NaN', { nulls: false, values: true, low: undefined, high: undefined }],
    ['string', 'a', { nulls: false, values: true, low: 'a', high: 'a' }],
  ])('is its partition value, whatever its statistics say: %s %j', (type, value, expected) => {
    const file = {
      partitionValues: { x: value },
      ...stats({ numRecords: 9, nullCount: { x: 4 }, minValues: { x: 7 } }),
    }
    expect(fileBounds(file, type, 'x', ['x'])).toEqual(expected)
  })
})

type Element = Readonly<Record<string, unknown>>

const tree = (element: Element | null): ParquetTree => {
  const leaf = (name: string, more: Element) => ({ element: { name, ...more }, children: [], count: 1, path: [name] })
  const struct = { element: { name: 's' }, children: [leaf('in', { type: 'INT64' })], count: 2, path: ['s'] }
  return {
    element: { name: 'root' },
    children: [...(element === null ? [] : [leaf('x', element)]), struct],
    count: 4,
    path: [],
  } as never
}

interface Chunk {
  readonly min?: unknown
  readonly max?: unknown
  readonly nullCount?: number
}

function groupBounds(type: DeltaType, element: Element | null, chunk: Chunk | null, name = 'x') {
  const layout = layoutOf(type, ['p'])
  const chunks = chunk === null ? [] : [{ path: name.split('.'), ...chunk }]
  const group = { rows: 3, chunks } as never
  const statistics = groupStatistics(group, tree(element), { partitionValues: {} }, layout, 't')
  const path = resolveColumn(name, layout, 't')
  const { low, high, ...presence } = statistics.bounds(path, orderingOf('long', 0)!)
  expect(statistics.presence(path)).toEqual(presence)
  return { low, high, ...presence }
}

describe('What a footer tells of a row group', () => {
  const MICROS = { type: 'INT64', logical_type: { type: 'TIMESTAMP', unit: 'MICROS' } }
  const MILLIS = { type: 'INT64', logical_type: { type: 'TIMESTAMP', unit: 'MILLIS' } }
  const NANOS = { type: 'INT64', logical_type: { type: 'TIMESTAMP', unit: 'NANOS' } }
  const INT = { type: 'INT32' }

  test.each<[string, Element, unknown, unknown, unknown, unknown]>([
    ...(['byte', 'short', 'integer', 'long'] as const).map(
      (type) => [type, INT, -5, 7, -5, 7] as [string, Element, unknown, unknown, unknown, unknown],
    ),
    ['long', { type: 'INT64' }, -5n, 2n ** 60n, -5n, 2n ** 60n],
    ['long', { type: 'INT64', logical_type: { type: 'INTEGER', isSigned: true } }, 1n, 2n, 1n, 2n],
    ['long', { type: 'INT64', logical_type: { type: 'INTEGER', isSigned: false } }, 1n, 2n, undefined, undefined],
    ['integer', { type: 'INT32', converted_type: 'UINT_16' }, 1, 2, undefined, undefined],
    ['integer', { type: 'INT32', converted_type: 'INT_16' }, 1, 2, 1, 2],
    ['long', { type: 'INT64', logical_type: { type: 'TIMESTAMP', unit: 'MICROS' } }, 1n, 2n, undefined, undefined],
    ['long', { type: 'INT64' }, '1', new Uint8Array(1), undefined, undefined],
    ['float', { type: 'FLOAT' }, -1.5, 2, -1.5, 2],
    ['double', { type: 'DOUBLE' }, -1.5, 2, -1.5, 2],
    ['double', { type: 'FLOAT' }, Number.NaN, 2, undefined, 2],
    ['double', { type: 'INT32' }, 1, 2, undefined, undefined],
    ['double', { type: 'DOUBLE' }, 1n, '2', undefined, undefined],
    ['date', { type: 'INT32', converted_type: 'DATE' }, 1, 2, 1, 2],
    ['date', { type: 'INT32', logical_type: { type: 'DATE' } }, 1, 2, 1, 2],
    ['date', { type: 'INT32', logical_type: { type: 'DATE' } }, 1n, '2', undefined, undefined],
    ['date', INT, 1, 2, undefined, undefined],
    ['timestamp', MICROS, 1_500n, 2_000n, 1.5, 2],
    ['timestamp', { type: 'INT64', converted_type: 'TIMESTAMP_MICROS' }, 1_500n, 2_000n, 1.5, 2],
    ['timestamp_ntz', MILLIS, 1_500n, 2_000n, 1_500, 2_000],
    ['timestamp', { type: 'INT64', converted_type: 'TIMESTAMP_MILLIS' }, 1_500n, 2_000n, 1_500, 2_000],
    ['timestamp', NANOS, 1_500n, 2_000n, undefined, undefined],
    ['timestamp', { type: 'INT64' }, 1_500n, 2_000n, undefined, undefined],
    ['timestamp', MICROS, 2n ** 62n, 5, undefined, undefined],
    ['string', { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, 'a', 'b', 'a', 'b'],
    ['string', { type: 'BYTE_ARRAY', converted_type: 'UTF8' }, 'a\ufffd', 5, undefined, undefined],
    ['binary', { type: 'BYTE_ARRAY' }, 'a', 'b', undefined, undefined],
    ['boolean', { type: 'BOOLEAN' }, 0, 1, undefined, undefined],
    ['decimal(5,2)', { type: 'INT32', converted_type: 'DECIMAL' }, 1, 2, undefined, undefined],
  ])('are bounds of types that we trust: %s of %j from %s to %s', (type, element, min, max, low, high) => {
    expect(groupBounds(type, element, { min, max })).toEqual({ low, high, nulls: true, values: true })
  })

  test.each<[Chunk | null, boolean, boolean]>([
    [{ nullCount: 0 }, false, true],
    [{ nullCount: 1 }, true, true],
    [{ nullCount: 3 }, true, false],
    [{}, true, true],
    [null, true, true],
  ])('are nulls and values, by %j', (chunk, nulls, values) => {
    expect(groupBounds('long', INT, chunk)).toEqual({ low: undefined, high: undefined, nulls, values })
  })

  test('is that all is null, where the file lacks the column', () => {
    expect(groupBounds('long', null, { min: 1, max: 2 })).toEqual({
      low: undefined,
      high: undefined,
      nulls: true,
      values: false,
    })
  })

  test('is found inside of structs, and says nothing of a struct itself', () => {
    expect(groupBounds('long', INT, { min: 1n, max: 2n, nullCount: 0 }, 's.in')).toEqual({
      low: 1n,
      high: 2n,
      nulls: false,
      values: true,
    })
    expect(groupBounds('long', INT, { min: 1n, max: 2n }, 's')).toEqual({
      low: undefined,
      high: undefined,
      nulls: true,
      values: true,
    })
  })

  test('is left to the log for a partition column', () => {
    const layout = layoutOf('long', ['x'])
    const statistics = groupStatistics(
      { rows: 3, chunks: [] } as never,
      tree(INT),
      { partitionValues: { x: '5' } },
      layout,
      't',
    )
    const path = resolveColumn('x', layout, 't')
    expect(statistics.presence(path)).toEqual({ nulls: false, values: true })
    expect(statistics.bounds(path, orderingOf('long', 0)!)).toEqual({ nulls: false, values: true, low: 5, high: 5 })
  })
})
