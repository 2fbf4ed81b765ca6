import { describe, expect, it } from 'vitest'
import { hashText } from '#core/hash.ts'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import type { ColumnBatch } from '#schema/vector.ts'
import { Folder } from '#window/fold.ts'
import { encodeGroupKey } from '#window/group-key.ts'
import { type Page, pageCodec } from '#window/page.ts'
import { sliceLayout } from '#window/slices.ts'
import {
  aggregate,
  allRows,
  at,
  type BatchOptions,
  columnBatch,
  FIELDS,
  sliding,
  TestDictionary,
  type TestRow,
  timesOf,
  tumbling,
  windowOutput,
} from './builders.ts'

const key = encodeGroupKey

/** A folder over pages of a day, and one page to fold into. */
function folding(outputs: readonly WindowOutput[]) {
  const layout = sliceLayout(
    outputs.map(({ window }) => window),
    DAY,
  )
  const folder = new Folder(outputs, FIELDS, layout)
  const page = pageCodec(outputs, FIELDS).empty()
  const fold = (rows: readonly TestRow[], mark: number | null = null, options: BatchOptions & { from?: number } = {}) =>
    folder.fold(
      page,
      columnBatch(rows, options),
      allRows(rows.length),
      timesOf(rows),
      Float64Array.from(rows, (_, i) => (options.from ?? 100) + i),
      { mark },
    )
  return { folder, page, fold }
}

const groups = (page: Page, start: number, output = 0): Record<string, unknown> =>
  Object.fromEntries(page.slices.get(start)?.[output] ?? [])

describe('assigning rows to pages', () => {
  //        −1 day          0               1 day
  //   ──────┼───────────────┼───────────────┼──────
  //            −1 h: page −1  0, 23 h: page 0  24 h: page 1
  it('goes by whole spans of event time, and keeps the order of rows', () => {
    const { folder } = folding([windowOutput(tumbling(HOUR))])
    const times = Float64Array.from([0, 24 * HOUR, 23 * HOUR, -HOUR, 1, 24 * HOUR])
    expect(folder.assign(times, allRows(6))).toEqual(
      new Map([
        [0, Int32Array.from([0, 2, 4])],
        [1, Int32Array.from([1, 5])],
        [-1, Int32Array.from([3])],
      ]),
    )
  })

  it('hands back the rows themselves when they are all of one page, and takes only the rows it is given', () => {
    const { folder } = folding([windowOutput(tumbling(HOUR))])
    const rows = Int32Array.from([1, 2])
    expect(folder.assign(Float64Array.from([99 * DAY, 5, 6]), rows).get(0)).toBe(rows)
    expect(folder.assign(Float64Array.from([]), allRows(0))).toEqual(new Map())
  })
})

