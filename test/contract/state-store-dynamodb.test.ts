import { dynamoStore } from '../support/dynamo-store.ts'
import { DynamoWire } from '../support/dynamo-stub.ts'
import { memoryTable } from '../support/dynamo-table.ts'
import { stateStoreContract } from './state-store.ts'

stateStoreContract('The DynamoDB state store', async () => {
  const wire = await DynamoWire.start(memoryTable('state'))
  const stores = [dynamoStore(wire.endpoint)]
  return {
    store: stores[0]!,
    another: () => {
      const other = dynamoStore(wire.endpoint)
      stores.push(other)
      return other
    },
    async close() {
      for (const store of stores) await store.close()
      await wire.stop()
    },
  }
})
