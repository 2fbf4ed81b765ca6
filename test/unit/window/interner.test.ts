import { describe, expect, it } from 'vitest'
import { Interner } from '#window/interner.ts'

describe('an interner', () => {
  // A table below 2^18, a map above: the same answers, in any succession.
  it.each([
    { ranges: [10, 10] },
    { ranges: [10, 2_000] },
    { ranges: [2 ** 40, 2 ** 40] },
    { ranges: [2_000, 2 ** 40, 10, 2 ** 40] },
  ])('numbers values by first appearance and starts afresh after each reset ($ranges)', ({ ranges }) => {
    const interner = new Interner()
    ranges.forEach((range, round) => {
      interner.reset(range)
      const values = [range - 1, 0, round, range - 1, 3]
      const distinct = [...new Set(values)]
      expect(values.map((value) => interner.intern(value))).toEqual(values.map((value) => distinct.indexOf(value)))
      expect(interner.count).toBe(distinct.length)
    })
  })
})
