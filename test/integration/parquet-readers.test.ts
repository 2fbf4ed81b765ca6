import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { encodeParquet } from '#parquet/writer.ts'
import type { ColumnKind, GeoPoint, RecordHeader } from '#schema/column.ts'
import { temporaryFolder } from '../support/temp.ts'
import { batchOf, type ColumnInput } from '../unit/parquet/column-batch-builder.ts'

/** A Python with pyarrow, duckdb, polars and deltalake. */
const python = process.env['READERS_PYTHON']

/** Reads a table by every engine and prints its rows as columns of exact text; then counts what filters let through. */
const SCRIPT = `
import json, sys
import duckdb, polars, pyarrow as pa, pyarrow.parquet as pq
from deltalake import DeltaTable, QueryBuilder

folder, filters = sys.argv[1], json.loads(sys.argv[2])
path = folder + '/data.parquet'

def exact(array):
    kind = array.type
    if pa.types.is_timestamp(kind):
        micros = array.cast(pa.timestamp('us', kind.tz)).cast(pa.int64())
        return [None if v is None else 'us:%d' % v for v in micros.to_pylist()]
    if pa.types.is_date(kind):
        return [None if v is None else 'day:%d' % v for v in array.cast(pa.date32()).cast(pa.int32()).to_pylist()]
    return [exact_value(v) for v in array.to_pylist()]

def exact_value(v):
    if v is None or isinstance(v, bool): return v
    if isinstance(v, int): return 'int:%d' % v
    if isinstance(v, float): return 'float:nan' if v != v else 'float:' + repr(v)
    if isinstance(v, bytes): return 'hex:' + v.hex()
    if isinstance(v, dict): return {k: exact_value(x) for k, x in v.items()}
    if isinstance(v, list): return [exact_value(x) for x in v]
    return v

def columns(table):
    # SQL promises no order, and engines read row groups side by side.
    ids = table.column('id').to_pylist()
    order = sorted(range(len(ids)), key=ids.__getitem__)
    found = {name: exact(table.column(name).combine_chunks()) for name in table.column_names}
    return {name: [values[i] for i in order] for name, values in found.items()}

duck = duckdb.connect()
duck.execute("SET TimeZone = 'UTC'")
delta = QueryBuilder().register('t', DeltaTable(folder))
def datafusion(sql):
    return pa.table(delta.execute(sql).read_all())
def duckdb_table(sql):
    return duck.execute(sql).to_arrow_table()

scan = polars.scan_parquet(path)
tables = {
    'pyarrow': pq.read_table(path),
    'duckdb': duckdb_table("SELECT * FROM read_parquet('%s', file_row_number = false)" % path),
    'polars': scan.collect().to_arrow(),
    'deltalake with datafusion': datafusion('SELECT * FROM t'),
    'deltalake with pyarrow': DeltaTable(folder).to_pyarrow_table(),
}
counts = []
for where in filters:
    sql = 'SELECT count(*) AS n FROM %s WHERE ' + where
    counts.append([
        duckdb_table(sql % ("read_parquet('%s')" % path)).column('n')[0].as_py(),
        datafusion(sql % 't').column('n')[0].as_py(),
        scan.filter(polars.sql_expr(where)).select(polars.len()).collect().item(),
    ])
json.dump({'tables': {k: columns(t) for k, t in tables.items()}, 'counts': counts}, sys.stdout)
`

const ROWS = 4000
const YEAR_9999 = 253_402_300_799_999
const bytes = (...values: number[]) => Uint8Array.from(values)

/** Nulls in runs of different lengths. */
const sometimes = (value: (row: number) => unknown): unknown[] =>
  Array.from({ length: ROWS }, (_, row) => (row % 97 < 10 || row % 7 === 3 ? null : value(row)))
const always = (value: (row: number) => unknown): unknown[] => Array.from({ length: ROWS }, (_, row) => value(row))
const pick =
  <T>(...values: readonly T[]) =>
  (row: number): T =>
    values[row % values.length]!

