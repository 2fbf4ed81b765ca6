import { type Duration, formatDuration, parseDuration } from '#core/duration.ts'
import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Bytes, EpochMillis, Millis } from '#core/time.ts'
import type { DeletionVector } from '#delta/actions.ts'
import { NOTHING_READ } from '#delta/conflict.ts'
import { vectorPath } from '#delta/deletion-vector.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { fileRetention } from '#delta/intervals.ts'
import type { LogPaths } from '#delta/log.ts'
import { type OpenedVersion, openVersion } from '#delta/opened-version.ts'
import { dataPath } from '#delta/paths.ts'
import { commitTransaction } from '#delta/transaction.ts'

export interface VacuumOptions {
  /** Files that have been out of the table for so long are deleted. Default: the table's `delta.deletedFileRetentionDuration`, a week. */
  readonly olderThan?: Duration
  /** Only say what would be deleted. */
  readonly dryRun?: boolean
  /** Also delete what is younger than the table's retention: readers of older versions, and writers that are at it, lose files. */
  readonly force?: boolean
}

export interface VacuumResult {
  /** In the store; in byte order. */
  readonly paths: readonly string[]
  readonly bytes: Bytes
  /** False after a dry run. */
  readonly deleted: boolean
  /** Files in the table's folder that stay. */
  readonly kept: number
}

/** Deletes that are sent at once. */
const DELETES = 16

/**
 * Deletes files below the table that no version needs that is younger than the retention: data files and deletion vectors that were
 * removed, change data files, and what writers left that never committed. Names that begin with `_` or `.` are somebody's own and
 * stay, and so does every other table that lies in the folder.
 */
export async function vacuumFiles(deps: DeltaDeps, paths: LogPaths, options: VacuumOptions): Promise<VacuumResult> {
  const version = await openVersion(deps, paths)
  const olderThan = ageOf(version, options)
  const cutoff = deps.clock.now() - olderThan
  const { candidates, kept } = await listCandidates(version, cutoff)
  const bytes = candidates.reduce((sum, { size }) => sum + size, 0)
  const found = candidates.map(({ path }) => path)
  if (options.dryRun === true || found.length === 0) return { paths: found, bytes, deleted: false, kept }
  const parameters = {
    retentionCheckEnabled: String(options.force !== true),
    specifiedRetentionMillis: String(olderThan),
  }
  await note(version, 'VACUUM START', parameters, {
    numFilesToDelete: String(found.length),
    sizeOfDataToDelete: String(bytes),
  })
  for (let from = 0; from < found.length; from += DELETES) {
    await Promise.all(found.slice(from, from + DELETES).map((path) => deps.store.delete(path)))
  }
  const after = await openVersion(deps, paths)
  await note(after, 'VACUUM END', { status: 'COMPLETED' }, { numDeletedFiles: String(found.length) })
  return { paths: found, bytes, deleted: true, kept }
}

/** @throws SluiceError DELTA_RETENTION_TOO_SHORT */
function ageOf(version: OpenedVersion, options: VacuumOptions): Millis {
  const least = fileRetention(version.metadata)
  const { olderThan } = options
  if (olderThan === undefined) return least
  const age = parseDuration(olderThan, { what: 'olderThan', allowZero: true })
  if (age >= least || options.force === true) return age
  throw new SluiceError(
    'DELTA_RETENTION_TOO_SHORT',
    `Expected to delete files of ${version.paths.name} that are older than ${formatDuration(least)}, its delta.deletedFileRetentionDuration, found ${olderThan}. Readers of older versions and writers that have not committed yet would lose files: choose a longer time, or force it when there are none.`,
    { details: { table: version.paths.name, olderThanMs: age, retentionMs: least } },
  )
}

interface Candidate {
  readonly path: string
  readonly size: Bytes
}

async function listCandidates(
  version: OpenedVersion,
  cutoff: EpochMillis,
): Promise<{ readonly candidates: readonly Candidate[]; readonly kept: number }> {
  const { deps, paths } = version
  const needed = neededPaths(version, cutoff)
  const found: Candidate[] = []
  const otherTables: string[] = []
  let kept = 0
  for await (const { path, size, modified } of deps.store.list(paths.table)) {
    const name = path.slice(paths.table.length)
    const log = /^(.+\/)_delta_log\//.exec(name)
    if (log !== null && otherTables.at(-1) !== log[1]) otherTables.push(log[1]!)
    if (isHidden(name)) continue
    if (needed.has(path) || modified >= cutoff) kept++
    else found.push({ path, size })
  }
  const candidates = found.filter(({ path }) => !otherTables.some((table) => path.startsWith(paths.table + table)))
  return { candidates, kept: kept + found.length - candidates.length }
}

/** Folders of partitions may begin with `_` as their columns do; change data is the table's own. */
function isHidden(name: string): boolean {
  if (name.startsWith('_change_data/')) return false
  return name.split('/').some((part) => (part.startsWith('_') || part.startsWith('.')) && !part.includes('='))
}

/** Files of the latest version, and those that it lost after `cutoff`, with their deletion vectors. */
function neededPaths({ deps, paths, contents }: OpenedVersion, cutoff: EpochMillis): ReadonlySet<string> {
  const needed = new Set<string>()
  const need = (file: { readonly path: string; readonly deletionVector?: DeletionVector }): void => {
    const { deletionVector: vector } = file
    addPath(needed, () => dataPath(paths, deps.store.uri, file.path))
    if (vector !== undefined && vector.storageType !== 'i') {
      addPath(needed, () => vectorPath(paths, deps.store.uri, vector))
    }
  }
  for (const file of contents.files.values()) need(file)
  for (const file of contents.tombstones.values()) {
    // Without a time nobody knows how long it has been gone.
    if ((file.deletionTimestamp ?? Number.POSITIVE_INFINITY) >= cutoff) need(file)
  }
  return needed
}

/** A file outside of the store is not ours to delete. */
function addPath(needed: Set<string>, path: () => string): void {
  try {
    needed.add(path())
  } catch (error) {
    if (!isSluiceError(error, 'DELTA_PATH_OUTSIDE')) throw error
  }
}

/** A commit that changes nothing, for the history. */
async function note(
  version: OpenedVersion,
  operation: string,
  parameters: Readonly<Record<string, string>>,
  metrics: Readonly<Record<string, string>>,
): Promise<void> {
  const { deps, paths, state } = version
  await commitTransaction(deps, paths, { operation, parameters, metrics, read: state, reads: NOTHING_READ })
}
