import { isWeekly } from '#plan/detector-rules.ts'
import type { DetectorRule } from '#plan/plan.ts'

const NAMES: Readonly<Record<DetectorRule['kind'], string>> = {
  threshold: 'threshold',
  change: 'change',
  hourOfWeek: 'hour of the week',
  median: 'median of the same hour',
  cusum: 'sum of deviations',
  hotSpots: 'hot spots',
}

export const ruleName = ({ kind }: DetectorRule): string => NAMES[kind]

/** What opens an alert: `hour of the week in America/Chicago over 8 weeks (4 at least), high, 5 % false alarms`. */
export function ruleText(rule: DetectorRule): string {
  const history = isWeekly(rule) ? ` in ${rule.zone} over ${rule.weeks} weeks (${rule.minWeeks} at least)` : ''
  const least = rule.atLeast > 0 ? `, from ${rule.atLeast} on` : ''
  return `${NAMES[rule.kind]}${history}, ${sideText(rule)}${levelText(rule)}${least}`
}

const sideText = ({ side }: DetectorRule): string => (side === 'both' ? 'high or low' : side)

function levelText(rule: DetectorRule): string {
  if ('falseAlarms' in rule) return `, ${+(rule.falseAlarms * 100).toFixed(3)} % false alarms`
  return `, opens at ${rule.opensAt}, resolved at ${rule.resolvesAt}`
}
