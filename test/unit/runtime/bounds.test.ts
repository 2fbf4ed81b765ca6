import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { type Bounds, publishedUpTo } from '#runtime/bounds.ts'
import { controlGroup } from '#runtime/keys.ts'
import { raiseBounds, readBounds } from '#runtime/raise-bounds.ts'
import { meddled } from './builders.ts'

const SCOPE = { plan: { name: 'p', topic: { name: 't' } }, fingerprint: 'f' }

describe('The bounds of closing', () => {
  it('are none before they were raised', async () => {
    const bounds = await readBounds(new MemoryStateStore(), SCOPE)
    expect(bounds).toEqual({ mark: null, ended: {} })
    expect(publishedUpTo(bounds, 'a')).toBeNull()
  })

  it('only rise, each by itself, also before 1970', async () => {
    const state = new MemoryStateStore()
    await raiseBounds(state, SCOPE, { mark: -100, ended: { a: 50 } })
    await raiseBounds(state, SCOPE, { mark: -200, ended: { a: 40, b: 7 } })
    expect(await readBounds(state, SCOPE)).toEqual({ mark: -100, ended: { a: 50, b: 7 } })
    await raiseBounds(state, SCOPE, { mark: null, ended: { b: 8 } })
    expect(await readBounds(state, SCOPE)).toEqual({ mark: -100, ended: { a: 50, b: 8 } })
  })

  it('keep what another raised in between', async () => {
    const state = new MemoryStateStore()
    await raiseBounds(state, SCOPE, { mark: 1, ended: {} })
    const other: Bounds = { mark: 5, ended: { b: 9 } }
    const slow = meddled(state, controlGroup(SCOPE), () => raiseBounds(state, SCOPE, other))
    await raiseBounds(slow, SCOPE, { mark: 3, ended: { a: 2 } })
    expect(await readBounds(state, SCOPE)).toEqual({ mark: 5, ended: { a: 2, b: 9 } })
  })

  it('publish an output up to the higher of the mark and its own end', () => {
    const bounds: Bounds = { mark: 10, ended: { a: 20, b: 5 } }
    expect(['a', 'b', 'c'].map((output) => publishedUpTo(bounds, output))).toEqual([20, 10, 10])
  })
})
