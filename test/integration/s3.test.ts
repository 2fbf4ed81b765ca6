import { randomUUID } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
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
})
