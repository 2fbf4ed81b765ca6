import { describe, expect, it } from 'vitest'
import { decodeBody, encodeBody, packBody, unpackBody } from '#runtime/json-body.ts'

describe('the body of a control item', () => {
  it('is read back as it was written', () => {
    const value = { text: 'ä\u0000😀', none: null, list: [1, 0.1, -1e21], nested: { a: true } }
    expect(decodeBody(encodeBody(value), 'g/i')).toEqual(value)
  })

  it('that is cut off is refused by the item’s name', () => {
    const cut = encodeBody({ upTo: 12 }).subarray(0, 8)
    expect(() => decodeBody(cut, 'rooms/control/close')).toThrow(
      expect.objectContaining({
        code: 'STATE_CORRUPT',
        message:
          "The state item rooms/control/close should hold JSON, but its 8 bytes can't be read. " +
          'Restore the state from a backup, or start again with another data folder.',
      }),
    )
  })
})

describe('A packed body', () => {
  it('is as it was while it is small, zstd above a kilobyte, and read either way', () => {
    const small = encodeBody({ files: ['a'] })
    expect(packBody(small)).toBe(small)
    const large = encodeBody({ files: Array.from({ length: 200 }, (_, i) => `part-${i}.parquet`) })
    const packed = packBody(large)
    expect(packed.length).toBeLessThan(large.length / 2)
    expect(Buffer.compare(unpackBody(packed), large)).toBe(0)
    expect(decodeBody(packed, 'g/a')).toEqual(decodeBody(large, 'g/a'))
  })

  it('that is damaged is named', () => {
    const packed = packBody(encodeBody('x'.repeat(5_000)))
    expect(() => decodeBody(packed.subarray(0, 10), 'g/a')).toThrow('The state item g/a should hold JSON')
  })
})