const headersOf = pick<readonly RecordHeader[]>(
  [],
  [{ name: 'a', value: bytes(1, 255) }],
  [
    { name: 'a', value: null },
    { name: 'ä', value: bytes() },
  ],
)

const COLUMNS: Readonly<Record<string, ColumnInput>> = {
  id: { kind: 'long', nullable: false, values: always((row) => row) },
  text: { kind: 'string', values: sometimes((row) => pick('', 'a', 'äöü', '😀', `row ${row}`, 'z'.repeat(300))(row)) },
  code: {
    kind: 'string',
    as: 'dictionary',
    values: sometimes((row) => pick('THEFT', 'BATTERY', '', 'ÄRGER')(row >> 2)),
  },
  required_code: { kind: 'string', as: 'dictionary', nullable: false, values: always(pick('x', 'y', 'y')) },
  one_code: { kind: 'string', as: 'dictionary', values: sometimes(() => 'only') },
  no_code: { kind: 'string', as: 'dictionary', values: always(() => null) },
  flag: { kind: 'boolean', values: sometimes((row) => row % 3 === 0) },
  small: { kind: 'int', values: sometimes(pick(0, 1, -1, 2147483647, -2147483648)) },
  large: { kind: 'long', values: sometimes(pick(Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 0, 2 ** 32, -1)) },
  ratio: { kind: 'double', values: sometimes(pick(-0, 0, 0.1, Number.NaN, 1e300, Number.NEGATIVE_INFINITY)) },
  at: { kind: 'timestamp', values: sometimes(pick(0, -1, YEAR_9999, 1_546_300_800_123, -62_135_596_800_000)) },
  day: { kind: 'date', values: sometimes(pick(0, -1, 2_932_896, -719_162, 17_897)) },
  raw: { kind: 'binary', values: sometimes(pick(bytes(), bytes(0, 255), new Uint8Array(2000).fill(7))) },
  place: { kind: 'geo_point', values: sometimes((row) => ({ latitude: row / 7, longitude: pick(-0, -87.6)(row) })) },
  headers: { kind: 'headers', values: sometimes(headersOf) },
  required_headers: { kind: 'headers', nullable: false, values: always(headersOf) },
}

/** [SQL, the rows it lets through]: engines skip row groups and pages for these, by our statistics and dictionaries. */
const FILTERS: readonly (readonly [string, (row: Record<string, unknown>) => boolean])[] = [
  ['id >= 3990', ({ id }) => (id as number) >= 3990],
  ["code = 'BATTERY'", ({ code }) => code === 'BATTERY'],
  ["code = 'MISSING'", () => false],
  ["text = 'row 1000'", ({ text }) => text === 'row 1000'],
  ["text > 'zz'", ({ text }) => text !== null && Buffer.compare(Buffer.from(text as string), Buffer.from('zz')) > 0],
  ['no_code IS NULL', () => true],
  ['small IS NULL', ({ small }) => small === null],
  ['ratio = 0.0', ({ ratio }) => ratio === 0],
  ['ratio < 0.0', ({ ratio }) => (ratio as number) < 0 && ratio !== null],
  ['flag', ({ flag }) => flag === true],
  ['large < -1', ({ large }) => large !== null && (large as number) < -1],
]

test.skipIf(python === undefined)('READERS_PYTHON names a Python with the four readers', () => {
  expect(execFileSync(python ?? '', ['-c', 'import duckdb, polars, pyarrow, deltalake'])).toHaveLength(0)
})

