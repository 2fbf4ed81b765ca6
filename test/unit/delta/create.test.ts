import { describe, expect, it } from 'vitest'
import { DeltaTable } from '#delta/table.ts'
import type { Column, Fields } from '#schema/column.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { FaultyStore } from '../../support/faulty-store.ts'
import {
  append,
  createTable,
  FIELDS,
  foreignCommit,
  LOG,
  lake,
  pathsOf,
  START,
  TABLE,
  textAt,
  versionName,
} from './fixtures.ts'

const nullable = (kind: Column['kind']): Column => ({ kind, nullable: true })

const ALL_KINDS: Fields = [
  { name: 'text', column: { kind: 'string', nullable: false } },
  { name: 'flag', column: nullable('boolean') },
  { name: 'small', column: nullable('int') },
  { name: 'large', column: nullable('long') },
  { name: 'ratio', column: nullable('double') },
  { name: 'at', column: nullable('timestamp') },
  { name: 'day', column: nullable('date') },
  { name: 'raw', column: nullable('binary') },
  { name: 'place', column: nullable('geo_point') },
  { name: 'headers', column: nullable('headers') },
]

describe('a new table', () => {
  it('is version 0 with reader version 1, writer version 2, no feature lists, and its checksum', async () => {
    const { deps, memory } = lake()
    const options = {
      fields: FIELDS,
      name: 'crimes',
      description: 'Chicago',
      properties: { 'delta.appendOnly': 'true' },
    }
    await DeltaTable.openOrCreate(deps(), TABLE, options)
    const lines = (await textAt(memory, `${LOG}/${versionName(0)}.json`)).trimEnd().split('\n')
    const [info, protocol, metaData] = lines.map((line) => JSON.parse(line))
    expect(lines).toHaveLength(3)
    expect(info.commitInfo).toMatchObject({ operation: 'CREATE TABLE', txnId: 'id-0000', engineInfo: 'sluice' })
    expect(protocol).toEqual({ protocol: { minReaderVersion: 1, minWriterVersion: 2 } })
    expect(metaData).toEqual({
      metaData: {
        id: 'id-0001',
        name: 'crimes',
        description: 'Chicago',
        format: { provider: 'parquet', options: {} },
        schemaString:
          '{"type":"struct","fields":[{"name":"id","type":"long","nullable":false,"metadata":{}},{"name":"district","type":"string","nullable":true,"metadata":{}}]}',
        partitionColumns: [],
        configuration: { 'delta.appendOnly': 'true' },
        createdTime: START,
      },
    })
    expect(JSON.parse(await textAt(memory, `${LOG}/${versionName(0)}.crc`))).toEqual({
      txnId: 'id-0000',
      tableSizeBytes: 0,
      numFiles: 0,
      numMetadata: 1,
      numProtocol: 1,
      setTransactions: [],
      metadata: metaData.metaData,
      protocol: protocol.protocol,
    })
  })

  it('holds a column of every kind, and gives them back', async () => {
    const { deps } = lake()
    const table = await createTable(deps(), ALL_KINDS)
    expect((await table.snapshot()).fields).toEqual(ALL_KINDS)
    expect((await table.appendState()).fields).toEqual(ALL_KINDS)
    const schema = JSON.parse((await table.snapshot()).metadata.schemaString)
    const types = Object.fromEntries(
      schema.fields.map(({ name, type }: { name: string; type: unknown }) => [name, type]),
    )
    const field = (name: string, type: string, nullable: boolean) => ({ name, type, nullable, metadata: {} })
    expect(types).toEqual({
      text: 'string',
      flag: 'boolean',
      small: 'integer',
      large: 'long',
      ratio: 'double',
      at: 'timestamp',
      day: 'date',
      raw: 'binary',
      place: { type: 'struct', fields: [field('latitude', 'double', false), field('longitude', 'double', false)] },
      headers: {
        type: 'array',
        elementType: { type: 'struct', fields: [field('name', 'string', false), field('value', 'binary', true)] },
        containsNull: false,
      },
    })
  })

  it('is made once by many that open it at once', async () => {
    const { deps, memory } = lake()
    const tables = await Promise.all(
      Array.from({ length: 16 }, (_, at) =>
        DeltaTable.openOrCreate(deps(memory, `maker-${at}`), TABLE, { fields: FIELDS }),
      ),
    )
    const ids = await Promise.all(tables.map(async (table) => (await table.snapshot()).metadata.id))
    expect(new Set(ids).size).toBe(1)
    expect(await pathsOf(memory, `${LOG}/`)).toEqual([`${versionName(0)}.crc`, `${versionName(0)}.json`])
  })

  it.each(['before', 'after', 'false'] as const)('is made though its first request goes wrong (%s)', async (fault) => {
    const { deps, memory } = lake()
    const store = new FaultyStore(memory).plan('create', /\.json$/, fault)
    const table = await createTable(deps(store))
    expect(store.left).toBe(0)
    expect(await append(table, '1.parquet')).toBe(1)
  })

  it('may lie at the root of its store', async () => {
    const { deps, memory } = lake()
    const table = await DeltaTable.openOrCreate(deps(), '', { fields: FIELDS })
    await append(table, '1.parquet')
    expect((await pathsOf(memory, ''))[0]).toBe(`_delta_log/${versionName(0)}.crc`)
    expect((await table.snapshot()).version).toBe(1)
  })

  it.each([
    [
      ['Id', 'id'],
      'Columns "Id" and "id" of one table differ only in case or not at all. SQL engines can\'t tell them apart: rename one.',
    ],
    [
      ['a b'],
      'Expected a Delta column name without spaces and without any of ,;{}()=, found "a b". Rename the column.',
    ],
    [
      ['a,b'],
      'Expected a Delta column name without spaces and without any of ,;{}()=, found "a,b". Rename the column.',
    ],
    [
      ['__proto__'],
      'Expected a Delta column name without spaces and without any of ,;{}()=, found "__proto__". Rename the column.',
    ],
    [[''], 'Expected a Delta column name without spaces and without any of ,;{}()=, found "". Rename the column.'],
  ])('refuses columns named %j', async (names, message) => {
    const { deps, memory } = lake()
    const fields = names.map((name) => ({ name, column: nullable('string') }))
    await expect(createTable(deps(), fields)).rejects.toMatchObject({ code: 'NAME_INVALID', message })
    expect(await pathsOf(memory, '')).toEqual([])
  })

  it('refuses properties that ask for features we do not write', async () => {
    const { deps, memory } = lake()
    const properties = {
      'delta.enableRowTracking': 'true',
      'delta.enableDeletionVectors': 'false',
      'delta.columnMapping.mode': 'name',
      'delta.logRetentionDuration': 'interval 7 days',
    }
    await expect(DeltaTable.openOrCreate(deps(), TABLE, { fields: FIELDS, properties })).rejects.toMatchObject({
      code: 'DELTA_FEATURE_UNSUPPORTED',
      message: `Can't create the Delta table ${TABLE}: it needs delta.enableRowTracking, delta.columnMapping.mode, which Sluice does not have. Use an engine that has them, or a table without.`,
    })
    expect(await pathsOf(memory, '')).toEqual([])
  })
})

