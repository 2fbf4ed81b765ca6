import { describe, expect, it } from 'vitest'
import { SECOND } from '#core/time.ts'
import { scheduleDollars, stateDollars } from '../../../bench/cost/prices.ts'
import { idleUsage, stateCost } from '../../../bench/cost/state-cost.ts'

describe('The state of the crimes pipeline on DynamoDB', { timeout: 60_000 }, () => {
  it('costs at most $0.02 for a million events at 1,000 a second, and a warm batch reads the mark and nothing else', async () => {
    const settings = { rate: 1_000, duration: 10 * SECOND, warmUp: 6_000, batchWindow: 5 * SECOND }
    const { events, batches, batchReads, total } = await stateCost(settings)
    expect(events).toBe(10_000)
    expect((stateDollars(total) * 1e6) / events).toBeLessThanOrEqual(0.02)
    expect(batches).toBeGreaterThanOrEqual(10)
    // The aim was none: docs/decisions/0020 says why it is one.
    expect(batchReads / batches).toBe(1)
    expect(total.largestItem).toBeLessThan(100 * 1024)
  })

  it('costs at most $1 a month where nothing happens, the schedules that look included', async () => {
    const minutes = 10
    const month = 30 * 24 * 60
    const state = (stateDollars(await idleUsage(minutes)) * month) / minutes
    expect(state + scheduleDollars(month, 0.25 * 0.2)).toBeLessThanOrEqual(1)
    expect(state).toBeGreaterThan(0)
  })
})
