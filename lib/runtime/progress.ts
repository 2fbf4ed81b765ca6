import type { EpochMillis } from '#core/time.ts'
import type { FencedItem, StateStore } from '#ports/state-store.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { partitionId } from '#runtime/keys.ts'
import type { LastRecord } from '#runtime/last-record.ts'

/** How far the windows stage has come in one partition, and what became of every record up to there. */
export interface Progress {
  readonly last: LastRecord
  readonly maxEventTime: EpochMillis | null
  /** Append time of the record with the largest event time. */
  readonly maxEventAppendTime: EpochMillis | null
  /** The closed-up-to mark after the last batch: whatever comes next is judged by this mark or a later one. */
  readonly mark: EpochMillis | null
  readonly read: number
  readonly counted: number
  /** Too late for every window of every output. */
  readonly late: number
  /** Counted, but too late for some of its windows. */
  readonly partlyLate: number
  readonly quarantined: number
}

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

/** Moves the fence of a partition's progress to `progress.last.offset`. Gives back what is stored, whoever wrote it. */
export async function storeProgress(
  state: StateStore,
  group: string,
  partition: number,
  before: ProgressItem,
  progress: Progress,
): Promise<ProgressItem> {
  const item = { group, id: partitionId(partition), fence: progress.last.offset, body: encodeBody(progress) }
  const result = await state.put(item, before.fence)
  return result.ok ? { fence: item.fence, progress } : progressOf(result.stored)
}

export async function listProgress(state: StateStore, group: string): Promise<ReadonlyMap<number, Progress>> {
  const items = await state.list(group)
  return new Map(items.map((item) => [Number.parseInt(item.id, 10), progressOf(item).progress!]))
}
