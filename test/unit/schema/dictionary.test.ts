import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashBytes } from '#core/hash.ts'
import { StringDictionary } from '#schema/dictionary.ts'

function intern(dictionary: StringDictionary, text: string): number {
  // in the middle of other bytes, and in a buffer of its own
  const bytes = new TextEncoder().encode(`(${text})`)
  return dictionary.intern(bytes, 1, bytes.length - 1)
}

describe('StringDictionary', () => {
  it('gives codes from 0 in the order of first appearance, and the text back', () => {
    const dictionary = new StringDictionary()
    expect(['THEFT', 'BATTERY', 'THEFT', '', 'é', ''].map((text) => intern(dictionary, text))).toEqual([
      0, 1, 0, 2, 3, 2,
    ])
    expect(dictionary.size).toBe(4)
    expect(dictionary.byteLength).toBe(14)
    expect([0, 1, 2, 3].map((code) => dictionary.text(code))).toEqual(['THEFT', 'BATTERY', '', 'é'])
    expect(dictionary.text(1)).toBe('BATTERY')
  })

  it('keeps its entries end to end, where starts says', () => {
    const dictionary = new StringDictionary()
    for (const text of ['a', 'bcd', '', 'ef']) intern(dictionary, text)
    const { bytes, starts, size } = dictionary
    expect([...starts.subarray(0, size + 1)]).toEqual([0, 1, 4, 4, 6])
    expect(Buffer.from(bytes.subarray(0, starts[size])).toString()).toBe('abcdef')
  })

  it('keeps codes and texts while it grows, like a map would', () => {
    const texts = fc.array(fc.oneof(fc.string({ unit: 'binary', maxLength: 12 }), fc.nat({ max: 2000 }).map(String)), {
      maxLength: 2000,
      size: 'max',
    })
    fc.assert(
      fc.property(texts, (values) => {
        const dictionary = new StringDictionary()
        const model = new Map<string, number>()
        for (const value of values) {
          const expected = model.get(value) ?? model.size
          model.set(value, expected)
          expect(intern(dictionary, value)).toBe(expected)
        }
        for (const [value, code] of model) expect(dictionary.text(code)).toBe(value)
        expect(dictionary.size).toBe(model.size)
      }),
      { numRuns: 20 },
    )
  })

  it('finds what it has and adds nothing', () => {
    const dictionary = new StringDictionary()
    intern(dictionary, 'THEFT')
    const bytes = new TextEncoder().encode('THEFTS')
    expect(dictionary.indexOf(bytes, 0, 5)).toBe(0)
    expect(dictionary.indexOf(bytes, 0, 6)).toBe(-1)
    expect(dictionary.size).toBe(1)
  })

  it('tells texts apart whose hashes are the same', () => {
    const dictionary = new StringDictionary()
    const bytes = new TextEncoder().encode('onetwoone')
    const view = new DataView(bytes.buffer)
    const hash = hashBytes(bytes, 0, 3)
    const codes = [0, 3, 6].map((start) => dictionary.internHashed(bytes, view, start, start + 3, hash))
    expect(codes).toEqual([0, 1, 0])
  })
})
