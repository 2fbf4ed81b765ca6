import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import { type Actions, type CommitInfo, fileKey, type Metadata } from '#delta/actions.ts'
import { readLastCheckpoint } from '#delta/checkpoint.ts'
import { readCheckpoint } from '#delta/checkpoint-read.ts'
import { commitTimes, inCommitTimes, lastVersionAt, readInCommitTime } from '#delta/commit-times.ts'
import { Reconciliation, type TableContents } from '#delta/contents.ts'
import { type CheckpointFiles, checkEnd, type LogListing, type LogPaths, listLog } from '#delta/log.ts'
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

const COMPACTED = '.compacted.json'

/** Commits that are read at once. */
const READ_AHEAD = 16

/**
 * Builds a version from the newest checkpoint at or below it and the commits that follow, many at a time where they were compacted. A
 * checkpoint that can't be read is passed over for an older one, or for the commits from 0, as long as the log still has all that is
 * needed; so is a compacted file.
 *
 * Cost: the hint, one LIST, the checkpoint, a GET a commit or compacted file. By timestamp in a table with in-commit timestamps twice
 * that, and a GET for each halving of the versions.
 *
 * @throws SluiceError DELTA_NOT_A_TABLE, DELTA_VERSION_NOT_FOUND, DELTA_LOG_GAP, DELTA_LOG_CORRUPT, DELTA_CHECKPOINT_CORRUPT
 */
export function replay(store: ObjectStore, paths: LogPaths, choice: VersionChoice = {}): Promise<TableContents> {
  return fromPlan(store, paths, choice, (plan) => fold(store, paths, plan))
}

/** What a version is made from. */
export interface ReplayPlan {
  readonly listing: LogListing
  readonly target: number
  readonly checkpoint: CheckpointFiles | null
  /** After the checkpoint, ascending. */
  readonly commits: readonly CommitFile[]
}

