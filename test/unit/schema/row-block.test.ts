import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type InputRow, RowBlock } from '#schema/row-block.ts'

const laid = (names: readonly string[], rows: readonly InputRow[]) => {
  const block = new RowBlock(names, Math.max(rows.length, 1))
  block.take(rows, 0, rows.length)
  return { columns: block.columns.map((column) => column.slice(0, block.count)), hasOthers: block.hasOthers }
}

class Reading {
  readonly #celsius: number
  constructor(celsius: number) {
    this.#celsius = celsius
  }
  get celsius(): number {
    return this.#celsius
  }
}

describe('a block of rows', () => {
  it('has a value per row in the column of its name, in whatever order rows have theirs', () => {
    const rows = [{ a: 1, b: 'x' }, { b: 'y', a: 2 }, { a: 3 }, {}, { a: undefined, b: null }]
    expect(laid(['a', 'b'], rows)).toEqual({
      columns: [
        [1, 2, 3, null, null],
        ['x', 'y', null, null, null],
      ],
      hasOthers: false,
    })
  })

  it('takes what a row has from its class, and nothing that every object has', () => {
    expect(laid(['celsius', 'constructor'], [new Reading(21), { constructor: 'Ford' }] as never)).toEqual({
      columns: [
        [21, null],
        [Reading, 'Ford'],
      ],
      hasOthers: false,
    })
    expect(laid(['constructor', 'toString'], [{}]).columns).toEqual([[null], [null]])
  })

  it('tells of values under other names', () => {
    expect(laid(['a'], [{ a: 1, z: undefined }])).toEqual({ columns: [[1]], hasOthers: false })
    expect(
      laid(
        ['a'],
        [
          { a: 1, z: undefined },
          { a: 2, z: 0 },
        ],
      ),
    ).toEqual({ columns: [[1, 2]], hasOthers: true })
  })

  it('takes part of the rows, again and again, and lets go of them', () => {
    const rows = Array.from({ length: 10 }, (_, a) => (a % 2 === 0 ? { a } : { b: a }))
    const block = new RowBlock(['a', 'b'], 4)
    block.take(rows, 0, 4)
    block.take(rows, 7, 10)
    expect(block.count).toBe(3)
    expect(block.columns.map((column) => column.slice(0, 3))).toEqual([
      [null, 8, null],
      [7, null, 9],
    ])
    block.clear()
    expect(block.columns.flat().every((value) => value === null)).toBe(true)
  })

  it('is what looking up each name would give, for rows of any shape', () => {
    const names = ['a', 'b', 'c', 'd', '0', '1']
    const keys = fc.constantFrom(...names, 'e', 'f')
    const row = fc
      .array(fc.tuple(keys, fc.option(fc.integer(), { nil: undefined })), { maxLength: 8 })
      .map((pairs): InputRow => Object.fromEntries(pairs))
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), (rows) => {
        const { columns, hasOthers } = laid(names, rows)
        expect(columns).toEqual(names.map((name) => rows.map((each) => each[name] ?? null)))
        expect(hasOthers).toBe(rows.some(({ e, f }) => e !== undefined || f !== undefined))
      }),
    )
  })
})
