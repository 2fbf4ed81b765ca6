import type { EpochMillis } from '#core/time.ts'
import type { Actions, Txn } from '#delta/actions.ts'
import { commitTimes } from '#delta/commit-times.ts'
import { type LogPaths, listLog } from '#delta/log.ts'
import { forEachCommit, notATable } from '#delta/replay.ts'
import { totalRecords } from '#delta/stats.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** What one commit did. */
export interface HistoryEntry {
  readonly version: number
  /** What the writer said, or else when its file was written. */
  readonly timestamp: EpochMillis
  /** `CREATE TABLE`, `STREAMING UPDATE`, …; `UNKNOWN` when the writer did not say. */
  readonly operation: string
  readonly parameters: Readonly<Record<string, unknown>>
  /** Who wrote it. */
  readonly engine: string | null
  readonly filesAdded: number
  readonly filesRemoved: number
  readonly bytesAdded: number
  /** By the files' statistics; null when a file has none. */
  readonly rowsAdded: number | null
  readonly txns: readonly Txn[]
}

/** The commits that the log still has, newest first. One LIST and a GET each. */
export async function readHistory(
  store: ObjectStore,
  paths: LogPaths,
  limit: number,
): Promise<readonly HistoryEntry[]> {
  const listing = await listLog(store, paths, 0)
  if (listing.latest < 0) throw notATable(store, paths)
  const times = commitTimes(listing)
  const versions = [...listing.commits.keys()].sort((a, b) => b - a).slice(0, limit)
  const entries: HistoryEntry[] = []
  await forEachCommit(
    store,
    versions.map((version) => listing.commits.get(version)!),
    (actions, at) => {
      const version = versions[at]!
      entries.push(entryOf(version, times.get(version) ?? 0, actions))
    },
  )
  return entries
}

function entryOf(version: number, written: EpochMillis, actions: Actions): HistoryEntry {
  const info = actions.commitInfo ?? {}
  return {
    version,
    timestamp: info.inCommitTimestamp ?? info.timestamp ?? written,
    operation: info.operation ?? 'UNKNOWN',
    parameters: info.operationParameters ?? {},
    engine: info.engineInfo ?? null,
    filesAdded: actions.adds.length,
    filesRemoved: actions.removes.length,
    bytesAdded: actions.adds.reduce((sum, { size }) => sum + size, 0),
    rowsAdded: totalRecords(actions.adds),
    txns: actions.txns,
  }
}
