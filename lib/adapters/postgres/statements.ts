import { SluiceError } from '#core/errors.ts'
import type { SqlRow, SqlTable } from '#ports/sql-sink.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'
import { ArrayLiteral } from './array-literal.ts'

/** Rows of one statement; and the characters of its parameters, about, so that the memory it takes is bounded. */
const ROWS_MAX = 5_000
const CHARACTERS_MAX = 4_000_000

/** NAMEDATALEN − 1: PostgreSQL cuts longer names off. */
const NAME_BYTES_MAX = 63

const SQL_TYPES: Partial<Record<ColumnKind, string>> = {
  string: 'text',
  boolean: 'boolean',
  int: 'integer',
  long: 'bigint',
  double: 'double precision',
  timestamp: 'timestamp with time zone',
  date: 'date',
  binary: 'bytea',
}

export interface Statement {
  readonly sql: string
  readonly params: readonly string[]
}

/** @throws SluiceError SINK_COLUMN_UNSUPPORTED */
export function sqlType(table: string, name: string, kind: ColumnKind): string {
  const type = SQL_TYPES[kind]
  if (type !== undefined) return type
  throw new SluiceError(
    'SINK_COLUMN_UNSUPPORTED',
    `A SQL table holds ${Object.keys(SQL_TYPES).join(', ')}; column "${name}" of table ${table} is ${kind}. Leave it out.`,
  )
}

/** @throws SluiceError NAME_INVALID */
export function quoteName(name: string): string {
  const bytes = Buffer.byteLength(name)
  if (bytes > 0 && bytes <= NAME_BYTES_MAX && !name.includes('\0')) return `"${name.replaceAll('"', '""')}"`
  throw new SluiceError(
    'NAME_INVALID',
    `A name in PostgreSQL has 1 to ${NAME_BYTES_MAX} bytes, "${name}" has ${bytes}. Choose another one.`,
  )
}

/** `table` or `schema.table`. */
export function splitTableName(name: string): { readonly schema: string | null; readonly table: string } {
  const dot = name.indexOf('.')
  return dot < 0 ? { schema: null, table: name } : { schema: name.slice(0, dot), table: name.slice(dot + 1) }
}

export function quoteTable(name: string): string {
  const { schema, table } = splitTableName(name)
  return schema === null ? quoteName(table) : `${quoteName(schema)}.${quoteName(table)}`
}

interface Written {
  readonly name: string
  readonly index: number
  readonly kind: ColumnKind
  readonly type: string
}

/** The statements of one table. Rows are given in the order of its fields. */
export class TableStatements {
  readonly #columns: readonly Written[]
  readonly #keys: readonly Written[]
  readonly #revision: Written | undefined
  /** Takes every row away. */
  readonly deleteAll: string
  readonly #upsert: string
  readonly #delete: string

  /** @throws SluiceError SINK_COLUMN_UNSUPPORTED, NAME_INVALID */
  constructor({ name: table, fields, primaryKey }: SqlTable) {
    const columns = writtenColumns(table, fields)
    this.#columns = columns
    this.#keys = columns.filter(({ name }) => primaryKey.includes(name))
    this.#revision = columns.find(({ name }) => name === 'revision')
    this.deleteAll = `DELETE FROM ${quoteTable(table)}`
    this.#upsert = upsertSql(table, columns, this.#keys, this.#revision)
    this.#delete = deleteSql(table, this.#keys, this.#revision)
  }

  upserts(rows: readonly SqlRow[]): Generator<Statement> {
    return statements(this.#upsert, this.#columns, this.#onePerKey(rows))
  }

  deletes(rows: readonly SqlRow[]): Generator<Statement> {
    const columns = this.#revision === undefined ? this.#keys : [...this.#keys, this.#revision]
    return statements(this.#delete, columns, this.#onePerKey(rows))
  }

  /** A statement must not meet a key twice: of several rows the one with the highest revision counts, else the last. */
  #onePerKey(rows: readonly SqlRow[]): readonly SqlRow[] {
    if (rows.length < 2) return rows
    const kept = new Map<unknown, SqlRow>()
    for (const row of rows) {
      const key = this.#keyOf(row)
      const before = kept.get(key)
      if (before === undefined || this.#replaces(row, before)) kept.set(key, row)
    }
    return kept.size === rows.length ? rows : [...kept.values()]
  }

  #keyOf(row: SqlRow): unknown {
    if (this.#keys.length === 1 && this.#keys[0]!.kind !== 'binary') return row[this.#keys[0]!.index]
    return JSON.stringify(this.#keys.map(({ index }) => keyPart(row[index])))
  }

  #replaces(row: SqlRow, before: SqlRow): boolean {
    if (this.#revision === undefined) return true
    const { index } = this.#revision
    return ((row[index] as number | null) ?? -1) >= ((before[index] as number | null) ?? -1)
  }
}

const keyPart = (value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : typeof value === 'bigint' ? String(value) : value

function writtenColumns(table: string, fields: Fields): readonly Written[] {
  return fields.map(({ name, column }, index) => ({
    name,
    index,
    kind: column.kind,
    type: sqlType(table, name, column.kind),
  }))
}

/** `unnest($1::text::text[], …)`: as many parameters as columns, however many rows. */
const unnested = (columns: readonly Written[]): string =>
  `unnest(${columns.map(({ type }, i) => `$${i + 1}::text::${type}[]`).join(', ')})`

function upsertSql(table: string, columns: readonly Written[], keys: readonly Written[], revision?: Written): string {
  const names = columns.map(({ name }) => quoteName(name)).join(', ')
  const others = columns.filter((column) => !keys.includes(column)).map(({ name }) => quoteName(name))
  const set = others.map((name) => `${name} = excluded.${name}`).join(', ')
  const where = revision === undefined ? '' : ' WHERE excluded."revision" > kept."revision"'
  const action = others.length === 0 ? 'NOTHING' : `UPDATE SET ${set}${where}`
  const key = keys.map(({ name }) => quoteName(name)).join(', ')
  return (
    `INSERT INTO ${quoteTable(table)} AS kept (${names}) SELECT * FROM ${unnested(columns)} ` +
    `ON CONFLICT (${key}) DO ${action}`
  )
}

function deleteSql(table: string, keys: readonly Written[], revision?: Written): string {
  const columns = revision === undefined ? keys : [...keys, revision]
  const given = columns.map((_, i) => `given_${i}`).join(', ')
  const conditions = keys.map(({ name }, i) => `kept.${quoteName(name)} = given_${i}`)
  if (revision !== undefined) conditions.push(`kept."revision" < given_${keys.length}`)
  return (
    `DELETE FROM ${quoteTable(table)} AS kept USING ${unnested(columns)} AS given (${given}) ` +
    `WHERE ${conditions.join(' AND ')}`
  )
}

function* statements(sql: string, columns: readonly Written[], rows: readonly SqlRow[]): Generator<Statement> {
  let at = 0
  while (at < rows.length) {
    const literals = columns.map(({ kind }) => new ArrayLiteral(kind))
    const end = Math.min(rows.length, at + ROWS_MAX)
    for (let characters = 0; at < end && characters < CHARACTERS_MAX; at++) {
      const row = rows[at]!
      characters = 0
      for (let i = 0; i < columns.length; i++) {
        const literal = literals[i]!
        literal.add(row[columns[i]!.index])
        characters += literal.length
      }
    }
    yield { sql, params: literals.map((literal) => literal.finish()) }
  }
}
