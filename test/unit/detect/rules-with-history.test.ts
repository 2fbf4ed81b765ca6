import { describe, expect, test } from 'vitest'
import { DAY, HOUR } from '#core/time.ts'
import type { ResultValue } from '#detect/take-results.ts'
import type { DetectorRule } from '#plan/plan.ts'
import { tumbling } from '../../../lib/index.ts'
import { at, type Close, detect, detectorOf, MONDAY, RULES, WEEK } from './detecting.ts'

/** The same hour of so many weeks, then the hour that is looked at. */
function weekly(values: readonly (number | null)[], place = 'here'): readonly ResultValue[] {
  return values.flatMap((value, i) => (value === null ? [] : [at(MONDAY + i * WEEK, place, value)]))
}

const afterWeeks = (results: readonly ResultValue[], weeks: number): Close => ({
  results,
  closedTo: MONDAY + (weeks - 1) * WEEK + HOUR,
})

describe('Counts by the hour of the week', () => {
  test('are held against a Poisson count whose mean is known from so many weeks only', () => {
    // SciPy: nbinom.sf(13, 25.5, 8 / 9), the sum of eight weeks being 25
    const { alerts } = detect(detectorOf({ rule: RULES.hourOfWeek }), [
      afterWeeks(weekly([3, 4, 2, 3, 5, 3, 2, 3, 14]), 9),
    ])
    expect(alerts).toHaveLength(1)
    const { evidence } = alerts[0]!
    expect(evidence).toMatchObject({ method: 'poisson', side: 'high', observed: 14, expected: 25 / 8 })
    expect(evidence.pValue).toBeCloseTo(3.6868094234148384e-5, 12)
    expect(evidence.qValue).toBe(evidence.pValue)
    expect(evidence.history).toMatchObject({
      windows: 8,
      from: MONDAY,
      to: MONDAY + 7 * WEEK + HOUR,
      mean: 25 / 8,
      median: null,
    })
  })

  test('are held against a wider distribution where the history varies more than Poisson counts do', () => {
    const quiet = weekly([3, 4, 2, 3, 5, 3, 2, 3, 14])
    const wild = weekly([0, 9, 0, 1, 12, 0, 3, 0, 14], 'there')
    const strict: DetectorRule = { ...RULES.hourOfWeek, falseAlarms: 0.01 }
    const { alerts } = detect(detectorOf({ rule: strict }), [afterWeeks([...quiet, ...wild], 9)])
    expect(alerts.map(({ group }) => group[0])).toEqual(['here'])
    const lenient: DetectorRule = { ...RULES.hourOfWeek, falseAlarms: 0.1 }
    const both = detect(detectorOf({ rule: lenient }), [afterWeeks([...quiet, ...wild], 9)]).alerts
    expect(both.map(({ evidence }) => evidence.method)).toEqual(['poisson', 'negative binomial'])
    // SciPy: nbinom.sf(13, r, r / (r + mean)) with mean 25.5 ÷ 8 and variance 22.41… · 9 ÷ 8
    expect(both[1]!.evidence.pValue).toBeCloseTo(0.048025087355744275, 9)
  })

  test('say nothing before there is history enough', () => {
    const rule: DetectorRule = { ...RULES.hourOfWeek, minWeeks: 4 }
    expect(detect(detectorOf({ rule }), [afterWeeks(weekly([1, 1, 1, 50]), 4)]).alerts).toEqual([])
    expect(detect(detectorOf({ rule }), [afterWeeks(weekly([1, 1, 1, 1, 50]), 5)]).alerts).toHaveLength(1)
  })

  test('count weeks without a row as zeros, from the first row on', () => {
    const { alerts } = detect(detectorOf({ rule: RULES.hourOfWeek }), [
      afterWeeks(weekly([null, 1, null, null, null, 6]), 6),
    ])
    expect(alerts.map(({ evidence }) => evidence.history)).toMatchObject([
      { windows: 4, from: MONDAY + WEEK, mean: 0.25, variance: 0.25 },
    ])
  })

  test('need more to be unusual among many', () => {
    const one = weekly([3, 4, 2, 3, 5, 3, 2, 3, 10])
    expect(detect(detectorOf({ rule: RULES.hourOfWeek }), [afterWeeks(one, 9)]).alerts).toHaveLength(1)
    const others = Array.from({ length: 40 }, (_, i) => weekly([3, 4, 2, 3, 5, 3, 2, 3, 3], `place ${i}`)).flat()
    expect(detect(detectorOf({ rule: RULES.hourOfWeek }), [afterWeeks([...one, ...others], 9)]).alerts).toEqual([])
  })

  test('open nothing on less than they are told', () => {
    const counts = weekly([0, 0, 1, 0, 0, 0, 0, 0, 4].map((n) => n || null))
    const close = afterWeeks(counts, 9)
    expect(detect(detectorOf({ rule: { ...RULES.hourOfWeek, atLeast: 4 } }), [close]).alerts).toHaveLength(1)
    expect(detect(detectorOf({ rule: { ...RULES.hourOfWeek, atLeast: 5 } }), [close]).alerts).toEqual([])
  })

  test('may be too few', () => {
    const rule: DetectorRule = { ...RULES.hourOfWeek, side: 'low' }
    const { alerts } = detect(detectorOf({ rule }), [afterWeeks(weekly([30, 28, 33, 31, 29, 30, null]), 7)])
    expect(alerts.map(({ evidence }) => [evidence.side, evidence.observed])).toEqual([['low', 0]])
  })

  test('follow the clocks of their zone: the hour of the week stays where it is when they change', () => {
    // In Chicago clocks are set forward on 8 March 2026: 9 o'clock is 15:00 UTC before and 14:00 UTC after.
    const nine = Array.from({ length: 9 }, (_, week) => Date.UTC(2026, 0, 26 + week * 7, week < 6 ? 15 : 14))
    const results = nine.map((start, i) => at(start, 'here', i === 8 ? 14 : [3, 4, 2, 3, 5, 3, 2, 3][i]!))
    const close = { results, closedTo: nine[8]! + HOUR }
    const local: DetectorRule = { ...RULES.hourOfWeek, zone: 'America/Chicago', minWeeks: 8 }
    expect(detect(detectorOf({ rule: local }), [close]).alerts.map(({ evidence }) => evidence.expected)).toEqual([
      25 / 8,
    ])
    const { alerts } = detect(detectorOf({ rule: { ...local, zone: 'UTC', minWeeks: 4 } }), [close])
    // By UTC there are two weeks with something at 14:00, and five before them with nothing.
    expect(alerts.at(-1)!.evidence.expected).toBe(5 / 7)
  })

  test('of days are those of the weekday', () => {
    const window = tumbling('1 day', { zone: 'America/Chicago', grace: '1 hour' })
    const start = (day: number) => Date.UTC(2026, 4, 4 + day, 5)
    const results = Array.from({ length: 36 }, (_, day) => at(start(day), 'here', day % 7 === 5 ? 40 : 10, DAY))
    results[35] = at(start(35), 'here', 40, DAY)
    const rule: DetectorRule = { ...RULES.hourOfWeek, zone: 'America/Chicago' }
    const { alerts } = detect(detectorOf({ rule, window }), [{ results, closedTo: start(36) }])
    expect(alerts.map(({ start: opened, evidence }) => [opened, evidence.expected])).toEqual([[start(35), 10]])
  })
})

