import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { MINUTE } from '#core/time.ts'
import { leaseGroup } from '#runtime/keys.ts'
import { freeLeases, withLease } from '#runtime/lease.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { anotherProcess, meddled, rooms } from './builders.ts'

function process(): { readonly clock: ManualClock; readonly runtime: Runtime } {
  const clock = new ManualClock()
  return { clock, runtime: { ...testWorld(rooms).runtime, clock } }
}

/** What another process gets that asks for the lease now: 'done', or undefined. */
const ask = (runtime: Runtime, name = 'close') => withLease(runtime, name, MINUTE, async () => 'done')

describe('a lease', () => {
  it('has one holder: another one’s work does not run meanwhile', async () => {
    const { runtime } = process()
    expect(await withLease(runtime, 'close', MINUTE, () => ask(anotherProcess(runtime)))).toBeUndefined()
  })

  it('gives back what the work gave, and is free afterwards', async () => {
    const { runtime } = process()
    expect(await ask(runtime)).toBe('done')
    expect(await ask(anotherProcess(runtime))).toBe('done')
  })

  it('is free after a work that failed, whose error comes through', async () => {
    const { runtime } = process()
    const failing = withLease(runtime, 'close', MINUTE, () => Promise.reject(new Error('no space')))
    await expect(failing).rejects.toThrow('no space')
    expect(await ask(anotherProcess(runtime))).toBe('done')
  })

  it('of one name leaves those of other names free', async () => {
    const { runtime } = process()
    expect(await withLease(runtime, 'close', MINUTE, () => ask(runtime, 'commit'))).toBe('done')
  })

  it('is taken from a holder whose time is over, and not a millisecond earlier', async () => {
    const { clock, runtime } = process()
    await withLease(runtime, 'close', MINUTE, async () => {
      await clock.sleep(MINUTE - 1)
      expect(await ask(anotherProcess(runtime))).toBeUndefined()
      await clock.sleep(1)
      expect(await ask(anotherProcess(runtime))).toBe('done')
    })
  })

  it('that was taken over is not freed by the holder of before', async () => {
    const { clock, runtime } = process()
    const second = anotherProcess(runtime, 'second')
    const over = Promise.withResolvers<void>()
    const taken = Promise.withResolvers<void>()
    let work: Promise<unknown> = Promise.resolve()
    await withLease(runtime, 'close', MINUTE, async () => {
      await clock.sleep(MINUTE)
      work = withLease(second, 'close', MINUTE, () => {
        taken.resolve()
        return over.promise
      })
      await taken.promise
    })
    expect(await ask(anotherProcess(runtime, 'third'))).toBeUndefined()
    over.resolve()
    await work
    expect(await ask(anotherProcess(runtime, 'third'))).toBe('done')
  })

  it('that another took between the look and the write goes to that one alone', async () => {
    const state = new MemoryStateStore()
    const clock = new ManualClock()
    const first = { ...testWorld(rooms, {}, { state }).runtime, clock }
    const over = Promise.withResolvers<string>()
    let work: Promise<unknown> = Promise.resolve()
    const take = () => {
      const taken = Promise.withResolvers<void>()
      work = withLease(first, 'close', MINUTE, () => {
        taken.resolve()
        return over.promise
      })
      return taken.promise
    }
    const second = { ...anotherProcess(first), state: meddled(state, leaseGroup(first), take) }
    expect(await ask(second)).toBeUndefined()
    over.resolve('by the first')
    expect(await work).toBe('by the first')
  })

  it('of a process that was killed can be freed by the only one that may work now', async () => {
    const { runtime } = process()
    void withLease(runtime, 'close', MINUTE, () => new Promise<never>(() => {}))
    await expect.poll(() => ask(anotherProcess(runtime))).toBeUndefined()
    await freeLeases(runtime)
    expect(await ask(anotherProcess(runtime))).toBe('done')
  })
})
