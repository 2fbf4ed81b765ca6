import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { type EpochMillis, HOUR } from '#core/time.ts'
import { type PublishedWindows, windowId } from '#runtime/close-item.ts'
import { type Revised, readResult, revise, tableRow, type WindowRow, writeResult } from '#runtime/results.ts'
import type { ResultRow } from '#window/close.ts'
import { encodeGroupKey } from '#window/group-key.ts'
import type { WindowBounds } from '#window/windows.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { aggregate, at, tumbling, windowOutput } from '../window/builders.ts'
import { rooms } from './builders.ts'

const output = windowOutput(tumbling(HOUR, { grace: 2 * HOUR }), { aggregates: [aggregate('count'), aggregate('avg')] })
const window = (start: string): WindowBounds => ({ start: at(start), end: at(start) + HOUR })
const NEVER = Number.NEGATIVE_INFINITY

const row = (start: string, kind: string | null, count: number, avg: number | null = null): ResultRow => ({
  output: 0,
  window: window(start),
  key: encodeGroupKey([kind]),
  group: [kind],
  values: [count, avg],
})

interface Close {
  readonly computed: readonly ResultRow[]
  /** Starts of windows that were closed before. */
  readonly again?: readonly string[]
  readonly settled?: EpochMillis
}

/** One close after the other; what is published goes through JSON in between, as the close item does. */
function closes(...steps: readonly Close[]): readonly Revised[] {
  let published: PublishedWindows = {}
  return steps.map(({ computed, again = [], settled = NEVER }) => {
    const revised = revise(output, computed, again.map(window), published, settled)
    published = JSON.parse(JSON.stringify(revised.published)) as PublishedWindows
    return revised
  })
}

const brief = ({ rows }: Revised): readonly unknown[] =>
  rows.map(({ start, group, values, revision, final }) => [start / HOUR, ...group, values[0], revision, final])

describe('the revision of a result row', () => {
  it('is 0 the first time, in each window and group', () => {
    const [first] = closes({ computed: [row('00:00', 'A', 1), row('00:00', 'B', 2), row('01:00', 'A', 3)] })
    expect(brief(first!)).toEqual([
      [0, 'A', 1, 0, true],
      [0, 'B', 2, 0, true],
      [1, 'A', 3, 0, true],
    ])
    expect(first!.rows[0]).toEqual({
      output: 'per_kind',
      start: 0,
      end: at('01:00'),
      group: ['A'],
      values: [1, null],
      revision: 0,
      final: true,
    } satisfies WindowRow)
  })

  it('is one more each time when a value has changed, whichever of them', () => {
    const again = ['00:00']
    const revised = closes(
      { computed: [row('00:00', 'A', 1)] },
      { computed: [row('00:00', 'A', 2)], again },
      { computed: [row('00:00', 'A', 2, 0.5)], again },
    )
    expect(revised.map(({ rows }) => rows.map((one) => [one.revision, ...one.values]))).toEqual([
      [[0, 1, null]],
      [[1, 2, null]],
      [[2, 2, 0.5]],
    ])
  })

  it('is none for a row that is computed again as it was: there is no row', () => {
    const again = ['00:00']
    const computed = [row('00:00', 'A', 1, 0.1), row('00:00', null, 4)]
    const [, same, changed] = closes(
      { computed },
      { computed, again },
      { computed: [row('00:00', 'A', 2, 0.1)], again },
    )
    expect(same!.rows).toEqual([])
    expect(brief(changed!)[0]).toEqual([0, 'A', 2, 1, true])
  })

  it('is 0 for a group that appears only when its window is computed again', () => {
    const [, second] = closes(
      { computed: [row('00:00', 'A', 1)] },
      { computed: [row('00:00', 'A', 1), row('00:00', 'B', 1)], again: ['00:00'] },
    )
    expect(brief(second!)).toEqual([[0, 'B', 1, 0, true]])
  })
})

