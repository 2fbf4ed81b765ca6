import { execFile } from 'node:child_process'
import { cpSync, existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DeltaTable, directory, isSluiceError } from 'sluice/delta'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { findCases } from '../conformance/case.ts'

const FIXTURES = '../shared/fixtures/delta'
/** Python with deltalake, polars and duckdb. */
const PYTHON = process.env['READERS_PYTHON']
const DUCKDB_DELTA = process.env['DUCKDB_DELTA']

const run = promisify(execFile)

/** Rows of many tables by one engine: sorted text, or null for a table that it can't read. */
const READ = `
import sys, os, json
engine, extension, paths = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
if engine == 'duckdb':
    import duckdb
    con = duckdb.connect(config={'allow_unsigned_extensions': 'true'})
    con.execute("SET TimeZone = 'UTC'")
    con.execute("load '" + extension + "'")
def read(path):
    if engine == 'duckdb': return con.execute(f"select * from delta_scan('file://{path}')").to_arrow_table()
    if engine == 'polars':
        import polars
        return polars.read_delta(path).to_arrow()
    import pyarrow
    from deltalake import DeltaTable, QueryBuilder
    return pyarrow.table(QueryBuilder().register('t', DeltaTable(path)).execute('select * from t').read_all())
found = []
for path in paths:
    try: found.append(sorted(repr(sorted(row.items())) for row in read(path).to_pylist()))
    except BaseException: found.append(None)
print(json.dumps(found))
sys.stdout.flush()
os._exit(0)
`

const ENGINES = ['datafusion', 'polars', ...(DUCKDB_DELTA === undefined ? [] : ['duckdb'])]
/** What tables of others may need and writing has not. */
const REFUSED = ['delta-rs/cdc_ict_table', 'delta-rs/checkpoint-v2-table']

let root: string

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-fixtures-'))
})
afterAll(async () => {
  await rm(root, { recursive: true, force: true })
})

const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, inner: unknown) => {
    if (typeof inner === 'bigint') return `${inner}n`
    if (inner instanceof Map) return [...inner]
    return typeof inner === 'number' && (!Number.isFinite(inner) || Object.is(inner, -0)) ? String(inner) : inner
  })

async function rowsOf(table: DeltaTable): Promise<readonly object[]> {
  const rows: object[] = []
  for await (const some of (await table.snapshot()).rows()) rows.push(...some)
  return rows
}

/** Everything is written anew, and comes back from a detour. */
async function rewrite(table: DeltaTable): Promise<void> {
  const before = await rowsOf(table)
  const lines = before.map(textOf).sort()
  const same = async (): Promise<void> => expect((await rowsOf(table)).map(textOf).sort()).toEqual(lines)
  await table.optimize()
  await same()
  if (before.length === 0) return
  await table.append(before.slice(0, 5))
  expect(await rowsOf(table)).toHaveLength(before.length + Math.min(5, before.length))
  await table.restore({ version: (await table.snapshot()).version - 1 })
  await same()
  await table.overwrite(before)
  await table.checkpoint()
  await same()
}

/** Cases that every one of our reads can have. */
async function readable(): Promise<readonly string[]> {
  const names: string[] = []
  for (const { name, folder } of findCases(FIXTURES)) {
    const path = name.replace('/', '.')
    cpSync(join(folder, 'delta'), join(root, path), { recursive: true })
    const rows = await DeltaTable.open(directory(root), path)
      .then(rowsOf)
      .catch(() => null)
    if (rows !== null) names.push(name)
  }
  return names
}

async function readAll(engine: string, names: readonly string[]): Promise<readonly (readonly string[] | null)[]> {
  const paths = JSON.stringify(names.map((name) => join(root, name.replace('/', '.'))))
  const { stdout } = await run(PYTHON!, ['-c', READ, engine, DUCKDB_DELTA ?? '', paths], { maxBuffer: 512_000_000 })
  return JSON.parse(stdout)
}

describe.skipIf(!existsSync(FIXTURES))('tables of other engines', () => {
  it('have equal rows after we have written every file of them anew, read by us and by the engines that could read them', async () => {
    const names = await readable()
    expect(names.length).toBeGreaterThan(80)
    const engines = PYTHON === undefined ? [] : ENGINES
    const before = new Map<string, readonly (readonly string[] | null)[]>()
    for (const engine of engines) before.set(engine, await readAll(engine, names))
    const refused: string[] = []
    for (const name of names) {
      const table = await DeltaTable.open(directory(root), name.replace('/', '.'))
      await rewrite(table).catch((error: unknown) => {
        if (!isSluiceError(error, 'DELTA_FEATURE_UNSUPPORTED')) throw new Error(name, { cause: error })
        refused.push(name)
      })
    }
    expect(refused).toEqual(REFUSED)
    for (const engine of engines) {
      const after = await readAll(engine, names)
      expect(before.get(engine)!.filter((rows) => rows !== null).length).toBeGreaterThan(60)
      const found = names.flatMap((name, at) => {
        const was = before.get(engine)![at]
        return was === null || JSON.stringify(was) === JSON.stringify(after[at]) ? [] : [name]
      })
      expect({ engine, found }).toEqual({ engine, found: [] })
    }
  }, 600_000)
})
