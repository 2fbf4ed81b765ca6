import type { AddFile } from '#delta/actions.ts'
import { planned } from '#delta/attempts.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { FileRewrite } from '#delta/file-rewrite.ts'
import type { LogPaths } from '#delta/log.ts'
import {
  checkMayRemove,
  type FileChoice,
  isApplied,
  nothingDone,
  type OpenedVersion,
  openVersion,
  rowsOfFile,
  type WriteResult,
  type WriteTxn,
} from '#delta/opened-version.ts'
import { type CompiledPredicate, compilePredicate, type Predicate } from '#delta/predicate.ts'
import { commitChange } from '#delta/row-change.ts'
import type { Row } from '#delta/row-check.ts'
import { numRecords } from '#delta/stats.ts'

export interface ChangeOptions {
  readonly txn?: WriteTxn
  /** Times that it is planned anew when others changed the same rows meanwhile. Default 5; then the conflict is an error. */
  readonly attempts?: number
}

/** Deletes the rows for which the predicate holds (not those for which it is unknown, as in SQL). */
export function deleteRows(
  deps: DeltaDeps,
  paths: LogPaths,
  where: Predicate,
  options: ChangeOptions,
): Promise<WriteResult> {
  return planned(options.attempts, async () => {
    const version = await openVersion(deps, paths, filesWith(where))
    if (isApplied(version.state, options.txn)) return nothingDone(version.state.version)
    checkMayRemove(version, 'DELETE')
    const predicate = compilePredicate(where, version.layout, paths.name)
    const rewrite = new FileRewrite(version)
    const read = new Set<string>()
    let deleted = 0
    for (const file of version.contents.files.values()) {
      read.add(file.path)
      deleted += await deleteFrom(version, file, predicate, rewrite)
    }
    const removed = rewrite.replacedFiles.length
    if (removed === 0 && options.txn === undefined) return nothingDone(version.state.version)
    const files = await rewrite.finish()
    const metrics = {
      numRemovedFiles: removed,
      numAddedFiles: files.adds.length,
      numDeletedRows: deleted,
      numCopiedRows: rewrite.copied,
      numAddedChangeFiles: files.changeFiles.length,
    }
    return commitChange(version, {
      operation: 'DELETE',
      parameters: { predicate: predicateText(where) },
      metrics,
      reads: { files: read, wouldRead: predicate.mayMatch },
      files,
      txn: options.txn,
    })
  })
}

/** Files that may have rows for which the predicate holds. */
export function filesWith(where: Predicate): FileChoice {
  return ({ layout, paths }) => compilePredicate(where, layout, paths.name).mayMatch
}

/** The log holds operation parameters as text; what JSON has not becomes text in it. */
export function predicateText(where: Predicate): string {
  return JSON.stringify(where, (_, value: unknown) => {
    if (typeof value === 'bigint') return String(value)
    return value instanceof Uint8Array ? Array.from(value) : value
  })
}

/** Rows that were deleted; a file that only statistics could tell apart is not read twice. */
export async function deleteFrom(
  version: OpenedVersion,
  file: AddFile,
  predicate: CompiledPredicate,
  rewrite: FileRewrite,
): Promise<number> {
  if (predicate.allMatch(file)) return removeWhole(version, file, rewrite)
  const { matched, rows } = await countMatches(version, file, predicate)
  if (matched === 0) return 0
  rewrite.replace(file)
  if (matched === rows && !rewrite.tells) return matched
  for await (const run of rowsOfFile(version, file)) {
    const gone: Row[] = []
    const kept: Row[] = []
    for (const row of run) (predicate.matches(row) ? gone : kept).push(row)
    await rewrite.keep(kept)
    await rewrite.tell('delete', gone)
  }
  return matched
}

/** All of its rows go: nobody needs to read them, unless they have to be told of or counted. */
export async function removeWhole(version: OpenedVersion, file: AddFile, rewrite: FileRewrite): Promise<number> {
  rewrite.replace(file)
  const known = numRecords(file.stats)
  if (known !== undefined && !rewrite.tells) return known - (file.deletionVector?.cardinality ?? 0)
  let rows = 0
  for await (const run of rowsOfFile(version, file)) {
    rows += run.length
    await rewrite.tell('delete', run)
  }
  return rows
}

/** How many rows of a file match, read by the predicate's columns alone. */
export async function countMatches(
  version: OpenedVersion,
  file: AddFile,
  predicate: CompiledPredicate,
): Promise<{ readonly matched: number; readonly rows: number }> {
  let matched = 0
  let rows = 0
  for await (const run of rowsOfFile(version, file, predicate.columns)) {
    rows += run.length
    for (const row of run) if (predicate.matches(row)) matched++
  }
  return { matched, rows }
}
