import { randomUUID } from 'node:crypto'
import { type DynamoStateOptions, DynamoStateStore } from '#adapters/aws/dynamodb-state-store.ts'
import { ManualClock } from './manual-clock.ts'

/** A store on a stub or on DynamoDB Local; its pauses take no time. */
export function dynamoStore(endpoint: string, options: Partial<DynamoStateOptions> = {}): DynamoStateStore {
  return new DynamoStateStore({
    table: 'state',
    clock: new ManualClock(),
    random: () => 0.5,
    ids: { next: randomUUID },
    ...options,
    connection: {
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'keyOfNobody', secretAccessKey: 'secret-of-nobody' },
      ...options.connection,
    },
  })
}
