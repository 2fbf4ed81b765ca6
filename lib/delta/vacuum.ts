import { type Duration, formatDuration, parseDuration } from '#core/duration.ts'
import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Bytes, EpochMillis, Millis } from '#core/time.ts'
import type { AddFile, Metadata, RemoveFile } from '#delta/actions.ts'
import { NOTHING_READ } from '#delta/conflict.ts'
import { vectorPath } from '#delta/deletion-vector.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { type StreamedContents, streamContents } from '#delta/file-stream.ts'
import { fileRetention } from '#delta/intervals.ts'
import type { LogPaths } from '#delta/log.ts'
import { dataPath } from '#delta/paths.ts'
import { checkReadable, checkWritable } from '#delta/protocol.ts'
import { replay } from '#delta/replay.ts'
import { loadState } from '#delta/state.ts'
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
 * stay, and so does every other table that lies in the folder. In memory are the paths of the files that are needed, not the log.
 */
export async function vacuumFiles(deps: DeltaDeps, paths: LogPaths, options: VacuumOptions): Promise<VacuumResult> {
  const contents = await streamContents(deps.store, paths)
  const { metadata, protocol } = contents.header
  checkReadable(protocol, paths.name)
  checkWritable(protocol, metadata, paths.name)
  const olderThan = ageOf(paths, metadata, options)
  const cutoff = deps.clock.now() - olderThan
  const { candidates, kept } = await listCandidates(deps, paths, contents, cutoff)
  const bytes = candidates.reduce((sum, { size }) => sum + size, 0)
  const found = candidates.map(({ path }) => path)
  if (options.dryRun === true || found.length === 0) return { paths: found, bytes, deleted: false, kept }
  const parameters = {
    retentionCheckEnabled: String(options.force !== true),
    specifiedRetentionMillis: String(olderThan),
  }
  await note(deps, paths, 'VACUUM START', parameters, {
    numFilesToDelete: String(found.length),
    sizeOfDataToDelete: String(bytes),
  })
  for (let from = 0; from < found.length; from += DELETES) {
    await Promise.all(found.slice(from, from + DELETES).map((path) => deps.store.delete(path)))
  }
  await note(deps, paths, 'VACUUM END', { status: 'COMPLETED' }, { numDeletedFiles: String(found.length) })
  return { paths: found, bytes, deleted: true, kept }
}

/** @throws SluiceError DELTA_RETENTION_TOO_SHORT */
function ageOf(paths: LogPaths, metadata: Metadata, options: VacuumOptions): Millis {
  const least = fileRetention(metadata)
  const { olderThan } = options
  if (olderThan === undefined) return least
  const age = parseDuration(olderThan, { what: 'olderThan', allowZero: true })
  if (age >= least || options.force === true) return age
  throw new SluiceError(
    'DELTA_RETENTION_TOO_SHORT',
    `Expected to delete files of ${paths.name} that are older than ${formatDuration(least)}, its delta.deletedFileRetentionDuration, found ${olderThan}. Readers of older versions and writers that have not committed yet would lose files: choose a longer time, or force it when there are none.`,
    { details: { table: paths.name, olderThanMs: age, retentionMs: least } },
  )
}

interface Candidate {
  readonly path: string
  readonly size: Bytes
}

async function listCandidates(
  deps: DeltaDeps,
  paths: LogPaths,
  contents: StreamedContents,
  cutoff: EpochMillis,
): Promise<{ readonly candidates: readonly Candidate[]; readonly kept: number }> {
  const { inStore, elsewhere } = await neededPaths(deps, paths, contents, cutoff)
  const found: Candidate[] = []
  const otherTables: string[] = []
  let kept = 0
  for await (const { path, size, modified } of deps.store.list(paths.table)) {
    const name = path.slice(paths.table.length)
    const log = /^(.+\/)_delta_log\//.exec(name)
    if (log !== null && otherTables.at(-1) !== log[1]) otherTables.push(log[1]!)
    if (isHidden(name)) continue
    if (inStore.has(path) || modified >= cutoff || elsewhere.has(nameOf(path))) kept++
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

interface Needed {
  readonly inStore: ReadonlySet<string>
  /**
   * Names, without their folders, of files whose absolute paths are of another place. It may be this one by another name (a symbolic
   * link, a mount, an alias of a bucket): what is called so stays.
   */
  readonly elsewhere: ReadonlySet<string>
}

/** Files of the latest version, and those that it lost after `cutoff`, with their deletion vectors: their paths only. */
async function neededPaths(
  { store }: DeltaDeps,
  paths: LogPaths,
  contents: StreamedContents,
  cutoff: EpochMillis,
): Promise<Needed> {
  const needed = { inStore: new Set<string>(), elsewhere: new Set<string>() }
  const need = (file: AddFile | RemoveFile): void => {
    const { deletionVector: vector } = file
    addPath(needed, file.path, () => dataPath(paths, store.uri, file.path))
    if (vector === undefined || vector.storageType === 'i') return
    addPath(needed, vector.pathOrInlineDv, () => vectorPath(paths, store.uri, vector))
  }
  const needAll = (files: Iterable<AddFile>, tombstones: Iterable<RemoveFile>): void => {
    for (const file of files) need(file)
    // Without a time nobody knows how long it has been gone.
    for (const file of tombstones) if ((file.deletionTimestamp ?? Number.POSITIVE_INFINITY) >= cutoff) need(file)
  }
  try {
    for await (const { files, tombstones } of contents.batches()) needAll(files, tombstones)
  } catch (error) {
    // A checkpoint that is damaged among its files: older ones and the commits have them too, as far as they are there.
    if (!isSluiceError(error, 'DELTA_CHECKPOINT_CORRUPT')) throw error
    const whole = await replay(store, paths, { version: contents.header.version })
    needAll(whole.files.values(), whole.tombstones.values())
  }
  return needed
}

function addPath(
  { inStore, elsewhere }: { readonly inStore: Set<string>; readonly elsewhere: Set<string> },
  written: string,
  path: () => string,
): void {
  try {
    inStore.add(path())
  } catch (error) {
    if (!isSluiceError(error, 'DELTA_PATH_OUTSIDE')) throw error
    elsewhere.add(nameOf(decodeURIComponent(written)))
  }
}

function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1)
}

/** A commit that changes nothing, for the history. */
async function note(
  deps: DeltaDeps,
  paths: LogPaths,
  operation: string,
  parameters: Readonly<Record<string, string>>,
  metrics: Readonly<Record<string, string>>,
): Promise<void> {
  const read = await loadState(deps.store, paths)
  await commitTransaction(deps, paths, { operation, parameters, metrics, read, reads: NOTHING_READ })
}
