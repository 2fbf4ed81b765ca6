import fc from 'fast-check'
import { expect, it } from 'vitest'
import { RowSet } from '#delta/row-set.ts'
import { encodeRows } from '../support/roaring.ts'

/** Rows alone, in runs, and far apart. */
const rows = fc
  .array(
    fc.oneof(
      fc.nat(200_000).map((row) => [row]),
      fc.tuple(fc.nat(150_000), fc.nat(6_000)).map(([start, length]) => Array.from({ length }, (_, at) => start + at)),
      fc.nat(2 ** 31 - 1).map((row) => [row * 8]),
    ),
    { maxLength: 8 },
  )
  .map((parts) => new Set(parts.flat()))

it('A set of rows is what was encoded, whatever its containers', () => {
  fc.assert(
    fc.property(rows, fc.constantFrom('plain' as const, 'runs' as const), (expected, kind) => {
      const set = RowSet.decode(encodeRows(expected, kind))
      expect(set.size).toBe(expected.size)
      expect([...set].every((row) => expected.has(row))).toBe(true)
      for (const row of expected) {
        if (!set.has(row) || set.has(row + 1) !== expected.has(row + 1)) throw new Error(`row ${row}`)
      }
    }),
    { numRuns: 60 },
  )
})
