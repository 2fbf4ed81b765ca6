import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '#core/bytes.ts'
import { SPAN, type Span, spansOf } from '#window/span.ts'

const through = (span: Span): Span => {
  const writer = new ByteWriter()
  SPAN.encode(span, writer)
  const reader = new ByteReader(writer.finish())
  const read = SPAN.decode(reader)
  expect(reader.left).toBe(0)
  return read
}

describe('A span', () => {
  it('is from the first to the last event time of each group, whatever the order of rows', () => {
    const times = Float64Array.of(5, -3, 99, 7, 7)
    expect(spansOf(times, Int32Array.of(3, 0, 1, 4), Int32Array.of(1, 0, 0, 1), 2)).toEqual([
      { min: -3, max: 5 },
      { min: 7, max: 7 },
    ])
  })

  it('of two spans is from the earlier start to the later end', () => {
    expect(SPAN.merge({ min: 1, max: 5 }, { min: -2, max: 3 })).toEqual({ min: -2, max: 5 })
    expect(SPAN.merge({ min: 1, max: 5 }, { min: 2, max: 9 })).toEqual({ min: 1, max: 9 })
  })

  it('of nothing changes no other', () => {
    expect(SPAN.merge(SPAN.zero(), { min: 3, max: 4 })).toEqual({ min: 3, max: 4 })
    expect(SPAN.finish(SPAN.add({ min: 3, max: 4 }, 9))).toEqual({ min: 3, max: 4 })
  })

  it.each([
    { min: 0, max: 0 },
    { min: -5, max: 7 },
    { min: Date.UTC(1960, 0, 1), max: Date.UTC(2099, 0, 1) },
  ])('comes back from its bytes: %j', (span) => {
    expect(through(span)).toEqual(span)
  })
})
