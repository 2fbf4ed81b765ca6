import type { Plan } from '#plan/plan.ts'
import { isDetector, isWindowOutput } from '#plan/plan.ts'
import type { TestRun } from '../../lib/testing/index.ts'

export type TableRow = Readonly<Record<string, unknown>>
/** Table → rows as sorted lines: equal lines are equal contents. */
export type Contents = Readonly<Record<string, readonly string[]>>

/** When a row was taken, which depends on the run; and where it came from, which depends on the partitions. */
const WHEN = ['ingest_time', 'append_time']
const WHERE = ['partition', 'offset']

/**
 * Rows of all tables: those of windows and alerts at the highest revision of each key, without the revision and without those that were
 * withdrawn; all others as they are, with their coordinates where partitions agree.
 */
export function contentsOf(plan: Plan, run: TestRun, options: { readonly coordinates: boolean }): Contents {
  const hidden = options.coordinates ? WHEN : [...WHEN, ...WHERE]
  const ofWindows = new Map<string, readonly string[]>(
    plan.outputs
      .filter(isWindowOutput)
      .flatMap(({ groupBy, sinks }) =>
        sinks.flatMap((sink) => (sink.kind === 'delta' ? [[sink.table, groupBy] as const] : [])),
      ),
  )
  for (const { sinks } of plan.outputs.filter(isDetector)) {
    for (const { kind, table } of sinks) if (kind === 'delta') ofWindows.set(table, ['alert_id'])
  }
  return Object.fromEntries(
    run.tables.map((table) => {
      const groupBy = ofWindows.get(table)
      const rows = groupBy === undefined ? run.rows(table) : latestRows(run.rows(table), groupBy)
      return [table, linesOf(rows.map((row) => without(row, hidden)))]
    }),
  )
}

/** The row of the highest revision of each key. @throws Error when a key has a revision twice */
export function latestRows(rows: readonly TableRow[], groupBy: readonly string[]): readonly TableRow[] {
  const latest = new Map<string, TableRow>()
  const seen = new Set<string>()
  for (const row of rows) {
    const key = JSON.stringify([row['window_start'], ...groupBy.map((name) => row[name])])
    const revision = `${key} revision ${row['revision']}`
    if (seen.has(revision)) throw new Error(`twice in the table: ${revision}`)
    seen.add(revision)
    const known = latest.get(key)
    if (known === undefined || (known['revision'] as number) < (row['revision'] as number)) latest.set(key, row)
  }
  return [...latest.values()].filter((row) => row['is_final']).map((row) => without(row, ['revision', 'is_final']))
}

export function linesOf(rows: readonly TableRow[]): readonly string[] {
  return rows.map(lineOf).sort()
}

/** Some columns of each row. */
export function picked(rows: readonly TableRow[], columns: readonly string[]): readonly TableRow[] {
  return rows.map((row) => Object.fromEntries(columns.map((name) => [name, row[name]])))
}

export function without(row: TableRow, columns: readonly string[]): TableRow {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !columns.includes(name)))
}

/** Columns in the order of their names; bytes as text. */
function lineOf(row: TableRow): string {
  return JSON.stringify(
    Object.keys(row)
      .sort()
      .map((name) => [name, row[name]]),
    (_, value) => (value instanceof Uint8Array ? new TextDecoder().decode(value) : value),
  )
}

/** What is in one and not in the other, the first few lines of each table; nothing when they are equal. */
export function differences(found: Contents, wanted: Contents): readonly string[] {
  return [...new Set([...Object.keys(wanted), ...Object.keys(found)])].flatMap((table) => {
    const more = extra(found[table] ?? [], wanted[table] ?? [])
    const missing = extra(wanted[table] ?? [], found[table] ?? [])
    const some = (sign: string, lines: readonly string[]) => lines.slice(0, 3).map((line) => `${table} ${sign} ${line}`)
    return [...some('+', more), ...some('-', missing)]
  })
}

/** Lines that `lines` has more often than `others`. */
function extra(lines: readonly string[], others: readonly string[]): readonly string[] {
  const left = new Map<string, number>()
  for (const line of others) left.set(line, (left.get(line) ?? 0) + 1)
  return lines.filter((line) => {
    const count = left.get(line) ?? 0
    left.set(line, count - 1)
    return count <= 0
  })
}
