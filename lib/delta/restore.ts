import { SluiceError } from '#core/errors.ts'
import { fileKey, removeOf } from '#delta/actions.ts'
import { planned } from '#delta/attempts.ts'
import { sameMetadata } from '#delta/conflict.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import type { LogPaths } from '#delta/log.ts'
import {
  checkMayRemove,
  metricTexts,
  nothingDone,
  openVersion,
  totalSize,
  type WriteResult,
} from '#delta/opened-version.ts'
import { dataPath } from '#delta/paths.ts'
import { checkWritable } from '#delta/protocol.ts'
import { replay, type VersionChoice } from '#delta/replay.ts'
import { commitTransaction } from '#delta/transaction.ts'

export interface RestoreOptions extends VersionChoice {
  /** Only say what would come and go. */
  readonly dryRun?: boolean
}

/** Files that are looked for at once. */
const HEADS = 16

/**
 * Makes the table what it was: its files and its schema, as a new version. Transactions stay as they are now, and so does the protocol.
 * Nothing may be added or removed meanwhile; it is planned anew then.
 */
export function restoreVersion(
  deps: DeltaDeps,
  paths: LogPaths,
  { dryRun, ...choice }: RestoreOptions,
): Promise<WriteResult> {
  if (choice.version === undefined && choice.timestamp === undefined) {
    throw new RangeError('restore needs a version or a timestamp')
  }
  return planned(undefined, async () => {
    const now = await openVersion(deps, paths)
    const then = await replay(deps.store, paths, choice)
    checkWritable(now.contents.protocol, then.metadata, paths.name)
    const back = [...then.files].filter(([key]) => !now.contents.files.has(key)).map(([, file]) => file)
    const gone = [...now.contents.files.values()].filter((file) => !then.files.has(fileKey(file)))
    const metadata = sameMetadata(then.metadata, now.metadata) ? undefined : then.metadata
    if (back.length + gone.length === 0 && metadata === undefined) return nothingDone(now.state.version)
    if (gone.length > 0) checkMayRemove(now, 'RESTORE')
    await checkThere(
      deps,
      paths,
      then.version,
      back.map(({ path }) => path),
    )
    const at = deps.clock.now()
    const metrics = {
      numRestoredFiles: back.length,
      restoredFilesSize: totalSize(back),
      numRemovedFiles: gone.length,
      removedFilesSize: totalSize(gone),
      numOfFilesAfterRestore: then.files.size,
    }
    if (dryRun === true) return { ...nothingDone(now.state.version), metrics }
    const after = await commitTransaction(deps, paths, {
      operation: 'RESTORE',
      parameters: { version: String(then.version), timestamp: new Date(then.timestamp).toISOString() },
      metrics: metricTexts(metrics),
      read: now.state,
      reads: { files: new Set(gone.map(({ path }) => path)), wouldRead: () => true, serializable: true },
      adds: back.map((file) => ({ ...file, dataChange: true })),
      removes: gone.map((file) => removeOf(file, at, true)),
      ...(metadata === undefined ? {} : { metadata }),
    })
    return { version: after.version, committed: true, metrics }
  })
}

/** @throws SluiceError DELTA_FILE_MISSING */
async function checkThere(deps: DeltaDeps, paths: LogPaths, version: number, files: readonly string[]): Promise<void> {
  const missing: string[] = []
  for (let from = 0; from < files.length; from += HEADS) {
    const some = files.slice(from, from + HEADS)
    const found = await Promise.all(some.map((path) => deps.store.head(dataPath(paths, deps.store.uri, path))))
    missing.push(...some.filter((_, at) => found[at] === undefined))
  }
  if (missing.length === 0) return
  const named = missing.slice(0, 3).join(', ')
  const more = missing.length > 3 ? ` and ${missing.length - 3} more` : ''
  throw new SluiceError(
    'DELTA_FILE_MISSING',
    `Version ${version} of ${paths.name} needs ${missing.length} data file${missing.length === 1 ? '' : 's'} that ${missing.length === 1 ? 'is' : 'are'} gone: ${named}${more}. VACUUM deleted them: restore a later version, or the files from a copy.`,
    { details: { table: paths.name, version, paths: missing } },
  )
}
