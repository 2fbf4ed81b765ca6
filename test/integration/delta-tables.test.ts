import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { DeltaTable, directory, type StructType } from 'sluice/delta'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { writeByDeltaRs } from '../support/delta-rs.ts'
import { field, ownRows, plain, type Row, rowOf, rowsOf, SCHEMA } from '../support/typed-rows.ts'

/** Python with deltalake, pyarrow, polars and duckdb. */
const PYTHON = process.env['READERS_PYTHON']
/** File of DuckDB's delta extension. */
const DUCKDB_DELTA = process.env['DUCKDB_DELTA']

const run = promisify(execFile)

/** pyarrow with deltalake often aborts in its own clean-up when Python exits, after all output; an exception never gets as far. */
const LEAVE = `
sys.stdout.flush()
os._exit(0)
`

/**
 * Prints the rows of a table by one engine, with a filter if given, ordered by id, as JSON that all engines agree on: instants in
 * microseconds, dates in days, bytes in hex, decimals and large numbers as text, maps as sorted pairs.
 */
const READ = `
import sys, os, json, datetime, decimal
engine, path, extension, where = sys.argv[1:5]
if engine == 'duckdb':
    import duckdb
    con = duckdb.connect(config={'allow_unsigned_extensions': 'true'})
    con.execute("SET TimeZone = 'UTC'")
    con.execute("load '" + extension + "'")
    table = con.execute(f"select * from delta_scan('file://{path}') where " + (where or 'true')).to_arrow_table()
elif engine == 'polars':
    import polars
    frame = polars.scan_delta(path)
    table = (frame.filter(polars.sql_expr(where)) if where else frame).collect().to_arrow()
else:
    from deltalake import DeltaTable, QueryBuilder
    import pyarrow
    dt = DeltaTable(path)
    if engine == 'pyarrow': table = dt.to_pyarrow_table()
    else: table = pyarrow.table(QueryBuilder().register('t', dt).execute('select * from t where ' + (where or 'true')).read_all())
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
def plain(value):
    if isinstance(value, datetime.datetime):
        at = value if value.tzinfo else value.replace(tzinfo=datetime.timezone.utc)
        return 'us:%d' % ((at - EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(value, datetime.date): return (value - datetime.date(1970, 1, 1)).days
    if isinstance(value, decimal.Decimal): return 'd:' + format(value, 'f')
    if isinstance(value, (bytes, bytearray)): return 'hex:' + value.hex()
    if isinstance(value, bool): return value
    if isinstance(value, int) and abs(value) >= 2 ** 53: return 'n:%d' % value
    if isinstance(value, tuple): return [plain(one) for one in value]
    if isinstance(value, dict):
        if set(value) == {'key', 'value'}: return [plain(value['key']), plain(value['value'])]
        return {name: plain(value[name]) for name in sorted(value)}
    if isinstance(value, list): return [plain(one) for one in value]
    return value
rows = [plain(row) for row in table.to_pylist()]
for row in rows:
    if row.get('m') is not None: row['m'] = sorted(row['m'])
print(json.dumps(sorted(rows, key=lambda row: row['id'])))
${LEAVE}`

const textOfLine = (line: readonly unknown[]): string => JSON.stringify(line)

const ENGINES = ['pyarrow', 'datafusion', 'polars', ...(DUCKDB_DELTA === undefined ? [] : ['duckdb'])]

let root: string

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'sluice-tables-'))
})
afterEach(async () => {
  await rm(root, { recursive: true, force: true })
})

async function python(script: string, ...args: readonly string[]): Promise<unknown> {
  const { stdout } = await run(PYTHON!, ['-c', script, ...args], { maxBuffer: 64_000_000 })
  return JSON.parse(stdout)
}

const readBy = (engine: string, path: string, where = ''): Promise<unknown> =>
  python(READ, engine, join(root, path), DUCKDB_DELTA ?? '', where)

async function expectSame(table: DeltaTable, count: number): Promise<void> {
  const own = await ownRows(table)
  expect(own).toHaveLength(count)
  for (const engine of ENGINES)
    expect({ engine, rows: await readBy(engine, table.path) }).toEqual({ engine, rows: own })
}

