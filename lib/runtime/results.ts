import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { type PublishedRow, type PublishedWindows, windowId } from '#runtime/close-item.ts'
import { decodeBody, decodeValues, encodeBody, encodeValues } from '#runtime/json-body.ts'
import type { Runtime } from '#runtime/runtime.ts'
import type { ResultRow } from '#window/close.ts'
import type { WindowBounds } from '#window/windows.ts'

/** A result row on its way to the sinks. */
export interface WindowRow {
  /** Name of the output. */
  readonly output: string
  readonly start: EpochMillis
  readonly end: EpochMillis
  readonly group: readonly unknown[]
  readonly values: readonly unknown[]
  readonly revision: number
  /** False while the window is open, and when a correction withdraws the row: it no longer passes `where`. */
  readonly final: boolean
  /** The window is open. */
  readonly running?: true
}

/** It was published and does not hold any more; another version may come. */
export const isWithdrawn = ({ final, running }: WindowRow): boolean => !final && running !== true

/** The row as the output's tables hold it. */
export function tableRow(output: WindowOutput, row: WindowRow): Record<string, unknown> {
  const named: Record<string, unknown> = { window_start: row.start, window_end: row.end }
  output.groupBy.forEach((name, i) => {
    named[name] = row.group[i]
  })
  output.aggregates.forEach(({ name }, i) => {
    named[name] = row.values[i]
  })
  named['revision'] = row.revision
  named['is_final'] = row.final
  return named
}

/** One result object: all rows of one close. Written before the close item moves, read back to deliver after a crash. */
export async function writeResult(runtime: Runtime, seq: number, rows: readonly WindowRow[]): Promise<string> {
  const path = `_sluice/${runtime.plan.name}/results/${String(seq).padStart(12, '0')}-${runtime.ids.next()}.json`
  await runtime.store.put(path, encodeBody(rows))
  return path
}

export async function readResult(runtime: Runtime, path: string): Promise<readonly WindowRow[]> {
  return decodeBody<readonly WindowRow[]>(await runtime.store.get(path), path)
}

export interface Revised {
  readonly rows: readonly WindowRow[]
  /** What is published of this output's windows now, those beyond grace left out. */
  readonly published: PublishedWindows
}

/**
 * Gives each computed row its revision: 0 the first time, one more when its values changed or became final, none (no row) when they did
 * not. A row that was published and isn't computed any more is withdrawn.
 *
 * @param recomputed windows that may have been published before; others have nothing to withdraw
 * @param settled windows with end + grace ≤ settled can't change again and are forgotten
 * @param closed rows of windows with end > closed are running
 */
export function revise(
  output: WindowOutput,
  computed: readonly ResultRow[],
  recomputed: readonly WindowBounds[],
  before: PublishedWindows,
  settled: EpochMillis,
  closed: EpochMillis = Number.POSITIVE_INFINITY,
): Revised {
  const rows: WindowRow[] = []
  const published = openWindows(before, settled - output.window.grace)
  for (const row of computed) {
    const { start, end } = row.window
    const id = windowId(row.window)
    const old = before[id]?.rows[row.key]
    const values = encodeValues(row.values)
    const running = end > closed ? ({ running: true } as const) : {}
    if (old?.values === values && old.running === running.running) continue
    const revision = old === undefined ? 0 : old.revision + 1
    rows.push({ ...windowRow(output, row.window, row.group, row.values, revision, end <= closed), ...running })
    if (end + output.window.grace <= settled) continue
    published[id] ??= { start, end, rows: {} }
    published[id].rows[row.key] = { revision, group: row.group, values, ...running }
  }
  const alive = new Set(computed.map((row) => `${windowId(row.window)} ${row.key}`))
  for (const window of recomputed) {
    const id = windowId(window)
    for (const [key, old] of Object.entries(before[id]?.rows ?? {})) {
      if (old.values === null || alive.has(`${id} ${key}`)) continue
      const revision = old.revision + 1
      rows.push(windowRow(output, window, old.group, decodeValues(old.values), revision, false))
      const kept = published[id]
      if (kept !== undefined) kept.rows[key] = { revision, group: old.group, values: null }
    }
  }
  return { rows, published }
}

type Draft = Record<
  string,
  { readonly start: EpochMillis; readonly end: EpochMillis; readonly rows: Record<string, PublishedRow> }
>

function openWindows(before: PublishedWindows, closedFor: EpochMillis): Draft {
  const open: Draft = {}
  for (const [id, { start, end, rows }] of Object.entries(before)) {
    if (end > closedFor) open[id] = { start, end, rows: { ...rows } }
  }
  return open
}

export function windowRow(
  output: WindowOutput,
  window: WindowBounds,
  group: readonly unknown[],
  values: readonly unknown[],
  revision: number,
  final: boolean,
): WindowRow {
  return { output: output.name, start: window.start, end: window.end, group, values, revision, final }
}
