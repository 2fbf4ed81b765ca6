import { describe, expect, it } from 'vitest'
import { decodeGroupKey, encodeGroupKey, type GroupValue } from '#window/group-key.ts'

describe('a group key', () => {
  it.each<{ values: readonly GroupValue[] }>([
    { values: [] },
    { values: [''] },
    { values: ['THEFT', '018'] },
    { values: [null] },
    { values: [null, 'z', null] },
    { values: [1, '1', true, 'true', false, null] },
    { values: [-1.5, 1e300, Number.NaN, Number.NEGATIVE_INFINITY] },
    { values: ['a\u0000b', '\u0001', '\u00010', '\u00011', '\u0001\u0000\u0001'] },
    { values: ['日本', '\u{1f600}'] },
  ])('gives back $values', ({ values }) => {
    expect(decodeGroupKey(encodeGroupKey(values))).toEqual(values)
  })

  it('tells apart what reads alike', () => {
    const alike: readonly (readonly GroupValue[])[] = [
      [],
      [''],
      [null],
      ['', ''],
      ['a', 'b'],
      ['a\u0000sb'],
      ['a\u00010sb'],
      [1],
      ['1'],
      ['n1'],
      [true],
      ['t'],
    ]
    expect(new Set(alike.map(encodeGroupKey)).size).toBe(alike.length)
  })

  it('makes one group of zero and minus zero', () => {
    expect(encodeGroupKey([-0])).toBe(encodeGroupKey([0]))
  })

  it('replaces a lone surrogate as UTF-8 does, so that a stored key is the same key', () => {
    expect(decodeGroupKey(encodeGroupKey(['\ud800x']))).toEqual(['\ufffdx'])
  })

  it('of one string is its text behind a letter', () => {
    expect(encodeGroupKey(['018'])).toBe('s018')
  })
})
