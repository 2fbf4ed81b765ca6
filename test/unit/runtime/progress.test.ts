import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { listProgress, loadProgress, type Progress, storeProgress } from '#runtime/progress.ts'

const GROUP = 'progress'

const progressUpTo = (offset: number): Progress => ({
  last: { offset, appendTime: 1_000 + offset, hash: 7 },
  maxEventTime: null,
  maxEventAppendTime: null,
  mark: null,
  read: offset + 1,
  counted: offset,
  late: 0,
  partlyLate: 0,
  quarantined: 1,
})

describe('progress', () => {
  it('of a partition that was never read is nothing', async () => {
    const state = new MemoryStateStore()
    expect(await loadProgress(state, GROUP, 3)).toEqual({ fence: null, progress: null })
    expect(await listProgress(state, GROUP)).toEqual(new Map())
  })

  it('comes back as it was stored, its fence the number of its writes', async () => {
    const state = new MemoryStateStore()
    const none = await loadProgress(state, GROUP, 3)
    const stored = await storeProgress(state, GROUP, 3, none, progressUpTo(9))
    expect(stored).toEqual({ ok: true, item: { fence: 1, progress: progressUpTo(9) } })
    expect(await loadProgress(state, GROUP, 3)).toEqual(stored.item)
  })

  it('of each partition is its own, listed by number', async () => {
    const state = new MemoryStateStore()
    for (const partition of [11, 2, 0]) {
      await storeProgress(state, GROUP, partition, { fence: null, progress: null }, progressUpTo(partition))
    }
    const listed = await listProgress(state, GROUP)
    expect([...listed]).toEqual([0, 2, 11].map((partition) => [partition, progressUpTo(partition)]))
  })

  it('that another has moved on stays as it is, and is given back', async () => {
    const state = new MemoryStateStore()
    const none = await loadProgress(state, GROUP, 0)
    const { item: theirs } = await storeProgress(state, GROUP, 0, none, progressUpTo(5))
    expect(await storeProgress(state, GROUP, 0, none, progressUpTo(9))).toEqual({ ok: false, item: theirs })
    expect(await loadProgress(state, GROUP, 0)).toEqual(theirs)
    expect(await storeProgress(state, GROUP, 0, theirs, progressUpTo(9))).toMatchObject({
      ok: true,
      item: { fence: 2 },
    })
  })
})