describe('folding', () => {
  //   00:00      01:00      02:00
  //   ├──────────┼──────────┤           slices of an hour
  //    A  A  B    A
  it('accumulates each group of each slice once', () => {
    const { page, fold } = folding([
      windowOutput(tumbling(HOUR), {
        aggregates: [
          aggregate('count'),
          aggregate('countIf', 'flag'),
          aggregate('sum', 'whole', 'long'),
          aggregate('min', 'place', 'string'),
        ],
      }),
    ])
    const counts = fold([
      { time: at('00:10'), kind: 'A', whole: 5, flag: true, place: 'y' },
      { time: at('00:50'), kind: 'A', whole: null, flag: false, place: 'x' },
      { time: at('00:20'), kind: 'B', whole: 7, flag: null },
      { time: at('01:00'), kind: 'A', whole: 1, flag: true, place: 'z' },
    ])
    expect(counts).toEqual({ counted: 4, late: 0, partlyLate: 0 })
    expect(groups(page, 0)).toEqual({ sA: [2, 1, 5, 'x'], sB: [1, 0, 7, null] })
    expect(groups(page, HOUR)).toEqual({ sA: [1, 1, 1, 'z'] })
  })

  it('adds to what the page has, also when dictionaries have grown or were replaced in between', () => {
    const { page, fold } = folding([windowOutput(tumbling(HOUR), { groupBy: ['kind', 'place'] })])
    const kinds = new TestDictionary()
    const dictionaries = new Map([
      ['kind', kinds],
      ['place', new TestDictionary()],
    ])
    fold([{ time: 0, kind: 'A', place: '1' }], null, { dictionaries })
    fold(
      [
        { time: 0, kind: 'B', place: '2' },
        { time: 0, kind: 'A', place: '1' },
        { time: 0, kind: 'C', place: '3' },
        { time: 0, kind: null, place: '3' },
      ],
      null,
      { dictionaries },
    )
    const replaced = new Map([
      ['kind', kinds],
      ['place', new TestDictionary()],
    ])
    const places = ['3', '1', '2'].map((place) => ({ time: 0, kind: 'A', place }))
    fold(places, null, { dictionaries: replaced })
    fold(places, null)
    expect(groups(page, 0)).toEqual({
      [key(['A', '1'])]: [4],
      [key(['B', '2'])]: [1],
      [key(['C', '3'])]: [1],
      [key([null, '3'])]: [1],
      [key(['A', '3'])]: [2],
      [key(['A', '2'])]: [2],
    })
  })

  it('groups by text that does not repeat, numbers, booleans, nulls and nothing alike', () => {
    const rows: readonly TestRow[] = [
      { time: 0, kind: 'é', whole: 1, flag: true },
      { time: 0, kind: null, whole: null, flag: null },
      { time: 0, kind: 'é', whole: 1, flag: true },
      { time: 0, kind: 'é', whole: -1, flag: false },
    ]
    const { page, fold } = folding([
      windowOutput(tumbling(HOUR), { groupBy: ['kind', 'whole', 'flag'] }),
      windowOutput(tumbling(HOUR), { name: 'all', groupBy: [] }),
    ])
    fold(rows, null, { slices: ['kind'] })
    expect(groups(page, 0)).toEqual({
      [key(['é', 1, true])]: [2],
      [key([null, null, null])]: [1],
      [key(['é', -1, false])]: [1],
    })
    expect(groups(page, 0, 1)).toEqual({ '': [4] })
  })

  it('groups by more combinations than fit a whole number, to the last column', () => {
    const columns = ['kind', 'place', 'whole', 'real', 'time']
    // Rows i and i + 150 differ in their flag only.
    const rows = Array.from({ length: 300 }, (_, i) => {
      const n = i % 150
      return { time: n + (n % 2) * HOUR, kind: `k${n}`, place: `p${n}`, whole: n, real: n, flag: i < 150 }
    })
    const { page, fold } = folding([windowOutput(tumbling(HOUR), { groupBy: [...columns, ...columns, 'flag'] })])
    fold([...rows, ...rows])
    const [even, odd] = [groups(page, 0), groups(page, HOUR)]
    expect([Object.keys(even).length, Object.keys(odd).length]).toEqual([150, 150])
    const values = ['k7', 'p7', 7, 7, HOUR + 7]
    expect(odd[key([...values, ...values, false])]).toEqual([2])
    expect(new Set([...Object.values(even), ...Object.values(odd)].map(String))).toEqual(new Set(['2']))
  })

  it('finds its columns by name in a batch that has them elsewhere', () => {
    const { folder, page } = folding([windowOutput(tumbling(HOUR))])
    const batch = columnBatch([{ time: 0, kind: 'A' }])
    const turned: ColumnBatch = {
      fields: batch.fields.toReversed(),
      rows: 1,
      vectors: batch.vectors.toReversed(),
    }
    folder.fold(page, turned, allRows(1), Float64Array.of(0), Float64Array.of(0), { mark: null })
    expect(groups(page, 0)).toEqual({ sA: [1] })
  })

  //   0   2            10  12
  //   ├───┤            ├───┤
  //     1      5
  it('folds nothing in a gap, and calls it counted: it belongs to no window', () => {
    const { page, fold } = folding([windowOutput(sliding(2, 10))])
    const rows = [
      { time: 1, kind: 'A' },
      { time: 5, kind: 'A' },
    ]
    expect(fold(rows)).toEqual({ counted: 2, late: 0, partlyLate: 0 })
    expect([...page.slices.keys()]).toEqual([0])
    expect(fold(rows, 1_000)).toEqual({ counted: 1, late: 1, partlyLate: 0 })
  })

  it('refuses to group by a point', () => {
    const output = windowOutput(tumbling(HOUR), { groupBy: ['spot'] })
    const fields = [...FIELDS, { name: 'spot', column: { kind: 'geo_point', nullable: true } as const }]
    const folder = new Folder([output], fields, { width: HOUR, span: DAY })
    const numbers = new Float64Array(1)
    const batch = columnBatch([{ time: 0 }])
    const points = { kind: 'points', valid: null, latitudes: numbers, longitudes: numbers } as const
    const page = pageCodec([output], fields).empty()
    expect(() =>
      folder.fold(page, { ...batch, fields, vectors: [...batch.vectors, points] }, allRows(1), numbers, numbers, {
        mark: null,
      }),
    ).toThrow(
      'Rows can be grouped by columns of text, numbers, times and booleans, but one of the group columns holds points.',
    )
  })
})

