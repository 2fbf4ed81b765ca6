import { SluiceError } from '#core/errors.ts'
import { type AddFile, removeOf } from '#delta/actions.ts'
import { planned } from '#delta/attempts.ts'
import { sameMetadata } from '#delta/conflict.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import type { LogPaths } from '#delta/log.ts'
import {
  checkMayRemove,
  isApplied,
  metricTexts,
  nothingDone,
  type OpenedVersion,
  openVersion,
  totalSize,
  type WriteResult,
  type WriteTxn,
} from '#delta/opened-version.ts'
import { dataPath } from '#delta/paths.ts'
import { checkWritable } from '#delta/protocol.ts'
import { commitOrDiscard } from '#delta/transaction.ts'

/** Files that are copied at once. */
const COPIES = 4

/**
 * Puts the rows and the columns of another table in the place of this one's, and takes over how far its applications had got. Its data
 * files are copied as they are. The history stays: `restore` goes back.
 */
export function replaceContents(
  deps: DeltaDeps,
  paths: LogPaths,
  from: { readonly deps: DeltaDeps; readonly paths: LogPaths },
  txn: WriteTxn,
): Promise<WriteResult> {
  return planned(undefined, async () => {
    const now = await openVersion(deps, paths)
    if (isApplied(now.state, txn)) return nothingDone(now.state.version)
    const other = await openVersion(from.deps, from.paths)
    const gone = [...now.contents.files.values()]
    if (gone.length > 0) checkMayRemove(now, 'REPLACE')
    const { schemaString, partitionColumns } = other.metadata
    const metadata = { ...now.metadata, schemaString, partitionColumns }
    checkWritable(now.contents.protocol, metadata, paths.name)
    const adds = await copyFiles(now, other)
    const at = deps.clock.now()
    const metrics = { numFiles: adds.length, numOutputBytes: totalSize(adds), numRemovedFiles: gone.length }
    const after = await commitOrDiscard(deps, paths, {
      operation: 'WRITE',
      parameters: { mode: 'Overwrite', partitionBy: JSON.stringify(partitionColumns) },
      metrics: metricTexts(metrics),
      read: now.state,
      reads: { files: new Set(gone.map(({ path }) => path)), wouldRead: () => true, serializable: true },
      adds,
      removes: gone.map((file) => removeOf(file, at, true)),
      txns: [...further(now, other), txn],
      ...(sameMetadata(metadata, now.metadata) ? {} : { metadata }),
    })
    return { version: after.version, committed: true, metrics }
  })
}

/** Transactions of the other table that are further than this one's. */
function further(now: OpenedVersion, other: OpenedVersion): readonly WriteTxn[] {
  return [...other.state.txns.values()].filter(
    ({ appId, version }) => version > (now.state.txns.get(appId)?.version ?? -1),
  )
}

async function copyFiles(now: OpenedVersion, other: OpenedVersion): Promise<readonly AddFile[]> {
  const files = [...other.contents.files.values()]
  const adds: AddFile[] = []
  for (let from = 0; from < files.length; from += COPIES) {
    adds.push(...(await Promise.all(files.slice(from, from + COPIES).map((file) => copyFile(now, other, file)))))
  }
  return adds
}

async function copyFile({ deps, paths }: OpenedVersion, other: OpenedVersion, file: AddFile): Promise<AddFile> {
  if (file.deletionVector !== undefined) {
    throw new SluiceError(
      'DELTA_FEATURE_UNSUPPORTED',
      `Expected tables without deletion vectors, found one in ${other.paths.name}: its files can't be copied as they are. Run sluice optimize on it first.`,
      { details: { table: other.paths.name, path: file.path } },
    )
  }
  const bytes = await other.deps.store.get(dataPath(other.paths, other.deps.store.uri, file.path))
  const path = `part-${deps.ids.next()}.zstd.parquet`
  await deps.store.put(dataPath(paths, deps.store.uri, path), bytes)
  return { ...file, path, modificationTime: deps.clock.now(), dataChange: true }
}
