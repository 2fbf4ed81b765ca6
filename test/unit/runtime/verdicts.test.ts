import { describe, expect, it } from 'vitest'
import { verdictsOf } from '#runtime/fold-pages.ts'
import type { LateEntry } from '#window/page.ts'
import { sliceLayout } from '#window/slices.ts'
import { sliding, tumbling, windowOutput } from '../window/builders.ts'

/** The last one has windows [0, 5), [20, 25) …: none for what lies in between. */
const OUTPUTS = [tumbling(10), tumbling(20), sliding(5, 20)].map((window, at) =>
  windowOutput(window, { name: `${at}` }),
)
const LAYOUT = sliceLayout(
  OUTPUTS.map(({ window }) => window),
  100,
)

const entry = (offset: number, output: number, eventTime: number, countedElsewhere = false): LateEntry => ({
  offset,
  eventTime,
  output,
  windowsMissed: 1,
  firstStart: 0,
  lastEnd: 10,
  lateBy: 1,
  countedElsewhere,
  hash: offset,
})
const counted = (...found: LateEntry[]) =>
  verdictsOf(OUTPUTS, LAYOUT, found).map(({ offset, output, countedElsewhere }) => [offset, output, countedElsewhere])

describe('whether a late record is counted elsewhere', () => {
  it('is so where another output has a window for it and no verdict', () => {
    expect(counted(entry(1, 0, 7), entry(2, 0, 2), entry(2, 1, 2))).toEqual([
      [1, 0, true],
      [2, 0, true],
      [2, 1, true],
    ])
  })

  it('is not so where every output that has a window for it has a verdict', () => {
    expect(counted(entry(1, 0, 7), entry(1, 1, 7), entry(2, 1, 2), entry(2, 2, 2), entry(2, 0, 2))).toEqual([
      [1, 0, false],
      [1, 1, false],
      [2, 1, false],
      [2, 2, false],
      [2, 0, false],
    ])
  })

  it('is so in all its outputs where one verdict leaves it some windows', () => {
    expect(counted(entry(1, 0, 7), entry(2, 0, 7), entry(1, 1, 7, true), entry(2, 1, 7))).toEqual([
      [1, 0, true],
      [1, 1, true],
      [2, 0, false],
      [2, 1, false],
    ])
  })

  it('changes nothing else of a verdict', () => {
    const own = entry(1, 0, 7)
    expect(verdictsOf(OUTPUTS, LAYOUT, [own])).toEqual([{ ...own, countedElsewhere: true }])
    expect(verdictsOf(OUTPUTS, LAYOUT, [])).toEqual([])
  })
})
