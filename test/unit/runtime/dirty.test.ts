import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { addDirty, type DirtyWindow, listDirty } from '#runtime/dirty.ts'
import { meddled } from './builders.ts'

const GROUP = 'dirty'
const window = (output: number, start: number): DirtyWindow => ({ output, window: { start, end: start + 60 } })

const windowsIn = async (state: MemoryStateStore) => (await listDirty(state, GROUP)).windows

describe('dirty windows', () => {
  it('are listed once, however often they are added and by whichever partition', async () => {
    const state = new MemoryStateStore()
    await addDirty(state, GROUP, 0, [window(0, 60), window(1, 60)])
    await addDirty(state, GROUP, 0, [window(0, 60)])
    await addDirty(state, GROUP, 7, [window(0, 60), window(0, 120)])
    expect(await windowsIn(state)).toEqual([window(0, 60), window(1, 60), window(0, 120)])
  })

  it('are gone after they were cleared, and may become dirty again', async () => {
    const state = new MemoryStateStore()
    await addDirty(state, GROUP, 0, [window(0, 60)])
    await (await listDirty(state, GROUP)).clear()
    expect(await windowsIn(state)).toEqual([])
    await addDirty(state, GROUP, 0, [window(0, 60)])
    expect(await windowsIn(state)).toEqual([window(0, 60)])
  })

  it('that came after they were listed survive the clearing', async () => {
    const state = new MemoryStateStore()
    await addDirty(state, GROUP, 0, [window(0, 60)])
    await addDirty(state, GROUP, 1, [window(0, 120)])
    const listed = await listDirty(state, GROUP)
    await addDirty(state, GROUP, 1, [window(0, 180)])
    await addDirty(state, GROUP, 2, [window(0, 240)])
    await listed.clear()
    // Partition 1 is not cleared at all: the closer can't tell what it has seen of it.
    expect(await windowsIn(state)).toEqual([window(0, 120), window(0, 180), window(0, 240)])
  })

  it('that were listed and became dirty once more survive the clearing', async () => {
    const state = new MemoryStateStore()
    await addDirty(state, GROUP, 0, [window(0, 60)])
    const listed = await listDirty(state, GROUP)
    await addDirty(state, GROUP, 0, [window(0, 60)])
    await listed.clear()
    expect(await windowsIn(state)).toEqual([window(0, 60)])
  })

  it('that came after another closer had cleared are not taken by a slower one for those it has read', async () => {
    const state = new MemoryStateStore()
    await addDirty(state, GROUP, 0, [window(0, 60)])
    const slow = await listDirty(state, GROUP)
    await (await listDirty(state, GROUP)).clear()
    await addDirty(state, GROUP, 0, [window(0, 60)])
    await slow.clear()
    expect(await windowsIn(state)).toEqual([window(0, 60)])
  })

  it('of two that add at once are all kept', async () => {
    const state = new MemoryStateStore()
    await addDirty(
      meddled(state, GROUP, () => addDirty(state, GROUP, 0, [window(0, 60)])),
      GROUP,
      0,
      [window(0, 120)],
    )
    expect(await windowsIn(state)).toEqual([window(0, 60), window(0, 120)])
  })
})
