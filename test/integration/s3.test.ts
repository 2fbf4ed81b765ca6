import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { DeltaTable } from '#delta/table.ts'
import { sluice } from '../cli/sluice.ts'
import { objectStoreContract } from '../contract/object-store.ts'
import { newBucket, S3_ENDPOINT, storeIn } from '../support/s3-bucket.ts'

describe.skipIf(S3_ENDPOINT === undefined)('On an S3 service', () => {
  let bucket: string
  beforeAll(async () => {
    bucket = await newBucket()
  })

  objectStoreContract('The S3 object store', async () => {
    // 5 MiB is the least that S3 takes as a part.
    const store = storeIn(bucket, { prefix: `contract/${randomUUID()}`, partSize: 5 << 20 })
    return { store, close: async () => store.close(), bigSize: (12 << 20) + 7 }
  })

  it('clients of their own have one winner of a create', async () => {
    const stores = Array.from({ length: 32 }, () => storeIn(bucket))
    for (let version = 0; version < 20; version++) {
      const won = await Promise.all(stores.map((store, i) => store.create(`log/${version}`, Uint8Array.of(i))))
      expect(won.filter(Boolean)).toHaveLength(1)
      expect(await stores[0]!.get(`log/${version}`)).toEqual(Uint8Array.of(won.indexOf(true)))
    }
    for (const store of stores) store.close()
  })

  it('clients of their own have one winner of a create in parts', async () => {
    const stores = Array.from({ length: 4 }, () => storeIn(bucket, { partSize: 5 << 20 }))
    const won = await Promise.all(stores.map((store, i) => store.create('big', new Uint8Array((5 << 20) + 1).fill(i))))
    expect(won.filter(Boolean)).toHaveLength(1)
    expect((await stores[0]!.get('big')).at(-1)).toBe(won.indexOf(true))
    for (const store of stores) store.close()
  })

  it('tables are found, shown and listed by the command', async () => {
    const store = storeIn(bucket)
    const deps = { store, clock: systemClock, ids: randomIds }
    const fields = [{ name: 'id', column: { kind: 'long', nullable: false } }] as const
    for (const path of ['a lake/gold/one', 'a lake/two%']) {
      const table = await DeltaTable.create(deps, path, { fields })
      await table.append([{ id: 1 }, { id: 2 }])
      await table.checkpoint()
      await table.append([{ id: 3 }])
    }
    const tables = await sluice(['tables', `s3://${bucket}/a lake`, '--json'])
    expect(JSON.parse(tables.out).tables).toMatchObject([
      { name: 'gold/one', rows: 3, files: 2, version: 2 },
      { name: 'two%', rows: 3, files: 2, version: 2 },
    ])
    const shown = await sluice(['show', `s3://${bucket}/a lake/two%`, '--json'])
    expect(shown).toMatchObject({ code: 0, out: '{"id":1}\n{"id":2}\n{"id":3}\n' })
    const history = await sluice(['history', `s3://${bucket}/a lake/two%`, '--json'])
    expect(JSON.parse(history.out).commits).toHaveLength(3)
    store.close()
  })
})
