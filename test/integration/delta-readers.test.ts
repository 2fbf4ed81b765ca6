import { execFile } from 'node:child_process'
import { mkdtemp, rm, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { type DeltaDeps, DeltaTable, writeDataFile } from '#delta/table.ts'
import type { Column, Fields, RecordHeader } from '#schema/column.ts'
import type { ColumnBatch, Vector } from '#schema/vector.ts'

/** Python with deltalake, pyarrow, polars and duckdb. */
const PYTHON = process.env['READERS_PYTHON']
/** File of DuckDB's delta extension. */
const DUCKDB_DELTA = process.env['DUCKDB_DELTA']

const run = promisify(execFile)

/**
 * Ends a script that has done its work. pyarrow with deltalake often aborts in its own clean-up when Python exits ("terminate
 * called without an active exception"), after all output, for tables of any writer. An exception never gets as far as this.
 */
const LEAVE = `
sys.stdout.flush()
import os
os._exit(0)
`

/** Prints the rows of a table by one engine, ordered by id, as JSON that all engines agree on. */
const READ = `
import sys, json, datetime
engine, path = sys.argv[1], sys.argv[2]
version = int(sys.argv[3]) if len(sys.argv) > 3 else None
if engine == 'duckdb':
    import duckdb
    con = duckdb.connect(config={'allow_unsigned_extensions': 'true'})
    con.execute("load '" + sys.argv[4] + "'")
    table = con.execute(f"select * from delta_scan('file://{path}')").to_arrow_table()
elif engine == 'polars':
    import polars
    table = polars.read_delta(path, version=version).to_arrow()
else:
    from deltalake import DeltaTable, QueryBuilder
    dt = DeltaTable(path, version=version)
    if engine == 'pyarrow':
        table = dt.to_pyarrow_table()
    else:
        import pyarrow
        table = pyarrow.table(QueryBuilder().register('t', dt).execute('select * from t').read_all())
def plain(value):
    if isinstance(value, datetime.datetime):
        return round(value.astimezone(datetime.timezone.utc).timestamp() * 1000)
    if isinstance(value, datetime.date):
        return (value - datetime.date(1970, 1, 1)).days
    if isinstance(value, (bytes, bytearray)): return value.hex()
    if isinstance(value, dict): return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list): return [plain(v) for v in value]
    return value
rows = [plain(row) for row in table.to_pylist()]
print(json.dumps(sorted(rows, key=lambda row: row['id'])))
${LEAVE}`

/** Appends rows as delta-rs does, checkpoints, or prints what it knows of the log. */
const WRITE = `
import sys, json
import pyarrow
from deltalake import DeltaTable, write_deltalake
action, path = sys.argv[1], sys.argv[2]
if action == 'append':
    ids = json.loads(sys.argv[3])
    schema = pyarrow.schema([pyarrow.field('id', pyarrow.int64(), nullable=False), pyarrow.field('name', pyarrow.string())])
    for i in ids:
        write_deltalake(path, pyarrow.table({'id': [i], 'name': [f'delta-rs {i}']}, schema=schema), mode='append')
elif action == 'checkpoint':
    DeltaTable(path).create_checkpoint()
else:
    dt = DeltaTable(path)
    adds = pyarrow.table(dt.get_add_actions(flatten=True)).to_pylist()
    print(json.dumps({
        'version': dt.version(),
        'txn': dt.transaction_version('sluice/crimes/0'),
        'history': [entry.get('operation') for entry in dt.history()],
        'adds': [{k: str(v) for k, v in add.items()} for add in adds],
    }))
${LEAVE}`

const nullable = (kind: Column['kind']): Column => ({ kind, nullable: true })
const FIELDS: Fields = [
  { name: 'id', column: { kind: 'long', nullable: false } },
  { name: 'text', column: nullable('string') },
  { name: 'flag', column: nullable('boolean') },
  { name: 'small', column: nullable('int') },
  { name: 'ratio', column: nullable('double') },
  { name: 'at', column: nullable('timestamp') },
  { name: 'day', column: nullable('date') },
  { name: 'raw', column: nullable('binary') },
  { name: 'place', column: nullable('geo_point') },
  { name: 'headers', column: nullable('headers') },
]

interface TestRow {
  readonly id: number
  readonly text: string | null
  readonly flag: boolean | null
  readonly small: number | null
  readonly ratio: number | null
  readonly at: number | null
  readonly day: number | null
  readonly raw: string | null
  readonly place: { readonly latitude: number; readonly longitude: number } | null
  readonly headers: readonly { readonly name: string; readonly value: string | null }[] | null
}

/** Every third value of a column is null, each column at other rows. */
function rowOf(id: number): TestRow {
  const unless = <T>(column: number, value: T): T | null => ((id + column) % 3 === 0 ? null : value)
  return {
    id,
    text: unless(1, `Wert ${id} – 😀`),
    flag: unless(2, id % 2 === 0),
    small: unless(3, -id),
    ratio: unless(4, id / 8 - 100),
    at: unless(5, Date.UTC(2026, 1, 28, 23, 59, 59, 900) + id * 37),
    day: unless(6, id * 100 - 3000),
    raw: unless(7, Buffer.from(`bytes ${id}`).toString('hex')),
    place: unless(8, { latitude: 41 + id / 100, longitude: -87 }),
    headers: unless(9, [
      { name: 'trace', value: Buffer.from(String(id)).toString('hex') },
      { name: 'none', value: null },
    ]),
  }
}

function batchOf(rows: readonly TestRow[]): ColumnBatch {
  const valid = (of: (row: TestRow) => unknown) => Uint8Array.from(rows, (row) => (of(row) === null ? 0 : 1))
  const numbers = (of: (row: TestRow) => number | null): Vector => ({
    kind: 'number',
    valid: valid(of),
    values: Float64Array.from(rows, (row) => of(row) ?? 0),
  })
  const slices = (of: (row: TestRow) => Buffer | null): Vector => {
    const parts = rows.map((row) => of(row) ?? Buffer.alloc(0))
    const ends = Int32Array.from(parts.keys(), (i) => parts.slice(0, i + 1).reduce((sum, part) => sum + part.length, 0))
    const starts = Int32Array.from(parts, (part, i) => ends[i]! - part.length)
    return { kind: 'slices', valid: valid(of), buffer: new Uint8Array(Buffer.concat(parts)), starts, ends }
  }
  const headers = (row: TestRow): readonly RecordHeader[] | null =>
    row.headers?.map(({ name, value }) => ({ name, value: value === null ? null : Buffer.from(value, 'hex') })) ?? null
  return {
    fields: FIELDS,
    rows: rows.length,
    vectors: [
      { ...numbers(({ id }) => id), valid: null },
      slices(({ text }) => (text === null ? null : Buffer.from(text))),
      {
        kind: 'boolean',
        valid: valid(({ flag }) => flag),
        values: Uint8Array.from(rows, ({ flag }) => (flag ? 1 : 0)),
      },
      numbers(({ small }) => small),
      numbers(({ ratio }) => ratio),
      numbers(({ at }) => at),
      numbers(({ day }) => day),
      slices(({ raw }) => (raw === null ? null : Buffer.from(raw, 'hex'))),
      {
        kind: 'points',
        valid: valid(({ place }) => place),
        latitudes: Float64Array.from(rows, ({ place }) => place?.latitude ?? 0),
        longitudes: Float64Array.from(rows, ({ place }) => place?.longitude ?? 0),
      },
      { kind: 'headers', valid: valid((row) => row.headers), values: rows.map(headers) },
    ],
  }
}

describe.skipIf(PYTHON === undefined)('other engines (READERS_PYTHON)', () => {
  let root: string
  let deps: DeltaDeps
  let folder: string

  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), 'sluice-readers-'))
    folder = join(root, 'silver/crimes')
    deps = { store: new DirectoryObjectStore(root), clock: systemClock, ids: randomIds }
  })
  afterEach(async () => {
    await rm(root, { recursive: true, force: true })
  })

  const python = async (script: string, ...args: readonly string[]): Promise<unknown> => {
    const { stdout } = await run(PYTHON!, ['-c', script, ...args], { maxBuffer: 64_000_000 })
    return stdout.trim() === '' ? null : JSON.parse(stdout)
  }

  const appendRows = async (table: DeltaTable, batch: ColumnBatch, lastOffset: number): Promise<void> => {
    const add = await writeDataFile(deps, 'silver/crimes', batch)
    const { version } = await table.appendState()
    const txns = [{ appId: 'sluice/crimes/0', version: lastOffset }]
    await table.commit({ readVersion: version, adds: add === null ? [] : [add], txns })
  }

  const rowsUpTo = (count: number): TestRow[] => Array.from({ length: count }, (_, id) => rowOf(id))

  /** Versions 1 … commits of 20 rows each, and a checkpoint after the given one. */
  const tableOf = async (commits: number, checkpointAfter: number): Promise<DeltaTable> => {
    const table = await DeltaTable.openOrCreate(deps, 'silver/crimes', { fields: FIELDS })
    for (let commit = 1; commit <= commits; commit++) {
      await appendRows(table, batchOf(rowsUpTo(commit * 20).slice(-20)), commit * 20 - 1)
      if (commit === checkpointAfter) await table.checkpoint()
    }
    return table
  }

  const deleteCommits = async (from: number, to: number): Promise<void> => {
    for (let version = from; version <= to; version++) {
      for (const end of ['json', 'crc'])
        await unlink(join(folder, '_delta_log', `${String(version).padStart(20, '0')}.${end}`))
    }
  }

  const ownRows = async (table: DeltaTable): Promise<Record<string, unknown>[]> => {
    const rows: Record<string, unknown>[] = []
    for await (const run of (await table.snapshot()).rows()) rows.push(...run)
    const hex = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value)
    return rows.map((row) => ({
      ...row,
      raw: hex(row['raw']),
      headers:
        (row['headers'] as RecordHeader[] | null)?.map(({ name, value }) => ({ name, value: hex(value) })) ?? null,
    }))
  }

  it.each(['pyarrow', 'datafusion', 'polars'])(
    'read by %s has equal rows, at every version, also from the checkpoint alone',
    async (engine) => {
      const table = await tableOf(4, 3)
      expect(await ownRows(table)).toEqual(rowsUpTo(80))
      for (const version of [1, 3, 4]) {
        expect(await python(READ, engine, folder, String(version))).toEqual(rowsUpTo(version * 20))
      }
      await deleteCommits(0, 3)
      expect(await python(READ, engine, folder)).toEqual(rowsUpTo(80))
      expect(await python(READ, engine, folder, '3')).toEqual(rowsUpTo(60))
      await deleteCommits(4, 4)
      expect(await python(READ, engine, folder)).toEqual(rowsUpTo(60))
      expect(await ownRows(table)).toEqual(rowsUpTo(60))
    },
  )

  it.skipIf(DUCKDB_DELTA === undefined)(
    'read by DuckDB (DUCKDB_DELTA) has equal rows, also from the checkpoint alone',
    async () => {
      await tableOf(4, 3)
      expect(await python(READ, 'duckdb', folder, '-1', DUCKDB_DELTA!)).toEqual(rowsUpTo(80))
      await deleteCommits(0, 3)
      expect(await python(READ, 'duckdb', folder, '-1', DUCKDB_DELTA!)).toEqual(rowsUpTo(80))
    },
  )

  it('find statistics, transactions and history as we wrote them', async () => {
    await tableOf(2, 1)
    const known = (await python(WRITE, 'describe', folder)) as {
      version: number
      txn: number
      history: string[]
      adds: Record<string, string>[]
    }
    expect(known).toMatchObject({
      version: 2,
      txn: 39,
      history: ['STREAMING UPDATE', 'STREAMING UPDATE', 'CREATE TABLE'],
    })
    const rows = rowsUpTo(40).slice(20)
    const nulls = (name: keyof TestRow): string => String(rows.filter((row) => row[name] === null).length)
    const largest = (name: 'day' | 'at' | 'small'): number => Math.max(...rows.flatMap((row) => row[name] ?? []))
    expect(known.adds.find((add) => add['min.id'] === '20')).toMatchObject({
      num_records: '20',
      'max.id': '39',
      'null_count.id': '0',
      'null_count.text': nulls('text'),
      'null_count.place.latitude': nulls('place'),
      'min.place.latitude': '41.2',
      'max.small': String(largest('small')),
      'max.day': new Date(largest('day') * 86_400_000).toISOString().slice(0, 10),
      'max.at': new Date(largest('at')).toISOString().replace('T', ' ').replace('Z', '000+00:00'),
    })
  })

  it('append between our appends and checkpoints, and nothing is lost on either side', async () => {
    const fields: Fields = [
      { name: 'id', column: { kind: 'long', nullable: false } },
      { name: 'name', column: nullable('string') },
    ]
    const table = await DeltaTable.openOrCreate(deps, 'silver/crimes', { fields })
    const ours = async (id: number): Promise<void> => {
      const name = new TextEncoder().encode(`sluice ${id}`)
      const vectors: Vector[] = [
        { kind: 'number', valid: null, values: Float64Array.of(id) },
        { kind: 'slices', valid: null, buffer: name, starts: Int32Array.of(0), ends: Int32Array.of(name.length) },
      ]
      await appendRows(table, { fields, rows: 1, vectors }, id)
    }
    const foreign = Array.from({ length: 12 }, (_, at) => 1000 + at)
    const theirs = python(WRITE, 'append', folder, JSON.stringify(foreign))
    let running = true
    const done = theirs.finally(() => {
      running = false
    })
    let next = 0
    while (running || next < 20) {
      await ours(next++)
      if (next % 5 === 0) await table.checkpoint()
      if (next > 400) await done
    }
    await done
    await python(WRITE, 'checkpoint', folder)
    await ours(next++)
    const expected = [...Array(next).keys()].map((id) => ({ id, name: `sluice ${id}` }))
    expected.push(...foreign.map((id) => ({ id, name: `delta-rs ${id}` })))
    const snapshot = await table.snapshot()
    const rows: unknown[] = []
    for await (const run of snapshot.rows()) rows.push(...run)
    expect((rows as { id: number }[]).sort((a, b) => a.id - b.id)).toEqual(expected)
    expect(await python(READ, 'pyarrow', folder)).toEqual(expected)
    expect(snapshot.version).toBe(next + foreign.length)
    expect(await table.appendState()).toMatchObject({
      numFiles: next + foreign.length,
      totalBytes: snapshot.totalBytes,
    })
  })
})
