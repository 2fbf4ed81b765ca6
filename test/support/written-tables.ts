import { type DeltaDeps, DeltaTable, type NewDeltaTable, type StructType } from 'sluice/delta'
import type { ColumnBatch } from '#schema/vector.ts'
import { batchOf } from '../unit/parquet/column-batch-builder.ts'
import { field, type Row, rowOf, rowsOf, SCHEMA } from './typed-rows.ts'

/**
 * Tables of every kind that we write, for other engines to read: every operation, type, nesting and partition. What becomes of a name is
 * in `WRITTEN_TABLES`; all have an `id`.
 */
export const WRITTEN_TABLES: Readonly<Record<string, (deps: DeltaDeps, path: string) => Promise<DeltaTable>>> = {
  appended,
  changed,
  optimized,
  restored,
  partitions,
  limits,
  'local times': localTimes,
  nested,
  'without rows': withoutRows,
  'from its checkpoint': fromItsCheckpoint,
  'many rows': manyRows,
  feed,
  columns,
}

const struct = (...fields: StructType['fields']): StructType => ({ type: 'struct', fields })
const ID = field('id', 'long', false)

function create(deps: DeltaDeps, path: string, options: NewDeltaTable): Promise<DeltaTable> {
  return DeltaTable.create(deps, path, options)
}

async function appended(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const table = await create(deps, path, { schema: SCHEMA })
  for (let from = 0; from < 60; from += 20) await table.append(rowsOf(from, from + 20))
  return table
}

async function changed(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const table = await appended(deps, path)
  await table.delete({ id: { in: [3, 44] } })
  await table.update({ id: { lt: 10 } }, { text: 'set', price: (row: Row) => (row['price'] === null ? '0.01' : null) })
  await table.merge([...rowsOf(50, 55), rowOf(70), rowOf(3)], { on: ['id'] })
  await table.overwrite(rowsOf(20, 22), { where: { id: { gte: 20, lt: 30 } } })
  return table
}

async function optimized(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const table = await changed(deps, path)
  await table.optimize({ clusterBy: ['text', 'at'], targetBytes: 10_000 })
  await table.checkpoint()
  return table
}

async function restored(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const table = await optimized(deps, path)
  await table.restore({ version: 2 })
  await table.evolve(struct(field('note', 'string'), field('nest', struct(field('z', 'date')))))
  await table.append([{ ...rowOf(100), note: 'new', nest: { x: 1, in: null, z: 7 } }])
  await table.checkpoint()
  return table
}

const PARTITIONS = {
  p_text: 'string',
  p_long: 'long',
  p_int: 'integer',
  p_short: 'short',
  p_byte: 'byte',
  p_float: 'float',
  p_double: 'double',
  p_flag: 'boolean',
  p_day: 'date',
  p_at: 'timestamp',
  p_decimal: 'decimal(9,2)',
}

async function partitions(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const names = Object.keys(PARTITIONS)
  const columns = Object.entries(PARTITIONS).map(([name, type]) => field(name, type))
  const table = await create(deps, path, { schema: struct(ID, field('v', 'string'), ...columns), partitionBy: names })
  const at = Date.UTC(1969, 11, 31, 23, 59, 59)
  const values = [
    ['a/b =%:?#é😀', -5, 7, -300, -128, 1.5, 0.5, true, 19_844, Date.UTC(2024, 4, 1, 10), '12.30'],
    ["it's", 2 ** 40, -1, 300, 127, -0.25, -1e-7, false, -1, at + 123.456, '-0.05'],
    [null, null, null, null, null, null, null, null, null, null, null],
    [' \\ "{}[]^', -(2n ** 63n), 2 ** 31 - 1, 0, 0, 3e38, 1e300, null, -719_162, 0, '9999999.99'],
    ['%41', 0, 0, 0, 0, 0, 0, true, 0, at, '0.00'],
  ]
  await table.append(
    values.map((row, id) => ({ id, v: `v${id}`, ...Object.fromEntries(names.map((name, i) => [name, row[i]])) })),
  )
  await table.merge([{ id: 1, p_text: ' x ' }], { on: ['id'] })
  await table.checkpoint()
  return table
}

