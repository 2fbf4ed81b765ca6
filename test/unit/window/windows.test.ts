import { describe, expect, it } from 'vitest'
import { HOUR, MINUTE } from '#core/time.ts'
import {
  lastWindowEnd,
  lastWindowStarted,
  type WindowBounds,
  windowsContaining,
  windowsEndingIn,
} from '#window/windows.ts'
import { at, calendar, cumulating, session, sliding, tumbling } from './builders.ts'

const pairs = (windows: Iterable<WindowBounds>): readonly (readonly [number, number])[] =>
  [...windows].map(({ start, end }) => [start, end])

const iso = (text: string): number => Date.parse(text)
const spans = (windows: Iterable<WindowBounds>): readonly string[] =>
  [...windows].map(({ start, end }) => `${new Date(start).toISOString()} ${(end - start) / HOUR} h`)

describe('tumbling windows', () => {
  //     -10        -5         0         5         10
  //      ├──────────┼─────────┼─────────┼─────────┤
  //               -5 │-1      │0       4│5
  it.each([
    { t: 0, window: [0, 5] },
    { t: 4, window: [0, 5] },
    { t: 5, window: [5, 10] },
    { t: -1, window: [-5, 0] },
    { t: -5, window: [-5, 0] },
    { t: -6, window: [-10, -5] },
  ])('put $t into $window: the start is inside, the end is not, before 1970 too', ({ t, window }) => {
    expect(pairs(windowsContaining(tumbling(5), t))).toEqual([window])
  })

  //          2         7         12
  //   ───────├─────────┼─────────┤
  //         1│2       6│7
  it('are shifted by their offset', () => {
    const spec = tumbling(5, { offset: 2 })
    expect(pairs(windowsContaining(spec, 1))).toEqual([[-3, 2]])
    expect(pairs(windowsContaining(spec, 2))).toEqual([[2, 7]])
    expect(pairs(windowsContaining(tumbling(5, { offset: -3 }), 2))).toEqual([[2, 7]])
  })
})

describe('cumulating windows', () => {
  //   0       3       6       9       12 = 0'
  //   ├───────┤       .       .       ├───────┤
  //   ├───────────────┤       .       ├── …
  //   ├───────────────────────┤       .
  //   ├───────────────────────────────┤
  const spec = cumulating(12, 3)

  it('contain an event from its step to the end of the period', () => {
    expect(pairs(windowsContaining(spec, 4))).toEqual([
      [0, 6],
      [0, 9],
      [0, 12],
    ])
    expect(pairs(windowsContaining(spec, 11))).toEqual([[0, 12]])
    expect(pairs(windowsContaining(spec, -1))).toEqual([[-12, 0]])
    expect(lastWindowEnd(spec, 4)).toBe(12)
  })

  it('end one step after the other, and start again with each period', () => {
    expect(pairs(windowsEndingIn(spec, 6, 15))).toEqual([
      [0, 9],
      [0, 12],
      [12, 15],
    ])
    expect(pairs(windowsEndingIn(cumulating(12, 3, { offset: 1 }), 0, 4))).toEqual([
      [-11, 1],
      [1, 4],
    ])
  })
})

