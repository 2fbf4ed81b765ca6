import { SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { FencedItem, StateStore } from '#ports/state-store.ts'
import { decodeBody, encodeBody } from '#runtime/json-body.ts'
import { CLOSE_ID, controlGroup } from '#runtime/keys.ts'
import type { PublishedResult } from '#runtime/published.ts'
import type { Runtime } from '#runtime/runtime.ts'

/** Rows that were computed by one close and written as one object before anybody was told: a retry delivers the same rows. */
export interface PendingResult {
  readonly seq: number
  readonly path: string
}

/**
 * What has been closed: its fence is the number of the last close that had results. Moving it, with the results' object
 * already written, is the moment at which windows are closed for good.
 */
export interface CloseBody {
  /** Every window with end ≤ upTo has its rows in a result; null before the first close. */
  readonly upTo: EpochMillis | null
  /** By output name: so have its windows with end ≤ this, since input had ended. */
  readonly ended: Readonly<Record<string, EpochMillis>>
  /** Windows with end + grace ≤ settled are forgotten: no record can change them. Never moves back; null before the first. */
  readonly settled: EpochMillis | null
  /** A partition lagged at the last close, and held the watermark: detectors hold their alerts back. */
  readonly degraded?: boolean
  /** Results with rows of windows that may still change, oldest first: what was published is in them, not here. */
  readonly published: readonly PublishedResult[]
  /** By name of a session output: start of its first session that isn't closed yet. */
  readonly open: Readonly<Record<string, EpochMillis>>
  /** By name of an output with running results every so often: when they came out last, by the clock. */
  readonly emitted?: Readonly<Record<string, EpochMillis>>
  /** The latest of them, at most a hundred: an operator must be able to ask. */
  readonly failed: readonly FailedResult[]
  /** Results that not every sink has confirmed, oldest first; those before them are in `waiting`. */
  readonly pending: readonly PendingResult[]
  /** An object with more of them, up to and with this `seq`: a sink is down for long. */
  readonly waiting: PendingResult | null
}

/** A row that a closed window should have and can't: an aggregate out of its range, a `where` that threw. */
export interface FailedResult {
  /** Name of the output. */
  readonly output: string
  readonly start: EpochMillis
  readonly end: EpochMillis
  readonly group: readonly unknown[]
  readonly reason: string
}

export interface CloseItem {
  readonly fence: number | null
  readonly seq: number
  readonly body: CloseBody
}

const FIRST: CloseItem = {
  fence: null,
  seq: 0,
  body: { upTo: null, ended: {}, settled: null, published: [], open: {}, failed: [], pending: [], waiting: null },
}

function fromItem(item: FencedItem | undefined): CloseItem {
  if (item === undefined) return FIRST
  const body = decodeBody<CloseBody>(item.body, `${item.group}/${item.id}`)
  if (!Array.isArray(body.published)) {
    throw new SluiceError(
      'STATE_CORRUPT',
      `Expected ${item.group}/${item.id} to name the results that are published, found another version's way of keeping them. ` +
        'Run the version of Sluice that wrote the state, or rebuild the windows from bronze.',
    )
  }
  return { fence: item.fence, seq: item.fence, body }
}

export async function loadCloseItem(runtime: Runtime): Promise<CloseItem> {
  return fromItem(await runtime.state.get(controlGroup(runtime), CLOSE_ID))
}

/** Null when another closer was faster. */
export async function storeCloseItem(
  state: StateStore,
  group: string,
  before: CloseItem,
  body: CloseBody,
): Promise<CloseItem | null> {
  const seq = before.seq + 1
  const result = await state.put({ group, id: CLOSE_ID, fence: seq, body: encodeBody(body) }, before.fence)
  return result.ok ? { fence: seq, seq, body } : null
}
