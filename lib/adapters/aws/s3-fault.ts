/** What went wrong with a request, as far as its answer says. */
export interface S3Fault {
  /** S3's error code, the system's, or the SDK's name for it. */
  readonly code: string
  /** Of HTTP; undefined when no answer came. */
  readonly status: number | undefined
  readonly requestId: string | undefined
  /** Where S3 says that the bucket is. */
  readonly bucketRegion: string | undefined
}

/** Thrown inside a store for what makes an answer worthless: it is tried again like a lost answer. */
export class BadAnswer extends Error {
  override readonly name = 'BadAnswer'
}

interface SdkError {
  readonly name?: unknown
  readonly code?: unknown
  readonly Region?: unknown
  readonly $metadata?: { readonly httpStatusCode?: number; readonly requestId?: string }
  readonly $response?: { readonly headers?: Readonly<Record<string, string>> }
}

export function faultOf(error: unknown): S3Fault {
  const sdk = (typeof error === 'object' && error !== null ? error : {}) as SdkError
  const status = sdk.$metadata?.httpStatusCode
  const region = sdk.$response?.headers?.['x-amz-bucket-region'] ?? sdk.Region
  const named = typeof sdk.code === 'string' && status === undefined ? sdk.code : sdk.name
  return {
    code: typeof named === 'string' ? named : 'Unknown',
    status,
    requestId: sdk.$metadata?.requestId,
    bucketRegion: typeof region === 'string' ? region : undefined,
  }
}

/** S3's words for: too much at once, come again (and a clock that the SDK has set right by then). */
const PASSING = new Set([
  'ConditionalRequestConflict',
  'OperationAborted',
  'RequestTimeout',
  'RequestTimeTooSkewed',
  'SlowDown',
  'Throttling',
  'ThrottlingException',
  'TooManyRequestsException',
])

/** What the network and the SDK's connections fail with. */
const NETWORK =
  /^(TimeoutError|AbortError|BadAnswer|IncompleteBody|ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ERR_STREAM_PREMATURE_CLOSE|HPE_\w+)$/

/** True for what the network and the SDK's connections fail with, by the fault's code where no answer came. */
export const isNetworkFault = (code: string): boolean => NETWORK.test(code)

/** True when the same request may succeed in a moment. */
export function isPassing({ code, status }: S3Fault): boolean {
  if (status === undefined) return isNetworkFault(code)
  return status >= 500 || status === 429 || status === 408 || status < 300 || PASSING.has(code)
}

/** True when the request may have had its effect although it failed: no answer, a server's own fault, a broken answer. */
export function isInDoubt({ status }: Pick<S3Fault, 'status'>): boolean {
  return status === undefined || status >= 500 || status < 300
}
