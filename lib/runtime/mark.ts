import type { StateStore } from '#ports/state-store.ts'

const EMPTY = new Uint8Array(0)

/** A number that only ever rises, as its item's fence. One read. */
export async function readMark(state: StateStore, group: string, id: string): Promise<number | null> {
  return (await state.get(group, id))?.fence ?? null
}

/** Raises the mark to `to` unless it is there already; gives back the mark that holds afterwards. */
export async function raiseMark(state: StateStore, group: string, id: string, to: number): Promise<number> {
  let mark = await readMark(state, group, id)
  while (mark === null || mark < to) {
    const result = await state.put({ group, id, fence: to, body: EMPTY }, mark)
    if (result.ok) return to
    mark = result.stored?.fence ?? null
  }
  return mark
}
