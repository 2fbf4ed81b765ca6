import { randomUUID } from 'node:crypto'
import { type DynamoStateOptions, DynamoStateStore } from '#adapters/aws/dynamodb-state-store.ts'
import { createStateTable } from '#adapters/aws/dynamodb-table.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { systemRandom } from '#adapters/system/random.ts'

/** The DynamoDB service that the environment names, or undefined. */
export const DYNAMODB_ENDPOINT = process.env['DYNAMODB_ENDPOINT_URL']

/** A new table on that service. */
export async function newTable(): Promise<string> {
  const table = `sluice-${randomUUID()}`
  await createStateTable({
    table,
    connection: connectionTo(DYNAMODB_ENDPOINT!),
    clock: systemClock,
    random: systemRandom,
  })
  return table
}

export const connectionTo = (endpoint: string): NonNullable<DynamoStateOptions['connection']> => ({
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
})

/** A client of its own for a table of that service. */
export function stateIn(table: string, options: Partial<DynamoStateOptions> = {}): DynamoStateStore {
  const connection = connectionTo(DYNAMODB_ENDPOINT!)
  return new DynamoStateStore({
    table,
    connection,
    clock: systemClock,
    random: systemRandom,
    ids: randomIds,
    ...options,
  })
}
