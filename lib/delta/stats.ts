import type { LeafStatistics } from '#parquet/writer.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'

/** Delta's default for `delta.dataSkippingNumIndexedCols`: leaf columns that get statistics. */
const INDEXED_COLUMNS = 32

interface Leaf {
  readonly path: readonly string[]
  readonly kind: ColumnKind
}

type Tree = { [name: string]: unknown }

/**
 * `add.stats` of a data file (PROTOCOL.md, "Per-file Statistics"): numRecords, and for the first 32 leaf columns minValues,
 * maxValues and nullCount, nested as the schema is. Timestamps to the millisecond, which is all that ours have. No minimum and
 * maximum for booleans, binaries and columns without a value, nothing at all for arrays.
 */
export function statsJson(fields: Fields, rows: number, columns: readonly LeafStatistics[]): string {
  const byPath = new Map(columns.map((column) => [pathKey(column.path), column]))
  const minValues: Tree = {}
  const maxValues: Tree = {}
  const nullCount: Tree = {}
  for (const leaf of leaves(fields).slice(0, INDEXED_COLUMNS)) {
    const column = byPath.get(pathKey(leaf.path))
    if (column === undefined || leaf.kind === 'headers') continue
    put(nullCount, leaf.path, column.nullCount)
    const min = bound(leaf.kind, column.min)
    const max = bound(leaf.kind, column.max)
    if (min !== undefined) put(minValues, leaf.path, min)
    if (max !== undefined) put(maxValues, leaf.path, max)
  }
  return JSON.stringify({ numRecords: rows, minValues, maxValues, nullCount })
}

/** Rows of a file by its stats; undefined when they are missing or not what the protocol says. */
export function numRecords(stats: string | undefined): number | undefined {
  if (stats === undefined) return undefined
  try {
    const parsed: unknown = JSON.parse(stats)
    if (typeof parsed !== 'object' || parsed === null || !('numRecords' in parsed)) return undefined
    return typeof parsed.numRecords === 'number' ? parsed.numRecords : undefined
  } catch {
    return undefined
  }
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

/** Leaf columns in schema order; an array counts as one. */
function leaves(fields: Fields): readonly Leaf[] {
  return fields.flatMap(({ name, column }): readonly Leaf[] =>
    column.kind === 'geo_point'
      ? ['latitude', 'longitude'].map((part) => ({ path: [name, part], kind: 'double' }))
      : [{ path: [name], kind: column.kind }],
  )
}

/** The JSON of a minimum or maximum; undefined where there is none to give. */
function bound(kind: ColumnKind, value: LeafStatistics['min']): string | number | undefined {
  if (kind === 'string') return typeof value === 'string' ? value : undefined
  if (typeof value !== 'number' || !Number.isFinite(value)) return undefined
  if (kind === 'timestamp') return isoText(value)
  if (kind === 'date') return isoText(value * 86_400_000)?.slice(0, 10)
  return kind === 'int' || kind === 'long' || kind === 'double' ? value : undefined
}

/** Only years that are written in four digits: engines read no other. */
function isoText(millis: number): string | undefined {
  const date = new Date(millis)
  if (Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999) return undefined
  return date.toISOString()
}

function put(tree: Tree, path: readonly string[], value: string | number): void {
  let at = tree
  for (const name of path.slice(0, -1)) {
    at[name] ??= {}
    at = at[name] as Tree
  }
  at[path.at(-1)!] = value
}

function pathKey(path: readonly string[]): string {
  return path.join('\u0000')
}
