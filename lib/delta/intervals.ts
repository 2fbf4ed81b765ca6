import type { Millis } from '#core/time.ts'
import type { Metadata } from '#delta/actions.ts'

/** Lengths of time in table properties: `interval 1 week`, in the units that engines write. */

const DAY: Millis = 86_400_000
const UNITS: Readonly<Record<string, Millis>> = {
  millisecond: 1,
  second: 1_000,
  minute: 60_000,
  hour: 3_600_000,
  day: DAY,
  week: 7 * DAY,
}

/** How long files that were removed stay for readers of older versions: a week unless the table says otherwise. */
export function fileRetention({ configuration }: Metadata): Millis {
  return interval(configuration['delta.deletedFileRetentionDuration']) ?? 7 * DAY
}

/** How long commits stay: 30 days unless the table says otherwise. */
export function logRetention({ configuration }: Metadata): Millis {
  return interval(configuration['delta.logRetentionDuration']) ?? 30 * DAY
}

/** Undefined for what is no such text. */
function interval(text: string | undefined): Millis | undefined {
  const match = /^\s*(?:interval\s+)?(\d+)\s+([a-z]+?)s?\s*$/i.exec(text ?? '')
  const unit = UNITS[match?.[2]?.toLowerCase() ?? '']
  return match === null || unit === undefined ? undefined : Number(match[1]) * unit
}
