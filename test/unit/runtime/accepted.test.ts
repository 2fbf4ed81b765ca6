import { describe, expect, it } from 'vitest'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { type AcceptedBody, acceptedItems } from '#runtime/accepted.ts'
import { addOf } from '../delta/fixtures.ts'

const GROUP = 'rooms/lake/readings'

const bodyOf = (offset: number, ...paths: readonly string[]): AcceptedBody => ({
  last: { offset, appendTime: 1_000, hash: 42 },
  files: paths.map((path) => ({ table: 'bronze.rooms', add: addOf(path), offset })),
  read: offset + 1,
  quarantined: 2,
})

describe('accepted items', () => {
  it('of a partition that accepted nothing are empty', async () => {
    const items = acceptedItems(new MemoryStateStore(), GROUP)
    expect(await items.load(0)).toEqual({ fence: null, body: null, bytes: 0 })
    expect(await items.list()).toEqual(new Map())
  })

  it('come back as they were stored, with their size', async () => {
    const state = new MemoryStateStore()
    const items = acceptedItems(state, GROUP)
    const { ok, item } = await items.store(3, await items.load(3), bodyOf(9, 'a.parquet', 'ä.parquet'))
    expect(ok).toBe(true)
    expect(item.body).toEqual(bodyOf(9, 'a.parquet', 'ä.parquet'))
    expect(await items.load(3)).toEqual(item)
    expect(item.bytes).toBe((await state.get(GROUP, '00003'))!.body.length)
  })

  it('count each write in their fence, also one that leaves the last offset where it is', async () => {
    const items = acceptedItems(new MemoryStateStore(), GROUP)
    const first = await items.store(0, await items.load(0), bodyOf(9, 'a'))
    const trimmed = await items.store(0, first.item, bodyOf(9))
    expect([first.item.fence, trimmed.item.fence]).toEqual([1, 2])
    // Who has read the item before the trim can't put the file back.
    expect(await items.store(0, first.item, bodyOf(12, 'a', 'b'))).toEqual({ ok: false, item: trimmed.item })
    expect((await items.load(0)).body?.files).toEqual([])
  })

  it('are stored by one of two that saw none, and the other gets what is there', async () => {
    const items = acceptedItems(new MemoryStateStore(), GROUP)
    const none = await items.load(0)
    const [first, second] = await Promise.all([
      items.store(0, none, bodyOf(5, 'a')),
      items.store(0, none, bodyOf(7, 'b')),
    ])
    expect([first.ok, second.ok]).toEqual([true, false])
    expect(second.item).toEqual(first.item)
  })

  it('are listed by partition number', async () => {
    const items = acceptedItems(new MemoryStateStore(), GROUP)
    for (const partition of [10, 9, 0]) await items.store(partition, await items.load(partition), bodyOf(partition))
    const listed = await items.list()
    expect([...listed.keys()]).toEqual([0, 9, 10])
    expect(listed.get(10)).toEqual(await items.load(10))
  })
})
