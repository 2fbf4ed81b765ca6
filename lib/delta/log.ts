import { SluiceError } from '#core/errors.ts'
import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'

/** Names of the files of a Delta log (PROTOCOL.md, "Table Delta Log"), and what a LIST finds of them. */

const DIGITS = 20
const LOG_FILE =
  /^(\d{20})\.(?:(json)|(crc)|checkpoint\.parquet|checkpoint\.(\d{10})\.(\d{10})\.parquet|(checkpoint\.[^./]+\.(?:json|parquet))|(\d{20})\.compacted\.json)$/

/** More parts than any writer makes; a name that claims more is not believed. */
const PARTS_MAX = 100_000

/** Twenty digits, so that names sort by version. */
function paddedVersion(version: number): string {
  return String(version).padStart(DIGITS, '0')
}

/** Paths of one table's log. */
export class LogPaths {
  /** Ends with '/'. */
  readonly folder: string
  /** Ends with '/', or is empty for a table at the root of its store. */
  readonly table: string
  /** For messages. */
  readonly name: string

  constructor(tablePath: string) {
    const path = tablePath.replace(/\/+$/, '')
    this.name = path === '' ? '(root)' : path
    this.table = path === '' ? '' : `${path}/`
    this.folder = `${this.table}_delta_log/`
  }

  commit(version: number): string {
    return `${this.folder}${paddedVersion(version)}.json`
  }

  checksum(version: number): string {
    return `${this.folder}${paddedVersion(version)}.crc`
  }

  checkpoint(version: number): string {
    return `${this.folder}${paddedVersion(version)}.checkpoint.parquet`
  }

  /** Where sidecars of V2 checkpoints are; ends with '/'. */
  sidecars(): string {
    return `${this.folder}_sidecars/`
  }

  lastCheckpoint(): string {
    return `${this.folder}_last_checkpoint`
  }
}

/** All parts of a complete checkpoint without its sidecars; one file, unless it is of the old multi-part kind. */
export interface CheckpointFiles {
  readonly version: number
  readonly files: readonly ObjectInfo[]
}

/** The actions of commits `from` to `to`, both included, in one file (PROTOCOL.md, "Log Compaction Files"). */
export interface CompactedCommits {
  readonly from: number
  readonly to: number
  readonly path: string
}

export interface LogListing {
  /** First version that was asked for: nothing is known of those below. */
  readonly from: number
  /** Highest version that has a commit or a complete checkpoint; −1 for none. */
  readonly latest: number
  readonly commits: ReadonlyMap<number, ObjectInfo>
  readonly checksums: ReadonlySet<number>
  /** Newest first; of one version those in fewest files first. */
  readonly checkpoints: readonly CheckpointFiles[]
  readonly compactions: readonly CompactedCommits[]
}

/** The log's files from version `from` on. One LIST (a page of 1,000 names each); it ends before the log's subfolders. */
export async function listLog(store: ObjectStore, paths: LogPaths, from: number): Promise<LogListing> {
  const commits = new Map<number, ObjectInfo>()
  const checksums = new Set<number>()
  const parts = new Map<number, Map<number, (ObjectInfo | undefined)[]>>()
  const unique: CheckpointFiles[] = []
  const compactions: CompactedCommits[] = []
  for await (const info of store.list(paths.folder, { startAfter: paths.folder + paddedVersion(from) })) {
    const name = info.path.slice(paths.folder.length)
    // All that follows a letter or underscore: _last_checkpoint, _sidecars/, _staged_commits/.
    if (name > ':') break
    const match = LOG_FILE.exec(name)
    if (match === null) continue
    const version = Number(match[1])
    if (match[2] !== undefined) commits.set(version, info)
    else if (match[3] !== undefined) checksums.add(version)
    else if (match[6] !== undefined) unique.push({ version, files: [info] })
    else if (match[7] !== undefined) compactions.push({ from: version, to: Number(match[7]), path: info.path })
    else addPart(parts, version, Number(match[4] ?? 1), Number(match[5] ?? 1), info)
  }
  const checkpoints = [...completeCheckpoints(parts), ...unique].sort((a, b) => b.version - a.version)
  let latest = checkpoints[0]?.version ?? -1
  for (const version of commits.keys()) if (version > latest) latest = version
  return { from, latest, commits, checksums, checkpoints, compactions }
}

/** Whether the log has anything of this version or a later one. One LIST. */
export async function logReaches(store: ObjectStore, paths: LogPaths, version: number): Promise<boolean> {
  for await (const { path } of store.list(paths.folder, { startAfter: paths.folder + paddedVersion(version) })) {
    if (/^\d{20}\./.test(path.slice(paths.folder.length))) return true
  }
  return false
}

/**
 * Checksums are written after their commits: one that is newer than all commits tells that the log has lost its end, and that what is
 * left is not the latest version. A HEAD where there is one, as a LIST may lag behind.
 *
 * @throws SluiceError DELTA_LOG_GAP
 */
export async function checkEnd(store: ObjectStore, paths: LogPaths, { latest, checksums }: LogListing): Promise<void> {
  let newest = -1
  for (const version of checksums) if (version > newest) newest = version
  if (newest <= latest || (await store.head(paths.commit(newest))) !== undefined) return
  throw new SluiceError(
    'DELTA_LOG_GAP',
    `Expected commit ${paths.commit(newest)} beside its checksum ${paths.checksum(newest)}, found version ${latest} as the latest: the log has lost its end. Restore that file from a copy, or delete the checksum if the commit was taken back on purpose.`,
    { details: { table: paths.name, missing: newest, version: latest } },
  )
}

function addPart(
  found: Map<number, Map<number, (ObjectInfo | undefined)[]>>,
  version: number,
  part: number,
  count: number,
  info: ObjectInfo,
): void {
  if (part < 1 || part > count || count > PARTS_MAX) return
  const byCount = found.get(version) ?? new Map<number, (ObjectInfo | undefined)[]>()
  found.set(version, byCount)
  const files = byCount.get(count) ?? new Array<ObjectInfo | undefined>(count).fill(undefined)
  byCount.set(count, files)
  files[part - 1] = info
}

function completeCheckpoints(
  parts: ReadonlyMap<number, ReadonlyMap<number, (ObjectInfo | undefined)[]>>,
): CheckpointFiles[] {
  const complete: CheckpointFiles[] = []
  for (const [version, byCount] of parts) {
    // Of several at one version the one in fewest files comes first.
    for (const files of [...byCount.values()].sort((a, b) => a.length - b.length)) {
      const present = files.filter((file) => file !== undefined)
      if (present.length === files.length) complete.push({ version, files: present })
    }
  }
  return complete
}