describe('Medians of the same hour of the week', () => {
  test('are not moved by one wild week', () => {
    const results = weekly([10, 12, 11, 90, 9, 12, 10, 11, 40])
    const { alerts } = detect(detectorOf({ rule: RULES.median }), [afterWeeks(results, 9)])
    // median 11, deviations 0 0 1 1 1 1 2 79: 1 · 1.4826 is less than √11
    expect(alerts.map(({ start }) => (start - MONDAY) / WEEK)).toEqual([8])
    const { evidence } = alerts[0]!
    expect(evidence).toMatchObject({ method: 'median', observed: 40, expected: 11 })
    expect(evidence.score).toBeCloseTo(29 / Math.sqrt(11), 12)
    expect(evidence.history).toMatchObject({ windows: 8, median: 11, mad: 1, mean: null })
  })

  test('judge nothing that never varied, where it is no count', () => {
    const results = weekly([5, 5, 5, 5, 5, 9])
    const watching = (floor: number | null) => detectorOf({ rule: { ...RULES.median, floor }, aggregate: 'avg' })
    expect(detect(watching(null), [afterWeeks(results, 6)]).alerts).toEqual([])
    expect(detect(watching(1), [afterWeeks(results, 6)]).alerts).toHaveLength(1)
  })
})

describe('Sums of deviations', () => {
  test('find a shift that no single window shows', () => {
    const usual = [10, 12, 8, 11, 9, 10]
    const days = [...usual, 13, 14, 13, 14, 13, 14, 13]
    const window = tumbling('1 day', { grace: '1 hour' })
    // Every day is its own slot: all slots have the same six weeks.
    const results = usual.flatMap((n, week) =>
      days.slice(6).map((_, day) => at(MONDAY + week * WEEK + day * DAY, 'here', n, DAY)),
    )
    const shifted = days.slice(6).map((n, day) => at(MONDAY + 6 * WEEK + day * DAY, 'here', n, DAY))
    const close = { results: [...results, ...shifted], closedTo: MONDAY + 7 * WEEK }
    const { alerts } = detect(detectorOf({ rule: RULES.cusum, window }), [close])
    // mean 10, variance 10 (that of a count): 0.95, 1.26, 0.95, … less ½ each
    expect(alerts.map(({ start }) => (start - MONDAY - 6 * WEEK) / DAY)).toEqual([])
    const sharp: DetectorRule = { ...RULES.cusum, opensAt: 3 }
    const found = detect(detectorOf({ rule: sharp, window }), [close]).alerts
    expect(found.map(({ start }) => (start - MONDAY - 6 * WEEK) / DAY)).toEqual([5])
    expect(found[0]!.evidence.score).toBeCloseTo((3 * 3 + 3 * 4) / Math.sqrt(10) - 6 * 0.5, 12)
  })
})