/** Makes a version from the first plan by which `make` succeeds: see `replay`. */
export async function fromPlan<T>(
  store: ObjectStore,
  paths: LogPaths,
  choice: VersionChoice,
  make: (plan: ReplayPlan) => Promise<T>,
): Promise<T> {
  const hint = choice.timestamp === undefined ? await readLastCheckpoint(store, paths) : undefined
  if (hint !== undefined && (choice.version === undefined || choice.version >= hint.version)) {
    const near = await listLog(store, paths, hint.version)
    if (choice.version === undefined) await checkEnd(store, paths, near)
    const target = choice.version ?? near.latest
    // A hint to something that is gone, or damaged, costs one more LIST.
    if (near.checkpoints.some(({ version }) => version <= target) && target <= near.latest) {
      const made = await build(paths, near, target, make).catch((error: unknown) => {
        if (isSluiceError(error, 'DELTA_CHECKPOINT_CORRUPT')) return undefined
        throw error
      })
      if (made !== undefined) return made
    }
  }
  const whole = await listLog(store, paths, 0)
  if (whole.latest < 0) throw notATable(store, paths)
  if (choice.version === undefined) await checkEnd(store, paths, whole)
  return build(paths, whole, await targetOf(store, paths, whole, choice), make)
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

async function targetOf(
  store: ObjectStore,
  paths: LogPaths,
  listing: LogListing,
  choice: VersionChoice,
): Promise<number> {
  const { version, timestamp } = choice
  if (timestamp !== undefined) return versionAt(store, paths, listing, timestamp)
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

/** The last version at or before a time. */
export async function versionAt(
  store: ObjectStore,
  paths: LogPaths,
  listing: LogListing,
  timestamp: EpochMillis,
): Promise<number> {
  const first = firstBuildable(listing)
  const { metadata } = await build(paths, listing, listing.latest, (plan) =>
    foldHeader(store, paths, plan, new Reconciliation()),
  )
  const inCommits = inCommitTimes(metadata)
  const since = inCommits === undefined || timestamp < inCommits.timestamp ? undefined : inCommits.version
  const times = [...commitTimes(listing)].filter(([version]) => version >= first)
  let found: number | undefined
  if (since === undefined) {
    const before = inCommits?.version ?? Number.POSITIVE_INFINITY
    for (const [version, time] of times) if (version < before && time <= timestamp) found = version
  } else {
    const versions = [...listing.commits.keys()].filter((version) => version >= Math.max(since, first))
    found = await lastVersionAt(store, paths, versions, timestamp)
  }
  if (found !== undefined) return found
  const earliest = since === undefined ? times[0]![1] : await readInCommitTime(store, paths, Math.max(since, first))
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

async function build<T>(
  paths: LogPaths,
  listing: LogListing,
  target: number,
  make: (plan: ReplayPlan) => Promise<T>,
): Promise<T> {
  let damaged: unknown
  const bases = [...listing.checkpoints.filter(({ version }) => version <= target), null]
  for (const checkpoint of bases) {
    const commits = commitsBetween(listing, (checkpoint?.version ?? -1) + 1, target)
    // What is missing before a damaged checkpoint was cleaned up because of it: the checkpoint is the cause.
    if (!Array.isArray(commits)) throw damaged ?? gap(paths, commits.missing, target)
    try {
      return await withCompacted({ listing, target, checkpoint, commits }, make)
    } catch (error) {
      if (!isSluiceError(error, 'DELTA_CHECKPOINT_CORRUPT')) throw error
      damaged ??= error
    }
  }
  throw damaged
}

/** With compacted commits where there are any; they are copies, so that without them nothing is lost. */
async function withCompacted<T>(plan: ReplayPlan, make: (plan: ReplayPlan) => Promise<T>): Promise<T> {
  const compacted = compactedBetween(plan.listing, (plan.checkpoint?.version ?? -1) + 1, plan.target)
  if (compacted.length === plan.commits.length) return make(plan)
  try {
    return await make({ ...plan, commits: compacted })
  } catch (error) {
    if (!isSluiceError(error, 'DELTA_LOG_CORRUPT') && !isSluiceError(error, 'OBJECT_NOT_FOUND')) throw error
    return make(plan)
  }
}

/** A version whole. */
export async function fold(store: ObjectStore, paths: LogPaths, plan: ReplayPlan): Promise<TableContents> {
  const { checkpoint } = plan
  const state = new Reconciliation()
  if (checkpoint !== null) for await (const actions of readCheckpoint(store, paths, checkpoint)) state.apply(actions)
  const header = await foldCommits(store, paths, plan, state)
  return { ...header, files: state.files, tombstones: state.tombstones }
}

/** A version without the files of its checkpoint: `tail` gets what the commits after that say of files. */
export async function foldHeader(
  store: ObjectStore,
  paths: LogPaths,
  plan: ReplayPlan,
  tail: Reconciliation,
): Promise<ContentsHeader> {
  if (plan.checkpoint !== null) {
    for await (const actions of readCheckpoint(store, paths, plan.checkpoint, 'header')) {
      tail.apply({ ...actions, adds: [], removes: [] })
    }
  }
  return foldCommits(store, paths, plan, tail)
}

/** A version without its files: as `replay`, but of a large checkpoint their columns are not even fetched. */
export function replayHeader(store: ObjectStore, paths: LogPaths, choice: VersionChoice): Promise<ContentsHeader> {
  return fromPlan(store, paths, choice, (plan) => foldHeader(store, paths, plan, new Reconciliation()))
}

/** All that a version is but for its files. */
export type ContentsHeader = Omit<TableContents, 'files' | 'tombstones'>

/** Applies the plan's commits to what the checkpoint left. */
async function foldCommits(
  store: ObjectStore,
  paths: LogPaths,
  plan: ReplayPlan,
  state: Reconciliation,
): Promise<ContentsHeader> {
  let last: CommitInfo | null = null
  await forEachCommit(store, plan.commits, (actions, at) => {
    const { path } = plan.commits[at]!
    if (path.endsWith(COMPACTED) && !isReconciled(actions)) throw notReconciled(path)
    last = actions.commitInfo
    state.apply(actions)
  })
  const { protocol, metadata } = state
  if (protocol === null || metadata === null) {
    throw incomplete(paths, plan.target, protocol === null ? 'protocol' : 'metaData')
  }
  return {
    version: plan.target,
    timestamp: await timeOf(store, plan, metadata, last),
    protocol,
    metadata,
    txns: state.txns,
    domains: state.domains,
    checkpointVersion: plan.checkpoint?.version ?? -1,
  }
}

/** When the version was committed: as its commit says, in tables whose commits do, else when its file was written. */
async function timeOf(
  store: ObjectStore,
  { listing, target, commits }: ReplayPlan,
  metadata: Metadata,
  last: CommitInfo | null,
): Promise<EpochMillis> {
  const inCommits = inCommitTimes(metadata)
  const path = listing.commits.get(target)?.path
  if (inCommits !== undefined && target >= inCommits.version && path !== undefined) {
    const info = commits.at(-1)?.path === path ? last : parseCommit(await store.get(path), path).commitInfo
    if (info?.inCommitTimestamp !== undefined) return info.inCommitTimestamp
  }
  return commitTimes(listing).get(target) ?? 0
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

/** As few files as there are: at each version the compacted one that reaches furthest, or the commit. */
function compactedBetween(listing: LogListing, from: number, to: number): readonly CommitFile[] {
  const furthest = new Map<number, { readonly to: number; readonly path: string }>()
  for (const compacted of listing.compactions) {
    const known = furthest.get(compacted.from)
    if (compacted.to <= to && (known === undefined || known.to < compacted.to)) furthest.set(compacted.from, compacted)
  }
  const files: CommitFile[] = []
  for (let version = from; version <= to; version++) {
    const compacted = furthest.get(version)
    files.push(compacted ?? listing.commits.get(version)!)
    if (compacted !== undefined) version = compacted.to
  }
  return files
}

/** Compacted commits have one action at most for each file: in others nobody knows which was the last. */
function isReconciled({ adds, removes }: Actions): boolean {
  return new Set([...adds, ...removes].map(fileKey)).size === adds.length + removes.length
}

function notReconciled(path: string): SluiceError {
  return new SluiceError(
    'DELTA_LOG_CORRUPT',
    `Expected the compacted commits ${path} to have one action for each file, found several. Delete it: it is a copy.`,
    { details: { file: path } },
  )
}

function gap(paths: LogPaths, missing: number, target: number): SluiceError {
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
