import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { S3Request } from '#adapters/aws/s3-errors.ts'
import { BadAnswer, faultOf, isInDoubt } from '#adapters/aws/s3-fault.ts'
import type { S3Retry } from '#adapters/aws/s3-retry.ts'
import { type BytePieces, bytesWithin, lengthOf } from '#core/byte-pieces.ts'
import type { Bytes } from '#core/time.ts'

/** S3's own limits. */
const PARTS_MAX = 10_000
const PARTS_AT_ONCE = 4

export interface MultipartUpload {
  readonly client: S3Client
  readonly retry: S3Retry
  readonly request: S3Request
  readonly partSize: Bytes
  readonly metadata: Readonly<Record<string, string>>
  /** Make the object only if there is none. */
  readonly ifAbsent: boolean
  /** Whether the object that is there now is of this very upload. */
  readonly isOurs: () => Promise<boolean>
}

/**
 * Makes an object of a body that is sent in parts, each tried again by itself. The parts of an upload that comes to nothing are
 * removed, as far as S3 lets us.
 *
 * Cost: a PUT a part, and 2 requests more.
 *
 * @returns false when the object exists already and `ifAbsent` was asked
 */
export async function uploadInParts(upload: MultipartUpload, pieces: BytePieces): Promise<boolean> {
  const doubt = { any: false }
  return upload.retry.run(upload.request, async () => {
    const UploadId = await begin(upload)
    try {
      const outcome = await complete(upload, UploadId, await sendAll(upload, pieces, UploadId), doubt)
      if (outcome === 'done') return true
      await abort(upload, UploadId)
      if (outcome === 'taken') return false
    } catch (error) {
      await abort(upload, UploadId)
      throw error
    }
    throw new BadAnswer('the upload is gone')
  })
}

const target = ({ request }: MultipartUpload): { readonly Bucket: string; readonly Key: string } => ({
  Bucket: request.bucket,
  Key: request.key,
})

function begin(upload: MultipartUpload): Promise<string> {
  return upload.retry.run(upload.request, async () => {
    const command = new CreateMultipartUploadCommand({ ...target(upload), Metadata: { ...upload.metadata } })
    const { UploadId } = await upload.client.send(command)
    if (UploadId === undefined) throw new BadAnswer('no upload id')
    return UploadId
  })
}

async function abort(upload: MultipartUpload, UploadId: string): Promise<void> {
  await upload.client.send(new AbortMultipartUploadCommand({ ...target(upload), UploadId })).catch(() => {})
}

/** 'again' when S3 asks for the parts anew: after a conflict with another upload, or when it knows this one no more. */
function complete(
  upload: MultipartUpload,
  UploadId: string,
  Parts: SentPart[],
  doubt: { any: boolean },
): Promise<'done' | 'taken' | 'again'> {
  const condition = upload.ifAbsent ? { IfNoneMatch: '*' } : {}
  const input = { ...target(upload), UploadId, MultipartUpload: { Parts }, ...condition }
  return upload.retry.run(upload.request, async () => {
    try {
      await upload.client.send(new CompleteMultipartUploadCommand(input))
      return 'done'
    } catch (error) {
      const fault = faultOf(error)
      if (fault.status === 412) return doubt.any && (await upload.isOurs()) ? 'done' : 'taken'
      if (fault.code === 'NoSuchUpload') return (await upload.isOurs()) ? 'done' : 'again'
      if (fault.status === 409) return 'again'
      if (isInDoubt(fault)) doubt.any = true
      throw error
    }
  })
}

interface SentPart {
  readonly PartNumber: number
  readonly ETag: string
  /** The client begins uploads with checksums, and S3 then wants them of each part at the end too. */
  readonly ChecksumCRC32?: string
}

async function sendAll(upload: MultipartUpload, pieces: BytePieces, UploadId: string): Promise<SentPart[]> {
  const length = lengthOf(pieces)
  const size = Math.max(upload.partSize, Math.ceil(length / PARTS_MAX))
  const count = Math.ceil(length / size)
  const part = (from: Bytes): Uint8Array => bytesWithin(pieces, from, Math.min(length, from + size))
  const sent: SentPart[] = []
  let next = 0
  const sender = async (): Promise<void> => {
    while (next < count) {
      const index = next++
      sent[index] = await sendPart(upload, part(index * size), UploadId, index + 1)
    }
  }
  const senders = Array.from({ length: Math.min(PARTS_AT_ONCE, count) }, sender)
  // All have ended before the upload is given up: a part that arrives later would stay.
  const ended = await Promise.allSettled(senders)
  const failed = ended.find((each) => each.status === 'rejected')
  if (failed !== undefined) throw failed.reason
  return sent
}

async function sendPart(
  { client, retry, request }: MultipartUpload,
  body: Uint8Array,
  UploadId: string,
  PartNumber: number,
): Promise<SentPart> {
  return retry.run(request, async () => {
    const part = { Bucket: request.bucket, Key: request.key, UploadId, PartNumber, Body: body }
    const { ETag, ChecksumCRC32 } = await client.send(new UploadPartCommand(part))
    if (ETag === undefined) throw new BadAnswer('no ETag')
    return { PartNumber, ETag, ...(ChecksumCRC32 === undefined ? {} : { ChecksumCRC32 }) }
  })
}
