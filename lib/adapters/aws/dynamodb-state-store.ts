import {
  ConditionalCheckFailedException,
  DeleteItemCommand,
  type DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  type PutItemCommandInput,
  QueryCommand,
} from '@aws-sdk/client-dynamodb'
import { type DynamoConnection, dynamoClient, dynamoEndpoint } from '#adapters/aws/dynamodb-client.ts'
import { type DynamoRequest, dynamoError } from '#adapters/aws/dynamodb-errors.ts'
import {
  type Attributes,
  checkItem,
  fromAttributes,
  GROUP,
  ID,
  keyOf,
  markOf,
  sortKey,
  toAttributes,
} from '#adapters/aws/dynamodb-item.ts'
import { DynamoRetry, dynamoFaultOf } from '#adapters/aws/dynamodb-retry.ts'
import { isInDoubt } from '#adapters/aws/s3-fault.ts'
import type { EpochMillis, Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { FencedItem, ListRange, PutResult, StateStore } from '#ports/state-store.ts'

export interface DynamoStateOptions {
  readonly table: string
  readonly connection?: DynamoConnection
  readonly clock: Clock
  /** Numbers in [0, 1), for the pauses between retries. */
  readonly random: () => number
  /** Marks of our own writes, by which we know them again: one is asked for a store. */
  readonly ids: Ids
  /**
   * By when a request that is asked for now must have been answered: of a handler, the end of its time less what it needs to end well.
   * Default: 30 s from now.
   */
  readonly deadline?: () => EpochMillis
}

const PATIENCE: Millis = 30_000
const MARK_CHARACTERS = 12

/**
 * Items in a DynamoDB table: see `Attributes` for how they lie there. Every read is consistent.
 *
 * Throttling, faults of the server and lost answers are tried again until the deadline. A conditional put whose answer was lost meets
 * its own effect when it is tried again: it is known by its mark, and counts as done. What somebody else has written over it
 * meanwhile comes back as stored: its effect is then in there, or was undone by one who had read it.
 *
 * Cost: a put or delete 1 write unit a started KB of the item, also where it loses; get 1 read unit a started 4 KB; list the same over
 * all that it reads, 1 at least, a request for each MB.
 *
 * @throws SluiceError STATE_UNAVAILABLE (retryable) when the deadline comes first, STATE_ITEM_TOO_LARGE and NAME_INVALID before a request,
 * STATE_TABLE_NOT_FOUND, STATE_TABLE_INVALID, STATE_ACCESS_DENIED, STATE_CREDENTIALS_INVALID, STATE_REGION_MISSING, STATE_CORRUPT
 */
export class DynamoStateStore implements StateStore {
  private readonly table: string
  private readonly client: DynamoDBClient
  private readonly endpoint: string | undefined
  private readonly retry: DynamoRetry
  private readonly writer: string
  private writes = 0

  constructor(options: DynamoStateOptions) {
    const { table, connection = {}, clock, random, ids } = options
    this.table = table
    this.client = dynamoClient(connection, process.env)
    this.endpoint = dynamoEndpoint(connection, process.env)
    this.retry = new DynamoRetry({ clock, random, deadline: options.deadline ?? (() => clock.now() + PATIENCE) })
    this.writer = ids.next().slice(-MARK_CHARACTERS)
  }

  async get(group: string, id: string): Promise<FencedItem | undefined> {
    const found = await this.read(group, id)
    return found === undefined ? undefined : fromAttributes(found, this.table)
  }

  async put(item: FencedItem, expected: number | null): Promise<PutResult> {
    const mark = `${this.writer}${(this.writes++).toString(36)}`
    checkItem(item, expected, mark)
    const input = this.putInput(item, expected, mark)
    const request = this.request('dynamodb:PutItem', item.group, item.id)
    let inDoubt = false
    return this.retry.run(request, async (abortSignal): Promise<PutResult> => {
      try {
        await this.client.send(new PutItemCommand(input), { abortSignal })
        return { ok: true }
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) {
          if (inDoubt && markOf(error.Item) === mark) return { ok: true }
          return { ok: false, stored: error.Item === undefined ? undefined : fromAttributes(error.Item, this.table) }
        }
        if (isInDoubt(dynamoFaultOf(error))) {
          inDoubt = true
          // The condition would hold again after its own effect, and after another such write over it: not sent twice.
          if (item.fence === expected) return this.afterDoubt(item, mark, error)
        }
        throw error
      }
    })
  }

  async delete(group: string, id: string, expected: number): Promise<boolean> {
    const input = {
      TableName: this.table,
      Key: keyOf(group, id),
      ConditionExpression: 'attribute_not_exists(fence) OR fence = :expected',
      ExpressionAttributeValues: { ':expected': { N: String(expected) } },
    }
    return this.retry.run(this.request('dynamodb:DeleteItem', group, id), async (abortSignal) => {
      try {
        await this.client.send(new DeleteItemCommand(input), { abortSignal })
        return true
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return false
        throw error
      }
    })
  }

  async list(group: string, range: ListRange = {}): Promise<readonly FencedItem[]> {
    const { to, limit = Number.POSITIVE_INFINITY } = range
    const condition = keyCondition(group, range)
    if (condition === undefined || limit <= 0) return []
    const items: FencedItem[] = []
    let start: Attributes | undefined
    do {
      const input = {
        TableName: this.table,
        ConsistentRead: true,
        ...condition,
        ...(Number.isFinite(limit) ? { Limit: limit - items.length } : {}),
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      }
      const page = await this.retry.run(this.request('dynamodb:Query', group, range.from ?? ''), (abortSignal) =>
        this.client.send(new QueryCommand(input), { abortSignal }),
      )
      for (const attributes of page.Items ?? []) {
        const item = fromAttributes(attributes, this.table)
        // BETWEEN has both ends in it.
        if (item.id !== to) items.push(item)
      }
      start = page.LastEvaluatedKey
    } while (start !== undefined && items.length < limit)
    return items
  }

  /** Lets go of the connections; a process can end without. */
  async close(): Promise<void> {
    this.client.destroy()
  }

  private read(group: string, id: string): Promise<Attributes | undefined> {
    const input = { TableName: this.table, Key: keyOf(group, id), ConsistentRead: true }
    return this.retry.run(this.request('dynamodb:GetItem', group, id), async (abortSignal) => {
      return (await this.client.send(new GetItemCommand(input), { abortSignal })).Item
    })
  }

  private putInput(item: FencedItem, expected: number | null, mark: string): PutItemCommandInput {
    return {
      TableName: this.table,
      Item: toAttributes(item, mark),
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      ...(expected === null
        ? { ConditionExpression: 'attribute_not_exists(fence)' }
        : {
            ConditionExpression: 'fence = :expected',
            ExpressionAttributeValues: { ':expected': { N: String(expected) } },
          }),
    }
  }

  /** @throws SluiceError STATE_UNAVAILABLE (retryable) when it isn't there: it may be on its way still */
  private async afterDoubt(item: FencedItem, mark: string, error: unknown): Promise<PutResult> {
    if (markOf(await this.read(item.group, item.id)) === mark) return { ok: true }
    throw dynamoError(dynamoFaultOf(error), this.request('dynamodb:PutItem', item.group, item.id), 1, error)
  }

  private request(action: string, group: string, id: string): DynamoRequest {
    return { action, table: this.table, item: `${group} ${id}`, endpoint: this.endpoint }
  }
}

type KeyCondition = Pick<PutItemCommandInput, 'ExpressionAttributeValues'> & { readonly KeyConditionExpression: string }

/** Undefined for a range that holds nothing: DynamoDB refuses it. */
function keyCondition(group: string, { from, to }: ListRange): KeyCondition | undefined {
  const values: Attributes = { ':group': { S: group } }
  if (from !== undefined && to !== undefined && Buffer.compare(Buffer.from(from), Buffer.from(to)) >= 0)
    return undefined
  if (from !== undefined) values[':from'] = { S: sortKey(from) }
  if (to !== undefined) values[':to'] = { S: sortKey(to) }
  const ofGroup = `${GROUP} = :group`
  const ofId =
    from === undefined
      ? to === undefined
        ? ''
        : ` AND ${ID} < :to`
      : to === undefined
        ? ` AND ${ID} >= :from`
        : ` AND ${ID} BETWEEN :from AND :to`
  return { KeyConditionExpression: ofGroup + ofId, ExpressionAttributeValues: values }
}
