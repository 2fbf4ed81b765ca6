import { describe, expect, it } from 'vitest'
import type { StructType } from '#delta/schema-json.ts'
import { DeltaTable } from '#delta/table.ts'
import { readParquetRows } from '#parquet/reader.ts'
import { bytesSource } from '#parquet/source.ts'
import { fromRows } from '#schema/from-rows.ts'
import { addOf, append, foreignCommit, lake, TABLE } from './fixtures.ts'

const field = (
  name: string,
  type: StructType['fields'][0]['type'],
  metadata: Readonly<Record<string, unknown>> = {},
) => ({
  name,
  type,
  nullable: true,
  metadata,
})
const mapped = (name: string, type: StructType['fields'][0]['type'], id: number) =>
  field(name, type, { 'delta.columnMapping.id': id, 'delta.columnMapping.physicalName': `col-${id}` })

const POINT: StructType = { type: 'struct', fields: [mapped('x y', 'long', 6)] }
const SCHEMA: StructType = {
  type: 'struct',
  fields: [
    mapped('id', 'long', 1),
    mapped('the district', 'string', 2),
    mapped('point', POINT, 3),
    mapped('points', { type: 'array', elementType: POINT, containsNull: true }, 4),
    mapped('byName', { type: 'map', keyType: 'string', valueType: POINT, valueContainsNull: true }, 5),
  ],
}

/** A table whose columns another engine mapped, by name or by id. */
async function mappedTable(mode: 'name' | 'id', partitionColumns: readonly string[] = []) {
  const made = lake()
  const table = await DeltaTable.create(made.deps(), TABLE, {
    schema: { type: 'struct', fields: [field('id', 'long')] },
  })
  const { metadata } = await table.appendState()
  const configuration = { 'delta.columnMapping.mode': mode, 'delta.columnMapping.maxColumnId': '6' }
  await foreignCommit(made.memory, 1, [
    { protocol: { minReaderVersion: 2, minWriterVersion: 5 } },
    { metaData: { ...metadata, configuration, partitionColumns, schemaString: JSON.stringify(SCHEMA) } },
  ])
  return { ...made, table }
}

const row = (id: number) => ({
  id,
  'the district': `d${id}`,
  point: { 'x y': id },
  points: [{ 'x y': id }, null],
  byName: new Map([['a', { 'x y': id }]]),
})

async function rowsOf(table: DeltaTable): Promise<readonly object[]> {
  const rows: Record<string, unknown>[] = []
  for await (const run of (await table.snapshot()).rows()) rows.push(...run)
  return rows.sort((a, b) => Number(a['id']) - Number(b['id']))
}

describe.each(['name', 'id'] as const)('a table with columns mapped by %s', (mode) => {
  it('has its physical names and ids in files, statistics and partition values', async () => {
    const { table, memory } = await mappedTable(mode, ['the district'])
    await table.append([row(7)])
    const [file] = (await table.snapshot()).files
    expect(file!.partitionValues).toEqual({ 'col-2': 'd7' })
    expect(JSON.parse(file!.stats!)).toEqual({
      numRecords: 1,
      minValues: { 'col-1': 7, 'col-3': { 'col-6': 7 } },
      maxValues: { 'col-1': 7, 'col-3': { 'col-6': 7 } },
      nullCount: { 'col-1': 0, 'col-3': { 'col-6': 0 } },
    })
    const ids: [string, number | undefined][] = []
    const source = bytesSource(await memory.get(`${TABLE}/${decodeURIComponent(file!.path)}`))
    const columns = (tree: {
      readonly children: readonly { readonly element: { name: string; field_id?: number } }[]
    }) => {
      ids.push(...tree.children.map(({ element }) => [element.name, element.field_id] as [string, number | undefined]))
      return tree.children.map(({ element }) => element.name)
    }
    for await (const _ of readParquetRows(source, { columns: columns as never })) break
    expect(ids).toEqual([
      ['col-1', 1],
      ['col-3', 3],
      ['col-4', 4],
      ['col-5', 5],
    ])
    expect(await rowsOf(table)).toEqual([row(7)])
  })

  it('is changed, optimized and merged like any other', async () => {
    const { table } = await mappedTable(mode)
    for (let id = 0; id < 6; id += 2) await table.append([row(id), row(id + 1)])
    await table.delete({ 'the district': 'd1' })
    await table.update({ id: 2 }, { point: { 'x y': -2 } })
    await table.merge([{ ...row(3), points: [] }, row(9)], { on: ['id'] })
    await table.optimize({ clusterBy: ['the district'] })
    expect(await rowsOf(table)).toEqual([
      row(0),
      { ...row(2), point: { 'x y': -2 } },
      { ...row(3), points: [] },
      row(4),
      row(5),
      row(9),
    ])
  })

  it('gives new columns ids and physical names of their own', async () => {
    const { table } = await mappedTable(mode)
    await table.append([row(1)])
    const inner = { type: 'struct', fields: [field('z', 'date')] } as const
    await table.evolve({ type: 'struct', fields: [field('point', inner), field('note', 'string')] })
    const { metadata, schema } = await table.snapshot()
    expect(metadata.configuration['delta.columnMapping.maxColumnId']).toBe('8')
    const [, , point] = schema.fields
    const added = [(point!.type as StructType).fields[1]!, schema.fields.find(({ name }) => name === 'note')!]
    expect(added.map(({ metadata: { 'delta.columnMapping.id': id } }) => id)).toEqual([7, 8])
    expect(new Set(added.map(({ metadata: { 'delta.columnMapping.physicalName': name } }) => name)).size).toBe(2)
    const rich = { ...row(2), point: { 'x y': 2, z: 5 }, note: 'new' }
    await table.append([rich])
    expect(await rowsOf(table)).toEqual([{ ...row(1), point: { 'x y': 1, z: null }, note: null }, rich])
  })
})

describe('a mapped table', () => {
  it('takes columns by their own names', async () => {
    const { table, memory } = await mappedTable('name')
    const { metadata } = await table.appendState().catch(() => table.snapshot())
    const schemaString = JSON.stringify({ ...SCHEMA, fields: SCHEMA.fields.slice(0, 2) })
    await foreignCommit(memory, 2, [{ metaData: { ...metadata, schemaString } }])
    const fields = [
      { name: 'id', column: { kind: 'long', nullable: true } },
      { name: 'x', column: { kind: 'string', nullable: true } },
    ] as const
    await expect(table.append(fromRows(fields, [{ id: 1, x: 'a' }]))).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
    })
    await expect(append(table, addOf('plain').path)).rejects.toMatchObject({
      code: 'DELTA_FEATURE_UNSUPPORTED',
      message: `Can't commit prepared files to the Delta table ${TABLE}: it needs columnMapping, which Sluice does not have. Use an engine that has it, or a table without.`,
    })
  })
})
