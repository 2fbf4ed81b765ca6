import type { DeltaTable, StructType } from 'sluice/delta'

// Rows of every type that Delta tables of ours have, and how other engines' readers print them.

export const field = (name: string, type: StructType['fields'][0]['type'], nullable = true) => ({
  name,
  type,
  nullable,
  metadata: {},
})

const NESTED: StructType = {
  type: 'struct',
  fields: [field('x', 'integer'), field('in', { type: 'struct', fields: [field('y', 'decimal(9,3)')] })],
}

export const SCHEMA: StructType = {
  type: 'struct',
  fields: [
    field('id', 'long', false),
    field('b', 'byte'),
    field('s', 'short'),
    field('i', 'integer'),
    field('big', 'long'),
    field('f', 'float'),
    field('d', 'double'),
    field('flag', 'boolean'),
    field('text', 'string'),
    field('raw', 'binary'),
    field('day', 'date'),
    field('at', 'timestamp'),
    field('price', 'decimal(9,2)'),
    field('wide', 'decimal(38,10)'),
    field('nest', NESTED),
    field('list', { type: 'array', elementType: 'string', containsNull: true }),
    field('points', { type: 'array', elementType: NESTED, containsNull: false }),
    field('m', { type: 'map', keyType: 'string', valueType: 'long', valueContainsNull: true }),
  ],
}

export type Row = Readonly<Record<string, unknown>>

/** Every third value of each column is null, each column at another row. */
export function rowOf(id: number): Row {
  const nest = { x: id, in: { y: `${id}.125` } }
  const values: Record<string, unknown> = {
    b: (id % 256) - 128,
    s: 5 - id,
    i: id * 1000,
    big: 2n ** 62n + BigInt(id),
    f: Math.fround(id / 3),
    d: -(id + 1) / 7,
    flag: id % 2 === 0,
    text: `Wert ${id} – 😀`,
    raw: Buffer.from(`bytes ${id}`),
    day: id * 100 - 3000,
    at: Date.UTC(2026, 1, 28, 23, 59, 59, 900) + id * 37 + 0.25,
    price: `${id}.05`,
    wide: `-${id}12345678901234567890.0000000001`,
    nest: id % 4 === 0 ? { x: null, in: null } : nest,
    list: id % 4 === 0 ? [] : ['a', null, String(id)],
    points: [nest],
    m: new Map([
      ['k', id],
      ['none', null],
    ]),
  }
  return Object.fromEntries([
    ['id', id],
    ...Object.entries(values).map(([name, value], at) => [name, (id + at) % 3 === 0 ? null : value]),
  ])
}

export const rowsOf = (from: number, to: number): readonly Row[] =>
  Array.from({ length: to - from }, (_, i) => rowOf(from + i))

const INSTANTS = new Set(['at', 'p_at'])
const DECIMALS = new Set(['price', 'wide', 'y', 'p_decimal'])

/** As the Python scripts print them. */
export function plain(name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `n:${value}`
  if (INSTANTS.has(name) && typeof value === 'number') return `us:${Math.round(value * 1000)}`
  if (DECIMALS.has(name) && typeof value === 'string') return `d:${value}`
  if (value instanceof Uint8Array) return `hex:${Buffer.from(value).toString('hex')}`
  if (value instanceof Map) return [...value].map(([key, item]) => [key, plain(name, item)]).sort()
  if (Array.isArray(value)) return value.map((item) => plain(name, item))
  if (typeof value !== 'object' || value === null) return value
  const parts = Object.entries(value).map(([part, inner]) => [part, plain(part, inner)] as const)
  return Object.fromEntries(parts.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** By our own reader, in the order of their ids. */
export async function ownRows(table: DeltaTable): Promise<readonly unknown[]> {
  const rows: Row[] = []
  for await (const some of (await table.snapshot()).rows()) rows.push(...some)
  return rows.sort((a, b) => Number(a['id']) - Number(b['id'])).map((row) => plain('', row))
}
