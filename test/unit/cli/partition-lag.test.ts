import { expect, test } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { readLag } from '#cli/partition-lag.ts'
import { progressGroup } from '#runtime/keys.ts'
import { storeProgress } from '#runtime/progress.ts'

const scope = { plan: { name: 'p', topic: { name: 't' } }, fingerprint: 'f' }

/**
 * offset        0 ─────────────▶ 10            20
 * applied       ████████████████████████████████
 * topic         ████████████████ its end was cut off
 */
test('The offset of a partition is the one that is stored, also where the topic ends before it', async () => {
  const state = new MemoryStateStore()
  const last = { offset: 19, appendTime: 0, hash: 1 }
  const times = { maxEventTime: 0, maxEventAppendTime: 0, mark: null }
  const counts = { read: 20, counted: 20, late: 0, partlyLate: 0, quarantined: 0 }
  const none = { fence: null, progress: null }
  await storeProgress(state, progressGroup(scope), 0, none, { last, ...times, ...counts })
  const { partitions } = await readLag({
    state,
    scope,
    endOffsets: async () => [10, 5],
    outOfOrder: 0,
    hasWindows: true,
    now: 0,
  })
  expect(partitions.map(({ offset, endOffset, lag }) => ({ offset, endOffset, lag }))).toEqual([
    { offset: 20, endOffset: 10, lag: 0 },
    { offset: 0, endOffset: 5, lag: 5 },
  ])
})
