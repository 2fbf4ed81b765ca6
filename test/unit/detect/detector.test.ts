import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DAY, HOUR } from '#core/time.ts'
import type { DetectorRule } from '#plan/plan.ts'
import { tumbling } from '../../../lib/index.ts'
import { at, type Close, detect, detectorOf, MONDAY, RULES, WEEK } from './detecting.ts'

/** One close with these values of consecutive hours; a null has no row. */
function hours(values: readonly (number | null)[], place = 'here', from = MONDAY): Close {
  const results = values.flatMap((value, i) => (value === null ? [] : [at(from + i * HOUR, place, value)]))
  return { results, closedTo: from + values.length * HOUR }
}

describe('A threshold', () => {
  const rule = { ...RULES.threshold, opensAt: 15, resolvesAt: 10 }
  // 12   15   11    9   20
  //      open  ·  res  open
  test('opens at one level and is resolved at another', () => {
    const { alerts } = detect(detectorOf({ rule }), [hours([12, 15, 11, 9, 20])])
    expect(alerts.map(({ start, resolved }) => [(start - MONDAY) / HOUR, resolved])).toEqual([
      [1, { at: MONDAY + 4 * HOUR, lastEnd: MONDAY + 3 * HOUR, windows: 2, peakObserved: 15, peakScore: 0 }],
      [4, null],
    ])
    expect(alerts[0]!.evidence).toMatchObject({ method: 'threshold', side: 'high', observed: 15, expected: 15 })
  })

  test('is resolved by a window that nobody was seen in', () => {
    const { alerts } = detect(detectorOf({ rule }), [hours([20, null])])
    expect(alerts.map(({ resolved }) => resolved?.at)).toEqual([MONDAY + 2 * HOUR])
  })

  test('waits for as many windows in a row as it is told', () => {
    const patient: DetectorRule = { ...rule, opensAfter: 2, resolvesAfter: 3 }
    const { alerts } = detect(detectorOf({ rule: patient }), [hours([15, 9, 15, 15, 9, 9, 15, 9, 9, 9])])
    expect(alerts.map(({ start, resolved }) => [start, resolved?.at, resolved?.windows])).toEqual([
      [MONDAY + 3 * HOUR, MONDAY + 10 * HOUR, 2],
    ])
  })

  test('may be a lower one', () => {
    const low: DetectorRule = { ...rule, side: 'low', opensAt: 2, resolvesAt: 4 }
    const { alerts } = detect(detectorOf({ rule: low }), [hours([9, 2, 4, null, 5])])
    expect(alerts.map(({ start, evidence, resolved }) => [start, evidence.side, resolved?.windows])).toEqual([
      [MONDAY + HOUR, 'low', 3],
    ])
  })

  test('judges nothing of an average that has no row', () => {
    const low: DetectorRule = { ...rule, side: 'low', opensAt: 2, resolvesAt: 4 }
    const { alerts } = detect(detectorOf({ rule: low, aggregate: 'avg' }), [hours([9, null, null, 1, null])])
    expect(alerts.map(({ start, resolved }) => [start, resolved])).toEqual([[MONDAY + 3 * HOUR, null]])
  })

  test('becomes worse with the windows after it', () => {
    const { revisions } = detect(detectorOf({ rule }), [
      hours([15]),
      hours([30], 'here', MONDAY + HOUR),
      hours([16], 'here', MONDAY + 2 * HOUR),
    ])
    expect(revisions.map((all) => all.map(({ revision, alert }) => [revision, alert.severity]))).toEqual([
      [[0, 'low']],
      [[1, 'high']],
      [],
    ])
  })
})

