import type { EpochMillis, Millis } from '#core/time.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { leaseGroup } from '#runtime/keys.ts'
import type { Runtime } from '#runtime/runtime.ts'

interface LeaseBody {
  readonly owner: string
  readonly until: EpochMillis
}

/**
 * Runs `work` if nobody else holds the lease, and frees it afterwards; undefined when somebody does. A lease only saves
 * work: everything done under it is safe when two do it at once, so a clock that is wrong costs requests, never rows.
 * Cost: one read, two writes.
 */
export async function withLease<T>(
  runtime: Runtime,
  name: string,
  duration: Millis,
  work: () => Promise<T>,
): Promise<T | undefined> {
  const { state, clock } = runtime
  const group = leaseGroup(runtime)
  const owner = runtime.ids.next()
  const stored = await state.get(group, name)
  const held = stored === undefined ? null : decodeBody<LeaseBody>(stored.body, `${group}/${name}`)
  if (held !== null && held.until > clock.now()) return undefined
  const token = (stored?.fence ?? 0) + 1
  const body = encodeBody({ owner, until: clock.now() + duration })
  const taken = await state.put({ group, id: name, fence: token, body }, stored?.fence ?? null)
  if (!taken.ok) return undefined
  try {
    return await work()
  } finally {
    await state.put({ group, id: name, fence: token + 1, body: encodeBody({ owner, until: 0 }) }, token)
  }
}

/**
 * Frees every lease: for the one process that may work on this state, where a process before it was killed and its leases
 * would be waited for. Cost: one LIST, one write a lease.
 */
export async function freeLeases({ state, ...scope }: Runtime): Promise<void> {
  for (const { group, id, fence } of await state.list(leaseGroup(scope))) {
    await state.put({ group, id, fence: fence + 1, body: encodeBody({ owner: '', until: 0 }) }, fence)
  }
}
