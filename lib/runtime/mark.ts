import type { EpochMillis } from '#core/time.ts'
import type { StateStore } from '#ports/state-store.ts'

const EMPTY = new Uint8Array(0)

/**
 * The closed-up-to mark: every window with end ≤ mark is closed. It is its item's fence, so it only ever rises. One read.
 */
export async function readMark(state: StateStore, group: string, id: string): Promise<EpochMillis | null> {
  return (await state.get(group, id))?.fence ?? null
}

/** Raises the mark to `to` unless it is there already; gives back the mark that holds afterwards. */
export async function raiseMark(state: StateStore, group: string, id: string, to: EpochMillis): Promise<EpochMillis> {
  let mark = await readMark(state, group, id)
  while (mark === null || mark < to) {
    const result = await state.put({ group, id, fence: to, body: EMPTY }, mark)
    if (result.ok) return to
    mark = result.stored?.fence ?? null
  }
  return mark
}
