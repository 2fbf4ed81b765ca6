import type { EpochMillis } from '#core/time.ts'

/**
 * The one stored thing. `fence` says which effects are in `body`: usually the last source offset folded into it, for items
 * that no single partition owns a counter. `group` and `id` are DynamoDB's partition and sort key.
 */
export interface FencedItem {
  readonly group: string
  readonly id: string
  readonly fence: number
  readonly body: Uint8Array
  /**
   * A safety net for what nobody deletes: after it the store may forget the item, days late or never. To be given only where nothing
   * can need the item any more by then; never read back.
   */
  readonly keepUntil?: EpochMillis
}

/** Items with `from` ≤ id < `to`, at most `limit` of them. */
export interface ListRange {
  readonly from?: string
  readonly to?: string
  readonly limit?: number
}

export type PutResult = { readonly ok: true } | { readonly ok: false; readonly stored: FencedItem | undefined }

/**
 * Linearizable single items with one conditional write; see exactly-once in ARCHITECTURE.md. Every write is durable when the
 * promise resolves. Cost: one request an operation (one a page of 1 MB for `list`).
 */
export interface StateStore {
  get(group: string, id: string): Promise<FencedItem | undefined>
  /**
   * Stores the item if the stored fence still equals `expected` (null: if there is none); otherwise nothing is written and
   * the stored item comes back, so the loser needs no read. The new fence may equal the old one, never be lower.
   */
  put(item: FencedItem, expected: number | null): Promise<PutResult>
  /** Deletes the item if its fence still equals `expected`. False when it does not; deleting nothing is true. */
  delete(group: string, id: string, expected: number): Promise<boolean>
  /** The items of a group, in byte order of id. */
  list(group: string, range?: ListRange): Promise<readonly FencedItem[]>
  close(): Promise<void>
}
