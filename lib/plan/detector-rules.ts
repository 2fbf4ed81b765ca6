import { DAY, type Millis } from '#core/time.ts'
import type { AggregateFunction, DetectorRule, WindowSpec } from '#plan/plan.ts'
import type { Field, Fields } from '#schema/column.ts'

export const WEEK: Millis = 7 * DAY

/** How far windows are apart that start one after the other, or null where they don't come back at the same time of the week. */
export function weeklyStep(spec: WindowSpec): Millis | null {
  if (spec.kind === 'session') return null
  if (spec.kind === 'calendar') return spec.unit === 'day' ? DAY : spec.unit === 'week' ? WEEK : null
  const every = spec.kind === 'sliding' ? spec.every : spec.size
  return WEEK % every === 0 ? every : null
}

type WeeklyRule = Extract<DetectorRule, { readonly weeks: number }>

/** Whether the rule looks at earlier weeks. */
export function isWeekly(rule: DetectorRule): rule is WeeklyRule {
  return rule.kind === 'hotSpots' ? rule.against === 'history' : 'weeks' in rule
}

const ADDITIVE: ReadonlySet<AggregateFunction> = new Set<AggregateFunction>(['count', 'countIf', 'sum', 'distinct'])

/** Of no rows, these aggregates are 0; all others are unknown. */
export const isAdditive = (name: AggregateFunction): boolean => ADDITIVE.has(name)

const field = (name: string, kind: Field['column']['kind'], nullable = false): Field => ({
  name,
  column: { kind, nullable },
})

const BEFORE_GROUP: Fields = [
  field('alert_id', 'string'),
  field('alert_state', 'string'),
  field('severity', 'string'),
  field('window_start', 'timestamp'),
  field('window_end', 'timestamp'),
]

const AFTER_GROUP: Fields = [
  field('detector', 'string'),
  field('method', 'string'),
  field('side', 'string'),
  field('observed', 'double'),
  field('expected', 'double'),
  field('score', 'double'),
  field('p_value', 'double', true),
  field('q_value', 'double', true),
  field('history_windows', 'int', true),
  field('history_from', 'timestamp', true),
  field('history_to', 'timestamp', true),
  field('history_mean', 'double', true),
  field('history_variance', 'double', true),
  field('history_median', 'double', true),
  field('history_mad', 'double', true),
  field('reason', 'string'),
  field('resolved_at', 'timestamp', true),
  field('last_window_end', 'timestamp', true),
  field('windows', 'int', true),
  field('peak_observed', 'double', true),
  field('peak_score', 'double', true),
  field('revision', 'int'),
  field('is_final', 'boolean'),
]

/** Columns of every alert; the group columns come after `window_end`. */
export const ALERT_FIELDS: Fields = [...BEFORE_GROUP, ...AFTER_GROUP]

export const alertFields = (group: Fields): Fields => [...BEFORE_GROUP, ...group, ...AFTER_GROUP]
