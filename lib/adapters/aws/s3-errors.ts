import type { S3Fault } from '#adapters/aws/s3-fault.ts'
import { SluiceError } from '#core/errors.ts'

/** What was asked of whom: for messages. */
export interface S3Request {
  /** As in IAM policies: `s3:PutObject`. */
  readonly action: string
  readonly bucket: string
  /** The whole key; empty for what concerns the bucket. */
  readonly key: string
  /** Undefined for AWS itself. */
  readonly endpoint: string | undefined
}

const NO_CREDENTIALS = /Credentials/
const BAD_CREDENTIALS = new Set([
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'SignatureDoesNotMatch',
  'TokenRefreshRequired',
])
const WRONG_REGION = new Set([
  'AuthorizationHeaderMalformed',
  'IllegalLocationConstraintException',
  'PermanentRedirect',
])

/**
 * What a failed request means to people, and what to do. No text of the answer is passed on: it can hold keys and signatures.
 *
 * @param tries how often it was tried
 */
export function s3Error(fault: S3Fault, request: S3Request, tries: number, error: unknown): SluiceError {
  const { code, status, requestId } = fault
  const { action, bucket, key, endpoint } = request
  const object = `s3://${bucket}/${key}`
  const at = endpoint === undefined ? '' : ` at ${endpoint}`
  const options = { details: { action, bucket, path: key, code, status, requestId }, cause: plain(fault) }
  if (NO_CREDENTIALS.test(code) && status === undefined) {
    return new SluiceError(
      'STORE_CREDENTIALS_INVALID',
      `Expected AWS credentials for ${object}, found none. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them.`,
      options,
    )
  }
  if (BAD_CREDENTIALS.has(code)) {
    return new SluiceError(
      'STORE_CREDENTIALS_INVALID',
      `Expected valid AWS credentials for ${object}, but S3${at} refused them (${code}). Renew or correct them; temporary ones need AWS_SESSION_TOKEN too.`,
      options,
    )
  }
  if (isRegionMissing(error)) {
    return new SluiceError(
      'STORE_REGION_WRONG',
      `Expected an AWS region for ${object}, found none. Set AWS_REGION to the bucket's.`,
      options,
    )
  }
  if (WRONG_REGION.has(code) || status === 301) {
    const { bucketRegion } = fault
    return new SluiceError(
      'STORE_REGION_WRONG',
      `Expected bucket ${bucket} in the region that was asked, but it is in ${bucketRegion ?? 'another one'}. Set AWS_REGION${bucketRegion === undefined ? " to the bucket's" : `=${bucketRegion}`}.`,
      options,
    )
  }
  if (code === 'NoSuchBucket') {
    return new SluiceError(
      'STORE_BUCKET_NOT_FOUND',
      `Expected an S3 bucket ${bucket}${at}, found none. Check the name and the account, or create it.`,
      options,
    )
  }
  if (status === 403) {
    return new SluiceError(
      'STORE_ACCESS_DENIED',
      `Expected to be allowed ${action} on ${object}, but S3${at} denied it (${code}). Allow it in the role's policy and the bucket's; without s3:ListBucket S3 denies what isn't there, too.`,
      options,
    )
  }
  if (code === 'KeyTooLongError') {
    return new SluiceError(
      'NAME_INVALID',
      `Expected an object name of at most 1,024 bytes, found one of ${new TextEncoder().encode(key).length}: ${object}. Choose a shorter path.`,
      options,
    )
  }
  return unavailable(fault, request, tries, options)
}

function unavailable(
  fault: S3Fault,
  { action, bucket, key, endpoint }: S3Request,
  tries: number,
  options: { readonly details: Readonly<Record<string, unknown>>; readonly cause: unknown },
): SluiceError {
  const { code, status } = fault
  const at = endpoint === undefined ? '' : ` at ${endpoint}`
  const answer = status === undefined ? `no answer (${code})` : `${status} ${code}`
  const passing = status === undefined || status >= 500 || status === 409 || status === 429
  return new SluiceError(
    'STORE_UNAVAILABLE',
    `Expected S3${at} to answer ${action} on s3://${bucket}/${key}, found ${answer} in ${tries} ${tries === 1 ? 'try' : 'tries'}. ${
      passing ? 'Trying again later may help.' : 'Look that code up in the S3 documentation.'
    }`,
    { ...options, retryable: passing },
  )
}

/** The SDK has no name for it. */
function isRegionMissing(error: unknown): boolean {
  return error instanceof Error && error.message === 'Region is missing'
}

/** Without what the SDK's own error drags along. */
function plain({ code, status, requestId }: S3Fault): Error {
  return new Error(`S3: ${status ?? 'no answer'} ${code}${requestId === undefined ? '' : `, request ${requestId}`}`)
}
