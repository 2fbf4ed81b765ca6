import { randomUUID } from 'node:crypto'
import { S3ObjectStore, type S3ObjectStoreOptions } from '#adapters/aws/s3-object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { systemRandom } from '#adapters/system/random.ts'

/** The S3 service that the environment names, or undefined. */
export const S3_ENDPOINT = process.env['AWS_ENDPOINT_URL_S3'] ?? process.env['AWS_ENDPOINT_URL']

/** A new bucket on that service. */
export async function newBucket(): Promise<string> {
  const bucket = `sluice-${randomUUID()}`
  const { S3Client, CreateBucketCommand } = await import('@aws-sdk/client-s3')
  const client = new S3Client({ forcePathStyle: true })
  await client.send(new CreateBucketCommand({ Bucket: bucket }))
  client.destroy()
  return bucket
}

/** A client of its own for a bucket of that service. */
export function storeIn(bucket: string, options: Partial<S3ObjectStoreOptions> = {}): S3ObjectStore {
  return new S3ObjectStore({ bucket, clock: systemClock, random: systemRandom, ids: randomIds, ...options })
}