describe.skipIf(PYTHON === undefined)('tables written by every operation (READERS_PYTHON)', () => {
  it('have equal rows of every type, read by every engine, after each operation', async () => {
    const table = await DeltaTable.create(directory(root), 'all', { schema: SCHEMA })
    await table.append(rowsOf(0, 40))
    await table.append(rowsOf(40, 60))
    expect(await ownRows(table)).toEqual(rowsOf(0, 60).map((row) => plain('', row)))
    await expectSame(table, 60)
    await table.delete({ id: { in: [3, 44] } })
    await table.update(
      { id: { lt: 10 } },
      { text: 'set', price: (row: Row) => (row['price'] === null ? '0.01' : null) },
    )
    await expectSame(table, 58)
    await table.merge([...rowsOf(50, 55), rowOf(70), rowOf(3)], { on: ['id'] })
    await table.overwrite(rowsOf(20, 22), { where: { id: { gte: 20, lt: 30 } } })
    await expectSame(table, 52)
    await table.optimize({ clusterBy: ['text', 'at'] })
    await table.checkpoint()
    await expectSame(table, 52)
    await table.restore({ version: 2 })
    await table.evolve({
      type: 'struct',
      fields: [field('note', 'string'), field('nest', { type: 'struct', fields: [field('z', 'date')] })],
    })
    await table.append([{ ...rowOf(100), note: 'new', nest: { x: 1, in: null, z: 7 } }])
    await table.checkpoint()
    await expectSame(table, 61)
  }, 240_000)

  it('skip files by statistics without losing a row', async () => {
    const table = await DeltaTable.create(directory(root), 'filtered', { schema: SCHEMA })
    for (let from = 0; from < 60; from += 10) await table.append(rowsOf(from, from + 10))
    await table.optimize({ clusterBy: ['id'], targetBytes: 10_000 })
    const cases: readonly (readonly [sql: string, matches: (row: Row) => boolean])[] = [
      ['id > 41', ({ id }) => Number(id) > 41],
      ["text = 'Wert 33 – 😀'", ({ text }) => text === 'Wert 33 – 😀'],
      ['d < -5', ({ d }) => d !== null && Number(d) < -5],
      ['price >= 50', ({ price }) => price !== null && Number(price) >= 50],
      ['flag IS NULL', ({ flag }) => flag === null],
    ]
    for (const [sql, matches] of cases) {
      const wanted = rowsOf(0, 60)
        .filter(matches)
        .map((row) => plain('', row))
      expect(wanted.length).toBeGreaterThan(0)
      for (const engine of ENGINES.filter((each) => each !== 'pyarrow')) {
        expect({ engine, sql, rows: await readBy(engine, 'filtered', sql) }).toEqual({ engine, sql, rows: wanted })
      }
    }
  }, 240_000)

  it('have equal partition values of every type', async () => {
    const types = {
      p_text: 'string',
      p_long: 'long',
      p_double: 'double',
      p_flag: 'boolean',
      p_day: 'date',
      p_at: 'timestamp',
      p_decimal: 'decimal(9,2)',
    }
    const fields = [field('id', 'long', false), ...Object.entries(types).map(([name, type]) => field(name, type))]
    const partitionBy = Object.keys(types)
    const table = await DeltaTable.create(directory(root), 'parts', { schema: { type: 'struct', fields }, partitionBy })
    // No negative decimal: delta-rs hands them to pyarrow as 0.-5.
    const values = [
      ['a/b =%:?#é😀', -5, 0.5, true, 19_844, Date.UTC(2024, 4, 1, 10), '12.30'],
      ["it's", 2 ** 40, -1e-7, false, -1, Date.UTC(1969, 11, 31, 23, 59, 59) + 123.456, '0.05'],
      [null, null, null, null, null, null, null],
    ]
    await table.append(
      values.map((row, id) => ({ id, ...Object.fromEntries(partitionBy.map((name, at) => [name, row[at]])) })),
    )
    await expectSame(table, 3)
    await table.checkpoint()
    await table.merge([{ id: 1, p_text: ' x ' }], { on: ['id'] })
    await expectSame(table, 3)
  }, 120_000)

  it('feed their changes to delta-rs as to us', async () => {
    const fields = [field('id', 'long', false), field('name', 'string'), field('day', 'date')]
    const table = await DeltaTable.create(directory(root), 'feed', {
      schema: { type: 'struct', fields },
      partitionBy: ['day'],
      properties: { 'delta.enableChangeDataFeed': 'true' },
    })
    await table.append(Array.from({ length: 10 }, (_, id) => ({ id, name: `n${id}`, day: id % 2 })))
    await table.update({ id: { lt: 3 } }, { name: 'set', day: 7 })
    await table.merge(
      [
        { id: 4, name: 'merged', day: 0 },
        { id: 20, name: 'new', day: 1 },
      ],
      { on: ['id'] },
    )
    await table.delete({ id: { in: [5, 20] } })
    await table.optimize()
    await table.delete({ day: 1 })
    await table.overwrite([{ id: 1, name: 'last', day: null }])
    const script = `
import sys, os, json, datetime
import pyarrow
from deltalake import DeltaTable
rows = pyarrow.table(DeltaTable(sys.argv[1]).load_cdf(starting_version=0).read_all()).to_pylist()
day = lambda value: None if value is None else (value - datetime.date(1970, 1, 1)).days
print(json.dumps(sorted(json.dumps([r['_commit_version'], r['_change_type'], r['id'], r['name'], day(r['day'])]) for r in rows)))
${LEAVE}`
    const found = ((await python(script, join(root, 'feed'))) as string[]).map((line) => textOfLine(JSON.parse(line)))
    const own: string[] = []
    for await (const rows of table.changes({ from: 0 })) {
      own.push(
        ...rows.map((row) => textOfLine([row._commit_version, row._change_type, row['id'], row['name'], row['day']])),
      )
    }
    expect(own.length).toBeGreaterThan(25)
    expect(found.sort()).toEqual(own.sort())
  })

  it('say in their history what was done', async () => {
    const table = await DeltaTable.create(directory(root), 'told', { schema: SCHEMA })
    await table.append(rowsOf(0, 5))
    await table.merge(rowsOf(3, 6), { on: ['id'] })
    await table.optimize()
    const script = `
import sys, os, json
from deltalake import DeltaTable
print(json.dumps([(entry['operation'], entry.get('operationMetrics')) for entry in DeltaTable(sys.argv[1]).history()]))
${LEAVE}`
    const history = (await python(script, join(root, 'told'))) as [string, Record<string, unknown>][]
    expect(history.map(([operation]) => operation)).toEqual(['MERGE', 'WRITE', 'CREATE TABLE'])
    expect(history[0]![1]).toMatchObject({ numTargetRowsInserted: '1', numTargetRowsUpdated: '2' })
  })
})

