import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { DAY, HOUR } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import { expirePages, pageBuckets, pageRange, sliceStartsOf, windowsWithData } from '#runtime/close-pages.ts'
import { pageGroup, pageId, parsePageId } from '#runtime/keys.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { type Page, pageCodec } from '#window/page.ts'
import type { SliceLayout } from '#window/slices.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { CountingState } from '../../support/counting-state.ts'
import { at, calendar, FIELDS, sliding, tumbling, windowOutput } from '../window/builders.ts'
import { rooms } from './builders.ts'

const LAYOUT: SliceLayout = { width: HOUR, span: 6 * HOUR }
const OUTPUTS = [windowOutput(tumbling(HOUR, { grace: HOUR }))]
const codec = pageCodec(OUTPUTS, FIELDS)

/** A runtime with these pages: each has one slice, at its start, and its fence. */
async function withPages(pages: readonly (readonly [index: number, partition: number, fence: number])[]) {
  const state = new CountingState(new MemoryStateStore())
  const { runtime } = testWorld(rooms, {}, { state })
  for (const [index, partition, fence] of pages) {
    const page = codec.empty()
    page.slices.set(index * LAYOUT.span, [new Map([['sA', [1]]])])
    const item = { group: pageGroup(runtime), id: pageId(index, partition), fence, body: codec.encode(page) }
    await state.put(item, null)
  }
  state.take()
  return { state, runtime }
}

async function pagesOf(runtime: Runtime, ranges: Parameters<typeof pageBuckets>[1]): Promise<readonly Page[]> {
  const pages: Page[] = []
  for await (const bucket of pageBuckets({ runtime, codec, layout: LAYOUT }, ranges)) pages.push(...bucket.pages)
  return pages
}

async function pagesIn(runtime: Runtime): Promise<readonly (readonly [index: number, partition: number])[]> {
  const items = await runtime.state.list(pageGroup(runtime))
  return items.map(({ id }) => [parsePageId(id).index, parsePageId(id).partition])
}

const ends = (spec: WindowSpec, slices: readonly number[], after: number | null, upTo: number) =>
  [...windowsWithData(spec, slices, after, upTo)].map(({ end }) => end / HOUR)

describe('the windows that hold data', () => {
  it('are those with a slice in them, after the mark and up to the new one, ascending', () => {
    const slices = [at('01:00'), at('03:00'), at('04:00')]
    expect(ends(tumbling(HOUR), slices, null, at('10:00'))).toEqual([2, 4, 5])
    expect(ends(tumbling(HOUR), slices, at('02:00'), at('04:00'))).toEqual([4])
    expect(ends(tumbling(HOUR), slices, at('05:00'), at('10:00'))).toEqual([])
    expect(ends(tumbling(HOUR), [], null, at('10:00'))).toEqual([])
  })

  //   00:00 01:00 02:00 03:00 04:00 05:00 06:00
  //            ██                 ██               slices
  //   ends at      02    03          05    06
  it('of sliding windows come once each, where slices share them too', () => {
    const spec = sliding(2 * HOUR, HOUR)
    expect(ends(spec, [at('01:00'), at('04:00')], null, at('12:00'))).toEqual([2, 3, 5, 6])
    expect(ends(spec, [at('01:00'), at('02:00')], null, at('12:00'))).toEqual([2, 3, 4])
    expect(ends(spec, [at('01:00'), at('02:00')], at('02:00'), at('03:00'))).toEqual([3])
  })

  it('leave out a slice that lies in a gap between windows', () => {
    const spec = sliding(HOUR, 3 * HOUR)
    expect(ends(spec, [at('00:00'), at('01:00'), at('03:00')], null, at('12:00'))).toEqual([1, 4])
  })

  it('of calendar days are found over a change of the clocks', () => {
    const day = calendar('day')
    const noonOf = (month: number, date: number) => Date.UTC(2018, month, date, 18)
    const found = [...windowsWithData(day, [noonOf(2, 10), noonOf(2, 11)], null, noonOf(2, 20))]
    expect(found.map(({ start, end }) => (end - start) / HOUR)).toEqual([24, 23])
  })

  it('cost nothing for tens of thousands of years without data between them', () => {
    const later = 50_000 * 365 * DAY
    expect(ends(tumbling(HOUR), [0, later], null, later + DAY)).toEqual([1, later / HOUR + 1])
    expect(ends(sliding(HOUR, HOUR / 2), [0, later], HOUR, later)).toEqual([])
    expect(ends(sliding(HOUR, HOUR / 2), [later], HOUR, later + HOUR)).toEqual([later / HOUR + 0.5, later / HOUR + 1])
  })
})

