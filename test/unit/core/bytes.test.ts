import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { ByteReader, ByteWriter } from '#core/bytes.ts'

describe('ByteReader', () => {
  it('reads back anything that ByteWriter wrote', () => {
    const part = fc.oneof(
      fc.record({ kind: fc.constant('varint' as const), value: fc.maxSafeNat() }),
      fc.record({ kind: fc.constant('varint' as const), value: fc.nat({ max: 300 }) }),
      fc.record({ kind: fc.constant('zigzag' as const), value: fc.maxSafeInteger() }),
      fc.record({ kind: fc.constant('zigzag' as const), value: fc.integer({ min: -300, max: 300 }) }),
      fc.record({ kind: fc.constant('float64' as const), value: fc.double() }),
      fc.record({ kind: fc.constant('byte' as const), value: fc.nat({ max: 255 }) }),
      fc.record({ kind: fc.constant('text' as const), value: fc.string({ unit: 'binary', maxLength: 70 }) }),
      fc.record({ kind: fc.constant('blob' as const), value: fc.uint8Array({ minLength: 120, maxLength: 140 }) }),
    )
    fc.assert(
      fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
        const writer = new ByteWriter(1)
        for (const { kind, value } of parts) {
          if (kind === 'text') writer.text(value)
          else if (kind === 'blob') writer.blob(value)
          else writer[kind](value)
        }
        const bytes = writer.finish()
        expect(bytes.length).toBe(writer.length)
        const reader = new ByteReader(bytes)
        for (const { kind, value } of parts) expect(reader[kind]()).toEqual(value)
        expect(reader.left).toBe(0)
      }),
    )
  })

  it('stops at the end of its range and says so, whatever is missing', () => {
    const writer = new ByteWriter()
    writer.varint(2 ** 40)
    writer.zigzag(-(2 ** 40))
    writer.float64(1.5)
    writer.text('page')
    const bytes = writer.finish()
    for (let end = 0; end < bytes.length; end++) {
      const reader = new ByteReader(bytes, 0, end)
      const read = (): void => {
        reader.varint()
        reader.zigzag()
        reader.float64()
        reader.text()
      }
      expect(read).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }))
    }
    expect(() => new ByteReader(bytes, 0, 0).float64()).toThrow(
      "Stored state can't be read: expected 8 more bytes at byte 0, found 0. Restore the state from a backup or rebuild it from bronze.",
    )
  })

  it('refuses numbers that no writer wrote', () => {
    const endless = new Uint8Array(20).fill(0xff)
    expect(() => new ByteReader(endless).varint()).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }))
    expect(() => new ByteReader(endless).zigzag()).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }))
    expect(() => new ByteReader(new Uint8Array(20).fill(0x80)).varint()).toThrow(
      expect.objectContaining({ code: 'STATE_CORRUPT' }),
    )
  })
})

describe('ByteWriter', () => {
  it('writes numbers in the layout it promises', () => {
    const written = (write: (writer: ByteWriter) => void): number[] => {
      const writer = new ByteWriter()
      write(writer)
      return [...writer.finish()]
    }
    expect(written((writer) => writer.varint(300))).toEqual([0xac, 0x02])
    expect([0, -1, 1, -2, 63, -64, 64].map((value) => written((writer) => writer.zigzag(value)))).toEqual([
      [0],
      [1],
      [2],
      [3],
      [126],
      [127],
      [128, 1],
    ])
    expect(written((writer) => writer.text('é'))).toEqual([2, 0xc3, 0xa9])
  })

  it('takes whole numbers only', () => {
    const writer = new ByteWriter()
    for (const value of [-1, 1.5, 2 ** 53, Number.NaN]) expect(() => writer.varint(value)).toThrow(RangeError)
    for (const value of [1.5, 2 ** 53, Number.NaN]) expect(() => writer.zigzag(value)).toThrow(RangeError)
    expect(writer.length).toBe(0)
  })

  it('may be cleared and used again', () => {
    const writer = new ByteWriter()
    writer.text('one')
    const first = writer.finish()
    writer.clear()
    writer.raw(new Uint8Array([1, 2, 3, 4]), 1, 3)
    expect([...writer.finish()]).toEqual([2, 3])
    expect(new ByteReader(first).text()).toBe('one')
  })
})
