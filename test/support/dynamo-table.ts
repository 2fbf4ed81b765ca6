import { type DynamoBackend, failed } from './dynamo-stub.ts'

type Value = { readonly S?: string; readonly N?: string; readonly B?: string }
type Item = Readonly<Record<string, Value>>

interface Input {
  readonly TableName: string
  readonly Item?: Item
  readonly Key?: Item
  readonly ConditionExpression?: string
  readonly KeyConditionExpression?: string
  readonly ExpressionAttributeValues?: Item
  readonly ExclusiveStartKey?: Item
  readonly ReturnValuesOnConditionCheckFailure?: string
  readonly ConsistentRead?: boolean
  readonly Limit?: number
}

const ok = (body: object) => ({ status: 200, body: JSON.stringify(body) })
const invalid = failed(400, 'ValidationException')

/**
 * One table in memory, as DynamoDB has it, for exactly the requests that our store makes: any other is refused. That it answers as
 * DynamoDB does is checked by the same contract suite on DynamoDB Local. A page of a query has `pageItems` items.
 */
export function memoryTable(table: string, pageItems = 3): DynamoBackend {
  const items = new Map<string, Item>()
  const nameOf = (key: Item): string => `${key['grp']!.S}\0${key['id']!.S}`
  const operations: Readonly<Record<string, (input: Input) => { status: number; body: string }>> = {
    GetItem(input) {
      const found = items.get(nameOf(input.Key!))
      return input.ConsistentRead === true ? ok(found === undefined ? {} : { Item: found }) : invalid
    },
    PutItem(input) {
      const key = input.Item!
      if (key['grp']?.S === '' || key['id']?.S === '') return invalid
      const stored = items.get(nameOf(key))
      if (!holds(input, stored)) return conditionFailed(input, stored)
      items.set(nameOf(key), key)
      return ok({})
    },
    DeleteItem(input) {
      const stored = items.get(nameOf(input.Key!))
      if (!holds(input, stored)) return conditionFailed(input, stored)
      items.delete(nameOf(input.Key!))
      return ok({})
    },
    Query(input) {
      const range = rangeOf(input)
      if (range === undefined || input.ConsistentRead !== true) return invalid
      const found = [...items.values()]
        .filter((item) => item['grp']!.S === input.ExpressionAttributeValues![':group']!.S && range(item['id']!.S!))
        .sort((a, b) => compare(a['id']!.S!, b['id']!.S!))
        .filter(
          (item) =>
            input.ExclusiveStartKey === undefined || compare(item['id']!.S!, input.ExclusiveStartKey['id']!.S!) > 0,
        )
      const page = found.slice(0, Math.min(pageItems, input.Limit ?? pageItems))
      const last = page.at(-1)
      const more = last !== undefined && page.length < found.length
      return ok({ Items: page, ...(more ? { LastEvaluatedKey: { grp: last['grp'], id: last['id'] } } : {}) })
    },
  }
  return async (operation, body) => {
    const input = JSON.parse(body) as Input
    if (input.TableName !== table) return failed(400, 'ResourceNotFoundException')
    return operations[operation]?.(input) ?? invalid
  }
}

const compare = (a: string, b: string): number => Buffer.compare(Buffer.from(a), Buffer.from(b))

function holds(input: Input, stored: Item | undefined): boolean {
  const expected = input.ExpressionAttributeValues?.[':expected']?.N
  switch (input.ConditionExpression) {
    case 'attribute_not_exists(fence)':
      return stored === undefined
    case 'fence = :expected':
      return stored?.['fence']?.N === expected
    case 'attribute_not_exists(fence) OR fence = :expected':
      return stored === undefined || stored['fence']?.N === expected
    default:
      throw new Error(`not a condition of ours: ${input.ConditionExpression}`)
  }
}

function conditionFailed(input: Input, stored: Item | undefined) {
  const wanted = input.ReturnValuesOnConditionCheckFailure === 'ALL_OLD' && stored !== undefined
  return failed(400, 'ConditionalCheckFailedException', wanted ? { Item: stored } : {})
}

/** Undefined for what DynamoDB refuses: bounds in the wrong order. */
function rangeOf(input: Input): ((id: string) => boolean) | undefined {
  const from = input.ExpressionAttributeValues?.[':from']?.S
  const to = input.ExpressionAttributeValues?.[':to']?.S
  switch (input.KeyConditionExpression) {
    case 'grp = :group':
      return () => true
    case 'grp = :group AND id >= :from':
      return (id) => compare(id, from!) >= 0
    case 'grp = :group AND id < :to':
      return (id) => compare(id, to!) < 0
    case 'grp = :group AND id BETWEEN :from AND :to':
      return compare(from!, to!) > 0 ? undefined : (id) => compare(id, from!) >= 0 && compare(id, to!) <= 0
    default:
      throw new Error(`not a key condition of ours: ${input.KeyConditionExpression}`)
  }
}
