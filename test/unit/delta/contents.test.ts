import { describe, expect, it } from 'vitest'
import type { Actions, AddFile } from '#delta/actions.ts'
import { Reconciliation } from '#delta/contents.ts'
import { addOf } from './fixtures.ts'

const NOTHING: Actions = { commitInfo: null, protocol: null, metadata: null, txns: [], adds: [], removes: [] }
const domain = (configuration: string, removed = false) => ({ domain: 'sluice.test', configuration, removed })

function valuesOf(all: readonly AddFile['partitionValues'][]): readonly AddFile['partitionValues'][] {
  const state = new Reconciliation()
  // One commit each, and each with an object of its own.
  all.forEach((partitionValues, at) => {
    state.apply({ ...NOTHING, adds: [{ ...addOf(`${at}.parquet`), partitionValues: { ...partitionValues } }] })
  })
  return [...state.files.values()].map(({ partitionValues }) => partitionValues)
}

describe('the partition values of files', () => {
  it('are one object for all files of a partition', () => {
    const [first, second, third] = valuesOf([
      { day: '2026-03-01', district: null },
      { day: '2026-03-02', district: null },
      { day: '2026-03-01', district: null },
    ])
    expect(third).toBe(first)
    expect(second).not.toBe(first)
  })

  it.each([
    ['another day', { day: '1', hour: '2' }, { day: '2', hour: '2' }],
    ['null and no text', { day: null }, { day: '' }],
    ['null and a control character', { day: null }, { day: '\u0001' }],
    ['null and a sign', { day: null }, { day: '-' }],
    ['text that goes on as the next column', { a: 'x', b: 'y\u0000b\u0000z' }, { a: 'x\u0000b\u0000y', b: 'z' }],
    ['text that begins like a length', { a: '1:1', b: '' }, { a: '1', b: ':1' }],
  ])('are those that its commit says: %s', (_, one, other) => {
    expect(valuesOf([one, other])).toEqual([one, other])
  })
})

describe('domain metadata', () => {
  it('is the newest of its name, until it is removed', () => {
    const state = new Reconciliation()
    state.apply({ ...NOTHING, domains: [domain('1')] })
    state.apply(NOTHING)
    state.apply({ ...NOTHING, domains: [domain('2')] })
    expect([...state.domains.values()]).toEqual([domain('2')])
    state.apply({ ...NOTHING, domains: [domain('2', true)] })
    expect(state.domains.size).toBe(0)
  })
})
