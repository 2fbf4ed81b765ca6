import { describe, expect, it } from 'vitest'
import { hashText } from '#core/hash.ts'
import type { SessionSpec } from '#plan/plan.ts'
import { aggregatesOf } from '#window/aggregate.ts'
import { Folder } from '#window/fold.ts'
import type { FoldCounts } from '#window/fold-counts.ts'
import { encodeGroupKey } from '#window/group-key.ts'
import { type Page, pageCodec } from '#window/page.ts'
import { behindSessions, judgeRecord } from '#window/session-lateness.ts'
import { isSettled, sessionsOf } from '#window/sessions.ts'
import { sliceLayout } from '#window/slices.ts'
import { lastWindowEnd, windowsContaining, windowsEndingIn } from '#window/windows.ts'
import { aggregate, allRows, columnBatch, FIELDS, session, timesOf, tumbling, windowOutput } from './builders.ts'

type Batch = { readonly times: readonly number[]; readonly mark?: number | null; readonly kind?: string }

/** A page for each partition's batches; everything through its bytes. */
function fold(spec: SessionSpec, partitions: readonly (readonly Batch[])[]) {
  const output = windowOutput(spec, { aggregates: [aggregate('count'), aggregate('sum', 'whole', 'long')] })
  const codec = pageCodec([output], FIELDS)
  const folder = new Folder([output], FIELDS, sliceLayout([spec], 10_000))
  const counts: FoldCounts[] = []
  const pages = partitions.map((batches, partition) => {
    let page: Page = codec.empty()
    let next = 0
    for (const { times, mark = null, kind = 'a' } of batches) {
      const rows = times.map((time) => ({ time, kind, whole: time }))
      const offsets = Float64Array.from(times, () => next++)
      counts.push(
        folder.fold(page, columnBatch(rows), allRows(rows.length), timesOf(rows), offsets, { mark, partition }),
      )
      page = codec.decode(codec.encode(page))
    }
    return page
  })
  const sessions = sessionsOf(spec, 0, pages, aggregatesOf(output, FIELDS))
  const of = (kind: string) =>
    (sessions.get(encodeGroupKey([kind])) ?? []).map(({ bounds, states }) => [
      bounds.start,
      bounds.end,
      ...states.slice(1),
    ])
  return { pages, counts, sessions: of('a'), of }
}

describe('sessions of slices', () => {
  //   0         10        20        30        40
  //   ● ●      ●│        ●│                   ●      gap 10: 9 is 8 after 1, 19 is 10 after 9, 40 stands alone
  it('join where the next record is at most a gap after the last one, across slices and pages', () => {
    expect(fold(session(10), [[{ times: [0, 40, 1, 9, 19] }]]).sessions).toEqual([
      [0, 29, 4, 29],
      [40, 50, 1, 40],
    ])
  })

  it('split at exactly a gap if told so, and not a millisecond earlier', () => {
    expect(fold(session(10, { atGap: 'split' }), [[{ times: [0, 10, 19] }]]).sessions).toEqual([
      [0, 10, 1, 0],
      [10, 29, 2, 29],
    ])
    expect(fold(session(10), [[{ times: [0, 10, 21] }]]).sessions).toEqual([
      [0, 20, 2, 10],
      [21, 31, 1, 21],
    ])
  })

  //   partition 0     0   ●           ●18
  //   partition 1              ●11                  alone 0 and 18 are two
  it('join what several partitions have, whichever comes first', () => {
    const parts = [[{ times: [0, 18] }], [{ times: [11] }]]
    expect(fold(session(12), parts).sessions).toEqual([[0, 30, 3, 29]])
    expect(fold(session(12), parts.toReversed()).sessions).toEqual([[0, 30, 3, 29]])
  })

  it('keep groups apart', () => {
    const { of } = fold(session(10), [[{ times: [0, 5] }, { times: [7], kind: 'b' }]])
    expect(of('a')).toEqual([[0, 15, 2, 5]])
    expect(of('b')).toEqual([[7, 17, 1, 7]])
  })

  it('go back before 1970', () => {
    expect(fold(session(10), [[{ times: [-25, -15, -4] }]]).sessions).toEqual([
      [-25, -5, 2, -40],
      [-4, 6, 1, -4],
    ])
  })
})

