import { getIfPresent, readLastCheckpoint } from '#delta/checkpoint.ts'
import { decodeChecksum, encodeChecksum, foldCommit, type TableState } from '#delta/checksum.ts'
import type { TableContents } from '#delta/contents.ts'
import { checkEnd, type LogListing, type LogPaths, listLog } from '#delta/log.ts'
import { forEachCommit, notATable, replay } from '#delta/replay.ts'
import { replayState } from '#delta/state-replay.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** Checksums that are looked at: those of other writers may say too little, all of them. */
const CHECKSUMS_MAX = 2
/** Files, or actions of the log, of a table that is replayed whole for its counts. */
const SMALL = 20_000

/**
 * The latest state of a table, for an append: by the checksum of its latest version (1 LIST, 1 GET). Where the last writer left
 * none, the commits since the newest checksum are folded into it (a GET each). Where there is no checksum at all, or a commit does not
 * tell what it did to the counts, a small table is replayed once, and our next commit leaves a checksum; of a large one all but the
 * list of files is read, and its counts stay unknown.
 *
 * @param known a state from before: saves its GET if nothing was committed since
 * @param since a version that the log has had, instead of asking for its newest checkpoint
 * @throws SluiceError DELTA_NOT_A_TABLE and what `replay` throws
 */
export async function loadState(
  store: ObjectStore,
  paths: LogPaths,
  known?: TableState,
  since?: number,
): Promise<TableState> {
  const from = known?.version ?? since ?? (await readLastCheckpoint(store, paths))?.version ?? 0
  let listing = await listLog(store, paths, from)
  // Less than was there before: the LIST lags behind, or somebody made the table anew.
  if (known !== undefined && listing.latest < known.version) {
    if ((await store.head(paths.commit(known.version))) !== undefined) return known
  }
  if (listing.latest < from && from > 0) listing = await listLog(store, paths, 0)
  if (listing.latest < 0) throw notATable(store, paths)
  await checkEnd(store, paths, listing)
  return stateFrom(store, paths, listing, known)
}

/** The state at one version that is not the latest any more. One GET, if it has a checksum. */
export async function loadStateAt(store: ObjectStore, paths: LogPaths, version: number): Promise<TableState> {
  return (await readChecksum(store, paths, version)) ?? stateOf(await replay(store, paths, { version }))
}

/** Leaves the checksum of a version, unless there is one or the counts are not known. A failure is nobody's failure: the next writer does without. One PUT. */
export async function writeChecksum(
  store: ObjectStore,
  paths: LogPaths,
  state: TableState,
  txnId: string | undefined,
): Promise<void> {
  const bytes = encodeChecksum(state, txnId)
  if (bytes === null) return
  await store.create(paths.checksum(state.version), bytes).catch(() => false)
}

export function stateOf(contents: TableContents): TableState {
  let tableSizeBytes = 0
  for (const { size } of contents.files.values()) tableSizeBytes += size
  return {
    version: contents.version,
    protocol: contents.protocol,
    metadata: contents.metadata,
    txns: contents.txns,
    numFiles: contents.files.size,
    tableSizeBytes,
  }
}

/** The latest state that a listing tells of; the listing begins at or before the known state. */
export async function stateFrom(
  store: ObjectStore,
  paths: LogPaths,
  listing: LogListing,
  known: TableState | undefined,
): Promise<TableState> {
  const { latest } = listing
  if (known?.version === latest) return known
  const base = await newestChecksum(store, paths, listing, known)
  const folded = base === undefined ? undefined : await foldTo(store, listing, base)
  if (folded !== undefined && (folded.numFiles !== null || base!.numFiles === null)) return folded
  const whole = async (): Promise<TableState> => stateOf(await replay(store, paths, { version: latest }))
  if (folded !== undefined) return base!.numFiles! <= SMALL ? whole() : folded
  const replayed = await replayState(store, listing)
  if (replayed === undefined) return whole()
  return replayed.state.numFiles === null && replayed.actions <= SMALL ? whole() : replayed.state
}

/** The newest usable checksum that is listed, or the known state where none is newer. */
async function newestChecksum(
  store: ObjectStore,
  paths: LogPaths,
  listing: LogListing,
  known: TableState | undefined,
): Promise<TableState | undefined> {
  const usable = known !== undefined && known.version < listing.latest ? known : undefined
  const newestFirst = [...listing.checksums]
    .filter((version) => version <= listing.latest && version > (usable?.version ?? -1))
    .sort((a, b) => b - a)
  for (const version of newestFirst.slice(0, CHECKSUMS_MAX)) {
    const state = await readChecksum(store, paths, version)
    if (state !== undefined) return state
  }
  return usable
}

async function readChecksum(store: ObjectStore, paths: LogPaths, version: number): Promise<TableState | undefined> {
  const file = paths.checksum(version)
  const bytes = await getIfPresent(store, file)
  return bytes === undefined ? undefined : decodeChecksum(bytes, version, file)
}

/** Undefined when a commit on the way is missing. */
async function foldTo(store: ObjectStore, listing: LogListing, base: TableState): Promise<TableState | undefined> {
  const commits: { readonly path: string }[] = []
  for (let version = base.version + 1; version <= listing.latest; version++) {
    const commit = listing.commits.get(version)
    if (commit === undefined) return undefined
    commits.push(commit)
  }
  let state: TableState = base
  await forEachCommit(store, commits, (actions) => {
    state = foldCommit(state, actions)
  })
  return state
}
