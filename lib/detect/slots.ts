import { DAY, type EpochMillis, floorTo } from '#core/time.ts'
import { zone } from '#core/zone.ts'
import { WEEK, weeklyStep } from '#plan/detector-rules.ts'
import type { WindowSpec } from '#plan/plan.ts'

/** 1970-01-01 was a Thursday: weeks begin on the Monday before. */
const FIRST_MONDAY: EpochMillis = -3 * DAY

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