describe('sliding windows', () => {
  //   t = 20:10   every 30 min, 5 h long
  //   15:30 ├───────────────────┤ 20:30       the first that still contains it
  //   16:00  ├───────────────────┤ 21:00
  //     …
  //   20:00          ├───────────────────┤ 01:00
  it('of 5 hours every 30 minutes contain an event ten times', () => {
    const windows = windowsContaining(sliding(5 * HOUR, 30 * MINUTE), at('20:10'))
    expect(windows).toHaveLength(10)
    expect(windows[0]).toEqual({ start: at('15:30'), end: at('20:30') })
    expect(windows[9]).toEqual({ start: at('20:00'), end: at('25:00') })
  })

  //   0    3    6    9    12             size 10, every 3: does not divide
  //   ├─────────────────┤ 10
  //        ├─────────────────┤ 13
  //             ├─────────────────┤ 16
  //                  ├─────────────────┤ 19
  //                   9 10
  it('may have a slide that does not divide their size', () => {
    const spec = sliding(10, 3)
    expect(pairs(windowsContaining(spec, 9))).toEqual([
      [0, 10],
      [3, 13],
      [6, 16],
      [9, 19],
    ])
    expect(pairs(windowsContaining(spec, 10))).toEqual([
      [3, 13],
      [6, 16],
      [9, 19],
    ])
    expect(pairs(windowsContaining(spec, -1))).toEqual([
      [-9, 1],
      [-6, 4],
      [-3, 7],
    ])
  })

  //   0   2            10  12           20  22
  //   ├───┤            ├───┤            ├───┤         size 2, every 10
  //     1 │2          9│
  it('leave gaps when the slide is longer than the size', () => {
    const spec = sliding(2, 10)
    expect(pairs(windowsContaining(spec, 1))).toEqual([[0, 2]])
    expect(windowsContaining(spec, 2)).toEqual([])
    expect(windowsContaining(spec, 9)).toEqual([])
    expect(windowsContaining(spec, -1)).toEqual([])
    expect(pairs(windowsContaining(spec, -10))).toEqual([[-10, -8]])
    expect(lastWindowEnd(spec, 9)).toBeNull()
    expect(lastWindowEnd(spec, 11)).toBe(12)
  })
})

describe('calendar windows', () => {
  it('of a day last 23 hours when clocks go forward and 25 when they go back', () => {
    const day = calendar('day')
    expect(spans(windowsContaining(day, iso('2018-03-11T12:00:00Z')))).toEqual(['2018-03-11T06:00:00.000Z 23 h'])
    expect(spans(windowsContaining(day, iso('2018-11-04T12:00:00Z')))).toEqual(['2018-11-04T05:00:00.000Z 25 h'])
    expect(spans(windowsContaining(day, iso('2018-07-04T12:00:00Z')))).toEqual(['2018-07-04T05:00:00.000Z 24 h'])
  })

  //   2018-11-03        2018-11-04             2018-11-05    in Chicago
  //   ┼─────────────────┼──────────────────────┼──────────
  //                     05:00Z  06:00Z 07:00Z  06:00Z        01:30 comes twice, both in one day
  it('hold both hours of a repeated hour', () => {
    const [first] = windowsContaining(calendar('day'), iso('2018-11-04T06:30:00Z'))
    const [second] = windowsContaining(calendar('day'), iso('2018-11-04T07:30:00Z'))
    expect(first).toEqual(second)
  })

  it('of a week start on Monday, of a quarter in January, April, July and October', () => {
    const t = iso('2018-11-04T12:00:00Z')
    expect(spans(windowsContaining(calendar('week'), t))).toEqual([`2018-10-29T05:00:00.000Z ${7 * 24 + 1} h`])
    expect(spans(windowsContaining(calendar('quarter'), t))).toEqual([`2018-10-01T05:00:00.000Z ${92 * 24 + 1} h`])
    expect(spans(windowsContaining(calendar('month', 'UTC'), t))).toEqual([`2018-11-01T00:00:00.000Z ${30 * 24} h`])
    expect(spans(windowsContaining(calendar('year', 'UTC'), t))).toEqual([`2018-01-01T00:00:00.000Z ${365 * 24} h`])
  })

  it('are the same whatever was asked before', () => {
    const times = Array.from({ length: 400 }, (_, i) => iso('2017-12-28T00:00:00Z') + i * 11 * HOUR)
    const zone = 'Europe/London'
    const forward = times.map((t) => windowsContaining(calendar('day', zone), t)[0])
    const backward = times.toReversed().map((t) => windowsContaining(calendar('day', zone), t)[0])
    expect(backward.toReversed()).toEqual(forward)
  })

  it('are the same once there were more of them than are remembered', () => {
    const day = calendar('day', 'Asia/Tokyo')
    const noon = (at: number): number => iso('2000-01-01T03:00:00Z') + at * 24 * HOUR
    const first = windowsContaining(day, noon(0))
    for (let at = 0; at < 4_200; at++) {
      const [window] = windowsContaining(day, noon(at))
      expect([window!.start, window!.end]).toEqual([noon(at) - 12 * HOUR, noon(at) + 12 * HOUR])
    }
    expect(windowsContaining(day, noon(0))).toEqual(first)
  })

  it('of one unit and zone are not those of another', () => {
    const t = iso('2018-07-04T12:00:00Z')
    const starts = [
      calendar('day', 'UTC'),
      calendar('day', 'Asia/Tokyo'),
      calendar('month', 'UTC'),
      calendar('month', 'Asia/Tokyo'),
    ].map((spec) => windowsContaining(spec, t)[0]!.start)
    expect(starts.map((start) => new Date(start).toISOString())).toEqual([
      '2018-07-04T00:00:00.000Z',
      '2018-07-03T15:00:00.000Z',
      '2018-07-01T00:00:00.000Z',
      '2018-06-30T15:00:00.000Z',
    ])
  })

  it('follow each other without gap or overlap across a year of clock changes', () => {
    const windows = [...windowsEndingIn(calendar('day'), iso('2018-01-01T06:00:00Z'), iso('2019-01-01T06:00:00Z'))]
    expect(windows).toHaveLength(365)
    for (const [i, window] of windows.entries()) {
      expect(window.start).toBe(windows[i - 1]?.end ?? iso('2018-01-01T06:00:00Z'))
    }
  })
})

