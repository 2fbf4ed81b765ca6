import type { EpochMillis } from '#core/time.ts'
import type { FencedItem, StateStore } from '#ports/state-store.ts'
import { type Bounds, isSame, NO_BOUNDS, raised } from '#runtime/bounds.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { partitionId } from '#runtime/keys.ts'
import type { LastRecord } from '#runtime/last-record.ts'

/** How far the windows stage has come in one partition, and what became of every record up to there. */
export interface Progress {
  readonly last: LastRecord
  readonly maxEventTime: EpochMillis | null
  /** Append time of the record with the largest event time. */
  readonly maxEventAppendTime: EpochMillis | null
  /**
   * Whatever isn't applied yet is judged by this mark or a later one, whoever has it in hand: also a poller that took its batch when the
   * partition was not as far as it is now.
   */
  readonly mark: EpochMillis | null
  /** The mark by which a batch was judged, after `read` records: it takes the place of `mark` when no batch from before can be in hand. */
  readonly next?: { readonly mark: EpochMillis | null; readonly read: number }
  /** How far closers have said since that windows are closed. Whoever writes over an item that he has read knows it. */
  readonly told?: Bounds
  readonly read: number
  readonly counted: number
  /** Too late for every window of every output. */
  readonly late: number
  /** Counted, but too late for some of its windows. */
  readonly partlyLate: number
  readonly quarantined: number
}

/** Records that a batch of a partition holds at most, by the limit of Lambda's. */
const BATCH_MAX = 10_000

/** What is said of the mark in progress up to `read` records, the last of which were judged by `mark`. */
export function marksAfter(
  before: Progress | null,
  read: number,
  mark: EpochMillis | null,
): Required<Pick<Progress, 'mark' | 'next'>> {
  const news = { mark, read }
  if (before?.next === undefined) return { mark: before?.mark ?? null, next: news }
  // Who took a batch before that was written has applied all of it, or others have.
  if (read - before.next.read >= BATCH_MAX) return { mark: before.next.mark, next: news }
  return { mark: before.mark, next: before.next }
}

/** The fence counts the writes: a closer's are among them, which the writer must not overlook. */
export interface ProgressItem {
  readonly fence: number | null
  readonly progress: Progress | null
}

export function progressOf(item: FencedItem | undefined): ProgressItem {
  if (item === undefined) return { fence: null, progress: null }
  return { fence: item.fence, progress: decodeBody<Progress>(item.body, `${item.group}/${item.id}`) }
}

export async function loadProgress(state: StateStore, group: string, partition: number): Promise<ProgressItem> {
  return progressOf(await state.get(group, partitionId(partition)))
}

/** Writes a partition's progress unless somebody else has. Gives back what is stored, whoever wrote it. */
export async function storeProgress(
  state: StateStore,
  group: string,
  partition: number,
  before: ProgressItem,
  progress: Progress,
): Promise<{ readonly ok: boolean; readonly item: ProgressItem }> {
  const item = { group, id: partitionId(partition), fence: (before.fence ?? 0) + 1, body: encodeBody(progress) }
  const result = await state.put(item, before.fence)
  return result.ok
    ? { ok: true, item: { fence: item.fence, progress } }
    : { ok: false, item: progressOf(result.stored) }
}

/**
 * Tells whoever writes a partition how far windows are closed: their next write of its progress fails, and they look what they have
 * missed. One LIST; a write for each partition that hasn't been told.
 */
export async function tellPartitions(state: StateStore, group: string, bounds: Bounds): Promise<void> {
  const items = await state.list(group)
  await Promise.all(items.map((item) => tell(state, group, Number.parseInt(item.id, 10), progressOf(item), bounds)))
}

async function tell(state: StateStore, group: string, partition: number, item: ProgressItem, bounds: Bounds) {
  let stored = item
  while (stored.progress !== null) {
    const told = raised(stored.progress.told ?? NO_BOUNDS, bounds)
    if (stored.progress.told !== undefined && isSame(told, stored.progress.told)) return
    const result = await storeProgress(state, group, partition, stored, { ...stored.progress, told })
    if (result.ok) return
    stored = result.item
  }
}

export async function listProgress(state: StateStore, group: string): Promise<ReadonlyMap<number, Progress>> {
  const items = await state.list(group)
  return new Map(items.map((item) => [Number.parseInt(item.id, 10), progressOf(item).progress!]))
}
