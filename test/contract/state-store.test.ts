import { join } from 'node:path'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { stateStoreContract } from './state-store.ts'

stateStoreContract('The store in memory', async () => {
  const store = new MemoryStateStore()
  return { store, close: () => store.close() }
})

stateStoreContract('The store in SQLite', async () => {
  const folder = createTemporaryFolder()
  const file = join(folder.path, 'state.sqlite')
  const stores = [new SqliteStateStore(file)]
  return {
    store: stores[0]!,
    another: () => {
      stores.push(new SqliteStateStore(file))
      return stores.at(-1)!
    },
    async close() {
      for (const store of stores) await store.close()
      folder[Symbol.dispose]()
    },
  }
})
