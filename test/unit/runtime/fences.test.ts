import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { MINUTE } from '#core/time.ts'
import { addDirty, type DirtyWindow, listDirty } from '#runtime/dirty.ts'
import { leaseGroup } from '#runtime/keys.ts'
import { freeLeases, withLease } from '#runtime/lease.ts'
import { raiseMark, readMark } from '#runtime/mark.ts'
import { listProgress, loadProgress, type Progress, storeProgress } from '#runtime/progress.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { testWorld } from '../../../lib/testing/index.ts'
import { CountingState } from '../../support/counting-state.ts'
import { ManualClock } from '../../support/manual-clock.ts'
import { meddled, rooms } from './builders.ts'

const GROUP = 'g'
const text = (bytes: Uint8Array | undefined): unknown => JSON.parse(new TextDecoder().decode(bytes))
const broken = (id: string) => ({ group: GROUP, id, fence: 1, body: new TextEncoder().encode('{') })
const corrupt = (item: string) => ({
  code: 'STATE_CORRUPT',
  message: expect.stringContaining(`The state item ${item} should hold JSON, but its 1 bytes can't be read.`),
})

describe('The item of dirty windows', () => {
  const window = (start: number, key?: string): DirtyWindow => ({
    output: 0,
    window: { start, end: start + 60 },
    ...(key === undefined ? {} : { key }),
  })

  it('has sessions of two groups beside each other, and windows without a key as such', async () => {
    const state = new MemoryStateStore()
    await addDirty(state, GROUP, 0, [window(0, 'a'), window(0, 'b'), window(0), window(0, 'a')])
    expect((await listDirty(state, GROUP)).windows).toStrictEqual([window(0, 'a'), window(0, 'b'), window(0)])
    expect(text((await state.get(GROUP, '00000'))?.body)).toStrictEqual([
      { output: 0, start: 0, end: 60, key: 'a' },
      { output: 0, start: 0, end: 60, key: 'b' },
      { output: 0, start: 0, end: 60 },
    ])
  })

  it('costs a read and a write, and a list and a write to clear; nothing where nothing is dirty', async () => {
    const state = new CountingState(new MemoryStateStore())
    await addDirty(state, GROUP, 0, [window(0)])
    expect(state.take()).toEqual({ get: 1, put: 1 })
    await (await listDirty(state, GROUP)).clear()
    expect(state.take()).toEqual({ list: 1, put: 1 })
    await (await listDirty(state, GROUP)).clear()
    expect(state.take()).toEqual({ list: 1 })
  })

  it('is never at a fence that it has had: each write raises it', async () => {
    const state = new MemoryStateStore()
    const fences: (number | undefined)[] = []
    for (const step of ['add', 'add', 'clear', 'add'] as const) {
      if (step === 'add') await addDirty(state, GROUP, 0, [window(0)])
      else await (await listDirty(state, GROUP)).clear()
      fences.push((await state.get(GROUP, '00000'))?.fence)
    }
    expect(fences).toEqual([1, 2, 3, 4])
  })

  it('that was taken away between look and write is made anew', async () => {
    const state = new MemoryStateStore()
    await addDirty(state, GROUP, 0, [window(0)])
    const slow = meddled(state, GROUP, () => state.delete(GROUP, '00000', 1))
    await addDirty(slow, GROUP, 0, [window(60)])
    expect((await listDirty(state, GROUP)).windows).toEqual([window(60)])
  })

  it('that is damaged is named', async () => {
    const state = new MemoryStateStore()
    await state.put(broken('00003'), null)
    await expect(addDirty(state, GROUP, 3, [window(0)])).rejects.toMatchObject(corrupt('g/00003'))
    await expect(listDirty(state, GROUP)).rejects.toMatchObject(corrupt('g/00003'))
  })
})