async function limits(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const names = { i: 'integer', l: 'long', f: 'float', d: 'double', t: 'string', day: 'date', at: 'timestamp' }
  const more = { r: 'binary', d9: 'decimal(9,9)', d18: 'decimal(18,0)', d38: 'decimal(38,38)', w: 'decimal(38,0)' }
  const columns = Object.entries({ ...names, ...more })
  const table = await create(deps, path, { schema: struct(ID, ...columns.map(([name, type]) => field(name, type))) })
  const nines = (count: number): string => '9'.repeat(count)
  const last = Date.UTC(9999, 11, 31, 23, 59, 59)
  // The first days of year 1; Python's clock trips over the very first.
  const first = Date.UTC(2000, 0, 1) - 730_117 * 86_400_000
  const rows = [
    [2 ** 31 - 1, 2n ** 63n - 1n, 3.4028234663852886e38, Number.MAX_VALUE, 'z'.repeat(100), 2_932_896, last + 999],
    [-(2 ** 31), -(2n ** 63n), -3.4028234663852886e38, -Number.MAX_VALUE, '', -719_162, first],
    [0, 0, 2 ** -149, Number.MIN_VALUE, '\u{10ffff}'.repeat(40), 0, -0.001],
    [1, 2 ** 53 - 1, -0, -0, '\u0000 \t\n', -141_428, Date.UTC(1582, 9, 4)],
    [2, 2n ** 53n + 1n, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, '\ufffd', -1, 0.001],
  ]
  const others = [
    [Buffer.alloc(0), `0.${nines(9)}`, nines(18), `0.${nines(38)}`, nines(38)],
    [Buffer.alloc(300, 255), `-0.${nines(9)}`, `-${nines(18)}`, `-0.${nines(38)}`, `-${nines(38)}`],
    [Buffer.from([0, 1, 255]), `0.${'0'.repeat(9)}`, '0', `0.${'0'.repeat(38)}`, '0'],
    [Buffer.from('x'), `0.${'0'.repeat(8)}1`, '-1', `0.${'0'.repeat(37)}1`, '1'],
    [null, null, null, null, null],
  ]
  const all = rows.map((row, id) => {
    const values = [...row, ...others[id]!]
    return { id, ...Object.fromEntries(columns.map(([name], at) => [name, values[at]])) }
  })
  // Each a file with statistics of its own, and all together.
  for (const row of all) await table.append([row])
  await table.append(all.map((row) => ({ ...row, id: row.id + 10 })))
  return table
}

/** NaN is no part of the tables that everybody has to find equal: engines disagree on what it is above. */
export async function notANumber(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const table = await create(deps, path, { schema: struct(ID, field('d', 'double'), field('f', 'float')) })
  const values = [1, Number.NaN, null]
  await table.append(values.map((value, id) => ({ id, d: value, f: value })))
  return table
}

async function localTimes(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const schema = struct(ID, field('local', 'timestamp_ntz'), field('p', 'timestamp_ntz'))
  const table = await create(deps, path, { schema, partitionBy: ['p'] })
  const at = Date.UTC(2026, 2, 29, 2, 30)
  const day = 86_400_000
  await table.append(
    Array.from({ length: 9 }, (_, id) => ({
      id,
      local: id % 4 === 3 ? null : at - id * day - 0.001 * id,
      p: id % 3 === 2 ? null : at - (id % 3) * 0.5,
    })),
  )
  await table.checkpoint()
  await table.update({ id: 4 }, { local: 0 })
  return table
}

async function nested(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const inner = struct(
    field('a', 'integer'),
    field('words', { type: 'array', elementType: 'string', containsNull: true }),
  )
  const numbers = { type: 'array', elementType: 'integer', containsNull: true } as const
  const schema = struct(
    ID,
    field('lists', { type: 'array', elementType: numbers, containsNull: true }),
    field('by', { type: 'map', keyType: 'string', valueType: inner, valueContainsNull: true }),
    field('days', { type: 'map', keyType: 'date', valueType: 'decimal(20,4)', valueContainsNull: true }),
    field('deep', struct(field('one', struct(field('two', struct(field('three', inner))))))),
    field('times', { type: 'array', elementType: 'timestamp', containsNull: true }),
  )
  const table = await create(deps, path, { schema })
  const three = { a: 3, words: ['x', null] }
  const rows = [
    { lists: [[1, null], [], null], by: new Map([['k', three]]), days: new Map([[1, '1.5000']]), times: [0.5, null] },
    { lists: [], by: new Map(), days: new Map(), deep: { one: { two: { three } } }, times: [] },
    { lists: null, by: null, days: null, deep: null, times: null },
    { by: new Map([['k', null]]), days: new Map([[-1, null]]), deep: { one: { two: null } }, lists: [[7]] },
    { by: new Map([['', { a: null, words: null }]]), deep: { one: { two: { three: null } } }, times: [-0.001] },
    {
      by: new Map([
        ['l', { a: 1, words: [] }],
        ['k', three],
      ]),
      deep: { one: null },
      lists: [null],
    },
  ]
  await table.append(rows.map((row, id) => ({ id, ...row })))
  await table.append(rows.map((row, id) => ({ id: id + 10, ...row })))
  await table.optimize()
  await table.delete({ id: 12 })
  return table
}

