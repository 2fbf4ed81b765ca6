import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  PutObjectCommand,
  type S3Client,
} from '@aws-sdk/client-s3'
import { type S3Connection, s3Client, s3Endpoint } from '#adapters/aws/s3-client.ts'
import type { S3Request } from '#adapters/aws/s3-errors.ts'
import { BadAnswer, faultOf, isInDoubt } from '#adapters/aws/s3-fault.ts'
import { uploadInParts } from '#adapters/aws/s3-multipart.ts'
import { S3Retry } from '#adapters/aws/s3-retry.ts'
import { type BytePieces, joinedBytes, lengthOf } from '#core/byte-pieces.ts'
import { SluiceError } from '#core/errors.ts'
import type { Bytes, EpochMillis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'

export interface S3ObjectStoreOptions {
  readonly bucket: string
  /** All objects are below it; without '/' at its ends. Default: the whole bucket. */
  readonly prefix?: string
  readonly connection?: S3Connection
  readonly clock: Clock
  /** Numbers in [0, 1), for the pauses between retries. */
  readonly random: () => number
  /** Marks of our own creates, by which we know them again. */
  readonly ids: Ids
  /** How often a request is tried. Default 6: with pauses of up to 3 s in all. */
  readonly tries?: number
  /** Bodies above it are sent in parts of this size: at least 5 MiB, as S3 wants it. Default 16 MiB. */
  readonly partSize?: Bytes
}

const TRIES = 6
const PART_SIZE: Bytes = 16 << 20
/** User metadata of objects that were created on a condition. */
const CREATE_MARK = 'sluice-create'

/**
 * Objects in a general-purpose S3 bucket, or in a service that speaks its protocol and honours `If-None-Match`.
 *
 * Every request is tried again on throttling, conflicts, server and network faults. `create` tells its own object from somebody
 * else's by a mark in the object's metadata: when an answer was lost and the next try finds the object there, one HEAD decides. It
 * throws (retryable) where even that is not known.
 *
 * @throws SluiceError STORE_BUCKET_NOT_FOUND, STORE_ACCESS_DENIED, STORE_CREDENTIALS_INVALID, STORE_REGION_WRONG; NAME_INVALID for a
 * path above 1,024 bytes; STORE_UNAVAILABLE (retryable) after the last try
 */
export class S3ObjectStore implements ObjectStore {
  readonly uri: string
  private readonly bucket: string
  private readonly root: string
  private readonly client: S3Client
  private readonly endpoint: string | undefined
  private readonly retry: S3Retry
  private readonly ids: Ids
  private readonly partSize: Bytes

  constructor(options: S3ObjectStoreOptions) {
    const { bucket, prefix = '', connection = {}, clock, random, ids } = options
    if (bucket.endsWith('--x-s3')) throw directoryBucket(bucket)
    this.bucket = bucket
    this.root = prefix === '' ? '' : `${prefix}/`
    this.uri = prefix === '' ? `s3://${bucket}` : `s3://${bucket}/${prefix}`
    this.client = s3Client(connection, process.env)
    this.endpoint = s3Endpoint(connection, process.env)
    this.retry = new S3Retry({ clock, random, tries: options.tries ?? TRIES })
    this.ids = ids
    this.partSize = options.partSize ?? PART_SIZE
  }

  async get(path: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    if (range !== undefined && range.end <= range.start) return this.getNothing(path)
    const input = {
      ...this.object(path),
      ...(range === undefined ? {} : { Range: `bytes=${range.start}-${range.end - 1}` }),
    }
    return this.retry.run(this.request('s3:GetObject', path), async () => {
      try {
        const { Body, ContentLength } = await this.client.send(new GetObjectCommand(input))
        const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array(0)
        if (ContentLength !== undefined && bytes.length !== ContentLength) throw new BadAnswer('cut off')
        return bytes
      } catch (error) {
        const fault = faultOf(error)
        // A range that begins behind the end.
        if (fault.status === 416) return new Uint8Array(0)
        if (fault.status === 404 && fault.code !== 'NoSuchBucket') throw this.notFound(path)
        throw error
      }
    })
  }

  async head(path: string): Promise<ObjectInfo | undefined> {
    const found = await this.describe(path)
    return found === undefined ? undefined : { path, size: found.size, modified: found.modified }
  }

  put(path: string, bytes: Uint8Array): Promise<void> {
    return this.putPieces(path, [bytes])
  }

  async putPieces(path: string, pieces: BytePieces): Promise<void> {
    await this.write(path, pieces, false)
  }

  create(path: string, bytes: Uint8Array): Promise<boolean> {
    return this.write(path, [bytes], true)
  }

  async delete(path: string): Promise<void> {
    await this.retry.run(this.request('s3:DeleteObject', path), () =>
      this.client.send(new DeleteObjectCommand(this.object(path))),
    )
  }

  async *list(prefix: string, options: { readonly startAfter?: string } = {}): AsyncIterable<ObjectInfo> {
    const { startAfter } = options
    const query = {
      Bucket: this.bucket,
      Prefix: this.root + prefix,
      // XML can't hold every character that a key may have.
      EncodingType: 'url' as const,
      ...(startAfter === undefined || startAfter === '' ? {} : { StartAfter: this.root + startAfter }),
    }
    let token: string | undefined
    do {
      const page = await this.page(prefix, { ...query, ...(token === undefined ? {} : { ContinuationToken: token }) })
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        const key = page.EncodingType === 'url' ? decodeURIComponent(Key.replaceAll('+', ' ')) : Key
        yield { path: key.slice(this.root.length), size: Size, modified: wholeSeconds(LastModified) }
      }
      token = page.IsTruncated === true ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  /** Lets go of the connections; a process can end without. */
  close(): void {
    this.client.destroy()
  }

  private page(
    prefix: string,
    input: ConstructorParameters<typeof ListObjectsV2Command>[0],
  ): Promise<ListObjectsV2CommandOutput> {
    return this.retry.run(this.request('s3:ListBucket', prefix), () =>
      this.client.send(new ListObjectsV2Command(input)),
    )
  }

  private async write(path: string, pieces: BytePieces, ifAbsent: boolean): Promise<boolean> {
    const mark = this.ids.next()
    const request = this.request('s3:PutObject', path)
    const metadata = { [CREATE_MARK]: mark }
    const isOurs = async (): Promise<boolean> => (await this.describe(path))?.mark === mark
    if (lengthOf(pieces) > this.partSize) {
      const { client, retry, partSize } = this
      return uploadInParts({ client, retry, request, partSize, metadata, ifAbsent, isOurs }, pieces)
    }
    const input = { ...this.object(path), Body: joinedBytes(pieces) }
    const command = (): PutObjectCommand =>
      new PutObjectCommand(ifAbsent ? { ...input, IfNoneMatch: '*', Metadata: metadata } : input)
    let inDoubt = false
    return this.retry.run(request, async () => {
      try {
        await this.client.send(command())
        return true
      } catch (error) {
        const fault = faultOf(error)
        if (ifAbsent && fault.status === 412) return inDoubt && (await isOurs())
        if (isInDoubt(fault)) inDoubt = true
        throw error
      }
    })
  }

  private describe(
    path: string,
  ): Promise<{ readonly size: Bytes; readonly modified: EpochMillis; readonly mark: string | undefined } | undefined> {
    // HEAD is allowed by the same permission as GET.
    return this.retry.run(this.request('s3:GetObject', path), async () => {
      try {
        const found = await this.client.send(new HeadObjectCommand(this.object(path)))
        const { ContentLength = 0, LastModified, Metadata } = found
        return { size: ContentLength, modified: wholeSeconds(LastModified), mark: Metadata?.[CREATE_MARK] }
      } catch (error) {
        if (faultOf(error).status === 404) return undefined
        throw error
      }
    })
  }

  /** Of an object that is there: S3 has no empty range. */
  private async getNothing(path: string): Promise<Uint8Array> {
    if ((await this.describe(path)) === undefined) throw this.notFound(path)
    return new Uint8Array(0)
  }

  private object(path: string): { readonly Bucket: string; readonly Key: string } {
    return { Bucket: this.bucket, Key: this.root + path }
  }

  private request(action: string, path: string): S3Request {
    return { action, bucket: this.bucket, key: this.root + path, endpoint: this.endpoint }
  }

  private notFound(path: string): SluiceError {
    return new SluiceError('OBJECT_NOT_FOUND', `Expected an object at ${this.uri}/${path}, found none.`, {
      details: { path },
    })
  }
}

/** HEAD tells no more than seconds. */
function wholeSeconds(date: Date | undefined): EpochMillis {
  return date === undefined ? 0 : Math.floor(date.getTime() / 1000) * 1000
}

function directoryBucket(bucket: string): SluiceError {
  return new SluiceError(
    'NAME_INVALID',
    `Expected a general-purpose S3 bucket, found the directory bucket ${bucket}: its LIST is in no order and takes no start. Choose another bucket.`,
    { details: { bucket } },
  )
}
