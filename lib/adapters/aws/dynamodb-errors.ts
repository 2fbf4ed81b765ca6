import { isNetworkFault, type S3Fault } from '#adapters/aws/s3-fault.ts'
import { SluiceError } from '#core/errors.ts'

/** What was asked of whom: for messages. */
export interface DynamoRequest {
  /** As in IAM policies: `dynamodb:PutItem`. */
  readonly action: string
  readonly table: string
  /** Group and id of the item; empty for what concerns the table. */
  readonly item: string
  /** Undefined for AWS itself. */
  readonly endpoint: string | undefined
}

/** What went wrong with a request; `reasons`: which limit throttled it, as DynamoDB names them. */
export type DynamoFault = Pick<S3Fault, 'code' | 'status' | 'requestId'> & { readonly reasons: readonly string[] }

/** DynamoDB's words for: too much at once, come again. All are 400, and none has had an effect. */
const THROTTLED = new Set([
  'ProvisionedThroughputExceededException',
  'ReplicatedWriteConflictException',
  'RequestLimitExceeded',
  'Throttling',
  'ThrottlingException',
  'TransactionConflictException',
])
const BAD_CREDENTIALS = new Set([
  'ExpiredTokenException',
  'IncompleteSignatureException',
  'InvalidClientTokenId',
  'InvalidSignatureException',
  'MissingAuthenticationTokenException',
  'UnrecognizedClientException',
])

/** True when the same request may succeed in a moment. */
export function isPassingFault({ code, status }: DynamoFault): boolean {
  if (status === undefined) return isNetworkFault(code)
  return status >= 500 || status === 429 || status < 300 || THROTTLED.has(code)
}

/** True when the request was refused for the load, and had no effect. */
export const isThrottled = ({ code, status }: DynamoFault): boolean => status === 429 || THROTTLED.has(code)

/**
 * What a failed request means to people, and what to do. No text of the answer is passed on: it can hold keys and signatures.
 *
 * @param tries how often it was tried
 */
export function dynamoError(fault: DynamoFault, request: DynamoRequest, tries: number, error: unknown): SluiceError {
  const { code, status, requestId, reasons } = fault
  const { action, table, item, endpoint } = request
  const at = endpoint === undefined ? '' : ` at ${endpoint}`
  const options = { details: { action, table, item, code, status, requestId, reasons }, cause: plain(fault) }
  if (/Credentials/.test(code) && status === undefined) {
    return new SluiceError(
      'STATE_CREDENTIALS_INVALID',
      `Expected AWS credentials for DynamoDB table ${table}, found none. Set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where a role gives them.`,
      options,
    )
  }
  if (BAD_CREDENTIALS.has(code)) {
    return new SluiceError(
      'STATE_CREDENTIALS_INVALID',
      `Expected valid AWS credentials for DynamoDB table ${table}, but DynamoDB${at} refused them (${code}). Renew or correct them; temporary ones need AWS_SESSION_TOKEN too.`,
      options,
    )
  }
  if (error instanceof Error && error.message === 'Region is missing') {
    return new SluiceError(
      'STATE_REGION_MISSING',
      `Expected an AWS region for DynamoDB table ${table}, found none. Set AWS_REGION to the table's.`,
      options,
    )
  }
  if (code === 'ResourceNotFoundException') {
    return new SluiceError(
      'STATE_TABLE_NOT_FOUND',
      `Expected a DynamoDB table ${table}${at}, found none. Check the name, the account and the region, or create it: string keys grp and id, on-demand billing.`,
      options,
    )
  }
  if (code === 'AccessDeniedException') {
    return new SluiceError(
      'STATE_ACCESS_DENIED',
      `Expected to be allowed ${action} on DynamoDB table ${table}, but DynamoDB${at} denied it. Allow it in the role's policy.`,
      options,
    )
  }
  if (code === 'ValidationException') {
    return new SluiceError(
      'STATE_TABLE_INVALID',
      `Expected DynamoDB table ${table}${at} to have the string keys grp (partition) and id (sort), but it refused ${action} for ${item} as invalid. Create a table for Sluice alone.`,
      options,
    )
  }
  return unavailable(fault, request, tries, options)
}

function unavailable(
  fault: DynamoFault,
  { action, table, item, endpoint }: DynamoRequest,
  tries: number,
  options: { readonly details: Readonly<Record<string, unknown>>; readonly cause: unknown },
): SluiceError {
  const { code, status, reasons } = fault
  const at = endpoint === undefined ? '' : ` at ${endpoint}`
  const why = reasons.length === 0 ? '' : ` (${reasons.join(', ')})`
  const answer = status === undefined ? `no answer (${code})` : `${status} ${code}${why}`
  const passing = isPassingFault(fault)
  const advice = isThrottled(fault)
    ? 'Nothing was written; the batch comes again. If it lasts, raise the limits of the table.'
    : passing
      ? 'The batch comes again: what was written already is not applied twice.'
      : 'Look that code up in the DynamoDB documentation.'
  return new SluiceError(
    'STATE_UNAVAILABLE',
    `Expected DynamoDB${at} to answer ${action} on table ${table} for ${item} in time, found ${answer} in ${tries} ${tries === 1 ? 'try' : 'tries'}. ${advice}`,
    { ...options, retryable: passing },
  )
}

/** Without what the SDK's own error drags along. */
function plain({ code, status, requestId }: DynamoFault): Error {
  return new Error(
    `DynamoDB: ${status ?? 'no answer'} ${code}${requestId === undefined ? '' : `, request ${requestId}`}`,
  )
}
