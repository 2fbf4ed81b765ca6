import { type ColumnSource, parquetWriteBuffer } from 'hyparquet-writer'
import { describe, expect, it } from 'vitest'
import { readFileRows, type TableRow } from '#delta/file-rows.ts'
import type { TableLayout } from '#delta/layout.ts'
import { LogPaths } from '#delta/log.ts'
import type { DeltaType, StructField, StructType } from '#delta/schema-json.ts'
import { lake, TABLE } from './fixtures.ts'

type Element = Readonly<Record<string, unknown>>

const field = (name: string, type: DeltaType, metadata: Record<string, unknown> = {}): StructField => ({
  name,
  type,
  nullable: true,
  metadata,
})
const mapped = (name: string, type: DeltaType, id: number, physical = `col-${id}`): StructField =>
  field(name, type, { 'delta.columnMapping.id': id, 'delta.columnMapping.physicalName': physical })
const struct = (...fields: readonly StructField[]): StructType => ({ type: 'struct', fields })
const array = (elementType: DeltaType): DeltaType => ({ type: 'array', elementType, containsNull: true })

const leaf = (name: string, type: string, more: Element = {}): Element => ({
  name,
  type,
  repetition_type: 'OPTIONAL',
  ...more,
})
const group = (name: string, ...children: readonly (readonly Element[])[]): readonly Element[] => [
  { name, repetition_type: 'OPTIONAL', num_children: children.length },
  ...children.flat(),
]
const list = (name: string, element: readonly Element[]): readonly Element[] => [
  { name, repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'LIST' },
  { name: 'list', repetition_type: 'REPEATED', num_children: 1 },
  ...element,
]

interface ForeignFile {
  readonly elements: readonly (readonly Element[])[]
  readonly data: Readonly<Record<string, readonly unknown[]>>
}

/** Rows of a file of another writer, as a table of such columns has them. */
async function rowsOf(
  file: ForeignFile,
  fields: readonly StructField[],
  layout: Partial<TableLayout> = {},
): Promise<readonly TableRow[]> {
  const { memory } = lake()
  const schema = [{ name: 'root', num_children: file.elements.length }, ...file.elements.flat()]
  const columnData = Object.entries(file.data).map(([name, data]) => ({ name, data }) as ColumnSource)
  const bytes = new Uint8Array(parquetWriteBuffer({ columnData, schema: schema as never, codec: 'UNCOMPRESSED' }))
  await memory.put(`${TABLE}/x.parquet`, bytes)
  const source = {
    store: memory,
    paths: new LogPaths(TABLE),
    contents: { version: 3 },
    layout: { schema: struct(...fields), mapping: 'none', partitionColumns: [], ...layout } as TableLayout,
  }
  const rows: TableRow[] = []
  for await (const run of readFileRows(source, { path: 'x.parquet', size: bytes.length, partitionValues: {} }))
    rows.push(...run.rows)
  return rows
}