describe('an existing table', () => {
  it('is opened as it is when the columns agree, in whatever order', async () => {
    const { deps, memory } = lake()
    await append(await createTable(deps()), '1.parquet')
    const counting = new CountingStore(memory)
    const table = await createTable(deps(counting, 'again'), [...FIELDS].reverse())
    expect(counting.take()).toEqual([`get ${LOG}/_last_checkpoint`, `list ${LOG}/`, `get ${LOG}/${versionName(1)}.crc`])
    expect((await table.appendState()).version).toBe(1)
  })

  it('takes a column that is never null for one that may be', async () => {
    const { deps } = lake()
    await createTable(deps(), [{ name: 'id', column: nullable('long') }])
    await createTable(deps(), [{ name: 'id', column: { kind: 'long', nullable: false } }])
  })

  it('is refused with DELTA_SCHEMA_MISMATCH, which names each column', async () => {
    const { deps } = lake()
    await createTable(deps(), [
      { name: 'id', column: { kind: 'long', nullable: false } },
      { name: 'place', column: nullable('geo_point') },
      { name: 'gone', column: nullable('date') },
      { name: 'same', column: nullable('string') },
    ])
    const fields: Fields = [
      { name: 'id', column: nullable('long') },
      { name: 'place', column: nullable('string') },
      { name: 'added', column: nullable('int') },
      { name: 'same', column: nullable('string') },
    ]
    await expect(createTable(deps(), fields)).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: `The Delta table ${TABLE} has other columns than the rows for it: id: expected a column that may be null, the table's may not; place: expected string, the table has struct<latitude:double not null,longitude:double not null>; added: expected integer, the table has no such column; gone: not expected, the table has it as date. Change the declared columns back, or write to a table of another name.`,
    })
  })

  it('made by another engine is opened when its columns agree, with looser nullability inside of structs', async () => {
    const { deps, memory } = lake()
    const inner = (name: string, type: string) => ({ name, type, nullable: true, metadata: {} })
    const place = { type: 'struct', fields: [inner('latitude', 'double'), inner('longitude', 'double')] }
    const schema = { type: 'struct', fields: [{ name: 'place', type: place, nullable: true, metadata: {} }] }
    await foreignCommit(memory, 0, [
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      {
        metaData: {
          id: 'x',
          format: { provider: 'parquet', options: {} },
          schemaString: JSON.stringify(schema),
          partitionColumns: [],
          configuration: {},
        },
      },
    ])
    const table = await createTable(deps(), [{ name: 'place', column: nullable('geo_point') }])
    expect((await table.appendState()).fields).toEqual([{ name: 'place', column: nullable('geo_point') }])
  })

  it('of a type that we have no column for says which', async () => {
    const { deps, memory } = lake()
    const schema = { type: 'struct', fields: [{ name: 'price', type: 'decimal(10,2)', nullable: true, metadata: {} }] }
    await foreignCommit(memory, 0, [
      { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
      { metaData: { id: 'x', schemaString: JSON.stringify(schema), partitionColumns: [], configuration: {} } },
    ])
    const table = await DeltaTable.open(deps(), TABLE)
    const snapshot = await table.snapshot()
    expect(snapshot.version).toBe(0)
    expect(() => snapshot.fields).toThrow(
      'Column "price" has the Delta type decimal(10,2), which Sluice does not read yet. Read the table with another engine, or without that column.',
    )
  })

  it('that is partitioned takes only files with its partition values', async () => {
    const { deps, memory } = lake()
    const made = await createTable(deps())
    const { metadata } = await made.appendState()
    await foreignCommit(memory, 1, [{ metaData: { ...metadata, partitionColumns: ['district'] } }])
    await expect(append(made, 'x.parquet')).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: `The Delta table ${TABLE} is partitioned by (district), the file x.parquet by (). Write files with the table's partition values.`,
    })
  })

  it('is not there for open', async () => {
    const { deps } = lake()
    await expect(DeltaTable.open(deps(), TABLE)).rejects.toMatchObject({ code: 'DELTA_NOT_A_TABLE' })
  })
})