describe('A change', () => {
  test('is a factor between a window and the one before it', () => {
    const { alerts } = detect(detectorOf({ rule: RULES.change }), [hours([4, 7, 14, 15, 1])])
    expect(alerts).toHaveLength(1)
    expect(alerts[0]!.evidence).toMatchObject({ observed: 14, expected: 7, score: 2 })
    expect(alerts[0]!.evidence.history).toMatchObject({ windows: 1, from: MONDAY + HOUR, to: MONDAY + 2 * HOUR })
    expect(alerts[0]!.resolved?.at).toBe(MONDAY + 4 * HOUR)
  })

  test('from nothing counts from the floor', () => {
    const rule: DetectorRule = { ...RULES.change, opensAt: 3, floor: 2 }
    expect(detect(detectorOf({ rule }), [hours([1, null, 5])]).alerts).toEqual([])
    expect(detect(detectorOf({ rule }), [hours([1, null, 6])]).alerts.map(({ evidence }) => evidence)).toMatchObject([
      { observed: 6, expected: 0, score: 3 },
    ])
  })

  test('may go either way, and says which', () => {
    const rule: DetectorRule = { ...RULES.change, side: 'both', atLeast: 5 }
    const { alerts } = detect(detectorOf({ rule }), [hours([8, 4, 4, 8])])
    expect(alerts.map(({ evidence }) => [evidence.side, evidence.observed])).toEqual([
      ['low', 4],
      ['high', 8],
    ])
  })
})

describe('While the watermark is degraded', () => {
  test('nothing is published, and afterwards everything that still holds', () => {
    const first: Close = { ...hours([20, 1, 20]), degraded: true, settledTo: MONDAY + 2 * HOUR }
    const corrected: Close = { results: [at(MONDAY + 2 * HOUR, 'here', 3)], closedTo: MONDAY + 4 * HOUR }
    const { revisions } = detect(detectorOf({ rule: RULES.threshold }), [first, corrected])
    expect(revisions[0]).toEqual([])
    expect(revisions[1]!.map(({ alert, revision }) => [alert.start, alert.resolved?.at, revision])).toEqual([
      [MONDAY, MONDAY + 2 * HOUR, 0],
    ])
  })
})

describe('A correction', () => {
  const rule = RULES.threshold
  const correct = (hour: number, value: number | null): Close => ({
    results: [at(MONDAY + hour * HOUR, 'here', value)],
    closedTo: MONDAY + 3 * HOUR,
  })

  test('that changes nothing about the alert publishes nothing', () => {
    const { revisions } = detect(detectorOf({ rule }), [hours([1, 12, 3]), correct(2, 4)])
    expect(revisions.map(({ length }) => length)).toEqual([1, 0])
  })

  test('revises the alert, or opens one', () => {
    const { revisions } = detect(detectorOf({ rule }), [hours([1, 12, 3]), correct(1, 14), correct(0, 11)])
    expect(revisions.flat().map(({ alert, revision, withdrawn }) => [alert.start, revision, withdrawn])).toEqual([
      [MONDAY + HOUR, 0, false],
      [MONDAY + HOUR, 1, false],
      // The alert of the second hour is now one of the first.
      [MONDAY, 0, false],
      [MONDAY + HOUR, 2, true],
    ])
  })

  test('withdraws an alert that has no reason any more, and may bring it back', () => {
    const { revisions, alerts } = detect(detectorOf({ rule }), [hours([1, 12, 3]), correct(1, 5), correct(1, 13)])
    expect(revisions.flat().map(({ revision, withdrawn }) => [revision, withdrawn])).toEqual([
      [0, false],
      [1, true],
      [2, false],
    ])
    expect(alerts.map(({ evidence }) => evidence.observed)).toEqual([13])
  })

  test('of a window that can change no more is none', () => {
    const settled: Close = { ...hours([1, 12, 3]), settledTo: MONDAY + 3 * HOUR }
    const { revisions } = detect(detectorOf({ rule }), [settled, correct(1, 5)])
    expect(revisions[1]).toEqual([])
  })
})

