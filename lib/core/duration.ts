import { SluiceError } from '#core/errors.ts'
import { DAY, HOUR, MINUTE, type Millis, SECOND } from '#core/time.ts'

export type DurationUnit =
  | 'millisecond'
  | 'milliseconds'
  | 'second'
  | 'seconds'
  | 'minute'
  | 'minutes'
  | 'hour'
  | 'hours'
  | 'day'
  | 'days'
  | 'week'
  | 'weeks'

/** A length of time as people write it: `'30 minutes'`, `'1 day'`. Whole numbers only. */
export type Duration = `${number} ${DurationUnit}`

export interface DurationOptions {
  /** What the duration is for, at the head of messages: `grace`. */
  readonly what?: string
  /** Accept `'0 seconds'`. */
  readonly allowZero?: boolean
}

const MILLIS: ReadonlyMap<string, Millis> = new Map([
  ['millisecond', 1],
  ['second', SECOND],
  ['minute', MINUTE],
  ['hour', HOUR],
  ['day', DAY],
  ['week', 7 * DAY],
])
const UNITS = [...MILLIS.keys()].map((unit) => `${unit}s`).join(', ')

/**
 * Milliseconds of a duration. A day is 24 hours and a week 7 days here, whatever clocks do.
 *
 * @throws SluiceError DURATION_INVALID for a fraction, zero (unless allowed), a negative number, an unknown unit, anything else
 */
export function parseDuration(text: string, options: DurationOptions = {}): Millis {
  const [, number = '', unit = ''] = /^(-?\d+(?:\.\d+)?) ([a-z]+)$/.exec(text) ?? []
  if (number === '') throw invalid(text, options, `it isn't a number, one space and a unit`)
  const unitMillis = MILLIS.get(unit.replace(/s$/, ''))
  if (unitMillis === undefined) throw invalid(text, options, `'${unit}' is no unit; units are ${UNITS}`)
  const millis = Number(number) * unitMillis
  if (number.startsWith('-')) throw invalid(text, options, 'it is negative')
  if (number.includes('.')) {
    const advice = Number.isInteger(millis) && millis > 0 ? `write '${formatDuration(millis)}'` : 'use a smaller unit'
    throw invalid(text, options, `it has a fraction; ${advice}`)
  }
  if (millis === 0 && options.allowZero !== true) throw invalid(text, options, 'it is zero')
  if (!Number.isSafeInteger(millis)) throw invalid(text, options, 'it is too long to count in milliseconds')
  return millis
}

/** The duration in its largest unit that needs no fraction, up to days: 5,400,000 is `90 minutes`. */
export function formatDuration(millis: Millis): string {
  const units = [...MILLIS].filter(([unit]) => unit !== 'week').reverse()
  const [unit, unitMillis] = millis === 0 ? ['second', SECOND] : units.find(([, size]) => millis % size === 0)!
  const count = millis / unitMillis
  return `${count} ${unit}${count === 1 ? '' : 's'}`
}

function invalid(text: string, { what, allowZero }: DurationOptions, fault: string): SluiceError {
  const subject = what === undefined ? 'a duration' : `${what} to be a duration`
  const range = allowZero === true ? "a whole number, '0 seconds' for none" : 'a whole number above zero'
  return new SluiceError(
    'DURATION_INVALID',
    `Expected ${subject} such as '30 minutes' (${range}, and a unit), found '${text}': ${fault}.`,
  )
}
