import type { EpochMillis } from '#core/time.ts'
import type { SessionSpec, WindowOutput } from '#plan/plan.ts'
import type { Aggregate } from '#window/accumulator.ts'
import { ON_TIME, type Verdict } from '#window/lateness.ts'
import type { Page } from '#window/page.ts'
import { isSettled, sessionsOf } from '#window/sessions.ts'
import type { WindowBounds } from '#window/windows.ts'

/** Sessions that end before this are beyond grace at `mark`: no record joins them any more. A record at or after it is in time. */
function sessionsSettled(spec: SessionSpec, mark: EpochMillis): EpochMillis {
  return mark - spec.grace
}

/**
 * Judges one record of a session output. It is late when the session that it would make alone is beyond grace, and it is no part of one
 * that isn't (`joins`). A record that is behind sessions beyond grace is kept apart from them either way.
 */
export function judgeRecord(
  spec: SessionSpec,
  time: EpochMillis,
  mark: EpochMillis | null,
  joins: () => boolean,
): Verdict {
  if (mark === null) return ON_TIME
  const apartUpTo = sessionsSettled(spec, mark)
  if (time >= apartUpTo) return ON_TIME
  const end = time + spec.gap
  if (!isSettled(spec, end, apartUpTo) || joins()) return { ...ON_TIME, apartUpTo }
  return { inWindow: true, folds: false, missed: 1, firstStart: time, lastEnd: end, apartUpTo: null }
}

/** Rows before this may be behind sessions that are beyond grace; null where there are none such. */
export function behindSessions(outputs: readonly WindowOutput[], mark: EpochMillis | null): EpochMillis | null {
  let behind: EpochMillis | null = null
  for (const { window } of outputs) {
    if (mark === null || window.kind !== 'session') continue
    behind = Math.max(behind ?? Number.NEGATIVE_INFINITY, sessionsSettled(window, mark))
  }
  return behind
}

/** Whether a record at `time` belongs into the session. */
function isNear(spec: SessionSpec, { start, end }: WindowBounds, time: EpochMillis): boolean {
  const distance = Math.max(start - time, time - (end - spec.gap))
  return distance < spec.gap || (distance === spec.gap && spec.atGap === 'join')
}

/** Whether a record of the group belongs into a session that is not beyond grace, as far as the pages tell. */
export function joinsOpenSession(
  spec: SessionSpec,
  output: number,
  pages: readonly Page[],
  aggregates: readonly Aggregate<unknown>[],
  key: string,
  time: EpochMillis,
  mark: EpochMillis,
): boolean {
  const known = sessionsOf(spec, output, pages, aggregates, key).get(key) ?? []
  const settled = sessionsSettled(spec, mark)
  return known.some(({ bounds }) => !isSettled(spec, bounds.end, settled) && isNear(spec, bounds, time))
}
