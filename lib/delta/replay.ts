import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { Actions } from '#delta/actions.ts'
import { readCheckpoint, readLastCheckpoint } from '#delta/checkpoint.ts'
import { Reconciliation, type TableContents } from '#delta/contents.ts'
import { type CheckpointFiles, type LogListing, type LogPaths, listLog } from '#delta/log.ts'
import { parseCommit } from '#delta/parse.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** Which version: at most one of the two; the latest without. */
export interface VersionChoice {
  readonly version?: number
  /** The last version whose timestamp is not later, epoch milliseconds. */
  readonly timestamp?: EpochMillis
}

interface CommitFile {
  readonly path: string
}

/** Commits that are read at once. */
const READ_AHEAD = 16

/**
 * Builds a version from the newest checkpoint at or below it and the commits that follow. A checkpoint that can't be read is
 * passed over for an older one, or for the commits from 0, as long as the log still has all that is needed.
 *
 * Cost: the hint, one LIST, the checkpoint, a GET a commit.
 *
 * @throws SluiceError DELTA_NOT_A_TABLE, DELTA_VERSION_NOT_FOUND, DELTA_LOG_GAP, DELTA_LOG_CORRUPT, DELTA_CHECKPOINT_CORRUPT
 */
export async function replay(store: ObjectStore, paths: LogPaths, choice: VersionChoice = {}): Promise<TableContents> {
  const hint = choice.timestamp === undefined ? await readLastCheckpoint(store, paths) : undefined
  if (hint !== undefined && (choice.version === undefined || choice.version >= hint.version)) {
    const near = await listLog(store, paths, hint.version)
    const target = choice.version ?? near.latest
    // A hint to something that is gone, or damaged, costs one more LIST.
    if (near.checkpoints.some(({ version }) => version <= target) && target <= near.latest) {
      const contents = await build(store, paths, near, target).catch((error: unknown) => {
        if (isSluiceError(error, 'DELTA_CHECKPOINT_CORRUPT')) return undefined
        throw error
      })
      if (contents !== undefined) return contents
    }
  }
  const whole = await listLog(store, paths, 0)
  if (whole.latest < 0) throw notATable(store, paths)
  return build(store, paths, whole, targetOf(whole, paths, choice))
}

export function notATable(store: ObjectStore, paths: LogPaths): SluiceError {
  return new SluiceError(
    'DELTA_NOT_A_TABLE',
    `Expected a Delta table at ${store.uri}/${paths.table.replace(/\/$/, '')}, found no commits and no checkpoint in its _delta_log. Check the name, or create the table first.`,
    { details: { table: paths.name } },
  )
}

/** Reads the commits and calls `each` with them in order; a few are read ahead. */
export async function forEachCommit(
  store: ObjectStore,
  commits: readonly CommitFile[],
  each: (actions: Actions, index: number) => void,
): Promise<void> {
  for (let from = 0; from < commits.length; from += READ_AHEAD) {
    const files = commits.slice(from, from + READ_AHEAD)
    const bodies = await Promise.all(files.map(({ path }) => store.get(path)))
    for (const [at, bytes] of bodies.entries()) each(parseCommit(bytes, files[at]!.path), from + at)
  }
}

/**
 * When each version that is listed was committed: the time of modification of its file, and at least a millisecond after the one
 * before, so that times never go back. Ascending by version.
 */
export function commitTimes(listing: LogListing): ReadonlyMap<number, EpochMillis> {
  const modified = new Map<number, EpochMillis>()
  for (const { version, files } of listing.checkpoints) modified.set(version, files[0]!.modified)
  for (const [version, commit] of listing.commits) modified.set(version, commit.modified)
  const times = new Map<number, EpochMillis>()
  let before = Number.NEGATIVE_INFINITY
  for (const version of [...modified.keys()].sort((a, b) => a - b)) {
    before = Math.max(modified.get(version)!, before + 1)
    times.set(version, before)
  }
  return times
}

function targetOf(listing: LogListing, paths: LogPaths, choice: VersionChoice): number {
  const { version, timestamp } = choice
  if (timestamp !== undefined) return versionAt(listing, paths, timestamp)
  if (version === undefined) return listing.latest
  const first = firstBuildable(listing)
  if (Number.isSafeInteger(version) && version >= first && version <= listing.latest) return version
  throw new SluiceError(
    'DELTA_VERSION_NOT_FOUND',
    `Expected a version of ${paths.name} from ${first} to ${listing.latest}, found ${version}. ${
      version < first ? 'Older ones were cleaned up.' : 'Choose one of those.'
    }`,
    { details: { table: paths.name, first, latest: listing.latest, version } },
  )
}

