import type { CloseBody, CloseItem, PendingResult } from '#runtime/close-item.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { deleteResult, resultFolder, seqOfPath } from '#runtime/result-object.ts'
import type { Runtime } from '#runtime/runtime.ts'

/** So many results wait in the close item; more of them, while a sink is down, in an object. */
const PENDING_MAX = 64

type Waiting = Pick<CloseBody, 'pending' | 'waiting'>

/** Results that are not confirmed with seq > `done`, oldest first. One GET where they are many. */
export async function resultsAfter(
  runtime: Runtime,
  { pending, waiting }: Waiting,
  done: number,
): Promise<readonly PendingResult[]> {
  const earlier = waiting === null || waiting.seq <= done ? [] : await listIn(runtime, waiting.path)
  return [...earlier, ...pending].filter(({ seq }) => seq > done)
}

/**
 * What waits once a result has come and all up to `confirmed` have reached every sink. If too many wait, most go into an object, which
 * is written before the close item names it.
 */
export async function waitingWith(
  runtime: Runtime,
  seq: number,
  before: Waiting,
  news: readonly PendingResult[],
  confirmed: number,
): Promise<Waiting> {
  const waiting = before.waiting !== null && before.waiting.seq > confirmed ? before.waiting : null
  const pending = [...before.pending.filter((result) => result.seq > confirmed), ...news]
  if (pending.length <= PENDING_MAX) return { pending, waiting }
  const moved = pending.slice(0, PENDING_MAX / 2)
  const all = [...(waiting === null ? [] : await listIn(runtime, waiting.path)), ...moved]
  const path = `${resultFolder(runtime)}${String(seq).padStart(12, '0')}-${runtime.ids.next()}.waiting.json`
  await runtime.store.put(path, encodeBody(all))
  return { pending: pending.slice(moved.length), waiting: { seq: moved.at(-1)!.seq, path } }
}

/**
 * Deletes the objects that the close item named before and names no more.
 *
 * @param confirmed results up to this have reached every sink
 */
export async function deleteUnnamed(
  runtime: Runtime,
  before: CloseBody,
  after: CloseBody,
  confirmed: number,
): Promise<void> {
  const gone = before.waiting !== null && before.waiting.path !== after.waiting?.path ? before.waiting : null
  const delivered = gone !== null && gone.seq <= confirmed ? await listIn(runtime, gone.path) : []
  const named = new Set([...after.published, ...after.pending].map(({ path }) => path))
  const isWaiting = (path: string): boolean => after.waiting !== null && seqOfPath(path) <= after.waiting.seq
  for (const { path, merged } of before.published) {
    if (!named.has(path) && (merged === true || !isWaiting(path))) await deleteResult(runtime, path)
  }
  for (const { path } of [...before.pending, ...delivered]) {
    if (!named.has(path) && !isWaiting(path)) await deleteResult(runtime, path)
  }
  if (gone !== null) await runtime.store.delete(gone.path)
}

/**
 * Deletes what closers left that were stopped before their close item moved, or after it did and before they had tidied up: every
 * object of a close up to this one that it doesn't name. None of them can be named any more. One LIST.
 */
export async function sweepResults(runtime: Runtime, { seq, body }: CloseItem): Promise<void> {
  const waiting = body.waiting === null ? [] : [body.waiting, ...(await listIn(runtime, body.waiting.path))]
  const folder = resultFolder(runtime)
  const stemOf = (path: string): string => path.slice(0, path.indexOf('.', folder.length))
  const named = new Set([...body.published, ...body.pending, ...waiting].map(({ path }) => stemOf(path)))
  const left: string[] = []
  for await (const { path } of runtime.store.list(folder)) {
    if (seqOfPath(path) <= seq && !named.has(stemOf(path))) left.push(path)
  }
  for (const path of left) await runtime.store.delete(path)
}

async function listIn(runtime: Runtime, path: string): Promise<readonly PendingResult[]> {
  return decodeBody<readonly PendingResult[]>(await runtime.store.get(path), path)
}
