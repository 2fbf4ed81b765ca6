import { parseDecimal } from '#delta/decimal-text.ts'
import { decimalType, parseScalar } from '#delta/scalar.ts'
import type { DeltaType, StructType } from '#delta/schema-json.ts'

/** How expected values are written: as our rows have them, or as JSON of `expected_ndjson`. */
export interface Spelling {
  readonly kind: 'rows' | 'json'
  /**
   * What the engine that wrote the JSON can't tell apart is the same: null and empty lists and maps, null structs and structs of nulls,
   * null and numbers that are none in JSON; times before 1900 and after 2299 are those bounds.
   */
  readonly loose: boolean
  /** Top-level columns whose JSON is base 64. */
  readonly base64?: ReadonlySet<string>
}

/** One text a row: equal for equal rows, whatever they were read from. */
export function canonicalRow(row: Readonly<Record<string, unknown>>, schema: StructType, spelling: Spelling): string {
  const parts = schema.fields.map(({ name, type }) => {
    const base64 = spelling.kind === 'json' && (spelling.base64?.has(name) ?? true)
    return `${name}=${canonical(row[name] ?? null, type, spelling, base64)}`
  })
  return parts.join(' | ')
}

function canonical(value: unknown, type: DeltaType, spelling: Spelling, base64: boolean): string {
  if (typeof type === 'string') return value === null ? 'null' : scalar(value, type, spelling, base64)
  const inner = (item: unknown, of: DeltaType): string => canonical(item ?? null, of, spelling, base64)
  if (type.type === 'struct') {
    if (value === null && !spelling.loose) return 'null'
    const struct = (value ?? {}) as Record<string, unknown>
    return `{${type.fields.map((field) => `${field.name}: ${inner(struct[field.name], field.type)}`).join(', ')}}`
  }
  if (value === null) return spelling.loose ? '[]' : 'null'
  if (type.type === 'array') return `[${(value as unknown[]).map((item) => inner(item, type.elementType)).join(', ')}]`
  const entries = value instanceof Map ? [...value] : Object.entries(value as object)
  const pairs = entries.map(([key, item]) => `${inner(key, type.keyType)} -> ${inner(item, type.valueType)}`)
  return `[${pairs.sort().join(', ')}]`
}

function scalar(value: unknown, type: string, { kind, loose }: Spelling, base64: boolean): string {
  switch (type) {
    case 'byte':
    case 'short':
    case 'integer':
    case 'long':
      return String(BigInt(value as string | number | bigint))
    case 'float':
      return double(Math.fround(doubleOf(value)), loose)
    case 'double':
      return double(doubleOf(value), loose)
    case 'boolean':
      return String(value)
    case 'string':
      return JSON.stringify(value)
    case 'binary':
      return bytes(value, kind === 'json' && base64)
    case 'date':
      return String(bounded((typeof value === 'string' ? parseScalar('date', value) : value) as number, DAYS, loose))
    case 'timestamp':
    case 'timestamp_ntz':
      return micros(value, loose)
    default:
      return decimalType(type) === undefined ? JSON.stringify(value) : decimal(String(value))
  }
}

function doubleOf(value: unknown): number {
  return typeof value === 'string' ? Number(parseScalar('double', value) ?? Number.NaN) : Number(value)
}

function double(value: number, loose: boolean): string {
  if (loose && !Number.isFinite(value)) return 'null'
  return Object.is(value, -0) ? '0' : String(value)
}

const MILLIS = [Date.UTC(1900, 0, 1), Date.UTC(2300, 0, 1) - 0.001] as const
const DAYS = [MILLIS[0] / 86_400_000, Math.floor(MILLIS[1] / 86_400_000)] as const

function bounded(value: number, [low, high]: readonly [number, number], loose: boolean): number {
  return loose ? Math.min(Math.max(value, low), high) : value
}

function bytes(value: unknown, base64: boolean): string {
  if (typeof value === 'string') return Buffer.from(value, base64 ? 'base64' : 'utf8').toString('hex')
  return Buffer.from(value as Uint8Array).toString('hex')
}

/** Whole microseconds. */
function micros(value: unknown, loose: boolean): string {
  const millis = typeof value === 'string' ? parseScalar('timestamp', value) : value
  return String(Math.round(bounded(millis as number, MILLIS, loose) * 1000))
}

/** Without zeros at the end. */
function decimal(text: string): string {
  let { unscaled, scale } = parseDecimal(text) ?? { unscaled: 0n, scale: -1 }
  if (scale < 0) return `not a decimal: ${text}`
  while (scale > 0 && unscaled % 10n === 0n) {
    unscaled /= 10n
    scale--
  }
  return `${unscaled}e-${scale}`
}

/** What is in one multiset and not in the other: at most three of each, and how many. */
export function differences(found: readonly string[], expected: readonly string[]): string | undefined {
  const missing = without(expected, found)
  const extra = without(found, expected)
  if (missing.length === 0 && extra.length === 0) return undefined
  const list = (items: readonly string[]): string =>
    items
      .slice(0, 3)
      .map((item) => `\n      ${item}`)
      .join('')
  return `${missing.length} of ${expected.length} missing:${list(missing)}\n    ${extra.length} of ${found.length} not expected:${list(extra)}`
}

function without(items: readonly string[], taken: readonly string[]): readonly string[] {
  const counts = new Map<string, number>()
  for (const item of taken) counts.set(item, (counts.get(item) ?? 0) + 1)
  return items.filter((item) => {
    const count = counts.get(item) ?? 0
    counts.set(item, count - 1)
    return count <= 0
  })
}