describe('a late row', () => {
  //   00:00      01:00      02:00
  //   ├──────────┼──────────┤             mark 01:00 closes the first hour, grace 0
  //        ●     ▲
  it('without grace is not folded once its window is closed, and the page remembers it', () => {
    const { page, fold } = folding([windowOutput(tumbling(HOUR))])
    const counts = fold(
      [
        { time: at('00:40'), kind: 'A' },
        { time: at('01:00'), kind: 'A' },
      ],
      at('01:00'),
    )
    expect(counts).toEqual({ counted: 1, late: 1, partlyLate: 0 })
    expect(groups(page, 0)).toEqual({})
    expect(groups(page, HOUR)).toEqual({ sA: [1] })
    expect(page.late).toEqual([
      {
        offset: 100,
        eventTime: at('00:40'),
        output: 0,
        windowsMissed: 1,
        firstStart: 0,
        lastEnd: HOUR,
        lateBy: 0,
        countedElsewhere: false,
        hash: hashText('sA'),
      },
    ])
  })

  //   00:00      01:00      01:30      02:00
  //   ├──────────┤··········┤                  grace 30 min: late from mark 01:30 on
  //        ●           ▲ 01:29  ▲ 01:30
  it('within grace is folded, beyond it is not', () => {
    const { page, fold } = folding([windowOutput(tumbling(HOUR, { grace: 30 * MINUTE }))])
    const rows = [{ time: at('00:40'), kind: 'A' }]
    expect(fold(rows, at('01:29'))).toEqual({ counted: 1, late: 0, partlyLate: 0 })
    expect(fold(rows, at('01:30'), { from: 200 })).toEqual({ counted: 0, late: 1, partlyLate: 0 })
    expect(groups(page, 0)).toEqual({ sA: [1] })
    expect(page.late.map(({ offset, lateBy }) => [offset, lateBy])).toEqual([[200, 30 * MINUTE]])
  })

  //        00:00  00:30  01:00  01:30  02:00      1 h every 30 min, grace 0
  //          ├─────────────┤ closed, beyond grace
  //                 ├─────────────┤ open
  //                     ● 00:40   mark 01:00
  it('for one sliding window still counts in those that are open, beside the records that missed none', () => {
    const { page, fold } = folding([windowOutput(sliding(HOUR, 30 * MINUTE))])
    const rows = [{ time: at('00:40'), kind: 'A' }]
    expect(fold(rows, at('01:00'))).toEqual({ counted: 1, late: 0, partlyLate: 1 })
    expect(page.slices.size).toBe(0)
    expect(fold(rows, at('01:00'), { from: 200 })).toEqual({ counted: 1, late: 0, partlyLate: 1 })
    expect(page.lateSlices).toEqual([{ start: at('00:30'), missedUpTo: at('01:00'), state: [new Map([['sA', [2]]])] }])
    expect(page.late).toMatchObject([
      { output: 0, windowsMissed: 1, firstStart: 0, lastEnd: at('01:00'), countedElsewhere: true },
      { offset: 200 },
    ])
  })

  //   hour   ├───────┤ beyond grace at 02:00
  //   day    ├──────────────────────────────────┤ open
  //              ●
  it('for one output still counts in another, and is not late then, but partly', () => {
    const { page, fold } = folding([windowOutput(tumbling(HOUR)), windowOutput(tumbling(DAY), { name: 'daily' })])
    expect(fold([{ time: at('00:40'), kind: 'A' }], at('02:00'))).toEqual({ counted: 1, late: 0, partlyLate: 1 })
    expect(page.slices.get(0)).toEqual([undefined, new Map([['sA', [1]]])])
    expect(page.late).toMatchObject([{ output: 0, lateBy: HOUR, countedElsewhere: true }])
  })

  //   A  0   2            10  12       size 2, every 10: 5 lies in its gap
  //   B  0        5  ├────10                 tumbling 5
  //                  5
  it('for the only output that has a window for it is late, whatever the others are', () => {
    const { page, fold } = folding([windowOutput(sliding(2, 10)), windowOutput(tumbling(5), { name: 'fives' })])
    expect(fold([{ time: 5, kind: 'A' }], 10)).toEqual({ counted: 0, late: 1, partlyLate: 0 })
    expect(page.late).toMatchObject([{ output: 1, countedElsewhere: false }])
  })

  it('that missed windows counts them all, from the first start to the last end', () => {
    const { page, fold } = folding([windowOutput(sliding(5 * HOUR, 30 * MINUTE, { grace: HOUR }))])
    // The windows that contain 12:10 end at 12:30, 13:00 … 17:00; at mark 15:00 those up to 14:00 are beyond grace.
    fold([{ time: at('12:10'), kind: 'A' }], at('15:00'))
    expect(page.late).toMatchObject([
      { windowsMissed: 4, firstStart: at('07:30'), lastEnd: at('14:00'), lateBy: HOUR, countedElsewhere: true },
    ])
  })

  it('is remembered in the order of offsets, then outputs', () => {
    const { page, fold } = folding([windowOutput(tumbling(HOUR)), windowOutput(tumbling(2 * HOUR), { name: 'two' })])
    fold(
      [
        { time: at('01:10'), kind: 'A' },
        { time: at('00:10'), kind: 'A' },
      ],
      at('05:00'),
    )
    expect(page.late.map(({ offset, output }) => [offset, output])).toEqual([
      [100, 0],
      [100, 1],
      [101, 0],
      [101, 1],
    ])
  })
})
