import type { ClosedWindow, Notable } from '#cli/dev-view.ts'
import type { EpochMillis } from '#core/time.ts'
import type { Plan, WindowOutput } from '#plan/plan.ts'
import { closedOutputs, endsOfInput } from '#window/chained.ts'
import { windowsEndingIn } from '#window/windows.ts'

/** A row of a window's table, from a close that just happened or from the table. */
export interface ResultRow {
  readonly start: EpochMillis
  readonly end: EpochMillis
  readonly group: readonly unknown[]
  readonly values: readonly unknown[]
}

/** The row as a table has it. */
export function resultOf(output: WindowOutput, row: Readonly<Record<string, unknown>>): ResultRow {
  return {
    start: Number(row['window_start']),
    end: Number(row['window_end']),
    group: output.groupBy.map((name) => row[name]),
    values: output.aggregates.map(({ name }) => row[name]),
  }
}

const labelOf = (group: readonly unknown[]): string => (group.length === 0 ? 'all' : group.map(String).join(' '))

const measured = ({ values }: ResultRow): number => Number(values[0] ?? 0)

/** The last window among the rows, with all its groups; null without rows. */
export function lastWindow(output: WindowOutput, rows: readonly ResultRow[]): ClosedWindow | null {
  let last: ResultRow | undefined
  for (const row of rows) if (last === undefined || row.end > last.end) last = row
  if (last === undefined) return null
  const { start, end } = last
  const groups = rows
    .filter((row) => row.start === start && row.end === end)
    .map((row) => ({ label: labelOf(row.group), value: measured(row) }))
    .sort((a, b) => b.value - a.value)
  const measure = output.aggregates[0]?.name ?? ''
  return { output: output.name, start, end, groupedBy: output.groupBy.join(', '), measure, groups }
}

const NOTABLE_KEPT = 20

/**
 * Adds rows to what is notable, newest first: overlapping windows of one group are one thing, shown at its peak. Gives back
 * the list and what in it is new.
 */
export function addNotable(
  known: readonly Notable[],
  output: WindowOutput,
  rows: readonly ResultRow[],
): { readonly all: readonly Notable[]; readonly news: readonly Notable[] } {
  const all = [...known]
  const news = new Set<string>()
  const keyOf = ({ output: name, label }: Pick<Notable, 'output' | 'label'>): string => `${name} ${label}`
  for (const row of rows.toSorted((a, b) => a.end - b.end)) {
    const { start, end } = row
    const measure = output.aggregates[0]?.name ?? ''
    const one: Notable = {
      output: output.name,
      label: labelOf(row.group),
      measure,
      value: measured(row),
      start,
      end,
      until: end,
    }
    const at = all.findIndex((each) => keyOf(each) === keyOf(one) && start < each.until && end > each.start)
    if (at < 0) {
      all.unshift(one)
      news.add(keyOf(one))
    } else {
      const before = all[at]!
      const peak = one.value > before.value ? one : before
      all[at] = { ...peak, until: Math.max(before.until, end) }
    }
  }
  const kept = all.toSorted((a, b) => b.until - a.until).slice(0, NOTABLE_KEPT)
  const unseen = new Set(news)
  return { all: kept, news: kept.filter((one) => unseen.delete(keyOf(one))).reverse() }
}

const OPEN_MAX = 10_000

/** How many windows of each output may hold records and are not closed. Null when none is closed yet. */
export function openWindows(
  plan: Plan,
  closedUpTo: EpochMillis | null,
  maxEventTime: EpochMillis | null,
): Readonly<Record<string, number>> | null {
  if (closedUpTo === null || maxEventTime === null) return null
  const open: Record<string, number> = {}
  const outputs = closedOutputs(plan)
  const ends = endsOfInput(outputs, maxEventTime)
  for (const [i, { name, window, sinks }] of outputs.entries()) {
    // Nobody has named it.
    if (sinks.length === 0) continue
    const last = ends[i]!
    let windows = 0
    if (last > closedUpTo) {
      for (const _ of windowsEndingIn(window, closedUpTo, last)) if (++windows >= OPEN_MAX) break
    }
    open[name] = windows
  }
  return open
}
