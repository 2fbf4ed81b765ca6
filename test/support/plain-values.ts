import type { DeltaTable, DeltaType, Predicate, StructField, StructType } from 'sluice/delta'

// Values as every engine's reader in our tests prints them: JSON in which nothing is lost. Instants in microseconds and dates in days,
// bytes in hex, decimals and large numbers as text, maps as sorted pairs.

export type PlainRow = Readonly<Record<string, unknown>>

export function plainValue(type: DeltaType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (typeof type === 'string') return plainScalar(type, value)
  if (type.type === 'struct') return plainRow(type, value as PlainRow)
  if (type.type === 'array') return (value as unknown[]).map((one) => plainValue(type.elementType, one))
  const pairs = [...(value as ReadonlyMap<unknown, unknown>)]
  return sortedPairs(pairs.map(([key, one]) => [plainValue(type.keyType, key), plainValue(type.valueType, one)]))
}

export function sortedPairs(pairs: readonly (readonly unknown[])[]): readonly (readonly unknown[])[] {
  return [...pairs].sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1))
}

export function plainRow(struct: StructType, row: PlainRow): PlainRow {
  return Object.fromEntries(struct.fields.map(({ name, type }) => [name, plainValue(type, row[name])]))
}

function plainScalar(type: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `n:${value}`
  if (value instanceof Uint8Array) return `hex:${Buffer.from(value).toString('hex')}`
  if (type.startsWith('timestamp')) return `us:${Math.round((value as number) * 1000)}`
  if (type.startsWith('decimal')) return `d:${String(value)}`
  if (typeof value !== 'number') return value
  return Number.isFinite(value) && !Object.is(value, -0) ? value : Object.is(value, -0) ? '-0' : String(value)
}

export async function schemaOf(table: DeltaTable): Promise<StructType> {
  return JSON.parse((await table.snapshot()).metadata.schemaString) as StructType
}

/** By our own reader, as it has them. */
export async function rowsOf(table: DeltaTable, where?: Predicate): Promise<readonly PlainRow[]> {
  const rows: PlainRow[] = []
  for await (const some of (await table.snapshot()).rows(where === undefined ? {} : { where })) rows.push(...some)
  return rows
}

/** By our own reader, in the order of `sorted`. */
export async function plainRows(table: DeltaTable, where?: Predicate): Promise<readonly PlainRow[]> {
  const schema = await schemaOf(table)
  return sorted((await rowsOf(table, where)).map((row) => plainRow(schema, row)))
}

/** By their ids, or as text where they have none. */
export function sorted(rows: readonly PlainRow[]): readonly PlainRow[] {
  if (rows[0] !== undefined && !('id' in rows[0])) {
    const lines = new Map(rows.map((row) => [row, JSON.stringify(row)]))
    return [...rows].sort((a, b) => (lines.get(a)! < lines.get(b)! ? -1 : 1))
  }
  return [...rows].sort((a, b) => Number(a['id']) - Number(b['id']))
}

/** One test of one column, for us and as SQL. */
export interface Filter {
  readonly where: Predicate
  readonly column: readonly string[]
  readonly type: string
  readonly sql: (engine: SqlEngine) => string
}

export type SqlEngine = 'spark' | 'trino' | 'datafusion' | 'duckdb'

const OPERATORS = { eq: '=', gt: '>', lte: '<=' } as const

/** Tests of every scalar column, inside of structs too: with a value that it has, with null, and from that value on. */
export function filtersOf(schema: StructType, rows: readonly PlainRow[]): readonly Filter[] {
  const filters: Filter[] = []
  const visit = (fields: readonly StructField[], before: readonly string[]): void => {
    for (const { name, type } of fields) {
      const column = [...before, name]
      if (typeof type !== 'string') {
        if (type.type === 'struct') visit(type.fields, column)
        continue
      }
      const values = rows.map((row) => column.reduce<unknown>((at, part) => (at as PlainRow)?.[part], row))
      filters.push(...columnFilters(column, type, values))
    }
  }
  visit(schema.fields, [])
  return filters
}

