import { DAY, type EpochMillis, floorTo, type Millis } from '#core/time.ts'
import { zone } from '#core/zone.ts'
import type { WindowSpec } from '#plan/plan.ts'

export const WEEK: Millis = 7 * DAY

/** 1970-01-01 was a Thursday: weeks begin on the Monday before. */
const FIRST_MONDAY: EpochMillis = -3 * DAY

/** How far windows are apart that start one after the other, or null where they don't come back at the same time of the week. */
export function weeklyStep(spec: WindowSpec): Millis | null {
  if (spec.kind === 'session') return null
  if (spec.kind === 'calendar') return spec.unit === 'day' ? DAY : spec.unit === 'week' ? WEEK : null
  const every = spec.kind === 'sliding' ? spec.every : spec.size
  return WEEK % every === 0 ? every : null
}

/**
 * The time of the week at which a window starts, by the wall clocks of a zone, in steps of `weeklyStep`; of cumulating windows each length
 * is a slot of its own. Where clocks are set back, two windows of that week share a slot.
 */
export function slotOf(spec: WindowSpec, zoneName: string, start: EpochMillis, end: EpochMillis): number {
  const step = weeklyStep(spec) ?? WEEK
  const local = start + zone(zoneName).offsetAt(start)
  const sinceMonday = local - floorTo(local, WEEK, FIRST_MONDAY)
  const slot = Math.floor(sinceMonday / step)
  return spec.kind === 'cumulating' ? slot * (spec.size / spec.step) + (end - start) / spec.step - 1 : slot
}
