import { describe, expect, it } from 'vitest'
import type { Predicate } from '#delta/predicate.ts'
import type { StructType } from '#delta/schema-json.ts'
import { DeltaTable } from '#delta/table.ts'
import { fromRows } from '#schema/from-rows.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { foreignCommit, lake, START, TABLE, textAt, versionName } from './fixtures.ts'
import { ITEM_FIELDS, item, items, itemsTable, rowsIn } from './table-support.ts'

const schemaOf = (
  ...fields: readonly (readonly [name: string, type: StructType['fields'][0]['type']])[]
): StructType => ({
  type: 'struct',
  fields: fields.map(([name, type]) => ({ name, type, nullable: true, metadata: {} })),
})

async function* slowly<T>(values: readonly T[]): AsyncGenerator<T> {
  for (const value of values) {
    await Promise.resolve()
    yield value
  }
}

async function allRows(table: DeltaTable): Promise<readonly object[]> {
  const rows: object[] = []
  for await (const run of (await table.snapshot()).rows()) rows.push(...run)
  return rows
}

describe('append', () => {
  it('takes rows in an array, one by one, in runs, as they come, and as columns', async () => {
    const { table } = await itemsTable()
    await table.append(items(0, 2))
    await table.append(new Set(items(2, 4)))
    await table.append(slowly(items(4, 6)))
    await table.append(slowly([items(6, 8), fromRows(ITEM_FIELDS, items(8, 9) as never), item(9)]))
    await table.append(fromRows(ITEM_FIELDS, items(10, 12) as never))
    expect(await rowsIn(table)).toEqual(items(0, 12))
    expect((await table.history()).map(({ operation }) => operation)).toEqual([
      ...Array(5).fill('WRITE'),
      'CREATE TABLE',
    ])
  })

  it('writes one commit that says what it did, whatever the number of files', async () => {
    const { table, memory } = await itemsTable()
    const result = await table.append(items(0, 25), { rowsPerFile: 10 })
    const lines = (await textAt(memory, `${TABLE}/_delta_log/${versionName(1)}.json`)).trim().split('\n')
    const [{ commitInfo }, ...adds] = lines.map((line) => JSON.parse(line))
    expect(commitInfo).toMatchObject({
      operation: 'WRITE',
      operationParameters: { mode: 'Append', partitionBy: '[]' },
      isBlindAppend: true,
      readVersion: 0,
      operationMetrics: { numFiles: '3', numOutputRows: '25' },
    })
    expect(adds.map(({ add }) => JSON.parse(add.stats).numRecords)).toEqual([10, 10, 5])
    expect(result).toMatchObject({ version: 1, committed: true, metrics: { numFiles: 3, numOutputRows: 25 } })
  })

  it('costs five requests, and commits nothing for no rows', async () => {
    const { table, deps, memory } = await itemsTable()
    for (let i = 0; i < 3; i++) await table.append([item(i)])
    const store = new CountingStore(memory)
    const client = await DeltaTable.open(deps(store, 'counted'), TABLE)
    store.take()
    await client.append([item(9)])
    expect(store.take().map((request) => request.split(' ')[0])).toEqual(['list', 'get', 'put', 'create', 'create'])
    await client.append([item(10)])
    expect(store.take().map((request) => request.split(' ')[0])).toEqual(['list', 'put', 'create', 'create'])
    expect(await client.append([])).toEqual({ version: 5, committed: false, metrics: {} })
  })

  it('with a transaction is done once, however often it is tried and whoever tries it', async () => {
    const { table, other } = await itemsTable()
    const txn = { appId: 'app', version: 3 }
    expect(await table.append([item(1)], { txn })).toMatchObject({ version: 1, committed: true })
    expect(await table.append([item(1)], { txn })).toMatchObject({ version: 1, committed: false })
    expect(await (await other()).append([item(0)], { txn: { appId: 'app', version: 2 } })).toMatchObject({
      committed: false,
    })
    expect(await table.append([], { txn: { appId: 'app', version: 4 } })).toMatchObject({ version: 2, committed: true })
    expect(await rowsIn(table)).toEqual([item(1)])
    expect((await table.snapshot()).txns).toEqual(new Map([['app', 4]]))
  })

  it('into a table that got another column meanwhile leaves it null', async () => {
    const { table, memory } = await itemsTable()
    const { metadata } = await table.appendState()
    const schema = JSON.parse(metadata.schemaString)
    schema.fields.push({ name: 'note', type: 'string', nullable: true, metadata: {} })
    await foreignCommit(memory, 1, [{ metaData: { ...metadata, schemaString: JSON.stringify(schema) } }])
    expect(await table.append(items(0, 1))).toMatchObject({ version: 2 })
    expect(await allRows(table)).toEqual([{ ...item(0), note: null }])
  })
})

