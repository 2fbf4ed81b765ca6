import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { describe, expect, test } from 'vitest'
import { readParquetRows } from '#parquet/reader.ts'
import { encodeRows, type ParquetColumn, type ParquetType } from '#parquet/rows-writer.ts'
import { bytesSource } from '#parquet/source.ts'
import { temporaryFolder } from '../support/temp.ts'

/** A Python with pyarrow, duckdb and polars. */
const python = process.env['READERS_PYTHON']

/** Values as text that says their type and every bit, the same in both languages: see `exact` below. */
const EXACT = `
import json, struct, sys, datetime, decimal
import pyarrow as pa, pyarrow.parquet as pq
decimal.getcontext().prec = 60
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.timezone.utc)

def number(v):
    if v != v: return 'n:nan'
    return 'n:' + struct.pack('>d', v).hex()
def whole(v):
    return number(float(v)) if abs(v) < 2 ** 53 else 'b:%d' % v
def millis(micros):
    return number(micros / 1000) if abs(micros) < 2 ** 53 else number(float(micros // 1000) + (micros % 1000) / 1000)

def exact(v, t):
    if v is None: return None
    if pa.types.is_dictionary(t): return exact(v, t.value_type)
    if pa.types.is_boolean(t): return v
    if pa.types.is_integer(t): return whole(v)
    if pa.types.is_floating(t): return number(float(v))
    if pa.types.is_decimal(t): return 's:' + format(v, 'f')
    if pa.types.is_list(t) or pa.types.is_large_list(t): return [exact(x, t.value_type) for x in v]
    if pa.types.is_map(t): return {'map': [[exact(k, t.key_type), exact(x, t.item_type)] for k, x in v]}
    if pa.types.is_struct(t): return {f.name: exact(v[f.name], f.type) for f in t}
    if isinstance(v, datetime.datetime): return millis((v.astimezone(datetime.timezone.utc) - EPOCH) // datetime.timedelta(microseconds=1))
    if isinstance(v, bytes): return 'x:' + v.hex()
    if isinstance(v, str): return 's:' + v
    raise Exception('no exact text of %s' % t)

def column(array):
    t = array.type
    if pa.types.is_timestamp(t):
        raw = array.cast(pa.int64()).to_pylist()
        if t.unit == 'ms': return [None if v is None else whole(v) for v in raw]
        if t.unit == 'us': return [None if v is None else millis(v) for v in raw]
        return [None if v is None else number(v // 10**6 + (v % 10**6) / 1e6) for v in raw]
    if pa.types.is_date(t): return [None if v is None else whole(v) for v in array.cast(pa.date32()).cast(pa.int32()).to_pylist()]
    return [exact(v, t) for v in array.to_pylist()]

def columns(table):
    return {name: column(table.column(name).combine_chunks()) for name in table.column_names}
`