function columnFilters(column: readonly string[], type: string, values: readonly unknown[]): readonly Filter[] {
  const name = column.map((part) => (/^\w+$/.test(part) ? part : `\`${part}\``)).join('.')
  const sqlName = (engine: SqlEngine): string =>
    engine === 'datafusion'
      ? `"${column[0]}"${column
          .slice(1)
          .map((part) => `['${part}']`)
          .join('')}`
      : column.map((part) => (engine === 'spark' ? `\`${part}\`` : `"${part}"`)).join('.')
  const filters: Filter[] = [
    { column, type, where: { [name]: { isNull: true } }, sql: (engine) => `${sqlName(engine)} IS NULL` },
  ]
  const present = values.filter((value) => value !== null && value !== undefined && value !== '')
  const value = present[Math.floor(present.length / 3)]
  if (value === undefined) return filters
  const operators = type === 'boolean' || type === 'binary' ? (['eq'] as const) : (['eq', 'gt', 'lte'] as const)
  for (const operator of operators) {
    // Half way between two milliseconds, because not every engine keeps microseconds.
    const limit = type === 'timestamp' && operator !== 'eq' ? Math.floor(value as number) + 0.5 : value
    filters.push({
      column,
      type,
      where: { [name]: { [operator]: limit } },
      sql: (engine) => `${sqlName(engine)} ${OPERATORS[operator]} ${literal(engine, type, limit)}`,
    })
  }
  return filters
}

const SQL_TYPES: Readonly<Record<string, string>> = {
  byte: 'TINYINT',
  short: 'SMALLINT',
  integer: 'INT',
  long: 'BIGINT',
  float: 'REAL',
  double: 'DOUBLE',
  boolean: 'BOOLEAN',
  date: 'DATE',
}
const TIMESTAMPS: Readonly<Record<string, Readonly<Record<SqlEngine, string>>>> = {
  timestamp: {
    spark: 'TIMESTAMP',
    trino: 'TIMESTAMP(6) WITH TIME ZONE',
    datafusion: `'Timestamp(Microsecond, Some("UTC"))'`,
    duckdb: 'TIMESTAMPTZ',
  },
  timestamp_ntz: {
    spark: 'TIMESTAMP_NTZ',
    trino: 'TIMESTAMP(6)',
    datafusion: `'Timestamp(Microsecond, None)'`,
    duckdb: 'TIMESTAMP',
  },
}

function literal(engine: SqlEngine, type: string, value: unknown): string {
  if (type === 'string') {
    const quoted = String(value).replaceAll("'", engine === 'spark' ? "\\'" : "''")
    if (engine === 'spark') return `'${quoted.replaceAll(/\\(?!')/g, '\\\\')}'`
    // DuckDB's parser takes a NUL for the end.
    return engine === 'duckdb' ? `'${quoted.replaceAll('\0', "' || chr(0) || '")}'` : `'${quoted}'`
  }
  const text = literalText(type, value)
  if (type === 'binary') return engine === 'duckdb' ? `unhex('${text}')` : `X'${text}'`
  const instants = TIMESTAMPS[type]?.[engine]
  if (instants !== undefined && engine === 'datafusion')
    return `arrow_cast('${text.replace(' UTC', 'Z')}', ${instants})`
  return `CAST('${text}' AS ${instants ?? SQL_TYPES[type] ?? type.toUpperCase()})`
}

function literalText(type: string, value: unknown): string {
  if (type === 'binary') return Buffer.from(value as Uint8Array).toString('hex')
  if (type === 'date') return new Date((value as number) * 86_400_000).toISOString().slice(0, 10)
  if (!type.startsWith('timestamp')) return String(value)
  const micros = Math.round((value as number) * 1000)
  const millis = Math.floor(micros / 1000)
  const text = new Date(millis).toISOString().replace('T', ' ').slice(0, -1)
  return `${text}${String(micros - millis * 1000).padStart(3, '0')}${type === 'timestamp' ? ' UTC' : ''}`
}
