import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { addDirty, type DirtyWindow, listDirty } from '#runtime/dirty.ts'
import { PAGE_LIMITS } from '#runtime/page-node.ts'
import { SplitWorld, type Visit } from '../../property/split-world.ts'

const window = (end: number): DirtyWindow => ({ output: 1, window: { start: end - 60, end } })
const session = (start: number, key: string): DirtyWindow => ({ output: 2, window: { start, end: start + 10 }, key })

describe('a partition’s dirty windows', () => {
  it('are named as long as they fit into 32 KB; then spans of time take their place', async () => {
    const state = new MemoryStateStore()
    const few = [window(100), window(300), session(5, 'sa')]
    await addDirty(state, 'g', 0, few)
    expect((await listDirty(state, 'g')).windows).toEqual(few)
    const many = Array.from({ length: 2000 }, (_, i) => session(10 + i, `s${i}`))
    await addDirty(state, 'g', 0, many)
    const spans: readonly DirtyWindow[] = [
      { output: 1, window: { start: 99, end: 300 }, all: true },
      { output: 2, window: { start: 5, end: 2019 }, all: true },
    ]
    expect((await listDirty(state, 'g')).windows).toEqual(spans)
    await addDirty(state, 'g', 0, [...many, window(500)])
    expect((await listDirty(state, 'g')).windows).toEqual([
      { output: 1, window: { start: 99, end: 500 }, all: true },
      { output: 2, window: { start: 5, end: 2019 }, all: true },
    ])
  })

  it('are corrected alike, named or not', async () => {
    const visits: readonly Visit[] = Array.from({ length: 300 }, (_, i) => ({
      minute: (i * 37) % 110,
      door: i % 3,
      badge: (i * 5) % 9,
    }))
    const corrections = async (unnamed: boolean): Promise<readonly string[]> => {
      const world = await SplitWorld.open(visits, PAGE_LIMITS)
      const { apply } = world.poller()
      await apply(0, 200)
      await world.close(200, true)
      await apply(200, 300)
      if (unnamed) await world.forgetNames()
      return world.close(300, true)
    }
    const named = await corrections(false)
    expect(named.some((row) => row.includes('"revision":1'))).toBe(true)
    expect(await corrections(true)).toEqual(named)
  })
})