const WRITE = `${EXACT}
import duckdb, polars
folder = sys.argv[1]
N = 3000
def some(f): return [None if i % 97 < 10 or i % 7 == 3 else f(i) for i in range(N)]
D = decimal.Decimal
flat = {
    'i8': pa.array(some(lambda i: i % 256 - 128), pa.int8()),
    'i16': pa.array(some(lambda i: i * 21 % 65536 - 32768), pa.int16()),
    'i32': pa.array(some(lambda i: [2**31 - 1, -2**31, 0, i][i % 4]), pa.int32()),
    'i64': pa.array(some(lambda i: [2**53 - 1, -2**53 + 1, 0, i * 10**9][i % 4]), pa.int64()),
    'large': pa.array(some(lambda i: [2**63 - 1, -2**63, 2**53, 1][i % 4]), pa.int64()),
    'u8': pa.array(some(lambda i: i % 256), pa.uint8()),
    'u32': pa.array(some(lambda i: 2**32 - 1 - i), pa.uint32()),
    'u64': pa.array(some(lambda i: 2**64 - 1 - i), pa.uint64()),
    'f32': pa.array(some(lambda i: [0.5, -0.0, float('inf'), float('nan')][i % 4]), pa.float32()),
    'f64': pa.array(some(lambda i: [0.1 * i, -0.0, float('-inf'), float('nan')][i % 4]), pa.float64()),
    'flag': pa.array(some(lambda i: i % 3 == 0), pa.bool_()),
    'flags': pa.array([i % 5 == 0 for i in range(N)], pa.bool_()),
    'code': pa.array(some(lambda i: ['THEFT', '', 'ÄRGER', '😀'][i // 4 % 4]), pa.string()),
    'text': pa.array(['row %d ' % (i * 7919) + 'x' * (i % 40) for i in range(N)], pa.string()),
    'mixed': pa.array(['c%d' % (i % 7) if i < 900 else 'u%d' % i * 9 for i in range(N)], pa.string()),
    'raw': pa.array(some(lambda i: bytes([i % 256]) * (i % 5)), pa.binary()),
    'fixed': pa.array(some(lambda i: b'%05d' % i), pa.binary(5)),
    'day': pa.array(some(lambda i: i * 300 - 500000), pa.date32()),
    'us': pa.array(some(lambda i: i * 1_234_567_890_123 - 10**15), pa.timestamp('us', 'UTC')),
    'ntz': pa.array(some(lambda i: i * 1_234_567 - 10**9), pa.timestamp('us')),
    'ms': pa.array(some(lambda i: i * 1_234_567 - 10**9), pa.timestamp('ms')),
    'd9': pa.array(some(lambda i: D(i * 7919 - 10**7).scaleb(-2)), pa.decimal128(9, 2)),
    'd18': pa.array(some(lambda i: D((i - 1500) * 7919 * 10**10).scaleb(-4)), pa.decimal128(18, 4)),
    'd38': pa.array(some(lambda i: D((i - 1500) * 10**30 + i).scaleb(-10)), pa.decimal128(38, 10)),
}
nested = {
    'list': pa.array(some(lambda i: [None if k % 3 == 2 else i * k for k in range(i % 5)]), pa.list_(pa.int64())),
    'struct': pa.array(some(lambda i: {'a': i, 'b': None if i % 2 else 'x%d' % i}), pa.struct([('a', pa.int32()), ('b', pa.string())])),
    'map': pa.array(some(lambda i: [('k%d' % k, None if k == 1 else i) for k in range(i % 3)]), pa.map_(pa.string(), pa.int32())),
}
nanos = {'ns': pa.array(some(lambda i: i * 1_234_567_890_123), pa.timestamp('ns'))}
table = pa.table({**flat, **nested})
def write(name, table, **options): pq.write_table(table, folder + '/' + name + '.parquet', **options)
for codec in ['snappy', 'gzip', 'brotli', 'zstd', 'lz4', 'none']:
    for version in ['1.0', '2.0']:
        write('pyarrow-%s-%s' % (codec, version), table, compression=codec, data_page_version=version, data_page_size=4000, write_page_checksum=True, row_group_size=1700)
write('pyarrow-fallback', table, dictionary_pagesize_limit=3000, data_page_size=2000)
write('pyarrow-plain', table, use_dictionary=False)
write('pyarrow-int96', pa.table({**nanos, 'us': flat['us'].cast(pa.timestamp('ns', 'UTC'), safe=False).cast(pa.timestamp('us', 'UTC'))}).select(['ns']), use_deprecated_int96_timestamps=True)
write('pyarrow-nanos', pa.table(nanos), version='2.6')
write('pyarrow-decimal-int', table.select(['d9', 'd18', 'd38']), store_decimal_as_integer=True)
ints, texts, floats = ['i8', 'i16', 'i32', 'i64', 'large', 'u32', 'day', 'us', 'ntz', 'ms'], ['code', 'text', 'raw'], ['f32', 'f64', 'i32', 'i64', 'fixed']
for version in ['1.0', '2.0']:
    def encoded(name, columns, encoding):
        write('pyarrow-%s-%s' % (name, version), table.select(columns), use_dictionary=False, column_encoding={c: encoding for c in columns}, data_page_version=version, data_page_size=3000)
    encoded('delta-binary-packed', ints, 'DELTA_BINARY_PACKED')
    encoded('delta-length', texts, 'DELTA_LENGTH_BYTE_ARRAY')
    encoded('delta-byte-array', texts + ['fixed'], 'DELTA_BYTE_ARRAY')
    encoded('byte-stream-split', floats, 'BYTE_STREAM_SPLIT')
    encoded('rle-flags', ['flag', 'flags'], 'RLE')

duck = duckdb.connect()
duck.execute("SET TimeZone = 'UTC'")
plain = pa.table({k: v for k, v in {**flat, **nested}.items()})
for codec in ['snappy', 'zstd', 'gzip', 'lz4_raw']:
    for version in ['V1', 'V2']:
        duck.execute("COPY plain TO '%s/duckdb-%s-%s.parquet' (FORMAT parquet, COMPRESSION %s, PARQUET_VERSION %s, ROW_GROUP_SIZE 2048)" % (folder, codec, version, codec, version))
frame = polars.from_arrow(table.drop_columns(['map']))
for codec in ['snappy', 'zstd', 'gzip', 'lz4']:
    frame.write_parquet(folder + '/polars-%s.parquet' % codec, compression=codec, row_group_size=1111)

import glob
for path in sorted(glob.glob(folder + '/*.parquet')):
    # pyarrow 26 can't read DuckDB's gzip files of version 2: each engine reads its own.
    if 'duckdb' in path: found = duck.execute("SELECT * FROM read_parquet('%s')" % path).to_arrow_table()
    else: found = pq.read_table(path)
    with open(path[:-8] + '.json', 'w') as out: json.dump(columns(found), out)
print('\\n'.join(sorted(glob.glob(folder + '/*.parquet'))))
`

