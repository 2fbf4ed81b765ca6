import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { encodeValues } from '#runtime/json-body.ts'
import { windowId } from '#runtime/published.ts'
import { isShown, type StoredRow } from '#runtime/result-object.ts'
import type { ResultRow } from '#window/close.ts'
import { decodeGroupKey } from '#window/group-key.ts'
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

/** A row of a result as the sinks take it; null for one that is only remembered. */
export function windowRow({ output, start, end, key, revision, state, values }: StoredRow): WindowRow | null {
  if (state === 'remembered') return null
  const row = { output, start, end, group: decodeGroupKey(key), values, revision, final: state === 'published' }
  return state === 'running' ? { ...row, running: true } : row
}

/**
 * Gives each computed row its revision: 0 the first time, one more when its values changed or became final, none (no row) when they did
 * not. A row that was published and isn't computed any more is withdrawn.
 *
 * @param recomputed windows that may have been published before; others have nothing to withdraw
 * @param before what was published of them, the latest of a row last
 * @param closed rows of windows with end > closed are running
 */
export function revise(
  output: WindowOutput,
  computed: readonly ResultRow[],
  recomputed: readonly WindowBounds[],
  before: readonly StoredRow[],
  closed: EpochMillis = Number.POSITIVE_INFINITY,
): readonly StoredRow[] {
  const rows: StoredRow[] = []
  const old = rowsByWindow(before)
  const { name } = output
  const alive = new Set<string>()
  for (const { window, key, values } of computed) {
    const { start, end } = window
    const known = old.get(windowId(window))
    const was = known?.get(key)
    if (known !== undefined) alive.add(`${windowId(window)} ${key}`)
    const state = end > closed ? 'running' : 'published'
    if (was?.state === state && encodeValues(was.values) === encodeValues(values)) continue
    const revision = was === undefined ? 0 : was.revision + 1
    rows.push({ output: name, start, end, key, revision, state, values })
  }
  for (const window of recomputed) {
    const id = windowId(window)
    for (const [key, was] of old.get(id) ?? []) {
      if (!isShown(was) || alive.has(`${id} ${key}`)) continue
      rows.push({ ...was, revision: was.revision + 1, state: 'withdrawn' })
    }
  }
  return rows
}

function rowsByWindow(rows: readonly StoredRow[]): ReadonlyMap<string, ReadonlyMap<string, StoredRow>> {
  const windows = new Map<string, Map<string, StoredRow>>()
  for (const row of rows) {
    const id = windowId(row)
    const own = windows.get(id)
    if (own === undefined) windows.set(id, new Map([[row.key, row]]))
    else own.set(row.key, row)
  }
  return windows
}
