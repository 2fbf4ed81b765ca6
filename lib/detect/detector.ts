import { DAY, type EpochMillis, HOUR, type Millis } from '#core/time.ts'
import { slotOf } from '#detect/slots.ts'
import { isAdditive, isWeekly, WEEK } from '#plan/detector-rules.ts'
import type { DetectorOutput, DetectorRule, WindowOutput, WindowSpec } from '#plan/plan.ts'

/** Windows of a spec with after < end ≤ upTo, ascending by end. */
export type WindowsEndingIn = (
  spec: WindowSpec,
  after: EpochMillis,
  upTo: EpochMillis,
) => Iterable<{ readonly start: EpochMillis; readonly end: EpochMillis }>

/** Cells up to so many rings around a cell, itself left out; null of what is no cell. */
export type CellsAround = (cell: unknown, rings: number) => readonly string[] | null

/** A detector, ready to judge. */
export interface Detector {
  readonly name: string
  readonly rule: DetectorRule
  readonly window: WindowSpec
  /** What shapes the history: another one can't go on with it. */
  readonly shape: string
  /** Whether a closed window without a row of a known key counts as 0. */
  readonly absentIsZero: boolean
  /** What is older than this says nothing any more; a key that was not seen for so long is forgotten. */
  readonly horizon: Millis
  readonly windowsEndingIn: WindowsEndingIn
  readonly cellsAround: CellsAround
}

/** How long keys are remembered at least, also where the rule needs no history. */
const REMEMBERED: Millis = 5 * WEEK

const LONGEST: Readonly<Record<'day' | 'week' | 'month' | 'quarter' | 'year', Millis>> = {
  day: DAY + HOUR,
  week: WEEK + HOUR,
  month: 31 * DAY + HOUR,
  quarter: 92 * DAY + HOUR,
  year: 366 * DAY,
}

/** From the start of a window to the end of the next one, at most. */
function twoWindows(spec: WindowSpec): Millis {
  if (spec.kind === 'calendar') return 2 * LONGEST[spec.unit]
  if (spec.kind === 'session') return 2 * spec.gap
  return spec.size + (spec.kind === 'sliding' ? spec.every : spec.size)
}

function horizonOf(rule: DetectorRule, window: WindowSpec): Millis {
  const back = rule.kind === 'change' ? rule.back : 1
  // A day more: clocks may have been set forward in between.
  const weeks = isWeekly(rule) ? rule.weeks * WEEK + DAY : 0
  return Math.max(REMEMBERED, weeks, back * twoWindows(window))
}

export function detector(
  { name, column, rule }: Pick<DetectorOutput, 'name' | 'column' | 'rule'>,
  of: WindowOutput,
  ports: Pick<Detector, 'windowsEndingIn' | 'cellsAround'>,
): Detector {
  const aggregate = of.aggregates.find((one) => one.name === column)!
  return {
    name,
    rule,
    window: of.window,
    shape: JSON.stringify([of.name, of.window, of.groupBy, aggregate]),
    absentIsZero: isAdditive(aggregate.function),
    horizon: horizonOf(rule, of.window),
    ...ports,
  }
}

/** The slot of a window; all are one slot where the rule knows no weeks. */
export function slotIn({ rule, window }: Detector, start: EpochMillis, end: EpochMillis): number {
  return isWeekly(rule) ? slotOf(window, rule.zone, start, end) : 0
}