const READ = `${EXACT}
import duckdb, polars
path = sys.argv[1]
duck = duckdb.connect()
duck.execute("SET TimeZone = 'UTC'")
found = {
    'pyarrow': columns(pq.read_table(path)),
    'duckdb': columns(duck.execute("SELECT * FROM read_parquet('%s')" % path).to_arrow_table()),
    'polars': columns(polars.read_parquet(path).to_arrow()),
}
json.dump(found, sys.stdout)
`

function exact(value: unknown): unknown {
  if (value === null || typeof value === 'boolean') return value
  if (typeof value === 'bigint') return `b:${value}`
  if (typeof value === 'string') return `s:${value}`
  if (typeof value === 'number') {
    if (Number.isNaN(value)) return 'n:nan'
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(value)
    return `n:${bytes.toString('hex')}`
  }
  if (value instanceof Uint8Array) return `x:${Buffer.from(value).toString('hex')}`
  if (value instanceof Map) return { map: Array.from(value, ([key, item]) => [exact(key), exact(item)]) }
  if (Array.isArray(value)) return value.map(exact)
  return Object.fromEntries(Object.entries(value as object).map(([name, item]) => [name, exact(item)]))
}

type Columns = Record<string, unknown[]>

/** Column by column, and of one that differs only the first value that does: the difference of all is unreadable. */
function expectColumns(found: Columns, expected: Columns, where: string): void {
  expect(Object.keys(found), where).toEqual(Object.keys(expected))
  for (const [name, values] of Object.entries(expected)) {
    const at = values.findIndex((value, row) => !isDeepStrictEqual(found[name]?.[row], value))
    expect({ where, name, at, value: found[name]?.[at] }).toEqual({ where, name, at, value: values[at] })
    expect(found[name], where).toHaveLength(values.length)
  }
}

async function columnsOf(bytes: Uint8Array): Promise<Columns> {
  const columns: Columns = {}
  for await (const rows of readParquetRows(bytesSource(bytes))) {
    for (const row of rows) {
      for (const [name, value] of Object.entries(row)) {
        columns[name] ??= []
        columns[name].push(exact(value))
      }
    }
  }
  return columns
}

describe.skipIf(python === undefined)('files written by pyarrow, DuckDB and Polars', () => {
  test('in every codec, encoding and page version read as pyarrow reads them', { timeout: 300_000 }, async () => {
    const folder = temporaryFolder()
    const output = execFileSync(python ?? '', ['-c', WRITE, folder], { maxBuffer: 1 << 28 }).toString()
    const paths = output.trim().split('\n')
    expect(paths.length).toBeGreaterThan(35)
    for (const path of paths) {
      const expected = JSON.parse(readFileSync(path.replace(/parquet$/, 'json'), 'utf8')) as Columns
      expectColumns(await columnsOf(new Uint8Array(readFileSync(path))), expected, path)
    }
  })
})