describe('a partitioned table', () => {
  it('has a file for each partition, in folders named for its values, and statistics of the other columns', async () => {
    const { table } = await itemsTable({ partitionBy: ['district'] })
    await table.append([
      item(1, { district: 'a/b c' }),
      item(2, { district: null }),
      item(3, { district: 'ü=%' }),
      item(4, { district: '' }),
    ])
    const { files } = await table.snapshot()
    expect(files.map(({ path, partitionValues }) => [path.replace(/part-.*/, ''), partitionValues])).toEqual([
      ['district%3Da%252Fb%20c/', { district: 'a/b c' }],
      ['district%3D__HIVE_DEFAULT_PARTITION__/', { district: null }],
      ['district%3D%C3%BC%253D%2525/', { district: 'ü=%' }],
    ])
    expect(Object.keys(JSON.parse(files[0]!.stats!).nullCount)).toEqual(['id', 'amount', 'revision'])
    expect(await rowsIn(table)).toEqual([
      item(1, { district: 'a/b c' }),
      item(2, { district: null }),
      item(3, { district: 'ü=%' }),
      item(4, { district: null }),
    ])
  })

  it('takes columns as well', async () => {
    const { table } = await itemsTable({ partitionBy: ['district'] })
    await table.append(fromRows(ITEM_FIELDS, items(0, 10) as never))
    expect((await table.snapshot()).files).toHaveLength(3)
    expect(await rowsIn(table)).toEqual(items(0, 10))
  })

  it('tells values apart, whatever characters they are of', async () => {
    const { deps } = lake()
    const schema = schemaOf(['id', 'integer'], ['a', 'string'], ['b', 'string'])
    const table = await DeltaTable.create(deps(), TABLE, { schema, partitionBy: ['a', 'b'] })
    const values = [null, '\u0001', '\u0000', '=', '1', '0 ', 'x\u0000b\u0000y', 'x', 'y', 'null', '\u007f']
    const rows = values.flatMap((a, i) => values.map((b, k) => ({ id: i * values.length + k, a, b })))
    await table.append(rows)
    const byId = async () =>
      (await allRows(table)).toSorted((x, y) => (x as { id: number }).id - (y as { id: number }).id)
    expect(await byId()).toEqual(rows)
    await table.checkpoint()
    expect(await byId()).toEqual(rows)
  })

  it('gives values of every type back as they were', async () => {
    const { deps } = lake()
    const types = [
      'byte',
      'long',
      'float',
      'double',
      'boolean',
      'date',
      'timestamp',
      'timestamp_ntz',
      'decimal(5,2)',
    ] as const
    const schema = schemaOf(['id', 'integer'], ...types.map((type, at) => [`p${at}`, type] as const))
    const table = await DeltaTable.create(deps(), TABLE, { schema, partitionBy: types.map((_, at) => `p${at}`) })
    const values = [-5, 2n ** 62n, 0.5, -1e300, true, -1, START + 0.125, START - 0.5, '-12.30']
    const row = { id: 1, ...Object.fromEntries(values.map((value, at) => [`p${at}`, value])) }
    await table.append([row, { id: 2 }])
    expect(await allRows(table)).toEqual([
      row,
      { id: 2, ...Object.fromEntries(values.map((_, at) => [`p${at}`, null])) },
    ])
  })

  it.each([
    [['nowhere'], 'nowhere is no column'],
    [['district', 'district'], 'district is there twice'],
    [['id', 'district', 'amount', 'revision'], 'no column is left for the files'],
  ])('by %j is refused', async (partitionBy, why) => {
    await expect(itemsTable({ partitionBy })).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: `Can't partition the Delta table ${TABLE} by (${partitionBy.join(', ')}): ${why}. Choose columns of text, numbers, booleans, dates or timestamps, and leave at least one other.`,
    })
  })
})