describe('The item of a lease', () => {
  function process(): { readonly clock: ManualClock; readonly runtime: Runtime; readonly state: CountingState } {
    const clock = new ManualClock()
    const state = new CountingState(new MemoryStateStore())
    return { clock, state, runtime: { ...testWorld(rooms, {}, { state }).runtime, clock, state } }
  }

  it('says who holds it until when, and that it is free', async () => {
    const { clock, runtime, state } = process()
    const item = () => state.get(leaseGroup(runtime), 'close')
    state.take()
    await withLease(runtime, 'close', MINUTE, async () => {
      expect(state.take()).toEqual({ get: 1, put: 1 })
      const held = await item()
      expect([held?.fence, text(held?.body)]).toEqual([1, { owner: expect.any(String), until: clock.now() + MINUTE }])
    })
    expect(state.take()).toEqual({ get: 1, put: 1 })
    const free = await item()
    expect([free?.fence, text(free?.body)]).toEqual([2, { owner: expect.any(String), until: 0 }])
    await withLease(runtime, 'close', MINUTE, async () => expect((await item())?.fence).toBe(3))
  })

  it('is freed for everybody by who is alone, whatever its name', async () => {
    const { runtime, state } = process()
    for (const name of ['close', 'commit']) {
      void withLease(runtime, name, MINUTE, () => new Promise<never>(() => {}))
      await expect.poll(() => state.get(leaseGroup(runtime), name)).toMatchObject({ fence: 1 })
    }
    await freeLeases(runtime)
    const items = await state.list(leaseGroup(runtime))
    expect(items.map(({ id, fence, body }) => [id, fence, text(body)])).toEqual([
      ['close', 2, { owner: '', until: 0 }],
      ['commit', 2, { owner: '', until: 0 }],
    ])
  })

  it('that is damaged is named', async () => {
    const { runtime, state } = process()
    const group = leaseGroup(runtime)
    await state.put({ ...broken('close'), group }, null)
    const work = withLease(runtime, 'close', MINUTE, async () => 'done')
    await expect(work).rejects.toMatchObject(corrupt(`${group}/close`))
  })
})

describe('The item of a mark', () => {
  it('is not written again where it stands, and has no body', async () => {
    const state = new CountingState(new MemoryStateStore())
    expect(await raiseMark(state, GROUP, 'mark', 5)).toBe(5)
    expect(state.take()).toEqual({ get: 1, put: 1 })
    expect(await raiseMark(state, GROUP, 'mark', 5)).toBe(5)
    expect(await raiseMark(state, GROUP, 'mark', 4)).toBe(5)
    expect(state.take()).toEqual({ get: 2 })
    expect((await state.get(GROUP, 'mark'))?.body).toHaveLength(0)
  })

  it('that was taken away between look and write is made anew', async () => {
    const state = new MemoryStateStore()
    await raiseMark(state, GROUP, 'mark', 5)
    const slow = meddled(state, GROUP, () => state.delete(GROUP, 'mark', 5))
    expect(await raiseMark(slow, GROUP, 'mark', 7)).toBe(7)
    expect(await readMark(state, GROUP, 'mark')).toBe(7)
  })
})

describe('The item of progress', () => {
  const upTo = (offset: number): Progress => ({
    last: { offset, appendTime: 1, hash: 2 },
    maxEventTime: null,
    maxEventAppendTime: null,
    mark: -5,
    read: 1,
    counted: 1,
    late: 0,
    partlyLate: 0,
    quarantined: 0,
  })

  it('that was taken away between look and write is given back as nothing', async () => {
    const state = new MemoryStateStore()
    const { item } = await storeProgress(state, GROUP, 0, { fence: null, progress: null }, upTo(3))
    await state.delete(GROUP, '00000', 1)
    const nothing = { fence: null, progress: null }
    expect(await storeProgress(state, GROUP, 0, item, upTo(4))).toEqual({ ok: false, item: nothing })
  })

  it('keeps a mark before 1970, and its partition beyond 99,999', async () => {
    const state = new MemoryStateStore()
    await storeProgress(state, GROUP, 123_456, { fence: null, progress: null }, upTo(3))
    expect(await listProgress(state, GROUP)).toEqual(new Map([[123_456, upTo(3)]]))
    expect(await loadProgress(state, GROUP, 123_456)).toEqual({ fence: 1, progress: upTo(3) })
  })

  it('that is damaged is named', async () => {
    const state = new MemoryStateStore()
    await state.put(broken('00003'), null)
    await expect(loadProgress(state, GROUP, 3)).rejects.toMatchObject(corrupt('g/00003'))
    await expect(listProgress(state, GROUP)).rejects.toMatchObject(corrupt('g/00003'))
  })
})
