import type { EpochMillis } from '#core/time.ts'
import type { FencedItem, StateStore } from '#ports/state-store.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { partitionId } from '#runtime/keys.ts'
import type { WindowBounds } from '#window/windows.ts'

/** A closed window, still within grace, that got another record: it must be published again. */
export interface DirtyWindow {
  readonly output: number
  /** Of sessions: from the first of the records to the gap after the last, whatever sessions they are in. */
  readonly window: WindowBounds
  /** Of sessions: their group. */
  readonly key?: string
  /** Too many to name: every published window that ends in (start, end], or every session of any group that has a time in [start, end]. */
  readonly all?: true
}

interface StoredDirty {
  readonly output: number
  readonly start: EpochMillis
  readonly end: EpochMillis
  readonly key?: string
  readonly all?: 'windows' | 'sessions'
}

/** A larger item names no windows any more, but spans of time, one an output. */
const DIRTY_LIMIT = 32 * 1024

const NONE = encodeBody([])

const nameOf = (dirty: StoredDirty): string =>
  `${dirty.output}/${dirty.start}/${dirty.end}/${dirty.key ?? ''}/${dirty.all ?? ''}`

function decode(item: FencedItem): readonly StoredDirty[] {
  return decodeBody<readonly StoredDirty[]>(item.body, `${item.group}/${item.id}`)
}

/** Adds windows to the partition's dirty item, of 32 KB at most; durable when it resolves. One read, one write. */
export async function addDirty(
  state: StateStore,
  group: string,
  partition: number,
  windows: readonly DirtyWindow[],
): Promise<void> {
  const id = partitionId(partition)
  let stored = await state.get(group, id)
  for (;;) {
    const all = new Map((stored === undefined ? [] : decode(stored)).map((dirty) => [nameOf(dirty), dirty]))
    for (const { output, window, key } of windows) {
      const dirty = { output, start: window.start, end: window.end, ...(key === undefined ? {} : { key }) }
      all.set(nameOf(dirty), dirty)
    }
    // Written even when it lists nothing new: a closer that has read these windows already must not clear them.
    const named = encodeBody([...all.values()])
    const body = named.length <= DIRTY_LIMIT ? named : encodeBody(spansOf([...all.values()]))
    const item = { group, id, fence: (stored?.fence ?? 0) + 1, body }
    const result = await state.put(item, stored?.fence ?? null)
    if (result.ok) return
    stored = result.stored
  }
}

function spansOf(dirty: readonly StoredDirty[]): readonly StoredDirty[] {
  const spans = new Map<string, StoredDirty>()
  for (const { output, start, end, key, all: kind } of dirty) {
    const all = kind ?? (key === undefined ? 'windows' : 'sessions')
    const from = all === 'windows' && kind === undefined ? end - 1 : start
    const known = spans.get(`${output} ${all}`)
    const span = { output, start: Math.min(known?.start ?? from, from), end: Math.max(known?.end ?? end, end), all }
    spans.set(`${output} ${all}`, span)
  }
  return [...spans.values()]
}

export interface DirtyItems {
  readonly windows: readonly DirtyWindow[]
  /** Forgets what was listed; a window that became dirty again meanwhile stays. */
  clear(): Promise<void>
}

export async function listDirty(state: StateStore, group: string): Promise<DirtyItems> {
  const items = await state.list(group)
  const all = new Map(items.flatMap((item) => decode(item).map((dirty) => [nameOf(dirty), dirty] as const)))
  return {
    windows: [...all.values()].map(({ output, start, end, key, all: kind }) => {
      const one = { output, window: { start, end }, ...(key === undefined ? {} : { key }) }
      return kind === undefined ? one : { ...one, all: true }
    }),
    async clear() {
      for (const { group: owner, id, fence, body } of items) {
        if (body.length === NONE.length) continue
        // Not deleted: its fence would begin anew, and a slower closer could take a later item for the one it has read.
        await state.put({ group: owner, id, fence: fence + 1, body: NONE }, fence)
      }
    },
  }
}