describe('the window that started last', () => {
  it('is the one that contains the time, or the one before its gap; of several the longest', () => {
    expect(lastWindowStarted(tumbling(5, { offset: 2 }), 1)).toEqual({ start: -3, end: 2 })
    expect(lastWindowStarted(sliding(10, 3), 10)).toEqual({ start: 9, end: 19 })
    expect(lastWindowStarted(sliding(2, 10), 9)).toEqual({ start: 0, end: 2 })
    expect(lastWindowStarted(cumulating(12, 3, { offset: 1 }), 3)).toEqual({ start: 1, end: 13 })
    expect(lastWindowStarted(session(7), 3)).toEqual({ start: 3, end: 10 })
  })

  it('ends nowhere where it has ended at the time itself', () => {
    expect(lastWindowEnd(sliding(2, 10), 2)).toBeNull()
    expect(lastWindowEnd(sliding(2, 10), 1)).toBe(2)
  })
})

describe('windowsEndingIn', () => {
  //   0    3    6    9    12   15   18
  //   ├─────────────────┤ 10
  //        ├─────────────────┤ 13
  //             ├─────────────────┤ 16
  //                     (10 ── 16]
  it('leaves out the end it starts after and takes the one it goes up to', () => {
    expect(pairs(windowsEndingIn(sliding(10, 3), 10, 16))).toEqual([
      [3, 13],
      [6, 16],
    ])
    expect(pairs(windowsEndingIn(sliding(10, 3), 9, 15))).toEqual([
      [0, 10],
      [3, 13],
    ])
    expect(pairs(windowsEndingIn(tumbling(5), 5, 5))).toEqual([])
    expect(pairs(windowsEndingIn(tumbling(5), -6, 0))).toEqual([
      [-10, -5],
      [-5, 0],
    ])
  })

  it('takes a calendar window that ends at the bound', () => {
    const midnight = iso('2018-07-05T05:00:00Z')
    expect(pairs(windowsEndingIn(calendar('day'), midnight - 1, midnight))).toEqual([[midnight - 24 * HOUR, midnight]])
    expect(pairs(windowsEndingIn(calendar('day'), midnight, midnight))).toEqual([])
  })

  it('is lazy: an endless range costs what is taken from it', () => {
    const iterator = windowsEndingIn(tumbling(5), 0, Number.POSITIVE_INFINITY)[Symbol.iterator]()
    expect(iterator.next().value).toEqual({ start: 0, end: 5 })
    expect(iterator.next().value).toEqual({ start: 5, end: 10 })
  })

  it('refuses to start nowhere', () => {
    expect(() => [...windowsEndingIn(tumbling(5), Number.NEGATIVE_INFINITY, 0)]).toThrow(
      'windowsEndingIn needs a finite time to start after, found -Infinity',
    )
  })
})
