import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import type { Row, WindowOutput } from '#plan/plan.ts'
import { closeWindows, type FailedGroup, type ResultRow } from '#window/close.ts'
import { Folder } from '#window/fold.ts'
import { type Page, pageCodec } from '#window/page.ts'
import { sliceLayout } from '#window/slices.ts'
import { type WindowBounds, windowsEndingIn } from '#window/windows.ts'
import {
  aggregate,
  allRows,
  at,
  calendar,
  columnBatch,
  FIELDS,
  noFailures,
  sliding,
  type TestRow,
  timesOf,
  tumbling,
  windowOutput,
} from './builders.ts'

/** The pages of one partition that got these rows. */
function pagesOf(outputs: readonly WindowOutput[], rows: readonly TestRow[]): readonly Page[] {
  const layout = sliceLayout(
    outputs.map(({ window }) => window),
    6 * HOUR,
  )
  const folder = new Folder(outputs, FIELDS, layout)
  const times = timesOf(rows)
  return [...folder.assign(times, allRows(rows.length)).values()].map((own) => {
    const page = pageCodec(outputs, FIELDS).empty()
    folder.fold(page, columnBatch(rows), own, times, times, { mark: null })
    return page
  })
}

function close(output: WindowOutput, pages: readonly Page[], windows: Iterable<WindowBounds>): readonly ResultRow[] {
  return [...closeWindows(output, 0, FIELDS, pages, windows, noFailures)]
}

const brief = (rows: readonly ResultRow[]): readonly unknown[] =>
  rows.map(({ window, group, values }) => [window.start / HOUR, ...group, ...values])

describe('closing windows', () => {
  //   00:00        01:00        02:00        03:00
  //   ├────────────┼────────────┼────────────┤
  //    B  A A                     A               partition 0
  //       A                                       partition 1
  it('merges partitions and sorts groups; a window without records has no rows', () => {
    const output = windowOutput(tumbling(HOUR), { aggregates: [aggregate('count'), aggregate('sum', 'whole', 'long')] })
    const pages = [
      ...pagesOf(
        [output],
        [
          { time: at('00:05'), kind: 'B', whole: 1 },
          { time: at('00:10'), kind: 'A', whole: 2 },
          { time: at('00:15'), kind: 'A', whole: 3 },
          { time: at('02:10'), kind: 'A', whole: 4 },
        ],
      ),
      ...pagesOf([output], [{ time: at('00:10'), kind: 'A', whole: 10 }]),
    ]
    const rows = close(output, pages, windowsEndingIn(output.window, 0, at('03:00')))
    expect(rows).toEqual([
      { output: 0, window: { start: 0, end: HOUR }, key: 'sA', group: ['A'], values: [3, 15] },
      { output: 0, window: { start: 0, end: HOUR }, key: 'sB', group: ['B'], values: [1, 1] },
      { output: 0, window: { start: at('02:00'), end: at('03:00') }, key: 'sA', group: ['A'], values: [1, 4] },
    ])
    expect(close(output, pages.toReversed(), windowsEndingIn(output.window, 0, at('03:00')))).toEqual(rows)
  })

  //   00:00   01:00   02:00   03:00   04:00
  //     ├───────────────┤                        2 h every hour
  //             ├───────────────┤
  //                     ├───────────────┤
  //       A         A         B
  it('slides: a slice is in each of its windows', () => {
    const output = windowOutput(sliding(2 * HOUR, HOUR))
    const pages = pagesOf(
      [output],
      [
        { time: at('00:30'), kind: 'A' },
        { time: at('01:30'), kind: 'A' },
        { time: at('02:30'), kind: 'B' },
      ],
    )
    expect(brief(close(output, pages, windowsEndingIn(output.window, 0, at('09:00'))))).toEqual([
      [-1, 'A', 1],
      [0, 'A', 2],
      [1, 'A', 1],
      [1, 'B', 1],
      [2, 'B', 1],
    ])
  })

  //   windows 0–10, 3–13, 6–16, 9–19 and a record a time unit: each holds ten
  it('slides by steps that do not divide the size', () => {
    const output = windowOutput(sliding(10, 3))
    const rows = Array.from({ length: 60 }, (_, i) => ({ time: i - 20, kind: 'A' }))
    const counts = close(output, pagesOf([output], rows), windowsEndingIn(output.window, -10, 40))
    expect(counts.map(({ values }) => values[0])).toEqual(new Array(17).fill(10))
  })

  it('takes any ascending choice of windows', () => {
    const output = windowOutput(sliding(10, 2))
    const rows = Array.from({ length: 60 }, (_, i) => ({ time: i, kind: 'A' }))
    const chosen = [0, 2, 20, 24, 26, 48].map((start) => ({ start, end: start + 10 }))
    const counts = close(output, pagesOf([output], rows), chosen)
    expect(counts.map(({ window, values }) => [window.start, values[0]])).toEqual(
      chosen.map(({ start }) => [start, 10]),
    )
  })

  it('refuses windows that descend, by their start or by their end', () => {
    const output = windowOutput(tumbling(10))
    const refused = (...windows: WindowBounds[]) =>
      expect(() => close(output, [], windows)).toThrow('closeWindows needs ascending windows, found one from')
    refused({ start: 10, end: 20 }, { start: 0, end: 10 })
    refused({ start: 10, end: 20 }, { start: 0, end: 20 })
    refused({ start: 10, end: 20 }, { start: 10, end: 19 })
    expect(() =>
      close(
        output,
        [],
        [10, 0].map((start) => ({ start, end: start + 10 })),
      ),
    ).toThrow(/ 0 after 10$/)
  })

  //   Chicago, 2018-11-04: the day has 25 hours, 05:00Z to 06:00Z the next day
  it('counts a day of 25 hours whole', () => {
    const output = windowOutput(calendar('day'))
    const start = Date.parse('2018-11-04T05:00:00Z')
    const rows = Array.from({ length: 27 }, (_, hour) => ({ time: start + (hour - 1) * HOUR + 1, kind: 'A' }))
    const counts = close(output, pagesOf([output], rows), windowsEndingIn(output.window, start - 1, start + 3 * DAY))
    expect(counts.map(({ values }) => values[0])).toEqual([1, 25, 1])
  })

  it('does not change the pages: closing again gives the same', () => {
    const output = windowOutput(sliding(4 * HOUR, HOUR), { aggregates: [aggregate('sum', 'real')] })
    const rows = Array.from({ length: 50 }, (_, i) => ({ time: i * 17 * MINUTE, kind: 'A', real: 0.1 * i }))
    const pages = [...pagesOf([output], rows), ...pagesOf([output], rows)]
    const once = close(output, pages, windowsEndingIn(output.window, 0, at('24:00')))
    expect(once).not.toEqual([])
    expect(close(output, pages, windowsEndingIn(output.window, 0, at('24:00')))).toEqual(once)
  })

  it('closes the output it is asked for', () => {
    const outputs = [
      windowOutput(tumbling(HOUR)),
      windowOutput(tumbling(HOUR), { name: 'by_place', groupBy: ['place'] }),
    ]
    const pages = pagesOf(outputs, [{ time: 5, kind: 'A', place: 'here' }])
    const rows = [...closeWindows(outputs[1]!, 1, FIELDS, pages, [{ start: 0, end: at('01:00') }], noFailures)]
    expect(rows).toEqual([{ output: 1, window: { start: 0, end: HOUR }, key: 'shere', group: ['here'], values: [1] }])
  })
})

