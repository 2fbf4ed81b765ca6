import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { DuckDBInstance } from '@duckdb/node-api'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { openDuckDb, type QueryEngine } from '#adapters/duckdb/query.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'
import { createTemporaryFolder } from '../../support/temp.ts'

const folder = createTemporaryFolder()
const file = (name: string): string => join(folder.path, name)

const field = (name: string, kind: ColumnKind): Fields[number] => ({ name, column: { kind, nullable: true } })
const EVENTS: Fields = [
  field('id', 'long'),
  field('area', 'string'),
  field('seen', 'timestamp'),
  field('at', 'geo_point'),
]

/** Parquet files are made by a DuckDB of the test's own, which may write. */
async function write(name: string, select: string): Promise<string> {
  const instance = await DuckDBInstance.create(':memory:')
  const connection = await instance.connect()
  await connection.run(`COPY (${select}) TO '${file(name).replaceAll("'", "''")}' (FORMAT parquet)`)
  connection.closeSync()
  instance.closeSync()
  return file(name)
}

let old: string
let recent: string

beforeAll(async () => {
  const at = "{'latitude': 41.5, 'longitude': -87.6} AS at"
  old = await write('old.parquet', `SELECT 1::BIGINT AS id, 'loop' AS area, ${at}`)
  recent = await write(
    "it's new.parquet",
    `SELECT 2::BIGINT AS id, 'north' AS area, TIMESTAMPTZ '2024-05-06 07:08:09.123Z' AS seen, ${at}`,
  )
})

afterAll(() => folder[Symbol.dispose]())

async function opened(): Promise<QueryEngine> {
  const engine = await openDuckDb()
  onTestFinished(() => engine.close())
  return engine
}

async function rowsOf(engine: QueryEngine, sql: string): Promise<unknown[][]> {
  const all: unknown[][] = []
  for await (const portion of (await engine.run(sql)).rows) for (const row of portion) all.push([...row])
  return all
}

