import { describe, expect, it } from 'vitest'
import { hashText } from '#core/hash.ts'
import type { LateEntry, Page, SliceState } from '#window/page.ts'
import { hasSeveralHashes, partsOfPage } from '#window/page-parts.ts'

const groups = (...keys: string[]): Map<string, unknown[]> => new Map(keys.map((key) => [key, [`state of ${key}`]]))
const late = (key: string, offset = 0, eventTime = 0): LateEntry => ({
  offset,
  eventTime,
  output: 0,
  windowsMissed: 1,
  firstStart: 0,
  lastEnd: 10,
  lateBy: 1,
  countedElsewhere: false,
  hash: hashText(key),
})
const page = (
  slices: readonly (readonly [number, SliceState])[],
  lateSlices: Page['lateSlices'] = [],
  entries: readonly LateEntry[] = [],
): Page => ({ slices: new Map(slices), lateSlices, late: [...entries] })
const beside = (state: SliceState) => ({ start: 0, missedUpTo: 10, state })

describe('a page holds several hashes', () => {
  it.each([
    ['of one output', page([[0, [groups('a', 'b')]]])],
    ['of two outputs', page([[0, [groups('a'), groups('b')]]])],
    [
      'of two slices',
      page([
        [0, [groups('a')]],
        [10, [groups('b')]],
      ]),
    ],
    ['of a slice, and what came late to it', page([[0, [groups('a')]]], [beside([groups('b')])])],
    ['of late slices alone', page([], [beside([undefined, groups('a', 'b')])])],
    ['of a slice and a late entry', page([[0, [groups('a')]]], [], [late('a'), late('b')])],
    ['of late entries alone', page([], [], [late('a'), late('b')])],
  ])('%s', (_, own) => expect(hasSeveralHashes(own)).toBe(true))

  it.each([
    ['nothing', page([])],
    ['slices without groups', page([[0, [undefined, undefined]]])],
    [
      'one group everywhere',
      page(
        [
          [0, [groups('a'), undefined]],
          [10, [undefined, groups('a')]],
        ],
        [beside([groups('a')])],
        [late('a')],
      ),
    ],
    ['late entries of one group', page([], [], [late('a'), late('a', 1)])],
  ])('not where it has %s', (_, own) => expect(hasSeveralHashes(own)).toBe(false))
})

describe('the parts of a page', () => {
  it('have its groups, late slices and late entries by hash and time, each where it belongs, and nothing else', () => {
    const own = page(
      [
        [0, [groups('a', 'b'), undefined]],
        [10, [groups('b'), groups('c')]],
      ],
      [{ start: 10, missedUpTo: 30, state: [undefined, groups('a', 'c')] }],
      [late('a', 1, 5), late('c', 2, 15), late('a', 3, 15)],
    )
    const hashes = [hashText('a'), hashText('b'), hashText('c')]
    const byHash = partsOfPage(own, 4, (hash) => hashes.indexOf(hash))
    expect(byHash).toEqual([
      page(
        [[0, [groups('a'), undefined]]],
        [{ start: 10, missedUpTo: 30, state: [undefined, groups('a')] }],
        [late('a', 1, 5), late('a', 3, 15)],
      ),
      page([
        [0, [groups('b'), undefined]],
        [10, [groups('b'), undefined]],
      ]),
      page(
        [[10, [undefined, groups('c')]]],
        [{ start: 10, missedUpTo: 30, state: [undefined, groups('c')] }],
        [late('c', 2, 15)],
      ),
      page([]),
    ])
    const byTime = partsOfPage(own, 2, (_, time) => (time < 10 ? 0 : 1))
    expect(byTime).toEqual([
      page([[0, [groups('a', 'b'), undefined]]], [], [late('a', 1, 5)]),
      page(
        [[10, [groups('b'), groups('c')]]],
        [{ start: 10, missedUpTo: 30, state: [undefined, groups('a', 'c')] }],
        [late('c', 2, 15), late('a', 3, 15)],
      ),
    ])
    // The number of outputs is that of the page also where a part has groups of the first alone.
    expect(byHash[1]!.slices.get(0)).toHaveLength(2)
  })
})
