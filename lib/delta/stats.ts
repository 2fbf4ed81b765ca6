import { DOUBLE_DIGITS, roundedDecimal } from '#delta/decimal-text.ts'
import type { LeafStatistics } from '#parquet/writer.ts'

/** Delta's default for `delta.dataSkippingNumIndexedCols`: leaf columns that get statistics. */
const INDEXED_COLUMNS = 32

type Tree = { [name: string]: unknown }

/** Whether a leaf column, the `at`-th of the table's, gets statistics. */
export type Indexed = (path: readonly string[], at: number) => boolean

/**
 * What the table's properties say: the columns of `delta.dataSkippingStatsColumns` (of a struct all its fields), else the first
 * `delta.dataSkippingNumIndexedCols`, −1 for all, else the first 32.
 *
 * @param resolve the path in files of a column that the property names
 */
export function indexedBy(
  configuration: Readonly<Record<string, string>>,
  resolve: (name: string) => readonly string[],
): Indexed {
  const named = configuration['delta.dataSkippingStatsColumns']
  if (named !== undefined) {
    const names = named.split(/,(?=(?:[^`]*`[^`]*`)*[^`]*$)/).map((name) => name.trim())
    const paths = names.filter((name) => name !== '').map(resolve)
    return (path) => paths.some((wanted) => wanted.every((part, i) => path[i] === part))
  }
  const count = Number.parseInt(configuration['delta.dataSkippingNumIndexedCols'] ?? String(INDEXED_COLUMNS), 10)
  return (_, at) => count < 0 || at < count
}

const FIRST_32: Indexed = (_, at) => at < INDEXED_COLUMNS

/**
 * `add.stats` of a data file (PROTOCOL.md, "Per-file Statistics"): numRecords, and for the indexed leaf columns minValues,
 * maxValues and nullCount, nested as the schema is. Timestamps to the millisecond; decimals of more than 15 digits rounded away from
 * the values, because Trino reads them as doubles and would skip files that have the row. No minimum and maximum for booleans,
 * binaries and columns without a value, nothing at all for lists and maps.
 */
export function statsJson(rows: number, columns: readonly LeafStatistics[], indexed: Indexed = FIRST_32): string {
  const minValues = emptyTree()
  const maxValues = emptyTree()
  const nullCount = emptyTree()
  for (const [at, { path, kind, nullCount: nulls, min, max }] of columns.entries()) {
    if (kind === 'headers' || kind === 'list' || kind === 'map' || !indexed(path, at)) continue
    put(nullCount, path, nulls)
    const low = bound(kind, min, 'down')
    const high = bound(kind, max, 'up')
    if (low !== undefined) put(minValues, path, low)
    if (high !== undefined) put(maxValues, path, high)
  }
  return JSON.stringify({ numRecords: rows, minValues, maxValues, nullCount })
}

/** Rows of a file by its stats; undefined when they are missing or not what the protocol says. */
export function numRecords(stats: string | undefined): number | undefined {
  let parsed: { readonly numRecords?: unknown } | null = null
  try {
    parsed = JSON.parse(stats ?? 'null')
  } catch {
    // Statistics are a help, never a must.
  }
  const rows = parsed?.numRecords
  return typeof rows === 'number' ? rows : undefined
}

/** Rows of several files; null when any of them does not say. */
export function totalRecords(files: Iterable<{ readonly stats?: string }>): number | null {
  let total = 0
  for (const { stats } of files) {
    const rows = numRecords(stats)
    if (rows === undefined) return null
    total += rows
  }
  return total
}

/** Digits that a double would round go into the JSON as they are. */
const { rawJSON } = JSON as unknown as { readonly rawJSON: (text: string) => object }

/** The JSON of a minimum or maximum; undefined where there is none to give. */
function bound(
  kind: LeafStatistics['kind'],
  value: LeafStatistics['min'],
  direction: 'down' | 'up',
): string | number | object | undefined {
  if (kind === 'string') return typeof value === 'string' ? value : undefined
  if (kind === 'decimal') {
    const text = typeof value === 'string' ? roundedDecimal(value, DOUBLE_DIGITS, direction) : undefined
    return text === undefined ? undefined : rawJSON(text)
  }
  if (typeof value === 'bigint') return rawJSON(String(value))
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  if (kind === 'timestamp') return isoText(value)
  if (kind === 'timestamp_ntz') return isoText(value)?.slice(0, -1)
  if (kind === 'date') return isoText(value * 86_400_000)?.slice(0, 10)
  return NUMBERS.has(kind) ? value : undefined
}

const NUMBERS = new Set<string>(['byte', 'short', 'int', 'long', 'float', 'double'])

/** Only years that are written in four digits: engines read no other. */
function isoText(millis: number): string | undefined {
  const date = new Date(millis)
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999) return undefined
  return date.toISOString()
}

/** Without a prototype: a column of another writer's table may be called `__proto__`. */
function emptyTree(): Tree {
  return Object.create(null) as Tree
}

function put(tree: Tree, path: readonly string[], value: string | number | object): void {
  let at = tree
  for (const name of path.slice(0, -1)) {
    at[name] ??= emptyTree()
    at = at[name] as Tree
  }
  at[path.at(-1)!] = value
}
