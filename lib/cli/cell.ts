import { isoTime, visible } from '#cli/text.ts'
import { DAY } from '#core/time.ts'
import type { StructField } from '#delta/schema-json.ts'
import type { ColumnKind, Field } from '#schema/column.ts'

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** How a column's values are shown, in a table and as JSON. */
export interface CellFormat {
  readonly kind: ColumnKind | undefined
  /** IANA zone of timestamps. */
  readonly zone: string
}

export const cellFormat = ({ column }: Field, zone: string): CellFormat => ({ kind: column.kind, zone })

/** Of a column of any Delta table. The wall clock of nowhere (`timestamp_ntz`) is not moved to a zone. */
export function deltaFormat({ type }: StructField, zone: string): CellFormat {
  if (type === 'timestamp_ntz') return { kind: 'timestamp', zone: 'UTC' }
  return { kind: type === 'date' || type === 'timestamp' ? type : undefined, zone }
}

/** One line for a cell: nothing for null, ISO for times, text for bytes that are text. */
export function cellText(value: unknown, format: CellFormat): string {
  const json = cellJson(value, format)
  if (json === null) return ''
  if (typeof json !== 'object') return visible(String(json))
  const { latitude, longitude } = json as { readonly latitude?: unknown; readonly longitude?: unknown }
  if (typeof latitude === 'number' && typeof longitude === 'number') return `${latitude}, ${longitude}`
  return visible(JSON.stringify(json))
}

/** The cell as JSON has it: times as ISO text, bytes as text if they are UTF-8, else as base64, long integers as text. */
export function cellJson(value: unknown, { kind, zone }: CellFormat): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'number') {
    if (kind === 'timestamp') return isoTime(value, zone)
    if (kind === 'date') return new Date(value * DAY).toISOString().slice(0, 10)
    return Number.isFinite(value) ? value : String(value)
  }
  return plainJson(value)
}

function plainJson(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Uint8Array) return bytesText(value)
  if (value instanceof Date) return isoTime(value.getTime())
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, each]) => [String(key), plainJson(each)]))
  if (Array.isArray(value)) return value.map(plainJson)
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, plainJson(each)]))
  }
  return value
}

function bytesText(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes)
  } catch {
    return `base64:${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')}`
  }
}
