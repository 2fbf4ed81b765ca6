import { describe, expect, it } from 'vitest'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'

describe('the system clock', () => {
  it('sleeps at least as long as it is told', async () => {
    const before = systemClock.now()
    await systemClock.sleep(20)
    // A timer counts in whole milliseconds of another clock.
    expect(systemClock.now() - before).toBeGreaterThanOrEqual(19)
  })

  it('wakes at once when it is aborted, before or during sleep, without an error', async () => {
    const aborted = AbortSignal.abort()
    await systemClock.sleep(3_600_000, aborted)
    const controller = new AbortController()
    const sleeping = systemClock.sleep(3_600_000, controller.signal)
    controller.abort()
    await sleeping
    expect(controller.signal.aborted).toBe(true)
  })
})

describe('random ids', () => {
  it('are GUIDs, each another one', () => {
    const ids = Array.from({ length: 1000 }, () => randomIds.next())
    expect(new Set(ids).size).toBe(1000)
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })
})
