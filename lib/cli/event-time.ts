import { DAY, type EpochMillis } from '#core/time.ts'
import { zone } from '#core/zone.ts'
import type { Plan } from '#plan/plan.ts'

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** The zone in which people read a pipeline's event times: that of its event time's text, else that of a calendar window. */
export function zoneOf({ topic, outputs }: Plan): string {
  const format = topic.fields.find(({ name }) => name === topic.eventTime)?.column.format
  if (format !== undefined && format.zone !== 'UTC') return format.zone
  for (const output of outputs) {
    if (output.kind === 'window' && output.window.kind === 'calendar') return output.window.zone
  }
  return 'UTC'
}

/** Tue 9 Jan 2001 17:30 */
export function clockTime(instant: EpochMillis, zoneName: string): string {
  return `${day(instant, zoneName)} ${timeOfDay(instant, zoneName)}`
}

/** Tue 9 Jan 2001 for a civil day, else from – to. */
export function windowTime(start: EpochMillis, end: EpochMillis, zoneName: string): string {
  const midnights = timeOfDay(start, zoneName) === '00:00' && timeOfDay(end, zoneName) === '00:00'
  const lastDay = day(end - 1, zoneName)
  const firstDay = day(start, zoneName)
  if (midnights) return firstDay === lastDay ? firstDay : `${firstDay} – ${lastDay}`
  const sameDay = firstDay === day(end, zoneName)
  return `${clockTime(start, zoneName)} – ${sameDay ? timeOfDay(end, zoneName) : clockTime(end, zoneName)}`
}

function day(instant: EpochMillis, zoneName: string): string {
  const local = localOf(instant, zoneName)
  return `${DAYS[local.getUTCDay()]} ${local.getUTCDate()} ${MONTHS[local.getUTCMonth()]} ${local.getUTCFullYear()}`
}

const timeOfDay = (instant: EpochMillis, zoneName: string): string =>
  localOf(instant, zoneName).toISOString().slice(11, 16)

const localOf = (instant: EpochMillis, zoneName: string): Date => new Date(instant + zone(zoneName).offsetAt(instant))

/** 0:42, 12:05, 3:00:07, 2 d 3:00:07 */
export function elapsed(millis: number): string {
  const seconds = Math.floor(millis / 1000)
  const two = (value: number): string => String(value).padStart(2, '0')
  const [hours, minutes] = [Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60]
  const days = Math.floor(millis / DAY)
  const clock =
    days > 0 || hours > 0 ? `${hours}:${two(minutes)}:${two(seconds % 60)}` : `${minutes}:${two(seconds % 60)}`
  return days > 0 ? `${days} d ${clock}` : clock
}
