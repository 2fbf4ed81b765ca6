import type { StateStore } from '#ports/state-store.ts'
import { type Bounds, isSame, NO_BOUNDS, raised } from '#runtime/bounds.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { controlGroup, MARK_ID, progressGroup, type Scope } from '#runtime/keys.ts'
import { tellPartitions } from '#runtime/progress.ts'

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
  if (item === undefined) return { fence: null, bounds: NO_BOUNDS }
  return { fence: item.fence, bounds: decodeBody<Bounds>(item.body, `${group}/${MARK_ID}`) }
}

/**
 * Raises what is lower than in `to`; the fence counts the writes. Then every partition is told: whoever folded a record before that has
 * it in a page by now, or finds out. One read, one LIST, and the writes that it takes.
 */
export async function raiseBounds(state: StateStore, scope: Scope, to: Bounds): Promise<void> {
  for (;;) {
    const { fence, bounds } = await load(state, scope)
    const next = raised(bounds, to)
    const item = { group: controlGroup(scope), id: MARK_ID, fence: (fence ?? 0) + 1, body: encodeBody(next) }
    // Told also where nothing is raised: who raised it may not have come so far.
    if (isSame(next, bounds) || (await state.put(item, fence)).ok)
      return tellPartitions(state, progressGroup(scope), next)
  }
}