describe('records behind sessions beyond grace', () => {
  //   0        10        20   mark 21
  //   ●─────────┤          |                 over at 10
  //        ●5 late          |
  //               ●13       |  not late: alone it would end at 23; but 0 … 10 is over, so it begins another
  it('are late, or begin another session', () => {
    const { sessions, counts, pages } = fold(session(10), [[{ times: [0] }, { times: [5, 13], mark: 21 }]])
    expect(sessions).toEqual([
      [0, 10, 1, 0],
      [13, 23, 1, 13],
    ])
    expect(counts.at(-1)).toEqual({ counted: 1, late: 1, partlyLate: 0 })
    expect(pages[0]!.late).toEqual([
      {
        offset: 1,
        eventTime: 5,
        output: 0,
        windowsMissed: 1,
        firstStart: 5,
        lastEnd: 15,
        lateBy: 6,
        countedElsewhere: false,
        hash: hashText(encodeGroupKey(['a'])),
      },
    ])
  })

  //   21 mark
  //   a ●0 … 10
  //   b      ●13 … 23, apart; nothing else of b is anywhere
  it('are all there is of a group that had none before', () => {
    const { of, pages } = fold(session(10), [[{ times: [0] }, { times: [13], mark: 21, kind: 'b' }]])
    expect(pages[0]!.lateSlices).toHaveLength(1)
    expect(of('a')).toEqual([[0, 10, 1, 0]])
    expect(of('b')).toEqual([[13, 23, 1, 13]])
  })

  it('are kept apart from them even in one slice, at every later mark', () => {
    const batches = [{ times: [10] }, { times: [19], mark: 21 }, { times: [28], mark: 40 }, { times: [12], mark: 41 }]
    // 28 alone is late at 40 (it would end at 38), but 19 … 29 is over too
    expect(fold(session(10), [batches]).sessions).toEqual([
      [10, 20, 1, 10],
      [19, 29, 1, 19],
    ])
  })

  it('count when they join one that is open, however late they are by themselves', () => {
    const { sessions, counts } = fold(session(10), [[{ times: [30] }, { times: [21, 12, 1], mark: 35 }]])
    // one by one: 21 joins 30, 12 joins 21, 1 is 11 away
    expect(sessions).toEqual([[12, 40, 3, 63]])
    expect(counts.at(-1)).toEqual({ counted: 2, late: 1, partlyLate: 0 })
  })

  //   20        30 open at mark 35
  //   ●─ a gap ─●
  it('join one that is open at exactly a gap, unless they are to split there', () => {
    const batches = [{ times: [30] }, { times: [20], mark: 35 }]
    expect(fold(session(10), [batches]).sessions).toEqual([[20, 40, 2, 50]])
    const split = fold(session(10, { atGap: 'split' }), [batches])
    expect(split.sessions).toEqual([[30, 40, 1, 30]])
    expect(split.counts.at(-1)).toEqual({ counted: 0, late: 1, partlyLate: 0 })
  })

  //   0         20 apart at 21      30 apart at 40, when 20 … 30 is over
  it('are taken in the order of what was over, whichever page has them', () => {
    const late = [{ times: [30], mark: 40 }]
    const early = [{ times: [20], mark: 21 }]
    for (const partitions of [
      [[{ times: [0] }], late, early],
      [[{ times: [0] }], early, late],
    ]) {
      expect(fold(session(10), partitions).sessions).toEqual([
        [0, 10, 1, 0],
        [20, 30, 1, 20],
        [30, 40, 1, 30],
      ])
    }
  })

  it('of one output are none of another', () => {
    const spec = session(10)
    const { pages } = fold(spec, [[{ times: [0] }, { times: [13], mark: 21 }]])
    const aggregates = aggregatesOf(windowOutput(spec, { aggregates: [aggregate('count')] }), FIELDS)
    expect(pages[0]!.lateSlices).toHaveLength(1)
    expect(sessionsOf(spec, 1, pages, aggregates).size).toBe(0)
  })

  it('count within grace as if nothing had been closed', () => {
    const { sessions, counts } = fold(session(10, { grace: 30 }), [[{ times: [0] }, { times: [5], mark: 35 }]])
    expect(sessions).toEqual([[0, 15, 2, 5]])
    expect(counts.at(-1)).toEqual({ counted: 1, late: 0, partlyLate: 0 })
  })
})

describe('the verdict on a record of sessions', () => {
  const never = () => false
  const always = () => true

  // gap 10, grace 5, mark 35: sessions that end before 30 are over
  it.each([
    { time: 30, joins: never, folds: true, apartUpTo: null },
    { time: 29, joins: never, folds: true, apartUpTo: 30 },
    { time: 20, joins: never, folds: true, apartUpTo: 30 },
    { time: 19, joins: never, folds: false, apartUpTo: null },
    { time: 19, joins: always, folds: true, apartUpTo: 30 },
  ])('at $time: counts $folds, apart $apartUpTo', ({ time, joins, folds, apartUpTo }) => {
    const verdict = judgeRecord(session(10, { grace: 5 }), time, 35, joins)
    expect(verdict).toMatchObject({ folds, apartUpTo, missed: folds ? 0 : 1, inWindow: true })
  })

  it('is later by a millisecond where records a gap apart split', () => {
    expect(judgeRecord(session(10, { atGap: 'split' }), 20, 30, never).folds).toBe(false)
    expect(judgeRecord(session(10, { atGap: 'split' }), 21, 30, never).folds).toBe(true)
    expect(isSettled(session(10, { atGap: 'split' }), 30, 30)).toBe(true)
    expect(isSettled(session(10), 30, 30)).toBe(false)
  })

  it('is in time without a mark, and nothing is behind sessions where there are none', () => {
    expect(judgeRecord(session(10), -1e9, null, never)).toMatchObject({ folds: true, apartUpTo: null })
    expect(behindSessions([windowOutput(tumbling(10))], 100)).toBeNull()
    expect(behindSessions([windowOutput(session(10))], null)).toBeNull()
    const outputs = [windowOutput(session(10, { grace: 40 })), windowOutput(session(10, { grace: 20 }))]
    expect(behindSessions(outputs, 100)).toBe(80)
    expect(behindSessions(outputs.toReversed(), 100)).toBe(80)
    expect(behindSessions(outputs, -100)).toBe(-120)
  })
})

describe('a record alone', () => {
  it('makes a session from itself to the gap after it; no session ends by time alone', () => {
    expect(windowsContaining(session(10), 4)).toEqual([{ start: 4, end: 14 }])
    expect(lastWindowEnd(session(10), 4)).toBe(14)
    expect([...windowsEndingIn(session(10), 0, 100)]).toEqual([])
    expect(sliceLayout([session(90), tumbling(60)], 1000).width).toBe(30)
  })
})
