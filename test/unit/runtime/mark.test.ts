import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { raiseMark, readMark } from '#runtime/mark.ts'
import { meddled } from './builders.ts'

const GROUP = 'control'
const raise = (state: MemoryStateStore, to: number) => raiseMark(state, GROUP, 'mark', to)
const read = (state: MemoryStateStore) => readMark(state, GROUP, 'mark')

describe('the mark', () => {
  it('is null before it was raised', async () => {
    expect(await read(new MemoryStateStore())).toBeNull()
  })

  it('only rises: a lower time leaves it, and the one that holds comes back', async () => {
    const state = new MemoryStateStore()
    expect(await raise(state, 100)).toBe(100)
    expect(await raise(state, 60)).toBe(100)
    expect(await read(state)).toBe(100)
    expect(await raise(state, 101)).toBe(101)
    expect(await read(state)).toBe(101)
  })

  it('may be a time before 1970, and rises from there', async () => {
    const state = new MemoryStateStore()
    expect(await raise(state, -5_000)).toBe(-5_000)
    expect(await raise(state, -6_000)).toBe(-5_000)
    expect(await raise(state, 0)).toBe(0)
    expect(await read(state)).toBe(0)
  })

  it('ends at the highest of many that raise it at once', async () => {
    const state = new MemoryStateStore()
    const times = [30, 10, 90, 50, 20, 90, 70]
    const seen = await Promise.all(times.map((to) => raise(state, to)))
    expect(await read(state)).toBe(90)
    expect(seen.every((mark, i) => mark >= times[i]!)).toBe(true)
  })

  it('that another raised higher in between is left there', async () => {
    const state = new MemoryStateStore()
    const slow = meddled(state, GROUP, () => raise(state, 200))
    expect(await raiseMark(slow, GROUP, 'mark', 100)).toBe(200)
    expect(await read(state)).toBe(200)
  })

  it('that another raised less high in between is raised all the same', async () => {
    const state = new MemoryStateStore()
    const slow = meddled(state, GROUP, () => raise(state, 50))
    expect(await raiseMark(slow, GROUP, 'mark', 100)).toBe(100)
    expect(await read(state)).toBe(100)
  })
})