describe.skipIf(python === undefined).each([
  ['in one row group', {}],
  ['in row groups of 700 rows', { rowGroupRows: 700 }],
  ['without compression', { codec: 'uncompressed', rowGroupRows: 3999 }],
] as const)('pyarrow, DuckDB, Polars and delta-rs read a file %s', (_title, options) => {
  test('with the rows that were written, and filters that count right', () => {
    const folder = temporaryFolder()
    const file = encodeParquet(batchOf(COLUMNS), options)
    writeFileSync(join(folder, 'data.parquet'), file.bytes)
    mkdirSync(join(folder, '_delta_log'))
    writeFileSync(join(folder, '_delta_log', `${'0'.repeat(20)}.json`), deltaCommit(file.bytes.length))

    const sql = JSON.stringify(FILTERS.map(([where]) => where))
    const output = execFileSync(python ?? '', ['-c', SCRIPT, folder, sql], { maxBuffer: 1 << 28 })
    const { tables, counts } = JSON.parse(output.toString()) as { tables: Record<string, unknown>; counts: number[][] }
    const expected = Object.fromEntries(
      Object.entries(COLUMNS).map(([name, { kind, values }]) => [name, values.map((value) => exact(kind, value))]),
    )
    for (const [engine, columns] of Object.entries(tables)) expect(columns, engine).toEqual(expected)

    const rows = Array.from({ length: ROWS }, (_, row) =>
      Object.fromEntries(Object.entries(COLUMNS).map(([name, { values }]) => [name, values[row]])),
    )
    for (const [i, [where, passes]] of FILTERS.entries()) {
      const count = rows.filter(passes).length
      expect(counts[i], where).toEqual([count, count, count])
    }
  })
})

/** A table of one file, without statistics in the log: engines have to use those of the file. */
function deltaCommit(size: number): string {
  const fields = Object.entries(COLUMNS).map(([name, { kind, nullable = true }]) => ({
    name,
    type: DELTA_TYPES[kind],
    nullable,
    metadata: {},
  }))
  const actions = [
    { protocol: { minReaderVersion: 1, minWriterVersion: 2 } },
    {
      metaData: {
        id: '7b8f2a52-1c59-4d59-a2b5-33a3a4d0c7f1',
        format: { provider: 'parquet', options: {} },
        schemaString: JSON.stringify({ type: 'struct', fields }),
        partitionColumns: [],
        configuration: {},
        createdTime: 0,
      },
    },
    { add: { path: 'data.parquet', partitionValues: {}, size, modificationTime: 0, dataChange: true } },
  ]
  return actions.map((action) => JSON.stringify(action)).join('\n')
}

const deltaStruct = (...fields: readonly (readonly [string, string, boolean])[]) => ({
  type: 'struct',
  fields: fields.map(([name, type, nullable]) => ({ name, type, nullable, metadata: {} })),
})

const DELTA_TYPES: Readonly<Record<ColumnKind, unknown>> = {
  string: 'string',
  boolean: 'boolean',
  int: 'integer',
  long: 'long',
  double: 'double',
  timestamp: 'timestamp',
  date: 'date',
  binary: 'binary',
  geo_point: deltaStruct(['latitude', 'double', false], ['longitude', 'double', false]),
  headers: {
    type: 'array',
    elementType: deltaStruct(['name', 'string', false], ['value', 'binary', true]),
    containsNull: false,
  },
}

/** A value as the script prints it. */
function exact(kind: ColumnKind, value: unknown): unknown {
  if (value === null) return null
  switch (kind) {
    case 'int':
    case 'long':
      return `int:${value}`
    case 'double':
      return exactDouble(value as number)
    case 'timestamp':
      return `us:${BigInt(value as number) * 1000n}`
    case 'date':
      return `day:${value}`
    case 'binary':
      return exactBytes(value as Uint8Array)
    case 'geo_point': {
      const { latitude, longitude } = value as GeoPoint
      return { latitude: exactDouble(latitude), longitude: exactDouble(longitude) }
    }
    case 'headers':
      return (value as readonly RecordHeader[]).map((header) => ({
        name: header.name,
        value: header.value === null ? null : exactBytes(header.value),
      }))
    default:
      return value
  }
}

const exactBytes = (value: Uint8Array): string => `hex:${Buffer.from(value).toString('hex')}`

/** As Python's repr writes it: the same shortest digits, with `.0` after whole numbers and `e+300`. */
function exactDouble(value: number): string {
  if (Number.isNaN(value)) return 'float:nan'
  if (!Number.isFinite(value)) return value > 0 ? 'float:inf' : 'float:-inf'
  if (Object.is(value, -0)) return 'float:-0.0'
  return `float:${Number.isInteger(value) && Math.abs(value) < 1e16 ? `${value}.0` : value}`
}
