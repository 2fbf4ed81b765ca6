import { SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { Metadata } from '#delta/actions.ts'
import type { LogListing, LogPaths } from '#delta/log.ts'
import { parseCommit } from '#delta/parse.ts'
import type { ObjectStore } from '#ports/object-store.ts'

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

/** From when on a table's commits say themselves when they were made (PROTOCOL.md, "In-Commit Timestamps"). */
export interface InCommitTimes {
  readonly version: number
  readonly timestamp: EpochMillis
}

/** Undefined for a table whose commits don't say. */
export function inCommitTimes({ configuration }: Metadata): InCommitTimes | undefined {
  if (configuration['delta.enableInCommitTimestamps'] !== 'true') return undefined
  const version = Number(configuration['delta.inCommitTimestampEnablementVersion'] ?? 0)
  const timestamp = Number(configuration['delta.inCommitTimestampEnablementTimestamp'] ?? Number.NEGATIVE_INFINITY)
  return { version, timestamp }
}

/** @throws SluiceError DELTA_LOG_CORRUPT when the commit does not say when it was made. One GET. */
export async function readInCommitTime(store: ObjectStore, paths: LogPaths, version: number): Promise<EpochMillis> {
  const path = paths.commit(version)
  const time = parseCommit(await store.get(path), path).commitInfo?.inCommitTimestamp
  if (typeof time === 'number') return time
  throw new SluiceError(
    'DELTA_LOG_CORRUPT',
    `Expected commit ${path} to have an inCommitTimestamp, as its table asks for, found none. Choose a version by its number instead of a time.`,
    { details: { file: path } },
  )
}

/**
 * The last version that is not later than `timestamp`, by the commits of a table that say when they were made; undefined when all are
 * later. About log2(n) GETs: their times ascend.
 */
export async function lastVersionAt(
  store: ObjectStore,
  paths: LogPaths,
  versions: readonly number[],
  timestamp: EpochMillis,
): Promise<number | undefined> {
  let from = 0
  let to = versions.length
  while (from < to) {
    const middle = (from + to) >> 1
    if ((await readInCommitTime(store, paths, versions[middle]!)) <= timestamp) from = middle + 1
    else to = middle
  }
  return versions[from - 1]
}
