import { SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'

/** UTC, unless the text has an offset. @throws SluiceError USAGE naming `what` takes it */
export function instantOf(text: string, what: string, command: string): EpochMillis {
  const match = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z|[+-]\d\d:\d\d)?)?$/.exec(text)
  const instant = match === null ? Number.NaN : Date.parse(`${match[1]}T${match[2] ?? '00:00'}${match[3] ?? 'Z'}`)
  if (!Number.isNaN(instant)) return instant
  throw new SluiceError(
    'USAGE',
    `${what} takes a time such as 2024-05-01T10:00:00Z, not ${text}. Try: sluice ${command} --help`,
  )
}