function versionAt(listing: LogListing, paths: LogPaths, timestamp: EpochMillis): number {
  const first = firstBuildable(listing)
  let found = -1
  let earliest = Number.NaN
  for (const [version, time] of commitTimes(listing)) {
    if (version < first) continue
    if (Number.isNaN(earliest)) earliest = time
    if (time <= timestamp) found = version
  }
  if (found >= 0) return found
  throw new SluiceError(
    'DELTA_VERSION_NOT_FOUND',
    `Expected a time at or after ${text(earliest)}, when version ${first} of ${paths.name} was committed, found ${text(timestamp)}. Choose a later time.`,
    { details: { table: paths.name, first, timestamp } },
  )
}

/** The lowest version that the log still tells of: 0, or that of its oldest checkpoint. */
function firstBuildable(listing: LogListing): number {
  if (listing.commits.has(0)) return 0
  return listing.checkpoints.at(-1)?.version ?? Math.min(...listing.commits.keys())
}

async function build(store: ObjectStore, paths: LogPaths, listing: LogListing, target: number): Promise<TableContents> {
  let damaged: unknown
  const bases = [...listing.checkpoints.filter(({ version }) => version <= target), null]
  for (const checkpoint of bases) {
    const commits = commitsBetween(listing, (checkpoint?.version ?? -1) + 1, target)
    // What is missing before a damaged checkpoint was cleaned up because of it: the checkpoint is the cause.
    if (!Array.isArray(commits)) throw damaged ?? gap(listing, paths, commits.missing, target)
    try {
      const base = checkpoint === null ? null : await readCheckpoint(store, checkpoint)
      return await fold(store, paths, { listing, target, checkpoint, base, commits })
    } catch (error) {
      if (!isSluiceError(error, 'DELTA_CHECKPOINT_CORRUPT')) throw error
      damaged ??= error
    }
  }
  throw damaged
}

interface Plan {
  readonly listing: LogListing
  readonly target: number
  readonly checkpoint: CheckpointFiles | null
  readonly base: Actions | null
  readonly commits: readonly CommitFile[]
}

async function fold(store: ObjectStore, paths: LogPaths, plan: Plan): Promise<TableContents> {
  const { listing, target, checkpoint } = plan
  const state = new Reconciliation()
  if (plan.base !== null) state.apply(plan.base)
  await forEachCommit(store, plan.commits, (actions) => state.apply(actions))
  const { protocol, metadata } = state
  if (protocol === null || metadata === null)
    throw incomplete(paths, target, protocol === null ? 'protocol' : 'metaData')
  return {
    version: target,
    timestamp: commitTimes(listing).get(target) ?? 0,
    protocol,
    metadata,
    txns: state.txns,
    files: state.files,
    tombstones: state.tombstones,
    checkpointVersion: checkpoint?.version ?? -1,
  }
}

function commitsBetween(listing: LogListing, from: number, to: number): CommitFile[] | { readonly missing: number } {
  const commits: CommitFile[] = []
  for (let version = from; version <= to; version++) {
    const commit = listing.commits.get(version)
    if (commit === undefined) return { missing: version }
    commits.push(commit)
  }
  return commits
}

function gap(listing: LogListing, paths: LogPaths, missing: number, target: number): SluiceError {
  if ([...listing.uniquelyNamed].some((version) => version <= target && version >= missing - 1)) {
    return new SluiceError(
      'DELTA_FEATURE_UNSUPPORTED',
      `Can't read the Delta table ${paths.name}: it needs v2Checkpoint, which Sluice does not have. Use an engine that has it, or a table without.`,
      { details: { table: paths.name, features: ['v2Checkpoint'] } },
    )
  }
  return new SluiceError(
    'DELTA_LOG_GAP',
    `Expected commit ${paths.commit(missing)} on the way to version ${target}, found none, and no later checkpoint. Restore that file from a copy${missing === 0 ? '' : `, or read version ${missing - 1} or older`}.`,
    { details: { table: paths.name, missing, version: target } },
  )
}

function incomplete(paths: LogPaths, version: number, kind: string): SluiceError {
  return new SluiceError(
    'DELTA_LOG_CORRUPT',
    `Expected the log ${paths.folder} to hold a ${kind} action at or before version ${version}, found none. Restore the log from a copy.`,
    { details: { table: paths.name, version } },
  )
}

function text(millis: number): string {
  return Number.isNaN(new Date(millis).getTime()) ? String(millis) : new Date(millis).toISOString()
}
