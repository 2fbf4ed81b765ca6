import { SluiceError } from '#core/errors.ts'
import { zone as zoneOf } from '#core/zone.ts'
import type { DetectorRule } from '#plan/plan.ts'

/** A rule for a number column of results, for `.detect(…)`. */
export interface Anomaly<Column extends string = string> {
  readonly kind: 'anomaly'
  readonly column: Column
  readonly rule: DetectorRule
}

/** What every rule may be told. */
export interface AlertingOptions<Column extends string> {
  /** A number column of the results. */
  readonly column: Column
  /** An alert opens after so many unusual windows in a row. Default 1. */
  readonly opensAfter?: number
  /** An alert is resolved after so many calm windows in a row. Default 1. */
  readonly resolvesAfter?: number
}

interface SidedOptions<Column extends string> extends AlertingOptions<Column> {
  /** Which way is unusual. Default `'high'`. */
  readonly side?: 'high' | 'low' | 'both'
  /** No alert opens on less than this: seen where that is high, expected where it is low. Default: see each rule. */
  readonly atLeast?: number
}

interface WeeklyOptions<Column extends string> extends SidedOptions<Column> {
  /** IANA zone whose wall clocks say what hour of the week it is. */
  readonly zone: string
  /** How many earlier weeks are looked at: 2 to 52. Default 8. */
  readonly weeks?: number
  /** Nothing is judged on fewer. Default half of `weeks`. */
  readonly minWeeks?: number
}

export interface ThresholdOptions<Column extends string> extends AlertingOptions<Column> {
  /** `'high'` (default): opens at `opensAt` and above; `'low'`: at `opensAt` and below. */
  readonly side?: 'high' | 'low'
  readonly opensAt: number
  /** Resolved below it (`'low'`: above it). Default `opensAt`. */
  readonly resolvesAt?: number
}

export interface ChangeOptions<Column extends string> extends SidedOptions<Column> {
  /** The factor, above 1, at which an alert opens. */
  readonly factor: number
  /** Resolved below this factor. Default: half way down to 1. */
  readonly resolvesAt?: number
  /** How many windows lie between: 1 (default) is the window before. Give size ÷ every for sliding windows that shall not overlap. */
  readonly back?: number
  /** What is smaller counts as this: nothing is a multiple of 0. Default 1. */
  readonly floor?: number
}

export interface HourOfWeekOptions<Column extends string> extends WeeklyOptions<Column> {
  /** Share of the alerts that may be false: Benjamini and Hochberg's rate among the groups of one window. Default 0.05. */
  readonly falseAlarms?: number
  /** Resolved above this p-value. Default 0.1. */
  readonly resolvesAt?: number
}

export interface MedianOptions<Column extends string> extends WeeklyOptions<Column> {
  /** Robust standard deviations from the median. Default 4. */
  readonly opensAt?: number
  /** Default 2. */
  readonly resolvesAt?: number
  /** The least standard deviation that is believed. Default: of counts √median; of other values there is none. */
  readonly floor?: number
}

export interface CusumOptions<Column extends string> extends WeeklyOptions<Column> {
  /** Deviations within so many standard deviations are taken off: half of the shift that is looked for. Default 0.5. */
  readonly slack?: number
  /** Standard deviations summed up. Default 5. */
  readonly opensAt?: number
  /** Default 1. */
  readonly resolvesAt?: number
}

export interface HotSpotsOptions<Column extends string> extends SidedOptions<Column> {
  /** Cells up to so many rings around a cell are its neighbourhood. Default 1: seven cells. */
  readonly rings?: number
  /**
   * What a neighbourhood is held against: `'area'` (default), the mean of all cells: finds where it is always hot. `'history'`, what its own
   * cells had at the same time of earlier weeks: finds where it has become hot.
   */
  readonly against?: 'area' | { readonly zone: string; readonly weeks?: number; readonly minWeeks?: number }
  readonly falseAlarms?: number
  /** Resolved above this p-value. Default 0.1. */
  readonly resolvesAt?: number
}

