import { DAY, type EpochMillis, floorTo } from '#core/time.ts'
import { readCheckpoint } from '#delta/checkpoint-read.ts'
import { commitTimes } from '#delta/commit-times.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { logRetention } from '#delta/intervals.ts'
import { type LogListing, type LogPaths, listLog } from '#delta/log.ts'
import { openVersion } from '#delta/opened-version.ts'
import { dataPath } from '#delta/paths.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** Metadata clean-up (PROTOCOL.md, "Metadata Cleanup"): off the hot path, it lists the whole log. */

export interface CleanupResult {
  /** The oldest version that can still be read; null when nothing was cleaned up. */
  readonly oldestVersion: number | null
  /** In the store; in the order in which they were deleted. */
  readonly deleted: readonly string[]
}

/**
 * Deletes what the log has from before the newest checkpoint that is older than `delta.logRetentionDuration` (30 days), unless
 * `delta.enableExpiredLogCleanup` is `false`. That checkpoint, its commit and all that follows stay, so that every version of the
 * retention can be read. Oldest first: what a crash leaves is a log without a gap.
 */
export async function cleanLog(deps: DeltaDeps, paths: LogPaths): Promise<CleanupResult> {
  const { metadata } = await openVersion(deps, paths, () => () => false)
  const nothing = { oldestVersion: null, deleted: [] }
  if (metadata.configuration['delta.enableExpiredLogCleanup'] === 'false') return nothing
  const now = deps.clock.now()
  const listing = await listLog(deps.store, paths, 0)
  const base = cutoffCheckpoint(listing, floorTo(now - logRetention(metadata), DAY))
  if (base === undefined) return nothing
  const deleted = expiredFiles(listing, paths, base)
  for (const path of deleted) await deps.store.delete(path)
  const sidecars = await unusedSidecars(deps.store, paths, floorTo(now, DAY) - DAY)
  for (const path of sidecars) await deps.store.delete(path)
  return { oldestVersion: base, deleted: [...deleted, ...sidecars] }
}

/** The newest checkpoint at or below the last commit that is not later than the cutoff. */
function cutoffCheckpoint(listing: LogListing, cutoff: EpochMillis): number | undefined {
  let last = -1
  for (const [version, time] of commitTimes(listing)) if (time <= cutoff) last = version
  return listing.checkpoints.find(({ version }) => version <= last && listing.commits.has(version))?.version
}

function expiredFiles(listing: LogListing, paths: LogPaths, base: number): readonly string[] {
  const found: { readonly version: number; readonly path: string }[] = []
  for (const [version, { path }] of listing.commits) if (version < base) found.push({ version, path })
  for (const version of listing.checksums) if (version < base) found.push({ version, path: paths.checksum(version) })
  for (const { version, files } of listing.checkpoints) {
    if (version < base) found.push(...files.map(({ path }) => ({ version, path })))
  }
  for (const { from, path } of listing.compactions) if (from <= base) found.push({ version: from, path })
  return found.sort((a, b) => a.version - b.version).map(({ path }) => path)
}

/** Sidecars that no checkpoint names any more, but for young ones: their checkpoint may be on its way. */
async function unusedSidecars(store: ObjectStore, paths: LogPaths, before: EpochMillis): Promise<readonly string[]> {
  const old: string[] = []
  for await (const { path, modified } of store.list(paths.sidecars())) if (modified < before) old.push(path)
  if (old.length === 0) return []
  const used = new Set<string>()
  for (const checkpoint of (await listLog(store, paths, 0)).checkpoints) {
    for await (const { sidecars = [] } of readCheckpoint(store, paths, checkpoint)) {
      for (const { path } of sidecars) {
        used.add(path.includes('/') ? dataPath(paths, store.uri, path) : paths.sidecars() + decodeURIComponent(path))
      }
    }
  }
  return old.filter((path) => !used.has(path))
}
