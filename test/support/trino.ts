import { randomUUID } from 'node:crypto'
import type { DeltaType, StructType } from 'sluice/delta'
import { type PlainRow, plainValue, sorted, sortedPairs } from './plain-values.ts'

/** Trino with a catalog `delta`, in which tables are registered by hand. */
export const TRINO_URL = process.env['TRINO_URL']

interface Page {
  readonly nextUri?: string
  readonly data?: readonly (readonly unknown[])[]
  readonly error?: { readonly message: string }
}

const HEADERS = {
  'X-Trino-User': 'test',
  'X-Trino-Time-Zone': 'UTC',
  // Else timestamps come rounded to the millisecond.
  'X-Trino-Client-Capabilities': 'PARAMETRIC_DATETIME',
}

/** @throws Error with what Trino said */
export async function trino(sql: string): Promise<readonly (readonly unknown[])[]> {
  const rows: (readonly unknown[])[] = []
  let page = await send(`${TRINO_URL}/v1/statement`, { method: 'POST', body: sql, headers: HEADERS })
  for (;;) {
    if (page.error !== undefined) throw new Error(`${page.error.message}: ${sql.slice(0, 500)}`)
    rows.push(...(page.data ?? []))
    if (page.nextUri === undefined) return rows
    page = await send(page.nextUri, { headers: HEADERS })
  }
}

async function send(url: string, init: RequestInit): Promise<Page> {
  const response = await fetch(url, init)
  const text = await response.text()
  if (!response.ok) throw new Error(`Trino answered ${response.status}: ${text.slice(0, 500)}`)
  return JSON.parse(text, exactNumber) as Page
}

/** Whole numbers beyond 2^53 as bigints. */
function exactNumber(_: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value
  return context?.source !== undefined && /^-?\d+$/.test(context.source) ? BigInt(context.source) : value
}

/** Runs `use` with the name of a table that was registered for it: a folder of this machine, or an `s3://` URI. */
export async function withRegistered<T>(place: string, use: (name: string) => Promise<T>): Promise<T> {
  const name = `t_${randomUUID().replaceAll('-', '')}`
  const uri = place.startsWith('/') ? `local://${place}` : place
  await trino('CREATE SCHEMA IF NOT EXISTS delta.default')
  await trino(`CALL delta.system.register_table('default', '${name}', '${uri}')`)
  try {
    return await use(`delta.default.${name}`)
  } finally {
    await trino(`CALL delta.system.unregister_table('default', '${name}')`)
  }
}

/** Rows as `plainRows` has them. */
export async function trinoRows(table: string, schema: StructType): Promise<readonly PlainRow[]> {
  const rows = await trino(`SELECT ${schema.fields.map(({ name }) => `"${name}"`).join(', ')} FROM ${table}`)
  return sorted(
    rows.map((row) =>
      Object.fromEntries(schema.fields.map(({ name, type }, at) => [name, plainAnswer(type, row[at])])),
    ),
  )
}

/** Structs are arrays, and keys of maps are text. */
function plainAnswer(type: DeltaType, value: unknown): unknown {
  if (value === null || value === undefined) return null
  if (typeof type === 'string') return plainValue(type, scalar(type, value))
  if (type.type === 'array') return (value as unknown[]).map((one) => plainAnswer(type.elementType, one))
  if (type.type === 'struct') {
    const values = value as readonly unknown[]
    return Object.fromEntries(type.fields.map((field, at) => [field.name, plainAnswer(field.type, values[at])]))
  }
  const pairs = Object.entries(value as Record<string, unknown>)
  return sortedPairs(pairs.map(([key, one]) => [plainAnswer(type.keyType, key), plainAnswer(type.valueType, one)]))
}

function scalar(type: string, value: unknown): unknown {
  if (type === 'binary') return new Uint8Array(Buffer.from(value as string, 'base64'))
  if (type === 'date') return Date.parse(`${String(value)}T00:00:00Z`) / 86_400_000
  if (type === 'float') return Math.fround(Number(value))
  if (type === 'double') return Number(value)
  if (!type.startsWith('timestamp')) return value
  const [, seconds, fraction] = /^(.{19})(?:\.(\d+))?/.exec(String(value))!
  return Date.parse(`${seconds!.replace(' ', 'T')}Z`) + Number((fraction ?? '').padEnd(6, '0')) / 1000
}

/** Trino's connector rounds an instant to the next millisecond. */
export function toTheMillisecond(schema: StructType, row: PlainRow): PlainRow {
  return Object.fromEntries(schema.fields.map(({ name, type }) => [name, cut(type, row[name])]))
}

function cut(type: DeltaType, value: unknown): unknown {
  if (value === null || type === 'timestamp_ntz') return value
  if (type === 'timestamp') return `us:${Math.round(Number(String(value).slice(3)) / 1000) * 1000}`
  if (typeof type === 'string') return value
  if (type.type === 'array') return (value as unknown[]).map((one) => cut(type.elementType, one))
  if (type.type === 'struct') return toTheMillisecond(type, value as PlainRow)
  return (value as unknown[][]).map(([key, one]) => [cut(type.keyType, key), cut(type.valueType, one)])
}
