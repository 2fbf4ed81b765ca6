import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import { type Actions, encodeCommit } from '#delta/actions.ts'
import { getIfPresent } from '#delta/checkpoint.ts'
import { foldCommit, type TableState } from '#delta/checksum.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { type LogPaths, listLog } from '#delta/log.ts'
import { parseCommit } from '#delta/parse.ts'
import { stateFrom } from '#delta/state.ts'

/** Faults of the store in a row that one commit bears. */
const FAULTS_MAX = 10
/** Versions that others may take from under one commit. */
const LOST_MAX = 100
const PAUSE_FIRST: Millis = 20
const PAUSE_MAX: Millis = 4_000
/** Races that a commit loses before its pauses grow shorter. */
const PATIENCE = 8

/** What one commit file will say; the same whichever version it gets. */
export interface Attempt {
  /** As `commitInfo.txnId`: how we know our own commit again. */
  readonly txnId: string
  readonly actions: Partial<Actions>
}

/**
 * How crowded a table's log is, as one writer has found it: the longest pause after a lost race. It doubles with each race that is lost
 * and halves with each commit, so that with any number of writers each loses about one race a commit, instead of all of them
 * trying for every version. Keep one a table; without contention it does nothing.
 */
export class Crowd {
  private longest: Millis = PAUSE_FIRST

  /** How long to wait after this many lost races for one commit; `chance` in [0, 1). */
  lost(races: number, chance: number): Millis {
    // Who has waited long enough goes more and more often, or the winners, who start anew without a pause, would win for ever.
    const pause = Math.round((chance * this.longest) / Math.max(1, races - PATIENCE))
    this.longest = Math.min(PAUSE_MAX, this.longest * 2)
    return pause
  }

  won(): void {
    this.longest = Math.max(PAUSE_FIRST, this.longest / 2)
  }
}

/**
 * Commits right after `state` or, when others were faster, after the latest version, as long as `check` (given the state that the
 * others left) does not throw. Where the store does not say whether our file was written (a lost answer, a retry that met its own
 * object, a fault), the file is read back: our `txnId` in it means that it was.
 *
 * Cost: one PUT without contention; a lost race adds a GET, a LIST, a GET if there were several winners, and another PUT.
 *
 * @param crowd what the writer knows of its competitors; kept from commit to commit it saves races
 * @returns the state after the commit
 * @throws SluiceError DELTA_COMMIT_FAILED (retryable) after too many faults or lost races, and what `check` throws
 */
export async function commitAfter(
  deps: DeltaDeps,
  paths: LogPaths,
  state: TableState,
  attempt: Attempt,
  check: (now: TableState) => void | Promise<void>,
  crowd: Crowd = new Crowd(),
): Promise<TableState> {
  const bytes = encodeCommit(attempt.actions)
  let before = state
  for (let lost = 0; lost < LOST_MAX; lost++) {
    const winner = await claim(deps, paths, before.version + 1, bytes, attempt.txnId)
    if (winner === null) {
      crowd.won()
      return foldCommit(before, complete(attempt.actions))
    }
    await deps.clock.sleep(crowd.lost(lost + 1, chance(lost, attempt.txnId)))
    const known = before
    before = await patiently(deps, attempt.txnId, () => stateAfterLoss(deps, paths, known, winner))
    await check(before)
  }
  throw new SluiceError(
    'DELTA_COMMIT_FAILED',
    `Expected to commit to ${paths.name} within ${LOST_MAX} attempts, but other writers took every version up to ${before.version}. Nothing was committed; try again, or let fewer writers commit.`,
    { retryable: true, details: { table: paths.name, version: before.version } },
  )
}

/**
 * Tries to be the one that writes commit `version`.
 *
 * @returns null when it is ours, else the winner's actions
 */
export async function claim(
  deps: DeltaDeps,
  paths: LogPaths,
  version: number,
  bytes: Uint8Array,
  txnId: string,
): Promise<Actions | null> {
  const path = paths.commit(version)
  let fault: unknown
  for (let faults = 0; faults <= FAULTS_MAX; faults++) {
    if (faults > 0) await deps.clock.sleep(backoff(faults - 1, txnId))
    try {
      if (await deps.store.create(path, bytes)) return null
    } catch (error) {
      if (!isRetryable(error)) throw error
      fault = error
    }
    try {
      // Somebody owns this version, or nobody knows: the file itself says who.
      const written = await getIfPresent(deps.store, path)
      if (written !== undefined) return ownedBy(written, path, txnId)
    } catch (error) {
      if (!isRetryable(error)) throw error
      fault = error
    }
  }
  throw new SluiceError(
    'DELTA_COMMIT_FAILED',
    `Expected an answer from ${deps.store.uri} about commit ${path}, found ${FAULTS_MAX + 1} faults in a row. It may or may not be committed (txnId ${txnId}): read the table's transactions again before trying again.`,
    { retryable: true, details: { table: paths.name, version, txnId }, cause: fault },
  )
}

function isRetryable(error: unknown): boolean {
  return isSluiceError(error) && error.retryable
}

/** Reads that may simply be done again. */
async function patiently<T>(deps: DeltaDeps, txnId: string, read: () => Promise<T>): Promise<T> {
  for (let faults = 0; ; faults++) {
    try {
      return await read()
    } catch (error) {
      if (!isRetryable(error) || faults === FAULTS_MAX) throw error
      await deps.clock.sleep(backoff(faults, txnId))
    }
  }
}

function ownedBy(bytes: Uint8Array, path: string, txnId: string): Actions | null {
  const actions = parseCommit(bytes, path)
  return actions.commitInfo?.txnId === txnId ? null : actions
}

/** Jumps to the latest version, however many were taken meanwhile; the winner's own commit needs no second GET. */
async function stateAfterLoss(
  deps: DeltaDeps,
  paths: LogPaths,
  before: TableState,
  winner: Actions,
): Promise<TableState> {
  const next = foldCommit(before, winner)
  const listing = await listLog(deps.store, paths, next.version)
  // A LIST that lags behind tells nothing new.
  return listing.latest <= next.version ? next : stateFrom(deps.store, paths, listing, next)
}

function complete(actions: Partial<Actions>): Actions {
  return { commitInfo: null, protocol: null, metadata: null, txns: [], adds: [], removes: [], ...actions }
}

/** The pause after a fault: doubles, and differs between writers. */
function backoff(attempt: number, txnId: string): Millis {
  return Math.round(chance(attempt, txnId) * Math.min(PAUSE_MAX, PAUSE_FIRST * 2 ** attempt))
}

/** In [0, 1), another one for each attempt of each writer: drawn from the id, which is drawn by chance. */
function chance(attempt: number, txnId: string): number {
  let hash = Math.imul(attempt + 1, 0x9e3779b9)
  for (let i = 0; i < txnId.length; i++) hash = Math.imul(hash ^ txnId.charCodeAt(i), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32
}
