import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { DeltaTable } from '#delta/table.ts'
import { writeCrimesCsv } from '#local/simulator-csv.ts'
import { createTemporaryFolder } from '../support/temp.ts'

/** Python with deltalake, pyarrow and duckdb. */
const PYTHON = process.env['READERS_PYTHON']
const BIN = fileURLToPath(new URL('../../bin/sluice.mjs', import.meta.url))
const run = promisify(execFile)
/** The runs read the embedded topic, whatever broker the other tests use. */
const { KAFKA_BROKERS: _brokers, DATABASE_URL: _database, ...env } = process.env

/**
 * Prints the rows of a table, one JSON line each, by deltalake or by DuckDB over the files that deltalake finds active: instants in
 * microseconds, bytes in hex. Ends without pyarrow's own clean-up, which often aborts after all output; an exception never gets
 * as far.
 */
const READ = `
import sys, os, json, datetime
from deltalake import DeltaTable
engine, path = sys.argv[1], sys.argv[2]
table = DeltaTable(path)
if engine == 'duckdb':
    import duckdb
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")
    files = [uri.removeprefix('file://') for uri in table.file_uris()]
    rows = con.execute('SELECT * FROM read_parquet(?)', [files]).to_arrow_table()
else:
    rows = table.to_pyarrow_table()
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)
def plain(value):
    if isinstance(value, datetime.datetime):
        return 'us:%d' % ((value.astimezone(datetime.timezone.utc) - EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(value, (bytes, bytearray)): return 'hex:' + value.hex()
    if isinstance(value, dict): return {k: plain(v) for k, v in value.items()}
    if isinstance(value, list): return [plain(v) for v in value]
    return value
for row in rows.to_pylist(): print(json.dumps([[name, plain(row[name])] for name in sorted(row)]))
print('end')
sys.stdout.flush()
os._exit(0)
`

/** Those that have rows: detectors want four weeks before they judge, which these runs are not. */
const TABLES = [
  'bronze.crimes',
  'silver.crimes',
  'gold.crime_per_district_day',
  'gold.crimes_anomaly',
  'quarantine.crimes',
  'late.crimes',
] as const

type TableName = (typeof TABLES)[number]

let folder: ReturnType<typeof createTemporaryFolder>
const pathOf = (table: TableName): string => join(folder.path, 'data', 'lake', ...table.split('.'))

/** Runs the command over a file of simulated crimes, with a line that is none. */
async function runCrimes(seed: number, count: number): Promise<void> {
  const file = join(folder.path, `crimes-${seed}.csv`)
  writeFileSync(file, Buffer.concat([writeCrimesCsv(seed, count), Buffer.from('a line, of another\t"file"\r\n')]))
  const args = ['run', 'crimes', '--input', file, '--data', join(folder.path, 'data'), '--no-sql', '--quiet']
  await run(process.execPath, [BIN, ...args], { env })
}

/** By our own reader: as many lines as rows, sorted. */
async function ownRows(table: TableName): Promise<readonly string[]> {
  const store = new DirectoryObjectStore(join(folder.path, 'data', 'lake'))
  const opened = await DeltaTable.open({ store, clock: systemClock, ids: randomIds }, table.replace('.', '/'))
  const snapshot = await opened.snapshot()
  const instants = new Set(snapshot.fields.flatMap(({ name, column }) => (column.kind === 'timestamp' ? [name] : [])))
  const lines: string[] = []
  for await (const rows of snapshot.rows()) {
    for (const row of rows) {
      const columns = Object.keys(row).sort()
      lines.push(JSON.stringify(columns.map((name) => [name, plain(row[name], instants.has(name))])))
    }
  }
  return lines.sort()
}

function plain(value: unknown, instant = false): unknown {
  if (instant && typeof value === 'number') return `us:${value * 1000}`
  if (value instanceof Uint8Array) return `hex:${Buffer.from(value).toString('hex')}`
  if (Array.isArray(value)) return value.map((one) => plain(one))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, plain(one)]))
}

async function rowsReadBy(engine: string, table: TableName): Promise<readonly string[]> {
  const { stdout } = await run(PYTHON!, ['-c', READ, engine, pathOf(table)], { maxBuffer: 256 * 1024 * 1024 })
  const lines = stdout.trimEnd().split('\n')
  if (lines.pop() !== 'end') throw new Error(`${engine} did not get to the end of ${table}`)
  // Parsed and written again: numbers look the same whoever wrote them.
  return lines.map((line) => JSON.stringify(JSON.parse(line))).sort()
}

describe.skipIf(PYTHON === undefined)('the tables of a run (READERS_PYTHON)', () => {
  beforeAll(async () => {
    folder = createTemporaryFolder()
    await runCrimes(1, 3_000)
    // The same days again: some windows are corrected, and for others it is too late.
    await runCrimes(2, 600)
  })
  afterAll(() => folder[Symbol.dispose]())

  it.each(TABLES)('%s has equal rows, read by deltalake, by DuckDB and by us', async (table) => {
    const own = await ownRows(table)
    expect(own.length).toBeGreaterThan(0)
    expect(await rowsReadBy('deltalake', table)).toEqual(own)
    expect(await rowsReadBy('duckdb', table)).toEqual(own)
  })

  it('bronze.crimes has a row for every line of the files, good or bad', async () => {
    expect(await rowsReadBy('deltalake', 'bronze.crimes')).toHaveLength(3_602)
  })
})