describe('rows that do not fit', () => {
  it('are refused column by column, before anything is committed', async () => {
    const { table } = await itemsTable()
    const rows = [
      { id: 1, district: 'a', amount: 1, revision: 1 },
      { id: null, district: 5, amount: 'x', revision: 2 ** 31, extra: true },
      { district: 'a', id: 1.5 },
    ]
    await expect(table.append(rows)).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: `The rows do not fit the Delta table ${TABLE}: id: expected long, found null, and it may not be null (row 1); district: expected well-formed text, found 5 (row 1); amount: expected a number, found "x" (row 1); revision: expected a whole number of 32 bits, found 2147483648 (row 1); extra: the table has no such column (row 1). Nothing was committed: mend the rows, or evolve the table first.`,
    })
    expect((await table.snapshot()).version).toBe(0)
  })

  it('are refused wherever they are, text with half of a surrogate pair too, which is found as it is encoded', async () => {
    const { table } = await itemsTable({ partitionBy: ['district'] })
    const { deps } = lake()
    const plain = await DeltaTable.create(deps(), TABLE, { schema: schemaOf(['name', 'string'], ['n', 'integer']) })
    const rows = Array.from({ length: 3_000 }, (_, n) => ({ name: `${n}`, n }))
    const bad = rows.map((row) => (row.n === 2_500 ? { ...row, name: 'a\ud800' } : row))
    await expect(plain.append(bad)).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      details: { differences: ['name: expected well-formed text, found "a\\ud800" (row 2500)'] },
    })
    const others = rows.map((row) => (row.n === 1_500 ? { ...row, other: 1 } : row))
    await expect(plain.append([others.slice(0, 1_000), others.slice(1_000)])).rejects.toMatchObject({
      details: { differences: ['other: the table has no such column (row 1500)'] },
    })
    await expect(table.append([item(1, { district: '\ud800' })])).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      details: { differences: ['district: expected well-formed text, found "\\ud800" (row 0)'] },
    })
  })

  it('are refused for decimals that overflow, nulls in lists, and fields that structs have not', async () => {
    const { deps } = lake()
    const point: StructType = { type: 'struct', fields: [{ name: 'x', type: 'double', nullable: false, metadata: {} }] }
    const schema = schemaOf(
      ['price', 'decimal(5,2)'],
      ['tags', { type: 'array', elementType: 'string', containsNull: false }],
      ['at', point],
      ['m', { type: 'map', keyType: 'string', valueType: 'long', valueContainsNull: true }],
    )
    const table = await DeltaTable.create(deps(), TABLE, { schema })
    const failing = (row: object): Promise<string[]> =>
      table.append([row]).then(
        () => [],
        (error: { details: { differences: string[] } }) => error.details.differences,
      )
    expect(await failing({ price: '1000.00' })).toEqual([
      'price: expected a decimal of 5 digits, 2 of them after the point, found "1000.00" (row 0)',
    ])
    expect(await failing({ price: 1.005 })).toHaveLength(1)
    expect(await failing({ tags: ['a', null] })).toEqual(['tags.element: found null, and it may not be null (row 0)'])
    expect(await failing({ at: { x: null } })).toEqual(['at.x: found null, and it may not be null (row 0)'])
    expect(await failing({ at: { x: 1, y: 2 } })).toEqual(['at.y: the table has no such field (row 0)'])
    expect(await failing({ m: { a: 'b' } })).toHaveLength(1)
    expect(await failing({ m: 5 })).toEqual(['m: expected a Map or an object, found 5 (row 0)'])
  })

  it('are refused on a day that its month has not', async () => {
    const { deps } = lake()
    const table = await DeltaTable.create(deps(), TABLE, {
      schema: schemaOf(['day', 'date'], ['at', 'timestamp'], ['local', 'timestamp_ntz']),
    })
    await table.append([{ day: '2024-02-29', at: '2024-02-29T00:00:00Z', local: '2000-02-29 00:00' }])
    await expect(
      table.append([{ day: '2023-02-29', at: '2024-04-31T00:00:00Z', local: '1900-02-29 00:00' }]),
    ).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: expect.stringMatching(
        /day: expected a date.*"2023-02-29".*at: expected an instant.*local: expected an instant/,
      ),
    })
    const wrong = async (where: Predicate): Promise<void> => {
      for await (const _ of (await table.snapshot()).rows({ where })) throw new Error('no rows')
    }
    for (const where of [
      { day: '2023-02-29' },
      { at: { gt: '2024-04-31' } },
      { local: { lt: '2024-01-01T24:30:00' } },
    ]) {
      await expect(wrong(where)).rejects.toMatchObject({ code: 'DELTA_PREDICATE_INVALID' })
    }
  })

  it('are brought into the form that they are read in', async () => {
    const { deps } = lake()
    const schema = schemaOf(
      ['price', 'decimal(20,2)'],
      ['day', 'date'],
      ['at', 'timestamp'],
      ['local', 'timestamp_ntz'],
      ['big', 'long'],
      ['small', 'float'],
      ['tags', { type: 'array', elementType: 'date', containsNull: true }],
      ['m', { type: 'map', keyType: 'string', valueType: 'decimal(3,1)', valueContainsNull: true }],
      ['inner', schemaOf(['when', 'timestamp'])],
    )
    const table = await DeltaTable.create(deps(), TABLE, { schema })
    await table.append([
      {
        price: 1e10,
        day: '2024-05-01',
        at: '2024-05-01T10:00:00.123456+02:00',
        local: '2024-05-01 10:00:00.5',
        big: 5n,
        small: 0.1,
        tags: ['1970-01-02', null, new Date(0)],
        m: { a: '-0.50', b: null },
        inner: { when: new Date(START) },
      },
    ])
    expect(await allRows(table)).toEqual([
      {
        price: '10000000000.00',
        day: 19844,
        at: Date.UTC(2024, 4, 1, 8, 0, 0, 123) + 0.456,
        local: Date.UTC(2024, 4, 1, 10, 0, 0, 500),
        big: 5,
        small: Math.fround(0.1),
        tags: [1, null, 0],
        m: new Map([
          ['a', '-0.5'],
          ['b', null],
        ]),
        inner: { when: START },
      },
    ])
  })

  it('in columns are refused by the columns', async () => {
    const { table } = await itemsTable()
    const fields = [{ name: 'id', column: { kind: 'string', nullable: true } }] as const
    await expect(table.append(fromRows(fields, [{ id: 'a' }]))).rejects.toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: expect.stringContaining('id: expected string, the table has long; district: not expected'),
    })
  })
})

