import { randomUUID } from 'node:crypto'
import { S3ObjectStore, type S3ObjectStoreOptions } from '#adapters/aws/s3-object-store.ts'
import { ManualClock } from './manual-clock.ts'

/** A store on a stub or an emulator; its pauses take no time. */
export function s3Store(endpoint: string, options: Partial<S3ObjectStoreOptions> = {}): S3ObjectStore {
  return new S3ObjectStore({
    bucket: 'lake',
    clock: new ManualClock(),
    random: () => 0.5,
    ids: { next: randomUUID },
    ...options,
    connection: {
      endpoint,
      region: 'us-east-1',
      credentials: { accessKeyId: 'key-of-nobody', secretAccessKey: 'secret-of-nobody' },
      ...options.connection,
    },
  })
}
