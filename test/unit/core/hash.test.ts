import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashBytes, hashEnd, hashWord, murmur2, partitionFor } from '#core/hash.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('murmur2', () => {
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('of %s is what Kafka computes', (text, hash) => {
    expect(murmur2(bytesOf(text))).toBe(hash)
    const padded = bytesOf(`__${text}__`)
    expect(murmur2(padded, 2, padded.length - 2)).toBe(hash)
  })
})

describe('partitionFor', () => {
  it('clears the sign before it takes the remainder', () => {
    const key = bytesOf('21')
    expect(partitionFor(key, 0, key.length, 7)).toBe((-973932308 & 0x7fffffff) % 7)
    expect(partitionFor(key, 0, key.length, 1)).toBe(0)
  })

  it('depends on nothing but the bytes in the range', () => {
    const padded = bytesOf('xx21yy')
    expect(partitionFor(padded, 2, 4, 12)).toBe(partitionFor(bytesOf('21'), 0, 2, 12))
  })
})

describe('hashBytes', () => {
  it('is the same whether it is taken at once or word by word', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
        let hash = 0
        let at = 0
        for (; at + 4 <= bytes.length; at += 4) hash = hashWord(hash, view.getInt32(at, true))
        let tail = 0
        for (let index = bytes.length - 1; index >= at; index--) tail = (tail << 8) | bytes[index]!
        expect(hashBytes(bytes, 0, bytes.length)).toBe(hashEnd(hash, tail, bytes.length))
      }),
    )
  })

  it('seldom gives two short texts the same hash', () => {
    const hashes = new Set(
      Array.from({ length: 100_000 }, (_, index) => hashBytes(bytesOf(`${index}`), 0, `${index}`.length)),
    )
    // 100,000 of 2^32: about one pair is expected
    expect(hashes.size).toBeGreaterThan(99_980)
  })
})
