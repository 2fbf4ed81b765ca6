import { describe, expect, test } from 'vitest'
import { CellColumn, cellsAround } from '#runtime/h3-cells.ts'
import type { PointVector } from '#schema/vector.ts'

const points = (...all: readonly (readonly [number, number] | null)[]): PointVector => ({
  kind: 'points',
  valid: Uint8Array.from(all, (point) => (point === null ? 0 : 1)),
  latitudes: Float64Array.from(all, (point) => point?.[0] ?? 0),
  longitudes: Float64Array.from(all, (point) => point?.[1] ?? 0),
})

const cellsOf = (column: CellColumn, vector: PointVector): readonly (string | null)[] => {
  const { codes, valid, dictionary } = column.of(vector, vector.latitudes.length)
  return Array.from(codes, (code, row) => (valid === null || valid[row] === 1 ? dictionary.text(code) : null))
}

describe('Cells of points', () => {
  test('are those of H3', () => {
    // The example of h3geo.org's documentation, and Chicago's city hall.
    expect(cellsOf(new CellColumn(7), points([37.3615593, -122.0553238]))).toEqual(['87283472bffffff'])
    expect(cellsOf(new CellColumn(8), points([41.8781, -87.6298]))).toEqual(['882664c1a9fffff'])
  })

  test('are null where there is no point, or none on Earth', () => {
    expect(cellsOf(new CellColumn(8), points(null, [41.8781, -87.6298], [91, 0], [0, 400]))).toEqual([
      null,
      '882664c1a9fffff',
      null,
      null,
    ])
  })

  test('of one column share a dictionary, batch by batch', () => {
    const column = new CellColumn(8)
    const [first, second] = [column.of(points([41.8781, -87.6298]), 1), column.of(points([41.8781, -87.6298]), 1)]
    expect(first.dictionary).toBe(second.dictionary)
    expect([first.codes[0], second.codes[0], first.dictionary.size, first.valid]).toEqual([0, 0, 1, null])
  })
})

describe('The cells around a cell', () => {
  test('are six of each ring times its number', () => {
    const around = cellsAround('882664c1a9fffff', 1)
    expect(around).toHaveLength(6)
    expect(around).not.toContain('882664c1a9fffff')
    expect(cellsAround('882664c1a9fffff', 2)).toHaveLength(18)
  })

  test('of anything else are none', () => {
    expect([cellsAround('011', 1), cellsAround(null, 1), cellsAround(7, 1)]).toEqual([null, null, null])
  })
})