describe('Hot spots', () => {
  /** A row of 40 cells, each beside two others. */
  const cells = Array.from({ length: 40 }, (_, i) => `cell ${String(i).padStart(2, '0')}`)
  const cellsAround = (cell: unknown): readonly string[] | null => {
    const i = cells.indexOf(String(cell))
    return i < 0 ? null : cells.filter((_, j) => Math.abs(i - j) === 1)
  }
  const counts = (hot: readonly number[], from = MONDAY): readonly ResultValue[] =>
    cells.map((cell, i) => at(from, cell, hot.includes(i) ? 9 : 1 + (i % 2)))

  test('are neighbourhoods that stand out of the area', () => {
    const results = [...counts([20, 21, 22]), at(MONDAY, 'no cell', 500)]
    const { alerts } = detect(detectorOf({ rule: RULES.hotSpots, cellsAround }), [{ results, closedTo: MONDAY + HOUR }])
    expect(alerts.map(({ group }) => group[0])).toEqual(['cell 20', 'cell 21', 'cell 22'])
    expect(alerts[1]!.evidence).toMatchObject({ method: 'getis-ord gi*', observed: 27, history: null })
    expect(alerts[1]!.evidence.expected).toBeCloseTo((3 * (37 * 1.5 - 0.5 + 27 + 0.5)) / 40, 0)
  })

  test('need an area', () => {
    const results = counts([5, 6]).slice(0, 20)
    const close = { results, closedTo: MONDAY + HOUR }
    expect(detect(detectorOf({ rule: RULES.hotSpots, cellsAround }), [close]).alerts).toEqual([])
  })

  test('against their own history are what is hot that was not before', () => {
    const rule: DetectorRule = { ...RULES.hotSpots, against: 'history' }
    const weeks = Array.from({ length: 6 }, (_, week) => counts([20, 21, 22], MONDAY + week * WEEK)).flat()
    const now = counts([5, 6, 7, 20, 21, 22], MONDAY + 6 * WEEK)
    const { alerts } = detect(detectorOf({ rule, cellsAround }), [afterWeeks([...weeks, ...now], 7)])
    expect(alerts.map(({ group }) => group[0])).toEqual(['cell 05', 'cell 06', 'cell 07'])
    expect(alerts[1]!.evidence.observed).toBe(27)
    expect(alerts[1]!.evidence.expected).toBe(5)
  })
})
