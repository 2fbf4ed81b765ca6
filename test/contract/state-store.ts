import { describe, expect, it, onTestFinished } from 'vitest'
import type { FencedItem, ListRange, StateStore } from '#ports/state-store.ts'

export interface StateStoreUnderTest {
  readonly store: StateStore
  /** The same items by another connection, where the adapter has such. */
  readonly another?: () => StateStore
  close(): Promise<void>
}

const item = (id: string, fence: number, text = `${id}@${fence}`, group = 'g'): FencedItem => ({
  group,
  id,
  fence,
  body: new TextEncoder().encode(text),
})

const plain = (stored: FencedItem | undefined): unknown =>
  stored && { ...stored, body: Buffer.from(stored.body).toString() }

/** What every StateStore does, whatever is behind it. `open` gives an empty store. */
export function stateStoreContract(name: string, open: () => Promise<StateStoreUnderTest>): void {
  const opened = async (): Promise<StateStoreUnderTest> => {
    const stores = await open()
    onTestFinished(() => stores.close())
    return stores
  }

  describe(`${name}, as a state store,`, () => {
    it('has nothing in the beginning', async () => {
      const { store } = await opened()
      expect(await store.get('g', 'a')).toBeUndefined()
      expect(await store.list('g')).toEqual([])
    })

    it('gives back an item as it was put', async () => {
      const { store } = await opened()
      const body = Uint8Array.from({ length: 256 }, (_, i) => i)
      expect(await store.put({ group: 'größe', id: 'ü/1', fence: Number.MAX_SAFE_INTEGER, body }, null)).toEqual({
        ok: true,
      })
      const stored = await store.get('größe', 'ü/1')
      expect(stored).toMatchObject({ group: 'größe', id: 'ü/1', fence: Number.MAX_SAFE_INTEGER })
      expect([...stored!.body]).toEqual([...body])
    })

    it('keeps fence 0, fence -1 and an empty body', async () => {
      const { store } = await opened()
      await store.put(item('a', 0, ''), null)
      await store.put(item('b', -1), null)
      expect(plain(await store.get('g', 'a'))).toMatchObject({ fence: 0, body: '' })
      expect(plain(await store.get('g', 'b'))).toMatchObject({ fence: -1 })
      expect(await store.put(item('b', 3), -1)).toEqual({ ok: true })
    })

    it('puts over the fence that the caller expects, and over no other', async () => {
      const { store } = await opened()
      await store.put(item('a', 5), null)
      expect(await store.put(item('a', 9), 5)).toEqual({ ok: true })
      const lost = await store.put(item('a', 12), 5)
      expect(lost.ok).toBe(false)
      expect(plain(lost.ok ? undefined : lost.stored)).toEqual({ group: 'g', id: 'a', fence: 9, body: 'a@9' })
      expect(plain(await store.get('g', 'a'))).toMatchObject({ fence: 9 })
    })

    it('gives the stored item to who expected none', async () => {
      const { store } = await opened()
      await store.put(item('a', 5), null)
      const lost = await store.put(item('a', 12), null)
      expect(plain(lost.ok ? undefined : lost.stored)).toMatchObject({ fence: 5, body: 'a@5' })
    })

    it('writes nothing where an item was expected and none is', async () => {
      const { store } = await opened()
      expect(await store.put(item('a', 5), 5)).toEqual({ ok: false, stored: undefined })
      expect(await store.get('g', 'a')).toBeUndefined()
    })

    it('allows the same fence again', async () => {
      const { store } = await opened()
      await store.put(item('a', 5), null)
      expect(await store.put(item('a', 5, 'trimmed'), 5)).toEqual({ ok: true })
      expect(plain(await store.get('g', 'a'))).toMatchObject({ fence: 5, body: 'trimmed' })
    })

    it('throws when a fence moves back or is no offset, and writes nothing', async () => {
      const { store } = await opened()
      await store.put(item('a', 5), null)
      await expect(store.put(item('a', 4), 5)).rejects.toThrow('a fence never moves back: from 5 to 4 for g a')
      await expect(store.put(item('a', 2 ** 53), 5)).rejects.toThrow('a fence is a whole number below 2^53')
      await expect(store.put(item('a', 5.5), 5)).rejects.toThrow(RangeError)
      expect(plain(await store.get('g', 'a'))).toMatchObject({ fence: 5, body: 'a@5' })
    })

    it('keeps groups and ids apart', async () => {
      const { store } = await opened()
      await store.put(item('b', 1, 'x', 'a'), null)
      await store.put(item('', 1, 'y', 'ab'), null)
      expect(await store.get('ab', 'b')).toBeUndefined()
      expect((await store.list('a')).map(plain)).toEqual([{ group: 'a', id: 'b', fence: 1, body: 'x' }])
    })

    it('has one winner among 32 puts at once, and each loser gets the winner', async () => {
      const { store } = await opened()
      for (const expected of [null, 100]) {
        const puts = Array.from({ length: 32 }, (_, i) =>
          store.put(item('a', expected === null ? 100 : 200 + i), expected),
        )
        const results = await Promise.all(puts)
        expect(results.filter(({ ok }) => ok)).toHaveLength(1)
        const stored = plain(await store.get('g', 'a'))
        for (const result of results) if (!result.ok) expect(plain(result.stored)).toEqual(stored)
      }
    })

    it('decides each of many puts at once on its own item', async () => {
      const { store } = await opened()
      await store.put(item('5', 1), null)
      const results = await Promise.all(Array.from({ length: 10 }, (_, i) => store.put(item(`${i}`, 2), null)))
      expect(results.map(({ ok }) => ok)).toEqual([true, true, true, true, true, false, true, true, true, true])
      expect(await store.list('g')).toHaveLength(10)
    })

    it('lists in the order of UTF-8 bytes, from the first bound up to the second', async () => {
      const { store } = await opened()
      // U+10000 comes after U+FFFD in bytes, before it in UTF-16.
      const ids = ['', 'A', 'B', 'a', 'a/1', 'a/10', 'a/2', 'b', 'é', '\u{fffd}', '\u{10000}']
      for (const id of [...ids].reverse()) await store.put(item(id, 1), null)
      await store.put(item('a/1', 1, 'x', 'other'), null)
      const listed = async (range?: ListRange): Promise<string[]> => (await store.list('g', range)).map(({ id }) => id)
      expect(await listed()).toEqual(ids)
      expect(await listed({ from: 'a/' })).toEqual(ids.slice(4))
      expect(await listed({ from: 'a/1', to: 'a/2' })).toEqual(['a/1', 'a/10'])
      expect(await listed({ to: 'a' })).toEqual(['', 'A', 'B'])
      expect(await listed({ from: '\u{fffd}', to: '\u{10000}' })).toEqual(['\u{fffd}'])
      expect(await listed({ from: 'b', to: 'a' })).toEqual([])
      expect(await listed({ limit: 2 })).toEqual(ids.slice(0, 2))
      expect(await listed({ from: 'a/', limit: 1 })).toEqual(ids.slice(4, 5))
      expect(await listed({ from: 'a/1', to: 'a/2', limit: 5 })).toEqual(['a/1', 'a/10'])
    })

    it('deletes over the expected fence only', async () => {
      const { store } = await opened()
      await store.put(item('a', 5), null)
      expect(await store.delete('g', 'a', 4)).toBe(false)
      expect(await store.get('g', 'a')).toBeDefined()
      expect(await store.delete('g', 'a', 5)).toBe(true)
      expect(await store.get('g', 'a')).toBeUndefined()
      expect(await store.delete('g', 'a', 5)).toBe(true)
      expect(await store.put(item('a', 1), null)).toEqual({ ok: true })
    })

    it('takes a copy of the body, and gives one', async () => {
      const { store } = await opened()
      const body = Buffer.from('body')
      await store.put({ group: 'g', id: 'a', fence: 1, body }, null)
      body.fill(0)
      const first = await store.get('g', 'a')
      expect(plain(first)).toMatchObject({ body: 'body' })
      first!.body.fill(0)
      expect(plain(await store.get('g', 'a'))).toMatchObject({ body: 'body' })
    })

    it('is one store, whichever connection is used', async ({ skip }) => {
      const { store, another } = await opened()
      if (another === undefined) return skip()
      const other = another()
      await store.put(item('a', 1), null)
      expect(plain(await other.get('g', 'a'))).toMatchObject({ fence: 1 })
      await other.put(item('a', 2), 1)
      const lost = await store.put(item('a', 3), 1)
      expect(plain(lost.ok ? undefined : lost.stored)).toMatchObject({ fence: 2, body: 'a@2' })
      const results = await Promise.all(
        Array.from({ length: 32 }, (_, i) => (i % 2 === 0 ? store : other).put(item('b', i), null)),
      )
      expect(results.filter(({ ok }) => ok)).toHaveLength(1)
    })
  })
}
