import { beforeAll, describe, expect, it } from 'vitest'
import type { StateStore } from '#ports/state-store.ts'
import { type Contents, differences } from '../support/table-rows.ts'
import { endEverywhere } from './crashes.ts'
import { sensorsScenario } from './sensors.ts'
import { runPlain, runRedelivered } from './ways.ts'
import type { World } from './world.ts'
import { worldOf } from './world-of.ts'

/** Writes whatever is stored: the condition is dropped. */
const withoutCondition = (inner: StateStore): StateStore => ({
  ...bound(inner),
  async put(item) {
    const stored = await inner.get(item.group, item.id)
    const fence = Math.max(item.fence, stored?.fence ?? 0)
    return inner.put({ ...item, fence }, stored?.fence ?? null)
  },
})

/** Pages look as if nothing had been folded into them yet: the filter by the fence is dropped. */
const withoutFilter = (inner: StateStore): StateStore => ({
  ...bound(inner),
  async get(group, id) {
    const item = await inner.get(group, id)
    return item !== undefined && group.endsWith('/pages') ? { ...item, fence: -1 } : item
  },
  async put(item, expected) {
    if (!item.group.endsWith('/pages')) return inner.put(item, expected)
    const stored = await inner.get(item.group, item.id)
    return inner.put({ ...item, fence: Math.max(item.fence, stored?.fence ?? 0) }, stored?.fence ?? null)
  },
})

const bound = (inner: StateStore): StateStore => ({
  get: (group, id) => inner.get(group, id),
  put: (item, expected) => inner.put(item, expected),
  delete: (group, id, expected) => inner.delete(group, id, expected),
  list: (group, range) => inner.list(group, range),
  close: () => inner.close(),
})

describe('These tests notice when exactly-once is broken on purpose:', () => {
  const scenario = sensorsScenario({ count: 60, phases: 1 })
  /** The same records in batches of six at most. */
  const often = { ...scenario, batchSize: 6 }
  let wanted: Contents

  beforeAll(async () => {
    wanted = await (await runPlain(scenario)).contents({ coordinates: true })
  })

  const wrong = async (run: Promise<World>): Promise<boolean> => {
    try {
      return differences(await (await run).contents({ coordinates: true }), wanted).length > 0
    } catch {
      return true
    }
  }

  it('nothing is, without sabotage', async () => {
    expect(await wrong(runRedelivered(often, 1))).toBe(false)
  })

  it('a state store that ignores the expected fence, when two pollers redeliver', async () => {
    expect(await wrong(runRedelivered(often, 1, worldOf(often, { sabotage: withoutCondition })))).toBe(true)
  })

  it('pages that do not filter by their fence, when records are redelivered', async () => {
    expect(await wrong(runRedelivered(often, 1, worldOf(often, { sabotage: withoutFilter })))).toBe(true)
  })

  it('pages that do not filter by their fence, when a process ends between two writes', async () => {
    let broken = 0
    await endEverywhere(
      scenario,
      async (world) => {
        if (await wrong(Promise.resolve(world))) broken++
      },
      { sabotage: withoutFilter },
    )
    expect(broken).toBeGreaterThan(0)
  })
})
