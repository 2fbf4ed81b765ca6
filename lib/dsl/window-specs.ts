import { type Duration, formatDuration, parseDuration } from '#core/duration.ts'
import { SluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import { zone as zoneOf } from '#core/zone.ts'
import type { CalendarUnit, WindowSpec } from '#plan/plan.ts'

export interface TumblingOptions {
  /** How long after its end a window still takes late records; `'0 seconds'` for none. */
  readonly grace: Duration
  /** IANA zone: windows are civil days or weeks there. Only with `'1 day'` and `'1 week'`. */
  readonly zone?: string
  /** Shifts the starts of windows, which otherwise are multiples of the size since 1970-01-01T00:00Z. Less than the size. */
  readonly offset?: Duration
}

export interface SlidingOptions {
  /** Distance from one window's start to the next one's. Longer than the size leaves gaps. */
  readonly every: Duration
  /** How long after its end a window still takes late records; `'0 seconds'` for none. */
  readonly grace: Duration
  /** Shifts the starts of windows, which otherwise are multiples of `every` since 1970-01-01T00:00Z. Less than `every`. */
  readonly offset?: Duration
}

export interface CumulatingOptions {
  /** Distance from one window's end to the next one's. The size is a whole number of steps. */
  readonly step: Duration
  /** How long after its end a window still takes late records; `'0 seconds'` for none. */
  readonly grace: Duration
  /** Shifts the starts of windows, which otherwise are multiples of the size since 1970-01-01T00:00Z. Less than the size. */
  readonly offset?: Duration
}

export interface SessionOptions {
  /** How long after its end a session still takes late records; `'0 seconds'` for none. */
  readonly grace: Duration
  /** Whether records exactly a gap apart are in one session: `'join'` (default, as in Flink, Spark and Kafka Streams) or `'split'` (as in Beam). */
  readonly atGap?: 'join' | 'split'
  /** What `window_end` is: `'gap'` (default): last event time plus gap, as in Flink and Spark; `'last event'`, as in Kafka Streams. */
  readonly end?: 'gap' | 'last event'
}

export interface CalendarOptions {
  /** IANA zone whose calendar it is. */
  readonly zone: string
  /** How long after its end a window still takes late records; `'0 seconds'` for none. */
  readonly grace: Duration
}

const CALENDAR_UNITS: readonly CalendarUnit[] = ['day', 'week', 'month', 'quarter', 'year']

/**
 * Windows end to end. `'1 day'` is a UTC day of 24 hours; with a `zone` it is a civil day there, 23 to 25 hours long where
 * clocks change. `'1 week'` begins on a Monday with a zone, on a Thursday (1970-01-01 was one) without.
 *
 * @throws SluiceError DURATION_INVALID, TIME_ZONE_UNKNOWN, WINDOW_INVALID
 */
export function tumbling(size: Duration, options: TumblingOptions): WindowSpec {
  const sizeMillis = parseDuration(size, { what: 'the size of a tumbling window' })
  const { zone, offset } = options
  if (zone === undefined) {
    const shift = offsetOf(offset, sizeMillis, `its size, ${formatDuration(sizeMillis)}`)
    return Object.freeze({ kind: 'tumbling', size: sizeMillis, offset: shift, grace: graceOf(options.grace) })
  }
  const unit = size === '1 day' ? 'day' : size === '1 week' ? 'week' : null
  if (unit === null) {
    throw new SluiceError(
      'WINDOW_INVALID',
      `Expected a tumbling window with a zone to be '1 day' or '1 week', found '${size}' in ${zone}. ` +
        `Leave the zone out for windows of a fixed length, or use calendar('month', { zone, grace }) for longer ones.`,
    )
  }
  if (offset !== undefined) {
    throw new SluiceError(
      'WINDOW_INVALID',
      `Expected a tumbling window with a zone to have no offset, found '${offset}': a civil ${unit} starts at midnight. ` +
        'Leave out the offset or the zone.',
    )
  }
  return calendar(unit, { zone, grace: options.grace })
}

/**
 * Windows of one size that start at regular distances: an event is in size ÷ every of them.
 *
 * @throws SluiceError DURATION_INVALID, WINDOW_INVALID
 */
export function sliding(size: Duration, options: SlidingOptions): WindowSpec {
  const every = parseDuration(options.every, { what: 'every' })
  return Object.freeze({
    kind: 'sliding',
    size: parseDuration(size, { what: 'the size of a sliding window' }),
    every,
    offset: offsetOf(options.offset, every, `every, ${formatDuration(every)}`),
    grace: graceOf(options.grace),
  })
}

/**
 * Windows that grow: those of one period start together and end one step after the other, the last one at the period's end. Running
 * totals of a day, every hour: `cumulating('1 day', { step: '1 hour', grace })`.
 *
 * @throws SluiceError DURATION_INVALID, WINDOW_INVALID
 */
export function cumulating(size: Duration, options: CumulatingOptions): WindowSpec {
  const sizeMillis = parseDuration(size, { what: 'the size of a cumulating window' })
  const step = parseDuration(options.step, { what: 'step' })
  if (sizeMillis % step !== 0) {
    throw new SluiceError(
      'WINDOW_INVALID',
      `Expected the size of a cumulating window to be a whole number of steps, found '${size}' in steps of '${options.step}'. ` +
        'Choose a step that divides the size.',
    )
  }
  return Object.freeze({
    kind: 'cumulating',
    size: sizeMillis,
    step,
    offset: offsetOf(options.offset, sizeMillis, `its size, ${formatDuration(sizeMillis)}`),
    grace: graceOf(options.grace),
  })
}

/**
 * Windows that the records of each group make: a session goes on as long as the next record is at most `gap` later. It closes when
 * the watermark is a gap beyond its last record.
 *
 * @throws SluiceError DURATION_INVALID, WINDOW_INVALID
 */
export function session(gap: Duration, options: SessionOptions): WindowSpec {
  const { atGap = 'join', end = 'gap' } = options
  requireOneOf('atGap', atGap, ['join', 'split'])
  requireOneOf('end', end, ['gap', 'last event'])
  const gapMillis = parseDuration(gap, { what: 'the gap of a session' })
  return Object.freeze({ kind: 'session', gap: gapMillis, atGap, end, grace: graceOf(options.grace) })
}

function requireOneOf(option: string, value: string, allowed: readonly string[]): void {
  if (allowed.includes(value)) return
  throw new SluiceError(
    'WINDOW_INVALID',
    `Expected ${option} of a session to be '${allowed.join("' or '")}', found '${value}'.`,
  )
}

/** Civil days, weeks (from Monday), months, quarters or years. @throws SluiceError TIME_ZONE_UNKNOWN, DURATION_INVALID, WINDOW_INVALID */
export function calendar(unit: CalendarUnit, options: CalendarOptions): WindowSpec {
  if (!CALENDAR_UNITS.includes(unit)) {
    throw new SluiceError(
      'WINDOW_INVALID',
      `Expected one of ${CALENDAR_UNITS.join(', ')} as a calendar window, found '${unit}'.`,
    )
  }
  return Object.freeze({ kind: 'calendar', unit, zone: zoneOf(options.zone).name, grace: graceOf(options.grace) })
}

const graceOf = (grace: Duration): Millis => parseDuration(grace, { what: 'grace', allowZero: true })

function offsetOf(offset: Duration | undefined, below: Millis, name: string): Millis {
  if (offset === undefined) return 0
  const millis = parseDuration(offset, { what: 'offset', allowZero: true })
  if (millis < below) return millis
  throw new SluiceError(
    'WINDOW_INVALID',
    `Expected the offset of a window to be less than ${name}, found '${offset}'. ` +
      `Windows repeat at that distance: '${formatDuration(millis % below)}' gives the same ones.`,
  )
}
