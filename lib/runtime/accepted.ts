import { SluiceError } from '#core/errors.ts'
import type { AddFile } from '#delta/actions.ts'
import type { FencedItem, StateStore } from '#ports/state-store.ts'
import { decodeBody, encodeBody, packBody, unpackBody } from '#runtime/json-body.ts'
import { partitionId } from '#runtime/keys.ts'
import type { LastRecord } from '#runtime/last-record.ts'

/** A Parquet file that is written but not yet in its table's log, and the last source offset it covers. */
export interface AcceptedFile {
  readonly table: string
  readonly add: AddFile
  readonly offset: number
}

/** Counts of records by what became of them, over all records up to `last`. */
export interface AcceptedBody {
  readonly last: LastRecord
  readonly files: readonly AcceptedFile[]
  readonly read: number
  readonly quarantined: number
}

/** An accepted item as read: its fence counts its writes, so a trim by the committer is seen by the stage and the reverse. */
export interface Accepted {
  readonly fence: number | null
  readonly body: AcceptedBody | null
  /** Size of the body as JSON; it is stored smaller. */
  readonly bytes: number
}

const NOTHING: Accepted = { fence: null, body: null, bytes: 0 }

function fromItem(item: FencedItem | undefined): Accepted {
  if (item === undefined) return NOTHING
  const body = decodeBody<AcceptedBody>(item.body, `${item.group}/${item.id}`)
  return { fence: item.fence, body, bytes: unpackBody(item.body).length }
}

/**
 * The (table set, partition) items by which a stage hands finished files to the committer: exactly-once.md, "Accepted files".
 * Cost: one write a batch; one read the first time a partition is seen.
 */
export interface AcceptedItems {
  load(partition: number): Promise<Accepted>
  /** The stored item after the write, or what is there instead if somebody else wrote. */
  store(partition: number, before: Accepted, body: AcceptedBody): Promise<{ ok: boolean; item: Accepted }>
  list(): Promise<ReadonlyMap<number, Accepted>>
}

export function acceptedItems(state: StateStore, group: string): AcceptedItems {
  return {
    async load(partition) {
      return fromItem(await state.get(group, partitionId(partition)))
    },
    async store(partition, before, body) {
      const fence = (before.fence ?? 0) + 1
      const bytes = encodeBody(body)
      const item = { group, id: partitionId(partition), fence, body: packBody(bytes) }
      const result = await state.put(item, before.fence)
      if (result.ok) return { ok: true, item: { fence, body, bytes: bytes.length } }
      return { ok: false, item: fromItem(result.stored) }
    },
    async list() {
      const items = await state.list(group)
      return new Map(items.map((item) => [Number.parseInt(item.id, 10), fromItem(item)]))
    },
  }
}

/** Above this size of an accepted item a stage commits by itself before it takes more: an item holds 400 KB at most. */
export const ACCEPTED_LIMIT = 64 * 1024

/** Commits what is accepted, so that items can be trimmed. */
export type Relieve = () => Promise<void>

/**
 * The item, with room for another batch.
 *
 * @throws SluiceError STATE_ITEM_FULL (retryable) when relief did not help: the batch comes again, and the topic keeps what follows
 */
export async function withRoom(
  items: AcceptedItems,
  partition: number,
  before: Accepted,
  relieve: Relieve,
): Promise<Accepted> {
  if (before.bytes <= ACCEPTED_LIMIT) return before
  await relieve()
  const after = await items.load(partition)
  if (after.bytes <= ACCEPTED_LIMIT) return after
  throw new SluiceError(
    'STATE_ITEM_FULL',
    `Expected the files that are accepted of partition ${partition} to be committed, found ${after.body?.files.length ?? 0} of ` +
      'them waiting, and no room for more. See why the tables take no commits; the records wait in the topic.',
    { retryable: true, details: { partition, bytes: after.bytes } },
  )
}
