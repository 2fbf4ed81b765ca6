import { describe, expect, it } from 'vitest'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { DeltaTable } from '#delta/table.ts'
import { CountingStore } from '../../support/counting-store.ts'
import { writeWideLog } from '../../support/wide-log.ts'
import { lake, TABLE } from './fixtures.ts'

const calls = (store: CountingStore): string[] => store.take().map((request) => request.split(' ')[0]!)

describe('an append', () => {
  it.each([10, 10_000])(
    'makes five requests at most on a table of %i files, with a recent checkpoint, an old one and none',
    async (files) => {
      for (const [checkpoint, tail] of [
        [true, 1],
        [true, Math.min(files - 1, 900)],
        [false, Math.min(files - 1, 900)],
      ] as const) {
        const memory = new MemoryObjectStore()
        const latest = await writeWideLog(memory, TABLE, { files, tail, checkpoint, checksum: true })
        const store = new CountingStore(memory)
        const table = await DeltaTable.open(lake().deps(store), TABLE)
        expect(calls(store)).toEqual(['get', 'list'])
        expect(await table.append([{ id: 1 }])).toMatchObject({ version: latest + 1 })
        expect(calls(store)).toEqual(['list', 'get', 'put', 'create', 'create'])
        expect(await table.append([{ id: 2 }], { txn: { appId: 'writer', version: 8 } })).toMatchObject({
          version: latest + 2,
        })
        expect(calls(store)).toEqual(['list', 'put', 'create', 'create'])
        expect(await table.appendState()).toMatchObject({ numFiles: files + 2, txns: new Map([['writer', 8]]) })
      }
    },
  )

  it('to a small table without checksums replays it once, and leaves one', async () => {
    for (const checkpoint of [true, false]) {
      const memory = new MemoryObjectStore()
      await writeWideLog(memory, TABLE, { files: 100, tail: 3, checkpoint, checksum: false })
      const table = await DeltaTable.open(lake().deps(memory), TABLE)
      await table.append([{ id: 1 }])
      const store = new CountingStore(memory)
      const next = await DeltaTable.open(lake().deps(store, 'next'), TABLE)
      store.take()
      await next.append([{ id: 2 }])
      expect(calls(store)).toEqual(['list', 'get', 'put', 'create', 'create'])
      expect((await next.appendState()).numFiles).toBe(102)
    }
  })

  it('to a large table without checksums reads no list of files, and leaves no checksum that it could not know', async () => {
    const memory = new MemoryObjectStore()
    const latest = await writeWideLog(memory, TABLE, { files: 21_000, tail: 3, checkpoint: true, checksum: false })
    const store = new CountingStore(memory)
    const table = await DeltaTable.open(lake().deps(store), TABLE)
    store.take()
    const state = await table.appendState()
    expect(state).toMatchObject({ version: latest, numFiles: null, totalBytes: null, txns: new Map([['writer', 7]]) })
    expect(calls(store).length).toBeLessThanOrEqual(10)
    expect(await table.append([{ id: 1 }])).toMatchObject({ version: latest + 1 })
    expect(calls(store)).toEqual(['list', 'put', 'create'])
    await table.append([{ id: 2 }])
    expect(calls(store)).toEqual(['list', 'put', 'create'])
  })

  it('to a large table whose checksums say too little looks at two of them, not at all', async () => {
    const memory = new MemoryObjectStore()
    await writeWideLog(memory, TABLE, { files: 21_000, tail: 40, checkpoint: true, checksum: false })
    for (let version = 1; version <= 40; version++) {
      const crc = JSON.stringify({ tableSizeBytes: 1, numFiles: 1, numMetadata: 1, numProtocol: 1 })
      await memory.put(`${TABLE}/_delta_log/${String(version).padStart(20, '0')}.crc`, new TextEncoder().encode(crc))
    }
    const store = new CountingStore(memory)
    const table = await DeltaTable.open(lake().deps(store), TABLE)
    store.take()
    await table.append([{ id: 1 }])
    expect(store.take().filter((request) => /^get .*\.crc$/.test(request))).toHaveLength(2)
  })
})
