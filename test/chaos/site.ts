import { DynamoStateStore } from '#adapters/aws/dynamodb-state-store.ts'
import { createStateTable } from '#adapters/aws/dynamodb-table.ts'
import { S3ObjectStore } from '#adapters/aws/s3-object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { systemRandom } from '#adapters/system/random.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import type { StateStore } from '#ports/state-store.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { plan } from './turnstiles.ts'

/** Where the run's topic, state and tables are: what a process of it is told. */
export interface Site {
  readonly brokers: readonly string[]
  readonly topic: string
  readonly dynamodb: string
  readonly stateTable: string
  readonly s3: string
  readonly bucket: string
  /** The fences are broken on purpose. */
  readonly sabotage: boolean
}

const connection = (endpoint: string) => ({
  endpoint,
  region: 'us-east-1',
  credentials: { accessKeyId: 'test', secretAccessKey: 'test' },
})

/** State in DynamoDB, tables in S3: the same stages as on AWS. */
export function runtimeAt(site: Site): Runtime {
  const parts = { clock: systemClock, random: systemRandom, ids: randomIds }
  const state = new DynamoStateStore({ table: site.stateTable, connection: connection(site.dynamodb), ...parts })
  const store = new S3ObjectStore({ bucket: site.bucket, prefix: 'lake', connection: connection(site.s3), ...parts })
  const used = site.sabotage ? withoutCondition(state) : state
  return { plan, fingerprint: fingerprint(plan), store, state: used, clock: systemClock, ids: randomIds, sql: null }
}

/** Writes over whatever is stored. */
function withoutCondition(inner: StateStore): StateStore {
  return {
    get: (group, id) => inner.get(group, id),
    async put(item) {
      for (;;) {
        const stored = await inner.get(item.group, item.id)
        const fence = Math.max(item.fence, (stored?.fence ?? 0) + 1)
        const result = await inner.put({ ...item, fence }, stored?.fence ?? null)
        if (result.ok) return result
      }
    },
    delete: (group, id, expected) => inner.delete(group, id, expected),
    list: (group, range) => inner.list(group, range),
    close: () => inner.close(),
  }
}

export async function prepareSite(site: Site): Promise<void> {
  const { S3Client, CreateBucketCommand } = await import('@aws-sdk/client-s3')
  const client = new S3Client({ ...connection(site.s3), forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: site.bucket }))
  client.destroy()
  const table = { table: site.stateTable, connection: connection(site.dynamodb) }
  await createStateTable({ ...table, clock: systemClock, random: systemRandom })
}