describe('a column of a file', () => {
  it('is found by its physical name, nested fields too', async () => {
    const file: ForeignFile = {
      elements: [group('col-1', [leaf('col-2', 'INT32')], list('col-3', group('element', [leaf('col-4', 'INT32')])))],
      data: { 'col-1': [{ 'col-2': 5, 'col-3': [{ 'col-4': 6 }, null] }, null] },
    }
    const inner = array(struct(mapped('e', 'integer', 4)))
    const fields = [
      mapped('a b', struct(mapped('x', 'integer', 2), mapped('y', inner, 3), mapped('new', 'string', 9)), 1),
    ]
    expect(await rowsOf(file, fields, { mapping: 'name' })).toEqual([
      { 'a b': { x: 5, y: [{ e: 6 }, null], new: null } },
      { 'a b': null },
    ])
  })

  it('is found by its field id, whatever its name', async () => {
    const file: ForeignFile = {
      elements: [
        group('old', [leaf('q', 'INT32', { field_id: 2 })]).map((e, i) => (i === 0 ? { ...e, field_id: 1 } : e)),
        [leaf('b', 'INT32', { field_id: 7 })],
      ],
      data: { old: [{ q: 5 }], b: [8] },
    }
    const fields = [
      mapped('s', struct(mapped('x', 'integer', 2)), 1),
      mapped('b', 'integer', 3),
      mapped('c', 'integer', 7),
    ]
    expect(await rowsOf(file, fields, { mapping: 'id' })).toEqual([{ s: { x: 5 }, b: null, c: 8 }])
  })

  it('is found by its physical name where a file of a table with ids has none', async () => {
    const file: ForeignFile = { elements: [[leaf('n', 'INT32')]], data: { n: [5] } }
    expect(await rowsOf(file, [mapped('renamed', 'integer', 1, 'n')], { mapping: 'id' })).toEqual([{ renamed: 5 }])
  })

  it('is found whatever the case of its name, but never that of a physical one', async () => {
    const file: ForeignFile = { elements: [[leaf('FooBar', 'INT32')]], data: { FooBar: [5] } }
    expect(await rowsOf(file, [field('foobar', 'integer')])).toEqual([{ foobar: 5 }])
    expect(await rowsOf(file, [mapped('n', 'integer', 1, 'foobar')], { mapping: 'name' })).toEqual([{ n: null }])
  })

  it.each<[string, readonly Element[], unknown, DeltaType, unknown]>([
    ['int to long', [leaf('c', 'INT32')], 7, 'long', 7],
    ['int to double', [leaf('c', 'INT32')], 7, 'double', 7],
    ['long to double', [leaf('c', 'INT64')], 2n ** 53n + 2n, 'double', 2 ** 53 + 2],
    ['float to double', [leaf('c', 'FLOAT')], 1.5, 'double', 1.5],
    ['int to decimal', [leaf('c', 'INT32')], 7, 'decimal(12,2)', '7.00'],
    ['long to decimal', [leaf('c', 'INT64')], -7n, 'decimal(22,2)', '-7.00'],
    [
      'decimal to a larger scale',
      [leaf('c', 'INT32', { converted_type: 'DECIMAL', precision: 5, scale: 2 })],
      1.25,
      'decimal(10,4)',
      '1.2500',
    ],
    [
      'date to timestamp_ntz',
      [leaf('c', 'INT32', { converted_type: 'DATE' })],
      new Date('2024-01-01'),
      'timestamp_ntz',
      Date.UTC(2024, 0, 1),
    ],
    ['elements of a list', list('c', [leaf('element', 'INT32')]), [1, null], array('decimal(12,1)'), ['1.0', null]],
    ['bytes without an annotation to text', [leaf('c', 'BYTE_ARRAY')], new TextEncoder().encode('é'), 'string', 'é'],
    [
      'text to bytes',
      [leaf('c', 'BYTE_ARRAY', { converted_type: 'UTF8' })],
      'é',
      'binary',
      new TextEncoder().encode('é'),
    ],
  ])('is widened: %s', async (_, elements, stored, type, expected) => {
    expect(await rowsOf({ elements: [elements], data: { c: [stored, null] } }, [field('c', type)])).toEqual([
      { c: expected },
      { c: null },
    ])
  })

  it('of a map is widened and mapped in keys and values', async () => {
    const file: ForeignFile = {
      elements: [
        [
          { name: 'm', repetition_type: 'OPTIONAL', num_children: 1, converted_type: 'MAP' },
          { name: 'key_value', repetition_type: 'REPEATED', num_children: 2 },
          { name: 'key', type: 'INT32', repetition_type: 'REQUIRED' },
          ...group('value', [leaf('col-9', 'INT32')]),
        ],
      ],
      data: { m: [[{ key: 1, value: { 'col-9': 2 } }]] },
    }
    const m = mapped(
      'm',
      { type: 'map', keyType: 'decimal(12,1)', valueType: struct(mapped('v', 'long', 9)), valueContainsNull: true },
      1,
      'm',
    )
    expect(await rowsOf(file, [m], { mapping: 'name' })).toEqual([{ m: new Map([['1.0', { v: 2 }]]) }])
  })

  it('of a type that is not read is DELTA_FEATURE_UNSUPPORTED, wherever it is', async () => {
    const file: ForeignFile = { elements: [[leaf('a', 'INT32')]], data: { a: [1] } }
    for (const type of ['variant', array('variant'), struct(field('x', 'variant'))] as const) {
      await expect(rowsOf(file, [field('v', type)])).rejects.toMatchObject({
        code: 'DELTA_FEATURE_UNSUPPORTED',
        message: `Column "v" has the Delta type variant, which Sluice does not read. Read the other columns, or the table with another engine.`,
      })
    }
  })
})