describe.skipIf(PYTHON === undefined)('another engine (READERS_PYTHON)', () => {
  const schema: StructType = { type: 'struct', fields: [field('id', 'long', false), field('name', 'string')] }

  async function names(table: DeltaTable): Promise<ReadonlyMap<number, string>> {
    const found = new Map<number, string>()
    for await (const rows of (await table.snapshot()).rows()) {
      for (const row of rows) {
        if (found.has(row['id'] as number)) throw new Error(`twice: ${String(row['id'])}`)
        found.set(row['id'] as number, row['name'] as string)
      }
    }
    return found
  }

  /** Ours until theirs is done: appends, with a checkpoint and an optimize now and then, and a vacuum at the end. */
  async function besides(action: 'append' | 'merge', first: number, count: number): Promise<[DeltaTable, number]> {
    const table = await DeltaTable.create(directory(root), 'shared', { schema })
    await table.append([{ id: 0, name: 'first' }])
    let running = true
    const theirs = writeByDeltaRs(PYTHON!, action, join(root, 'shared'), first, count).finally(() => {
      running = false
    })
    let next = 1
    while (running || next < 20) {
      await table.append([{ id: next, name: `sluice ${next}` }], { txn: { appId: 'ours', version: next } })
      next++
      if (next % 7 === 0) await table.optimize({ targetBytes: 100_000 })
      if (next % 9 === 0) await table.update({ id: next - 3 }, { name: `updated ${next - 3}` })
      if (next % 5 === 0) await table.checkpointIfDue()
      if (next % 11 === 0) await table.vacuum()
      if (next > 600) await theirs
    }
    await theirs
    return [table, next]
  }

  it.each(['append', 'merge'] as const)(
    'that %ss loses nothing to our appends, updates, optimizes, checkpoints and vacuums, nor do we',
    async (action) => {
      const [table, next] = await besides(action, 1_000, 25)
      const found = await names(table)
      expect([...found.keys()].sort((a, b) => a - b)).toEqual([
        ...Array.from({ length: next }, (_, id) => id),
        ...Array.from({ length: 25 }, (_, at) => 1_000 + at),
      ])
      expect([...found.values()].filter((name) => name.startsWith('delta-rs'))).toHaveLength(25)
      const versions = (await table.history()).map(({ version }) => version)
      expect(versions).toEqual(Array.from({ length: versions.length }, (_, at) => versions.length - 1 - at))
      for (const engine of ENGINES) {
        const rows = (await readBy(engine, 'shared')) as { id: number; name: string }[]
        expect({ engine, rows: new Map(rows.map(({ id, name }) => [id, name])) }).toEqual({
          engine,
          rows: new Map([...found].sort(([a], [b]) => a - b)),
        })
      }
    },
    300_000,
  )
})