async function withoutRows(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const table = await create(deps, path, { schema: SCHEMA })
  await table.append(rowsOf(0, 3))
  await table.delete({ id: { gte: 0 } })
  await table.checkpoint()
  return table
}

/** The commits before the checkpoint are gone, as after a clean-up. */
async function fromItsCheckpoint(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const table = await appended(deps, path)
  await table.delete({ id: 5 })
  await table.checkpoint()
  for (let version = 0; version < 4; version++) {
    const name = `${path}/_delta_log/${String(version).padStart(20, '0')}`
    for (const end of ['json', 'crc']) await deps.store.delete(`${name}.${end}`)
  }
  await table.append(rowsOf(60, 65))
  return table
}

/** More than a page and a dictionary of each column. */
async function manyRows(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const schema = struct(
    ID,
    field('few', 'string'),
    field('many', 'string'),
    field('x', 'double'),
    field('at', 'timestamp'),
  )
  const table = await create(deps, path, { schema })
  const row = (id: number): Row => ({
    id,
    few: id % 11 === 0 ? null : `kind ${id % 7}`,
    many: id % 1000 < 300 ? null : `text ${(id * 7919) % 1_000_003}`,
    x: id % 5000 < 4000 ? id / 3 : null,
    at: Date.UTC(2026, 0, 1) + id * 61_000,
  })
  await table.append(Array.from({ length: 12_000 }, (_, id) => row(id)))
  await table.append(Array.from({ length: 500 }, (_, id) => row(12_000 + id)))
  await table.optimize({ clusterBy: ['few'] })
  return table
}

async function feed(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const table = await create(deps, path, {
    schema: struct(ID, field('name', 'string'), field('day', 'date')),
    partitionBy: ['day'],
    properties: { 'delta.enableChangeDataFeed': 'true' },
  })
  await table.append(Array.from({ length: 10 }, (_, id) => ({ id, name: `n${id}`, day: id % 2 })))
  await table.update({ id: { lt: 3 } }, { name: 'set', day: 7 })
  const merged = [
    { id: 4, name: 'merged', day: 0 },
    { id: 20, name: 'new', day: 1 },
  ]
  await table.merge(merged, { on: ['id'] })
  await table.delete({ id: { in: [5, 20] } })
  await table.optimize()
  await table.delete({ day: 1 })
  await table.overwrite([{ id: 1, name: 'last', day: null }])
  return table
}

/** As pipelines write: batches of columns, by an encoder of their own, which OPTIMIZE copies; points and headers. */
async function columns(deps: DeltaDeps, path: string): Promise<DeltaTable> {
  const table = await DeltaTable.create(deps, path, { fields: batchFrom(0).fields })
  for (const first of [0, 30, 60]) await table.append(batchFrom(first))
  await table.optimize()
  await table.append(batchFrom(90))
  await table.checkpoint()
  return table
}

function batchFrom(first: number): ColumnBatch {
  const values = <T>(column: number, of: (id: number) => T): (T | null)[] =>
    Array.from({ length: 30 }, (_, at) => ((at + column) % 4 === 0 ? null : of(first + at)))
  return batchOf({
    id: { kind: 'long', nullable: false, values: Array.from({ length: 30 }, (_, at) => first + at) },
    word: { kind: 'string', as: 'dictionary', values: values(1, (id) => `word ${id % 5} 😀`) },
    line: { kind: 'string', values: values(2, (id) => 'x'.repeat(id)) },
    raw: { kind: 'binary', values: values(3, (id) => Buffer.from([id, 0, 255])) },
    flag: { kind: 'boolean', values: values(0, (id) => id % 2 === 0) },
    small: { kind: 'int', values: values(1, (id) => -id) },
    ratio: { kind: 'double', values: values(2, (id) => id / 8 - 100) },
    at: { kind: 'timestamp', values: values(3, (id) => Date.UTC(1969, 11, 31, 23, 59, 59, 900) + id * 37) },
    day: { kind: 'date', values: values(0, (id) => id * 100 - 3000) },
    place: { kind: 'geo_point', values: values(1, (id) => ({ latitude: 41 + id / 100, longitude: -87 })) },
    headers: {
      kind: 'headers',
      values: values(2, (id) => [
        { name: 'trace', value: Buffer.from(String(id)) },
        { name: 'none', value: null },
      ]),
    },
  })
}