describe('the pages of a range of time', () => {
  it('are those that hold any of it: the end is not in it', () => {
    expect(pageRange(LAYOUT, at('00:00'), at('06:00'))).toEqual({ from: 0, to: 1 })
    expect(pageRange(LAYOUT, at('05:00'), at('06:00') + 1)).toEqual({ from: 0, to: 2 })
    expect(pageRange(LAYOUT, -1, 0)).toEqual({ from: -1, to: 0 })
    expect(pageRange(LAYOUT, null, at('12:00'))).toEqual({ from: null, to: 2 })
  })

  it('are loaded once, by one LIST a disjoint range, however ranges overlap and in whatever order they come', async () => {
    const { state, runtime } = await withPages([-3, -1, 0, 1, 2, 3, 4, 9].map((index) => [index, index & 1, 0]))
    const load = async (...ranges: readonly { from: number | null; to: number }[]) => {
      const pages = await pagesOf(runtime, ranges)
      return {
        starts: sliceStartsOf(pages, 0).map((start) => start / LAYOUT.span),
        pages: pages.length,
        ...state.take(),
      }
    }
    expect(await load({ from: 2, to: 4 }, { from: 9, to: 10 }, { from: 0, to: 3 })).toEqual({
      starts: [0, 1, 2, 3, 9],
      pages: 5,
      list: 2,
    })
    // Side by side, and one within another.
    expect(await load({ from: 0, to: 2 }, { from: 2, to: 5 }, { from: 1, to: 2 })).toMatchObject({ pages: 5, list: 1 })
    expect(await load({ from: 1, to: 2 }, { from: null, to: 0 })).toEqual({ starts: [-3, -1, 1], pages: 3, list: 2 })
    expect(await load()).toEqual({ starts: [], pages: 0 })
  })

  it('name the starts of an output’s slices once for all partitions, ascending', async () => {
    const { runtime } = await withPages([
      [2, 0, 0],
      [0, 1, 0],
      [2, 1, 0],
    ])
    const pages = await pagesOf(runtime, [{ from: null, to: 10 }])
    expect(sliceStartsOf(pages, 0)).toEqual([at('00:00'), at('12:00')])
    expect(sliceStartsOf(pages, 1)).toEqual([])
  })
})

describe('expiring pages', () => {
  //   00:00        06:00        12:00        18:00
  //   ├── page 0 ──┼── page 1 ──┼── page 2 ──┤      one slice an hour, windows of an hour, an hour of grace:
  //                 the last window of page 0 ends at 06:00 and takes records until 07:00
  const pages = [-1, 0, 1, 2].map((index) => [index, 0, 10] as const)
  const applied = new Map([[0, 10]])

  it('deletes those whose windows are all beyond grace, and no page a millisecond earlier', async () => {
    const { runtime } = await withPages(pages)
    expect(await expirePages(runtime, OUTPUTS, LAYOUT, at('07:00') - 1, applied)).toBe(1)
    expect((await pagesIn(runtime)).map(String)).toEqual(['0,0', '1,0', '2,0'])
    expect(await expirePages(runtime, OUTPUTS, LAYOUT, at('07:00'), applied)).toBe(1)
    expect((await pagesIn(runtime)).map(String)).toEqual(['1,0', '2,0'])
  })

  it('keeps a page that a window of any output still needs', async () => {
    const { runtime } = await withPages(pages)
    const outputs = [...OUTPUTS, windowOutput(sliding(12 * HOUR, HOUR))]
    // The last slice of page 0 lies in windows up to 17:00.
    expect(await expirePages(runtime, outputs, LAYOUT, at('17:00') - 1, applied)).toBe(1)
    expect(await pagesIn(runtime)).toContainEqual([0, 0])
    expect(await expirePages(runtime, outputs, LAYOUT, at('17:00'), applied)).toBe(1)
    expect(await pagesIn(runtime)).not.toContainEqual([0, 0])
  })

  it('keeps a page that progress has not covered: a redelivery must find its fence', async () => {
    const { runtime } = await withPages([
      [0, 0, 10],
      [0, 1, 11],
      [0, 2, 0],
    ])
    const behind = new Map([
      [0, 10],
      [1, 10],
    ])
    expect(await expirePages(runtime, OUTPUTS, LAYOUT, at('24:00'), behind)).toBe(1)
    expect((await pagesIn(runtime)).map(String)).toEqual(['0,1', '0,2'])
  })

  it('keeps a page that got records between the look and the deletion', async () => {
    const { runtime } = await withPages([[0, 0, 10]])
    const { state } = runtime
    const item = (await state.get(pageGroup(runtime), pageId(0, 0)))!
    const racing: Runtime = {
      ...runtime,
      state: {
        get: (group, id) => state.get(group, id),
        put: (put, expected) => state.put(put, expected),
        list: (group, range) => state.list(group, range),
        close: () => state.close(),
        async delete(group, id, expected) {
          await state.put({ ...item, fence: 12 }, 10)
          return state.delete(group, id, expected)
        },
      },
    }
    expect(await expirePages(racing, OUTPUTS, LAYOUT, at('24:00'), applied)).toBe(0)
    expect(await pagesIn(runtime)).toEqual([[0, 0]])
  })
})
