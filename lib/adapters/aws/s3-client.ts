import { S3Client, type S3ClientConfig } from '@aws-sdk/client-s3'
import type { Millis } from '#core/time.ts'

/** What is not given comes from the usual places of the AWS SDK: environment variables, the shared configuration, roles. */
export interface S3Connection {
  /** Default: `AWS_REGION`, or the profile's; with an endpoint of one's own `us-east-1`. */
  readonly region?: string
  /** An emulator's, or another vendor's. Default: `AWS_ENDPOINT_URL_S3`, else `AWS_ENDPOINT_URL`, else AWS. */
  readonly endpoint?: string
  /** The bucket in the path instead of the host name. Default: true with an endpoint of one's own. */
  readonly pathStyle?: boolean
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** A request that makes no progress for so long has failed. Default 20 s. */
  readonly idleTimeout?: Millis
}

type Environment = Readonly<Record<string, string | undefined>>

const IDLE_TIMEOUT: Millis = 20_000
/** Sockets of one client: requests above it wait. */
const SOCKETS_MAX = 64

/** The endpoint that stands in for AWS, if there is one. */
export function s3Endpoint(connection: S3Connection, environment: Environment): string | undefined {
  const { AWS_ENDPOINT_URL_S3: ofS3, AWS_ENDPOINT_URL: ofAll } = environment
  return connection.endpoint ?? (ofS3 || ofAll || undefined)
}

/** A client that sends each request once: what may be sent again, and what that means, is the store's to decide. */
export function s3Client(connection: S3Connection, environment: Environment): S3Client {
  const endpoint = s3Endpoint(connection, environment)
  const idle = connection.idleTimeout ?? IDLE_TIMEOUT
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX }
  const region = connection.region ?? (environment['AWS_REGION'] || (endpoint === undefined ? undefined : 'us-east-1'))
  const config: S3ClientConfig = {
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: Math.min(idle, 5_000),
      socketTimeout: idle,
      requestTimeout: 4 * idle,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
    forcePathStyle: connection.pathStyle ?? endpoint !== undefined,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(connection.credentials === undefined ? {} : { credentials: connection.credentials }),
  }
  return new S3Client(config)
}
