import { readRleBitPackedHybrid } from 'hyparquet/src/encoding.js'
import { expect, test } from 'vitest'
import { bitWidth, encodeHybrid, hybridBytesMax } from '#parquet/hybrid.ts'

function encoded(values: readonly number[], width: number): Uint8Array {
  const out = new Uint8Array(hybridBytesMax(values.length, width))
  return out.slice(0, encodeHybrid(Int32Array.from(values), 0, values.length, width, out, 0))
}

function decoded(bytes: Uint8Array, count: number, width: number): number[] {
  const output = new Array<number>(count)
  readRleBitPackedHybrid({ view: new DataView(bytes.buffer), offset: 0 }, width, output, bytes.length)
  return output
}

test('a run of equal values is one RLE run', () => {
  expect([...encoded(new Array(300).fill(1), 1)]).toEqual([0xd8, 0x04, 1])
})

test('values that change are packed in groups of 8, lowest bit first, the last group filled with zeros', () => {
  // The example of the format: 0 … 7 in three bits each.
  expect([...encoded([0, 1, 2, 3, 4, 5, 6, 7], 3)]).toEqual([3, 0b10001000, 0b11000110, 0b11111010])
  expect([...encoded([1, 0, 1], 1)]).toEqual([3, 0b101])
})

test('an open group is filled from the run that follows it', () => {
  const bytes = encoded([1, 0, 1, ...new Array(20).fill(0)], 1)
  expect([...bytes]).toEqual([3, 0b101, 15 * 2, 0])
})

test.each([1, 2, 3, 7, 8, 9, 15, 16, 17, 24])('runs of every length read back equal, %i bits wide', (width) => {
  const values: number[] = []
  for (let length = 1; length < 40; length++) {
    for (let i = 0; i < length; i++) values.push((length * 2_654_435_761) % 2 ** width)
    values.push(0, 2 ** width - 1)
  }
  expect(decoded(encoded(values, width), values.length, width)).toEqual(values)
})

test('the bit width holds the highest value and is never 0', () => {
  expect([0, 1, 2, 3, 4, 255, 256].map(bitWidth)).toEqual([1, 1, 2, 2, 3, 8, 9])
})