describe('A query engine', () => {
  it('reads files as one table, with null for a column that a file lacks', async () => {
    const engine = await opened()
    await engine.view('silver', 'events', [old, recent], EVENTS)
    const { columns } = await engine.run('SELECT * FROM silver.events')
    expect(columns).toEqual([
      { name: 'id', type: 'BIGINT' },
      { name: 'area', type: 'VARCHAR' },
      { name: 'seen', type: 'TIMESTAMP WITH TIME ZONE' },
      { name: 'at', type: 'STRUCT("latitude" DOUBLE, "longitude" DOUBLE)' },
    ])
    expect(await rowsOf(engine, 'SELECT * FROM silver.events ORDER BY id')).toEqual([
      [1, 'loop', null, { latitude: 41.5, longitude: -87.6 }],
      [2, 'north', '2024-05-06T07:08:09.123Z', { latitude: 41.5, longitude: -87.6 }],
    ])
  })

  it('prints an interval as SQL does', async () => {
    const engine = await opened()
    expect(await rowsOf(engine, "SELECT INTERVAL '1 day' + INTERVAL '1 hour'")).toEqual([['1 day 01:00:00']])
  })

  it('has an empty table of the right types where there are no files', async () => {
    const engine = await opened()
    const kinds = [
      'string',
      'boolean',
      'int',
      'long',
      'double',
      'timestamp',
      'date',
      'binary',
      'geo_point',
      'headers',
    ] as const
    await engine.view(
      'gold',
      'a "b"',
      [],
      kinds.map((kind) => field(`${kind} "c"`, kind)),
    )
    const { columns } = await engine.run('SELECT * FROM gold."a ""b"""')
    expect(columns.map(({ type }) => type)).toEqual([
      'VARCHAR',
      'BOOLEAN',
      'INTEGER',
      'BIGINT',
      'DOUBLE',
      'TIMESTAMP WITH TIME ZONE',
      'DATE',
      'BLOB',
      'STRUCT("latitude" DOUBLE, "longitude" DOUBLE)',
      'STRUCT("name" VARCHAR, "value" BLOB)[]',
    ])
    expect(await rowsOf(engine, 'SELECT * FROM gold."a ""b"""')).toEqual([])
  })

  it.each([
    ['9007199254740991::BIGINT', 9_007_199_254_740_991],
    ['9007199254740992::BIGINT', '9007199254740992'],
    ['sum(1)', 1],
    ['170141183460469231731687303715884105727::HUGEINT', '170141183460469231731687303715884105727'],
    ['1.50::DECIMAL(9, 2)', '1.50'],
    ['0.1::DOUBLE', 0.1],
    ['true', true],
    ['NULL', null],
    ["DATE '2024-02-29'", '2024-02-29'],
    ["TIMESTAMPTZ '2024-02-29 12:00:00+02'", '2024-02-29T10:00:00.000Z'],
    ["TIMESTAMPTZ '1969-12-31 23:59:59.999999Z'", '1969-12-31T23:59:59.999999Z'],
    ["TIMESTAMPTZ 'infinity'", 'infinity'],
    ["date_trunc('hour', TIMESTAMPTZ '2024-02-29 12:34:00Z')", '2024-02-29T12:00:00.000Z'],
    ["TIMESTAMP '2024-02-29 12:00:00'", '2024-02-29 12:00:00'],
    ["[{'n': 1::BIGINT, 'when': TIMESTAMPTZ '2024-01-01 00:00:00Z'}]", [{ n: 1, when: '2024-01-01T00:00:00.000Z' }]],
    ["'\\x00\\xFF'::BLOB", '\\x00\\xFF'],
    ["current_setting('TimeZone')", 'UTC'],
    ["current_setting('threads')", 2],
  ])('gives %s as %j', async (expression, value) => {
    expect(await rowsOf(await opened(), `SELECT ${expression}`)).toEqual([[value]])
  })

  it('gives rows while it computes them, in the order of the query', async () => {
    const engine = await opened()
    let next = 0
    for await (const portion of (await engine.run('SELECT range FROM range(100000)')).rows) {
      for (const [value] of portion) expect(value).toBe(next++)
      if (next > 50_000) break
    }
    expect(next).toBeLessThan(100_000)
    expect(await rowsOf(engine, 'SELECT 1')).toEqual([[1]])
  })

  it('keeps columns of the same name apart', async () => {
    const engine = await opened()
    const { columns } = await engine.run('SELECT 1 AS a, 2 AS a')
    expect(columns.map(({ name }) => name)).toEqual(['a', 'a'])
    expect(await rowsOf(engine, 'SELECT 1 AS a, 2 AS a')).toEqual([[1, 2]])
  })

  it('runs several statements and gives the result of the last', async () => {
    expect(
      await rowsOf(await opened(), 'CREATE TABLE t AS SELECT 1 AS a; INSERT INTO t VALUES (2); SELECT sum(a) FROM t'),
    ).toEqual([[3]])
  })

  it.each([
    ['SELECT x', /^Binder Error: Referenced column "x" was not found/],
    ['SELEC 1', /^Parser Error: syntax error at or near "SELEC"/],
    ['SELECT * FROM nothing', /^Catalog Error: Table with name nothing does not exist!/],
    ["SELECT error('stop')", /stop/],
    ['-- nothing', /^Expected a SQL statement, found none\.$/],
    ['  ', /^Expected a SQL statement, found none\.$/],
  ])('refuses %j with what DuckDB says', async (sql, message) => {
    await expect(rowsOf(await opened(), sql)).rejects.toMatchObject({
      code: 'QUERY_FAILED',
      retryable: false,
      message: expect.stringMatching(message),
    })
  })

  it('says which file of a table is missing', async () => {
    const engine = await opened()
    await expect(engine.view('silver', 'events', [file('gone.parquet')], EVENTS)).rejects.toMatchObject({
      code: 'QUERY_FAILED',
      message: expect.stringContaining('gone.parquet'),
    })
  })

  it('takes no more views after a query', async () => {
    const engine = await opened()
    await engine.run('SELECT 1')
    await expect(engine.view('silver', 'events', [], EVENTS)).rejects.toThrow('views are made first')
  })
})

describe('A query', () => {
  it.each([
    ['read another file', () => `SELECT * FROM read_text('${import.meta.filename}')`],
    ['list files', () => "SELECT * FROM glob('/*')"],
    ['write a file', () => `COPY (SELECT 1) TO '${file('new.csv')}'`],
    ['write over a file that it may read', () => `COPY (SELECT 1) TO '${old}' (FORMAT parquet, USE_TMP_FILE false)`],
    [
      '… nor as what it explains',
      () => `EXPLAIN ANALYZE COPY (SELECT 1) TO '${old}' (FORMAT parquet, USE_TMP_FILE false)`,
    ],
    ['export', () => `EXPORT DATABASE '${file('all')}'`],
    ['attach a database', () => `ATTACH '${file('new.db')}'`],
    ['load an extension', () => 'INSTALL httpfs'],
    ['lift the restrictions', () => 'SET enable_external_access = true'],
    ['forget them', () => 'RESET allowed_paths'],
  ])('may not %s', async (_, sql) => {
    const engine = await opened()
    await engine.view('silver', 'events', [old, recent], EVENTS)
    const before = readFileSync(old)
    await expect(rowsOf(engine, sql())).rejects.toMatchObject({ code: 'QUERY_FAILED' })
    expect(['new.csv', 'new.db', 'all'].filter((name) => existsSync(file(name)))).toEqual([])
    expect(readFileSync(old).equals(before)).toBe(true)
    expect(await rowsOf(engine, 'SELECT count(*) FROM silver.events')).toEqual([[2]])
  })
})
