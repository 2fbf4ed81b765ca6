import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { objectStoreContract } from './object-store.ts'

objectStoreContract('The memory object store', async () => ({ store: new MemoryObjectStore() }))

for (const durable of [false, true]) {
  objectStoreContract(`The ${durable ? 'durable ' : ''}directory object store`, async () => {
    const root = await mkdtemp(join(tmpdir(), 'sluice-objects-'))
    return {
      store: new DirectoryObjectStore(root, { durable }),
      close: () => rm(root, { recursive: true, force: true }),
    }
  })
}
