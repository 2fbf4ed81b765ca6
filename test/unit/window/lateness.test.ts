import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { judge, ON_TIME, type Verdict } from '#window/lateness.ts'
import { windowsContaining } from '#window/windows.ts'
import { calendar, cumulating, session, sliding, tumbling } from './builders.ts'

const GAP = { ...ON_TIME, inWindow: false, folds: false }

describe('The verdict on a slice', () => {
  it('is on time while nothing is closed, and nothing in a gap', () => {
    expect(judge(tumbling(10), 0, null)).toEqual({
      inWindow: true,
      folds: true,
      missed: 0,
      firstStart: 0,
      lastEnd: 0,
      apartUpTo: null,
    })
    for (const mark of [null, 4, 400]) expect(judge(sliding(2, 10), 5, mark)).toEqual(GAP)
  })

  //   0         10        20        30   size 20, every 10, grace 5; slice 10 is in two windows
  //   ├──────────●─────────┤ 20 + 5
  //              ●─────────┼─────────┤ 30 + 5
  it.each<[number, Verdict]>([
    [15, ON_TIME],
    [24, ON_TIME],
    [25, { inWindow: true, folds: true, missed: 1, firstStart: 0, lastEnd: 20, apartUpTo: 20 }],
    [34, { inWindow: true, folds: true, missed: 1, firstStart: 0, lastEnd: 20, apartUpTo: 20 }],
    [35, { inWindow: true, folds: false, missed: 2, firstStart: 0, lastEnd: 30, apartUpTo: 30 }],
  ])('counts the windows that are beyond grace at mark %i', (mark, verdict) => {
    expect(judge(sliding(20, 10, { grace: 5 }), 10, mark)).toEqual(verdict)
  })

  it('is given later for sessions, record by record', () => {
    expect(judge(session(10), 0, 1_000)).toBe(ON_TIME)
  })

  it('is of the civil day that the slice is in', () => {
    const noon = Date.parse('2024-05-01T12:00:00Z')
    const [start, end] = [Date.parse('2024-05-01T00:00:00Z'), Date.parse('2024-05-02T00:00:00Z')]
    expect(judge(calendar('day', 'UTC'), noon, end - 1)).toEqual(ON_TIME)
    expect(judge(calendar('day', 'UTC'), noon, end)).toMatchObject({ missed: 1, firstStart: start, lastEnd: end })
  })

  it('is what one finds by looking at each window by itself', () => {
    const grace = fc.integer({ min: 0, max: 15 })
    const size = fc.integer({ min: 1, max: 20 })
    const spec = fc.oneof(
      fc.tuple(size, grace).map(([n, g]) => tumbling(n, { grace: g })),
      fc.tuple(size, size, grace).map(([n, every, g]) => sliding(n, every, { grace: g })),
      fc.tuple(size, fc.integer({ min: 1, max: 4 }), grace).map(([n, k, g]) => cumulating(n * k, n, { grace: g })),
    )
    const time = fc.integer({ min: -60, max: 60 })
    fc.assert(
      fc.property(spec, time, time, (window, slice, mark) => {
        const windows = windowsContaining(window, slice)
        const missed = windows.filter(({ end }) => end + window.grace <= mark)
        const expected =
          windows.length === 0
            ? GAP
            : missed.length === 0
              ? ON_TIME
              : {
                  inWindow: true,
                  folds: missed.length < windows.length,
                  missed: missed.length,
                  firstStart: missed[0]!.start,
                  lastEnd: missed.at(-1)!.end,
                  apartUpTo: missed.at(-1)!.end,
                }
        expect(judge(window, slice, mark)).toEqual(expected)
      }),
    )
  })
})
