import type { AttributeValue } from '@aws-sdk/client-dynamodb'
import { SluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import type { FencedItem } from '#ports/state-store.ts'

/**
 * How an item lies in the table. Names count for the price of every write, so they are short.
 *
 * | attribute | type | |
 * |---|---|---|
 * | `grp` | S, partition key | the group |
 * | `id` | S, sort key | `/` and the id: DynamoDB takes no empty key. Sorted by UTF-8 bytes |
 * | `fence` | N | |
 * | `body` | B | |
 * | `mark` | S | names the request that wrote it: a writer whose answer was lost knows its own write again |
 * | `expires` | N, TTL attribute | seconds since 1970; only where the writer gave a time |
 */
export type Attributes = Record<string, AttributeValue>

export const GROUP = 'grp'
export const ID = 'id'
export const FENCE = 'fence'
export const EXPIRES = 'expires'

/** DynamoDB's own limit: 400 KB, names and values. */
const ITEM_BYTES_MAX: Bytes = 400 * 1024
const GROUP_BYTES_MAX: Bytes = 2_048
const ID_BYTES_MAX: Bytes = 1_024

export const keyOf = (group: string, id: string): Attributes => ({ [GROUP]: { S: group }, [ID]: { S: sortKey(id) } })

export const sortKey = (id: string): string => `/${id}`

export function toAttributes(item: FencedItem, mark: string): Attributes {
  const { group, id, fence, body, keepUntil } = item
  return {
    ...keyOf(group, id),
    [FENCE]: { N: String(fence) },
    body: { B: body },
    mark: { S: mark },
    ...(keepUntil === undefined ? {} : { [EXPIRES]: { N: String(Math.ceil(keepUntil / 1000)) } }),
  }
}

/** @throws SluiceError STATE_CORRUPT when it isn't an item of ours, or its fence is beyond 2^53 */
export function fromAttributes(attributes: Attributes, table: string): FencedItem {
  const group = attributes[GROUP]?.S
  const id = attributes[ID]?.S
  const fence = Number(attributes[FENCE]?.N)
  const body = attributes['body']?.B
  if (group === undefined || !id?.startsWith('/') || body === undefined || !Number.isSafeInteger(fence)) {
    throw new SluiceError(
      'STATE_CORRUPT',
      `Expected item ${group} ${id} of DynamoDB table ${table} to hold a body and a fence below 2^53, found ` +
        `${body === undefined ? 'no body' : 'a body'} and fence ${attributes[FENCE]?.N ?? 'none'}. ` +
        'Keep nothing else in that table; restore it from a backup, or build the state anew in another one.',
      { details: { table, group, id } },
    )
  }
  return { group, id: id.slice(1), fence, body }
}

export const markOf = (attributes: Attributes | undefined): string | undefined => attributes?.['mark']?.S

/**
 * What DynamoDB takes the item for, names and values. A number takes a byte for two digits, and one or two.
 * https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
export function itemBytes({ group, id, fence, body, keepUntil }: FencedItem, mark: string): Bytes {
  const names = 'grp'.length + 'id'.length + 'fence'.length + 'body'.length + 'mark'.length
  const expires = keepUntil === undefined ? 0 : EXPIRES.length + numberBytes(Math.ceil(keepUntil / 1000))
  const keys = Buffer.byteLength(group) + Buffer.byteLength(sortKey(id))
  return names + keys + numberBytes(fence) + body.length + mark.length + expires
}

const numberBytes = (value: number): Bytes => Math.ceil(String(Math.abs(value)).length / 2) + (value < 0 ? 2 : 1)

/** @throws SluiceError STATE_ITEM_TOO_LARGE, NAME_INVALID; RangeError for a fence that is none. Before any request */
export function checkItem(item: FencedItem, expected: number | null, mark: string): void {
  const { group, id, fence } = item
  if (!Number.isSafeInteger(fence)) throw new RangeError(`a fence is a whole number below 2^53, not ${fence}`)
  if (expected !== null && fence < expected) {
    throw new RangeError(`a fence never moves back: from ${expected} to ${fence} for ${group} ${id}`)
  }
  if (group === '' || Buffer.byteLength(group) > GROUP_BYTES_MAX || Buffer.byteLength(sortKey(id)) > ID_BYTES_MAX) {
    throw new SluiceError(
      'NAME_INVALID',
      `Expected a group of 1 to ${GROUP_BYTES_MAX} bytes and an id below ${ID_BYTES_MAX} in DynamoDB, found "${group}" and "${id}". ` +
        'Choose a shorter name for the pipeline or the topic.',
    )
  }
  const bytes = itemBytes(item, mark)
  if (bytes <= ITEM_BYTES_MAX) return
  throw new SluiceError(
    'STATE_ITEM_TOO_LARGE',
    `Expected a state item of at most ${ITEM_BYTES_MAX} bytes, as DynamoDB takes them, found ${bytes} for ${group} ${id}. ` +
      'Fewer keys a window, or fewer values that an aggregate keeps, make it smaller; nothing was written.',
    { details: { group, id, bytes } },
  )
}
