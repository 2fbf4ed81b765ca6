import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { listProgress, loadProgress, marksAfter, type Progress, storeProgress } from '#runtime/progress.ts'

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

//   read      0 ──── 400 ──────── 9,400 ── 10,400 ───── 20,399 ── 20,400
//   judged by   100      200            300         400       500
//   vouches for nothing ─────────────── 100 ───────────────── 300
describe('Progress vouches for a mark', () => {
  const from = (before: Progress | null, read: number, mark: number): Progress => {
    return { ...progressUpTo(read - 1), ...marksAfter(before, read, mark) }
  }

  it('when 10,000 records were read since a batch was judged by it, and for the lowest that anybody may know until then', () => {
    const first = from(null, 400, 100)
    expect(first.mark).toBeNull()
    const second = from(first, 9_400, 200)
    expect(second.mark).toBeNull()
    const third = from(second, 10_400, 300)
    expect(third.mark).toBe(100)
    const fourth = from(third, 20_399, 400)
    expect(fourth.mark).toBe(100)
    expect(from(fourth, 20_400, 500).mark).toBe(300)
  })

  it('that older progress had, until it knows better', () => {
    expect(from({ ...progressUpTo(7), mark: 50 }, 40_000, 100).mark).toBe(50)
  })
})