/** Rules for `.detect(…)`: what is unusual about the results of a window. */
export const anomaly = Object.freeze({
  /** A value against a level: for contracts and limits. @throws SluiceError PLAN_INVALID */
  threshold: <const Column extends string>(options: ThresholdOptions<Column>): Anomaly<Column> => {
    const { opensAt, resolvesAt = opensAt, side = 'high' } = options
    requireNumber('opensAt', opensAt)
    const bounds = side === 'low' ? { min: opensAt } : { max: opensAt }
    requireNumber('resolvesAt', resolvesAt, bounds)
    return planned(options, { kind: 'threshold', ...alerting({ ...options, side }, 0), opensAt, resolvesAt })
  },
  /** A value against the one of an earlier window. `atLeast` is 0 by default. @throws SluiceError PLAN_INVALID */
  change: <const Column extends string>(options: ChangeOptions<Column>): Anomaly<Column> => {
    const { factor, resolvesAt = (1 + factor) / 2, back = 1, floor = 1 } = options
    requireNumber('factor', factor, { above: 1 })
    requireNumber('resolvesAt', resolvesAt, { min: 1, max: factor })
    requireNumber('back', back, { min: 1, max: 1000, whole: true })
    requireNumber('floor', floor, { above: 0 })
    return planned(options, { kind: 'change', ...alerting(options, 0), back, opensAt: factor, resolvesAt, floor })
  },
  /**
   * A count against those of the same hour of earlier weeks, each group with its own: a Poisson count, or a negative binomial one where
   * the weeks differ more than that. For sparse counts. `atLeast` is 3 by default. @throws SluiceError PLAN_INVALID, TIME_ZONE_UNKNOWN
   */
  hourOfWeek: <const Column extends string>(options: HourOfWeekOptions<Column>): Anomaly<Column> =>
    planned(options, { kind: 'hourOfWeek', ...alerting(options, 3), ...weekly(options), ...discovery(options) }),
  /** A value against the median of the same hour of earlier weeks: not moved by a few wild ones. @throws SluiceError PLAN_INVALID, TIME_ZONE_UNKNOWN */
  median: <const Column extends string>(options: MedianOptions<Column>): Anomaly<Column> => {
    const { opensAt = 4, resolvesAt = Math.min(2, opensAt), floor = null } = options
    requireLevels(opensAt, resolvesAt)
    if (floor !== null) requireNumber('floor', floor, { above: 0 })
    return planned(options, {
      kind: 'median',
      ...alerting(options, 0),
      ...weekly(options),
      opensAt,
      resolvesAt,
      floor,
    })
  },
  /** Small deviations from the same hour of earlier weeks, summed up: for shifts that last. @throws SluiceError PLAN_INVALID, TIME_ZONE_UNKNOWN */
  cusum: <const Column extends string>(options: CusumOptions<Column>): Anomaly<Column> => {
    const { slack = 0.5, opensAt = 5, resolvesAt = Math.min(1, opensAt) } = options
    requireLevels(opensAt, resolvesAt)
    requireNumber('slack', slack, { min: 0 })
    return planned(options, {
      kind: 'cusum',
      ...alerting(options, 0),
      ...weekly(options),
      slack,
      opensAt,
      resolvesAt,
    })
  },
  /**
   * Where on the map: counts of H3 cells and their neighbours by Getis and Ord's Gi*. The results are grouped by one column of cells, made
   * by `h3('point', resolution)`. `atLeast` is 5 by default. @throws SluiceError PLAN_INVALID, TIME_ZONE_UNKNOWN
   */
  hotSpots: <const Column extends string>(options: HotSpotsOptions<Column>): Anomaly<Column> => {
    const { rings = 1, against = 'area' } = options
    requireNumber('rings', rings, { min: 1, max: 10, whole: true })
    const history = against === 'area' ? { zone: 'UTC' } : against
    return planned(options, {
      kind: 'hotSpots',
      ...alerting(options, 5),
      ...weekly(history),
      ...discovery(options),
      rings,
      against: against === 'area' ? 'area' : 'history',
    })
  },
})

const planned = <Column extends string>({ column }: { readonly column: Column }, rule: DetectorRule): Anomaly<Column> =>
  Object.freeze({ kind: 'anomaly', column, rule: Object.freeze(rule) })

function alerting(options: Omit<SidedOptions<string>, 'column'>, least: number) {
  const { side = 'high', opensAfter = 1, resolvesAfter = 1, atLeast = least } = options
  if (!['high', 'low', 'both'].includes(side)) {
    throw new SluiceError('PLAN_INVALID', `Expected side of a detector to be 'high', 'low' or 'both', found '${side}'.`)
  }
  requireNumber('opensAfter', opensAfter, { min: 1, max: 1000, whole: true })
  requireNumber('resolvesAfter', resolvesAfter, { min: 1, max: 1000, whole: true })
  requireNumber('atLeast', atLeast, { min: 0 })
  return { side, opensAfter, resolvesAfter, atLeast }
}

function weekly({ zone, weeks = 8, minWeeks }: Pick<WeeklyOptions<string>, 'zone' | 'weeks' | 'minWeeks'>) {
  requireNumber('weeks', weeks, { min: 2, max: 52, whole: true })
  const least = minWeeks ?? Math.max(2, Math.ceil(weeks / 2))
  requireNumber('minWeeks', least, { min: 2, max: weeks, whole: true })
  return { zone: zoneOf(zone).name, weeks, minWeeks: least }
}

function discovery({
  falseAlarms = 0.05,
  resolvesAt = 0.1,
}: Pick<HourOfWeekOptions<string>, 'falseAlarms' | 'resolvesAt'>) {
  requireNumber('falseAlarms', falseAlarms, { above: 0, max: 1 })
  requireNumber('resolvesAt', resolvesAt, { min: 0, max: 1 })
  return { falseAlarms, resolvesAt }
}

function requireLevels(opensAt: number, resolvesAt: number): void {
  requireNumber('opensAt', opensAt, { above: 0 })
  requireNumber('resolvesAt', resolvesAt, { min: 0, max: opensAt })
}

interface Range {
  readonly min?: number
  readonly max?: number
  readonly above?: number
  readonly whole?: boolean
}

function requireNumber(option: string, value: number, { min, max, above, whole }: Range = {}): void {
  const inside =
    (min === undefined || value >= min) && (max === undefined || value <= max) && (above === undefined || value > above)
  if (Number.isFinite(value) && inside && (whole !== true || Number.isInteger(value))) return
  const words = [
    whole === true ? 'a whole number' : 'a number',
    ...(above === undefined ? [] : [`above ${above}`]),
    ...(min === undefined ? [] : [`from ${min}`]),
    ...(max === undefined ? [] : [`up to ${max}`]),
  ]
  throw new SluiceError('PLAN_INVALID', `Expected ${option} of a detector to be ${words.join(' ')}, found ${value}.`)
}
