import {
  CreateTableCommand,
  DescribeTableCommand,
  type DynamoDBClient,
  ResourceInUseException,
  UpdateTimeToLiveCommand,
} from '@aws-sdk/client-dynamodb'
import { type DynamoConnection, dynamoClient, dynamoEndpoint } from '#adapters/aws/dynamodb-client.ts'
import type { DynamoRequest } from '#adapters/aws/dynamodb-errors.ts'
import { EXPIRES, GROUP, ID } from '#adapters/aws/dynamodb-item.ts'
import { DynamoRetry } from '#adapters/aws/dynamodb-retry.ts'
import { BadAnswer } from '#adapters/aws/s3-fault.ts'
import type { Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'

export interface StateTableOptions {
  readonly table: string
  readonly connection?: DynamoConnection
  readonly clock: Clock
  /** Numbers in [0, 1), for the pauses between retries. */
  readonly random: () => number
}

const PATIENCE: Millis = 120_000

/**
 * Creates the table of a state store where it isn't there yet: on-demand billing, TTL on. For local use and tests; on AWS a table is
 * deployed, with backups. Resolves when the table takes items. Some requests; seconds to a minute on AWS.
 *
 * @throws SluiceError as DynamoStateStore
 */
export async function createStateTable(options: StateTableOptions): Promise<void> {
  const { table, connection = {}, clock, random } = options
  const client = dynamoClient(connection, process.env)
  const end = clock.now() + PATIENCE
  const retry = new DynamoRetry({ clock, random, deadline: () => end })
  const request = (action: string): DynamoRequest => {
    return { action, table, item: 'the table', endpoint: dynamoEndpoint(connection, process.env) }
  }
  try {
    await retry.run(request('dynamodb:CreateTable'), () => create(client, table))
    await retry.run(request('dynamodb:DescribeTable'), async () => {
      if (!(await isActive(client, table))) throw new BadAnswer('not active yet')
    })
    await retry.run(request('dynamodb:UpdateTimeToLive'), () => enableTtl(client, table))
  } finally {
    client.destroy()
  }
}

async function create(client: DynamoDBClient, table: string): Promise<void> {
  const command = new CreateTableCommand({
    TableName: table,
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [
      { AttributeName: GROUP, AttributeType: 'S' },
      { AttributeName: ID, AttributeType: 'S' },
    ],
    KeySchema: [
      { AttributeName: GROUP, KeyType: 'HASH' },
      { AttributeName: ID, KeyType: 'RANGE' },
    ],
  })
  try {
    await client.send(command)
  } catch (error) {
    if (!(error instanceof ResourceInUseException)) throw error
  }
}

async function isActive(client: DynamoDBClient, table: string): Promise<boolean> {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: table }))
  return Table?.TableStatus === 'ACTIVE'
}

async function enableTtl(client: DynamoDBClient, table: string): Promise<void> {
  const TimeToLiveSpecification = { AttributeName: EXPIRES, Enabled: true }
  try {
    await client.send(new UpdateTimeToLiveCommand({ TableName: table, TimeToLiveSpecification }))
  } catch (error) {
    // It is on already.
    if (!(error instanceof Error) || error.name !== 'ValidationException') throw error
  }
}