describe('where', () => {
  it('sees the window, the group and the aggregates, and decides what is published', () => {
    const seen: Row[] = []
    const output = windowOutput(tumbling(HOUR), {
      groupBy: ['kind', 'flag'],
      where: (row) => {
        seen.push({ ...row })
        return (row.count as number) > 1
      },
    })
    const pages = pagesOf(
      [output],
      [
        { time: 1, kind: 'A', flag: true },
        { time: 2, kind: 'A', flag: true },
        { time: 3, kind: 'B', flag: null },
      ],
    )
    expect(brief(close(output, pages, [{ start: 0, end: at('01:00') }]))).toEqual([[0, 'A', true, 2]])
    expect(seen).toStrictEqual([
      { window_start: 0, window_end: HOUR, kind: 'A', flag: true, count: 2 },
      { window_start: 0, window_end: HOUR, kind: 'B', flag: null, count: 1 },
    ])
  })
  it('that throws leaves its group without a row, says why, and all others have theirs', () => {
    const output = windowOutput(tumbling(HOUR), {
      where: ({ kind }) => {
        if (kind === 'A') throw new TypeError('no A')
        return true
      },
    })
    const pages = pagesOf(
      [output],
      ['B', 'A', 'C'].map((kind) => ({ time: 1, kind })),
    )
    const failed: FailedGroup[] = []
    const rows = [
      ...closeWindows(output, 0, FIELDS, pages, [{ start: 0, end: at('01:00') }], (one) => failed.push(one)),
    ]
    expect(brief(rows)).toEqual([
      [0, 'B', 1],
      [0, 'C', 1],
    ])
    expect(failed).toEqual([
      { window: { start: 0, end: HOUR }, group: ['A'], reason: expect.stringMatching(/^where threw: .*no A/) },
    ])
  })
})