describe.skipIf(python === undefined)('rows of every type, written by us', () => {
  const COUNT = 3000
  const sometimes = (value: (row: number) => unknown) => (row: number) =>
    row % 97 < 10 || row % 7 === 3 ? null : value(row)
  const pick =
    (...values: readonly unknown[]) =>
    (row: number): unknown =>
      values[row % values.length]
  const list = (type: ParquetType): ParquetType => ({ kind: 'list', element: { type, nullable: true } })
  const types: readonly (readonly [string, ParquetType, (row: number) => unknown])[] = [
    ['byte', 'byte', pick(-128, 127, 0)],
    ['short', 'short', pick(-32768, 32767)],
    ['int', 'int', pick(-2147483648, 2147483647, 7)],
    ['long', 'long', pick(2n ** 63n - 1n, -(2n ** 63n), 5, 2 ** 53 - 1)],
    ['float', 'float', pick(0.5, -0, Number.NaN, Number.POSITIVE_INFINITY)],
    ['double', 'double', pick(0.1, -0, 0, Number.NaN, Number.NEGATIVE_INFINITY)],
    ['boolean', 'boolean', (row) => row % 3 === 0],
    ['code', 'string', pick('THEFT', '', 'ÄRGER', '😀')],
    ['text', 'string', (row) => `row ${row} ${'z'.repeat(row % 100)}`],
    ['binary', 'binary', (row) => new Uint8Array(row % 9).fill(row)],
    ['date', 'date', pick(0, -719_162, 2_932_896)],
    ['timestamp', 'timestamp', pick(0.001, -1, 1_546_300_800_123.456, -62_135_596_800_000)],
    ['ntz', 'timestamp_ntz', pick(0.001, -1, 1_546_300_800_123.456)],
    ['d9', { kind: 'decimal', precision: 9, scale: 2 }, pick('9999999.99', '-9999999.99', '-0.01')],
    ['d18', { kind: 'decimal', precision: 18, scale: 4 }, pick('99999999999999.9999', '-0.0001')],
    [
      'd38',
      { kind: 'decimal', precision: 38, scale: 10 },
      pick('9999999999999999999999999999.9999999999', '-1.0000000000'),
    ],
    ['list', list('long'), (row) => Array.from({ length: row % 4 }, (_, i) => (i === 2 ? null : row))],
    ['lists', list(list('string')), pick([], [[]], [null, ['a', null]], [['b'], []])],
    [
      'map',
      { kind: 'map', key: { type: 'string', nullable: false }, value: { type: 'double', nullable: true } },
      pick(
        new Map(),
        new Map([
          ['a', 1.5],
          ['b', null],
        ] as const),
      ),
    ],
    [
      'struct',
      {
        kind: 'struct',
        fields: [
          { name: 'a', type: 'int', nullable: false },
          { name: 'b', type: list('timestamp'), nullable: true },
          {
            name: 'c',
            type: { kind: 'struct', fields: [{ name: 'd', type: 'string', nullable: true }] },
            nullable: true,
          },
        ],
      },
      (row) => ({
        a: row,
        b: row % 2 === 0 ? null : [row / 8],
        c: row % 3 === 0 ? null : { d: row % 5 === 0 ? null : 'x' },
      }),
    ],
  ]
  const columns = types.map(([name, type]): ParquetColumn => ({ name, type, nullable: true }))
  const rows = Array.from({ length: COUNT }, (_, row) =>
    Object.fromEntries(types.map(([name, , value]) => [name, sometimes(value)(row)])),
  )

  test.each([{}, { rowGroupRows: 700 }, { codec: 'uncompressed', rowGroupRows: 2999 }] as const)(
    'read equal in pyarrow, DuckDB and Polars: %j',
    (options) => {
      const path = join(temporaryFolder(), 'rows.parquet')
      writeFileSync(path, encodeRows(columns, rows, options).bytes)
      const output = execFileSync(python ?? '', ['-c', READ, path], { maxBuffer: 1 << 28 }).toString()
      const found = JSON.parse(output) as Record<string, Columns>
      const expected = Object.fromEntries(types.map(([name]) => [name, rows.map((row) => exact(row[name]))]))
      for (const engine of ['pyarrow', 'duckdb', 'polars']) expectColumns(found[engine]!, expected, engine)
    },
  )
})