describe('a row that was published and is not computed any more', () => {
  const again = ['00:00']
  const gone = [
    { computed: [row('00:00', 'A', 7, 0.5), row('00:00', 'B', 1)] },
    { computed: [row('00:00', 'B', 1)], again },
  ]

  it('is withdrawn once, by its last values with the next revision and final = false', () => {
    const [, withdrawn, later] = closes(...gone, gone[1]!)
    expect(withdrawn!.rows.map(({ group, values, revision, final }) => [...group, ...values, revision, final])).toEqual(
      [['A', 7, 0.5, 1, false]],
    )
    expect(later!.rows).toEqual([])
  })

  it('comes back with the revision after that, even with its old values', () => {
    const [, , back] = closes(...gone, { ...gone[0]!, again })
    expect(brief(back!)).toEqual([[0, 'A', 7, 2, true]])
  })

  it('is left alone in a window that was not computed again', () => {
    const [, second] = closes({ computed: [row('00:00', 'A', 7)] }, { computed: [row('01:00', 'A', 1)] })
    expect(brief(second!)).toEqual([[1, 'A', 1, 0, true]])
    expect(Object.keys(second!.published)).toEqual([windowId(window('00:00')), windowId(window('01:00'))])
  })
})

describe('what is remembered of published windows', () => {
  //   00:00   01:00   02:00   03:00   04:00
  //   ├───────┤ . . . grace . . ┤               settled < 03:00: kept
  //           ├───────┤ . . . grace . . ┤       settled < 04:00: kept
  const computed = [row('00:00', 'A', 1), row('01:00', 'A', 2)]
  const startsAt = (settled: number, ...then: readonly Close[]) =>
    Object.keys(closes({ computed }, { computed: [], settled }, ...then)[1]!.published).map(
      (id) => Number(id.split(' ')[0]) / HOUR,
    )

  it('is forgotten when end + grace is settled, and not a millisecond earlier', () => {
    expect(startsAt(at('03:00') - 1)).toEqual([0, 1])
    expect(startsAt(at('03:00'))).toEqual([1])
    expect(startsAt(at('04:00'))).toEqual([])
  })

  it('is nothing for a window that is settled already when it is first computed; its rows come all the same', () => {
    const [late] = closes({ computed, settled: at('03:00') })
    expect(brief(late!)).toEqual([
      [0, 'A', 1, 0, true],
      [1, 'A', 2, 0, true],
    ])
    expect(Object.keys(late!.published)).toEqual([windowId(window('01:00'))])
  })

  it('is not changed by the close that goes on from it, which may fail', () => {
    const before: PublishedWindows = closes({ computed })[0]!.published
    const copy = structuredClone(before)
    revise(output, [row('00:00', 'A', 5)], [window('00:00'), window('01:00')], before, NEVER)
    expect(before).toEqual(copy)
  })
})

describe('result objects', () => {
  const { runtime } = testWorld(rooms, {}, { store: new MemoryObjectStore() })
  const rows = closes({ computed: [row('00:00', 'ä\u0000', 1, 0.1), row('01:00', null, 2)] })[0]!.rows

  it('are read back as they were written', async () => {
    expect(await readResult(runtime, await writeResult(runtime, 12, rows))).toEqual(rows)
  })

  it('of two closers with the same number are two objects, so that none overwrites the other’s', async () => {
    const paths = [await writeResult(runtime, 7, rows), await writeResult(runtime, 7, [])]
    expect(paths[0]).toMatch(/^_sluice\/rooms\/results\/000000000007-.+\.json$/)
    expect(await readResult(runtime, paths[0]!)).toEqual(rows)
    expect(await readResult(runtime, paths[1]!)).toEqual([])
  })

  it('become rows of the table by the names of groups and aggregates', () => {
    expect(tableRow(output, rows[0]!)).toEqual({
      window_start: 0,
      window_end: HOUR,
      kind: 'ä\u0000',
      count: 1,
      avg: 0.1,
      revision: 0,
      is_final: true,
    })
  })
})