describe('create', () => {
  it('refuses a table that is there', async () => {
    const { deps } = await itemsTable()
    await expect(DeltaTable.create(deps(), TABLE, { fields: ITEM_FIELDS })).rejects.toMatchObject({
      code: 'DELTA_TABLE_EXISTS',
      message: `Expected no Delta table at memory://store/${TABLE}, found one. Open it, or choose another path.`,
    })
  })

  it.each([
    [{}, schemaOf(['a', 'long']), { minReaderVersion: 1, minWriterVersion: 2 }],
    [{ 'delta.enableChangeDataFeed': 'true' }, schemaOf(['a', 'long']), { minReaderVersion: 1, minWriterVersion: 4 }],
    [
      {},
      schemaOf(['a', schemaOf(['b', 'timestamp_ntz'])]),
      {
        minReaderVersion: 3,
        minWriterVersion: 7,
        readerFeatures: ['timestampNtz'],
        writerFeatures: ['appendOnly', 'invariants', 'timestampNtz'],
      },
    ],
  ])('asks of readers and writers what the table needs: %j', async (properties, schema, protocol) => {
    const { deps } = lake()
    const table = await DeltaTable.create(deps(), TABLE, { schema, properties })
    expect((await table.snapshot()).protocol).toEqual(protocol)
  })

  it.each([
    [schemaOf(['a b', 'long']), 'NAME_INVALID', 'found "a b"'],
    [schemaOf(['s', schemaOf(['x', 'long'], ['X', 'long'])]), 'NAME_INVALID', 'of column s differ only in case'],
    [schemaOf(), 'DELTA_SCHEMA_MISMATCH', 'Expected a table to have at least one column, found none'],
    [schemaOf(['v', 'variant']), 'DELTA_FEATURE_UNSUPPORTED', "column v to be one of Delta's types, found variant"],
    [schemaOf(['d', 'decimal(39,2)']), 'DELTA_FEATURE_UNSUPPORTED', 'found decimal(39,2)'],
  ])('refuses the schema %j', async (schema, code, message) => {
    const { deps } = lake()
    await expect(DeltaTable.create(deps(), TABLE, { schema })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    })
  })

  it('refuses what is nested too deep', async () => {
    let type: StructType['fields'][0]['type'] = 'long'
    for (let depth = 0; depth < 40; depth++) type = { type: 'array', elementType: type, containsNull: true }
    await expect(DeltaTable.create(lake().deps(), TABLE, { schema: schemaOf(['a', type]) })).rejects.toMatchObject({
      code: 'DELTA_FEATURE_UNSUPPORTED',
      message: expect.stringContaining('structs, lists and maps in each other 32 deep at most'),
    })
  })
})
