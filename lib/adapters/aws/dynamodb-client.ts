import { DynamoDBClient, type DynamoDBClientConfig } from '@aws-sdk/client-dynamodb'
import type { Millis } from '#core/time.ts'

/** What is not given comes from the usual places of the AWS SDK: environment variables, the shared configuration, roles. */
export interface DynamoConnection {
  /** Default: `AWS_REGION`, or the profile's; with an endpoint of one's own `us-east-1`. */
  readonly region?: string
  /** DynamoDB Local's, or an emulator's. Default: `AWS_ENDPOINT_URL_DYNAMODB`, else `AWS_ENDPOINT_URL`, else AWS. */
  readonly endpoint?: string
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string }
  /** A request that has no answer by then has failed. Default 3 s: DynamoDB answers in milliseconds. */
  readonly requestTimeout?: Millis
}

type Environment = Readonly<Record<string, string | undefined>>

const REQUEST_TIMEOUT: Millis = 3_000
/** Sockets of one client: requests above it wait. */
const SOCKETS_MAX = 64

/** The endpoint that stands in for AWS, if there is one. */
export function dynamoEndpoint(connection: DynamoConnection, environment: Environment): string | undefined {
  const { AWS_ENDPOINT_URL_DYNAMODB: ofDynamo, AWS_ENDPOINT_URL: ofAll } = environment
  return connection.endpoint ?? (ofDynamo || ofAll || undefined)
}

/**
 * A client that sends each request once: a conditional write that is sent again meets its own effect, and what that means is the
 * store's to decide.
 */
export function dynamoClient(connection: DynamoConnection, environment: Environment): DynamoDBClient {
  const endpoint = dynamoEndpoint(connection, environment)
  const timeout = connection.requestTimeout ?? REQUEST_TIMEOUT
  const agent = { keepAlive: true, maxSockets: SOCKETS_MAX }
  const region = connection.region ?? (environment['AWS_REGION'] || (endpoint === undefined ? undefined : 'us-east-1'))
  const config: DynamoDBClientConfig = {
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: Math.min(timeout, 1_000),
      socketTimeout: timeout,
      requestTimeout: timeout,
      throwOnRequestTimeout: true,
      httpAgent: agent,
      httpsAgent: agent,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(connection.credentials === undefined ? {} : { credentials: connection.credentials }),
  }
  return new DynamoDBClient(config)
}