describe('What is remembered', () => {
  test('is a horizon of windows and of keys', () => {
    const rule: DetectorRule = { ...RULES.hourOfWeek, weeks: 2, minWeeks: 2 }
    const closes = Array.from({ length: 12 }, (_, week): Close => {
      const places = Array.from({ length: 60 }, (_, i) => at(MONDAY + week * WEEK, `place ${week * 60 + i}`, 1))
      const closedTo = MONDAY + week * WEEK + HOUR
      return { results: places, closedTo, settledTo: closedTo }
    })
    const { state } = detect(detectorOf({ rule }), closes)
    expect(state.windows.length).toBeLessThan(6 * 168)
    expect(state.groups.length).toBeLessThanOrEqual(7 * 60 + 100)
    expect(state.states).toHaveLength(state.groups.length)
  })

  test('jumps over years without a row', () => {
    const late = Date.UTC(2040, 0, 2)
    const closes = [hours([1, 20]), { results: [at(late, 'here', 30)], closedTo: late + HOUR }]
    const { state, alerts } = detect(detectorOf({ rule: RULES.threshold }), closes)
    expect(alerts.map(({ start }) => start)).toEqual([MONDAY + HOUR, late])
    expect(state.windows.length).toBeLessThan(36 * 24)
  })

  test('is as many keys as there is room for; the rest is counted', () => {
    const results = Array.from({ length: 20_010 }, (_, i) => at(MONDAY, `place ${i}`, 1))
    const { state } = detect(detectorOf({ rule: RULES.threshold }), [{ results, closedTo: MONDAY + HOUR }])
    expect([state.groups.length, state.unwatched]).toEqual([20_000, 10])
  })
})

describe('The alerts are a function of the final results:', () => {
  const PLACES = ['a', 'b', 'c']
  const rules: readonly DetectorRule[] = [
    { ...RULES.threshold, opensAt: 4, resolvesAt: 3, resolvesAfter: 2 },
    { ...RULES.change, side: 'both' },
    { ...RULES.hourOfWeek, minWeeks: 2, falseAlarms: 0.3 },
    { ...RULES.median, minWeeks: 2, opensAt: 2, resolvesAt: 1 },
    { ...RULES.cusum, minWeeks: 2, opensAt: 1.5, resolvesAt: 0.5 },
  ]
  const window = tumbling('1 day', { grace: '0 seconds' })
  const DAYS = 40

  /** Some rows are first published with another value, and corrected within three days. */
  const history = fc.array(
    fc.record({
      day: fc.nat(DAYS - 1),
      place: fc.constantFrom(...PLACES),
      value: fc.nat(9),
      before: fc.option(fc.nat(9)),
      late: fc.nat(2),
    }),
    { minLength: 20, maxLength: 120 },
  )

  test.each(rules)('$kind', (rule) => {
    fc.assert(
      fc.property(history, fc.array(fc.nat(4), { maxLength: 12 }), fc.array(fc.boolean()), (rows, steps, bad) => {
        const final = new Map(rows.map((row) => [`${row.day} ${row.place}`, row]))
        const watching = detectorOf({ rule, window })
        const end = (day: number) => MONDAY + (day + 1) * DAY
        const all = [...final.values()].map(({ day, place, value }) => at(MONDAY + day * DAY, place, value, DAY))
        const once = detect(watching, [{ results: all, closedTo: end(DAYS - 1) }])
        const closes: Close[] = []
        let day = -1
        for (let i = 0; day < DAYS + 2; i++) {
          const from = day
          day += 1 + (steps[i % Math.max(1, steps.length)] ?? 0)
          const results = [...final.values()].flatMap((row) => {
            const due = row.day + row.late
            const first = row.before !== null && row.day > from && row.day <= day && due > day
            if (first) return [at(MONDAY + row.day * DAY, row.place, row.before, DAY)]
            const now = row.before === null ? row.day : due
            return now > from && now <= day ? [at(MONDAY + row.day * DAY, row.place, row.value, DAY)] : []
          })
          const degraded = day < DAYS + 2 && (bad[i] ?? false)
          closes.push({ results, closedTo: end(Math.min(day, DAYS - 1)), settledTo: end(day - 3), degraded })
        }
        expect(detect(watching, closes).alerts).toEqual(once.alerts)
      }),
      { numRuns: 20 },
    )
  })
})
