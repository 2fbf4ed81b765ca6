import type { EpochMillis } from '#core/time.ts'
import type { StateStore } from '#ports/state-store.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { controlGroup, MARK_ID, type Scope } from '#runtime/keys.ts'

/** How far windows are closed. Both only ever rise. */
export interface Bounds {
  /** Every window with end ≤ mark is closed by the watermark: lateness is judged by it, and by nothing else. Null before the first. */
  readonly mark: EpochMillis | null
  /**
   * By output name: windows with end ≤ this were published because input had ended, though the watermark has not come to them. What
   * arrives for them is in time, and corrects what was published.
   */
  readonly ended: Readonly<Record<string, EpochMillis>>
}

const NONE: Bounds = { mark: null, ended: {} }

/** One read. */
export async function readBounds(state: StateStore, scope: Scope): Promise<Bounds> {
  return (await load(state, scope)).bounds
}

async function load(
  state: StateStore,
  scope: Scope,
): Promise<{ readonly fence: number | null; readonly bounds: Bounds }> {
  const group = controlGroup(scope)
  const item = await state.get(group, MARK_ID)
  if (item === undefined) return { fence: null, bounds: NONE }
  return { fence: item.fence, bounds: decodeBody<Bounds>(item.body, `${group}/${MARK_ID}`) }
}

/** Raises what is lower than in `to`; the fence counts the writes. One read, and one write unless it is there already. */
export async function raiseBounds(state: StateStore, scope: Scope, to: Bounds): Promise<void> {
  for (;;) {
    const { fence, bounds } = await load(state, scope)
    const raised = { mark: highest(bounds.mark, to.mark), ended: { ...bounds.ended } }
    for (const [output, end] of Object.entries(to.ended)) {
      raised.ended[output] = Math.max(end, bounds.ended[output] ?? end)
    }
    if (JSON.stringify(raised) === JSON.stringify(bounds)) return
    const item = { group: controlGroup(scope), id: MARK_ID, fence: (fence ?? 0) + 1, body: encodeBody(raised) }
    if ((await state.put(item, fence)).ok) return
  }
}

/** An output's windows with end ≤ this are published; null while none is. */
export function publishedUpTo({ mark, ended }: Bounds, output: string): EpochMillis | null {
  return highest(mark, ended[output] ?? null)
}

export function highest(a: EpochMillis | null, b: EpochMillis | null): EpochMillis | null {
  if (a === null || b === null) return a ?? b
  return Math.max(a, b)
}
