import { afterAll, beforeAll } from 'vitest'
import { s3Store } from '../support/s3-store.ts'
import { S3Stub } from '../support/s3-stub.ts'
import { objectStoreContract } from './object-store.ts'

let stub: S3Stub
beforeAll(async () => {
  stub = await S3Stub.start()
})
afterAll(() => stub.stop())

for (const prefix of ['', 'some/folder']) {
  objectStoreContract(`The S3 object store ${prefix === '' ? 'of a bucket' : 'below a prefix'}`, async () => {
    stub.objects.clear()
    // Objects of others, to be left alone and out of sight.
    if (prefix !== '') for (const key of ['some', 'some/a', 'some/folder2/a']) stub.objects.set(key, OTHER)
    const store = s3Store(stub.endpoint, { prefix, partSize: 300_000 })
    return { store, close: async () => store.close() }
  })
}

const OTHER = { bytes: Buffer.from('of others'), mark: undefined, modified: new Date(0) }
