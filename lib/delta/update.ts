import { SluiceError } from '#core/errors.ts'
import type { AddFile } from '#delta/actions.ts'
import { planned } from '#delta/attempts.ts'
import { type ChangeOptions, countMatches, filesWith, predicateText } from '#delta/delete.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { FileRewrite } from '#delta/file-rewrite.ts'
import type { LogPaths } from '#delta/log.ts'
import {
  checkMayRemove,
  isApplied,
  nothingDone,
  type OpenedVersion,
  openVersion,
  rowsOfFile,
  type WriteResult,
} from '#delta/opened-version.ts'
import { type CompiledPredicate, compilePredicate, type Predicate } from '#delta/predicate.ts'
import { commitChange } from '#delta/row-change.ts'
import { type Row, RowCheck } from '#delta/row-check.ts'

/** New values by column: a value for all rows, or a function of the row as it was. */
export type Assignments = Readonly<Record<string, unknown>>

/** Gives rows for which the predicate holds new values in some columns. */
export function updateRows(
  deps: DeltaDeps,
  paths: LogPaths,
  where: Predicate,
  set: Assignments,
  options: ChangeOptions,
): Promise<WriteResult> {
  return planned(options.attempts, async () => {
    const version = await openVersion(deps, paths, filesWith(where))
    if (isApplied(version.state, options.txn)) return nothingDone(version.state.version)
    checkMayRemove(version, 'UPDATE')
    checkColumns(version, set)
    const predicate = compilePredicate(where, version.layout, paths.name)
    const change = { predicate, set, check: new RowCheck(paths.name, version.layout.schema) }
    const rewrite = new FileRewrite(version)
    const read = new Set<string>()
    let updated = 0
    for (const file of version.contents.files.values()) {
      read.add(file.path)
      updated += await updateFile(version, file, change, rewrite)
    }
    if (updated === 0 && options.txn === undefined) return nothingDone(version.state.version)
    const files = await rewrite.finish()
    const metrics = {
      numRemovedFiles: files.removes.length,
      numAddedFiles: files.adds.length,
      numUpdatedRows: updated,
      numCopiedRows: rewrite.copied,
      numAddedChangeFiles: files.changeFiles.length,
    }
    return commitChange(version, {
      operation: 'UPDATE',
      parameters: { predicate: predicateText(where) },
      metrics,
      reads: { files: read, wouldRead: predicate.mayMatch },
      files,
      txn: options.txn,
    })
  })
}

interface Change {
  readonly predicate: CompiledPredicate
  readonly set: Assignments
  readonly check: RowCheck
}

async function updateFile(
  version: OpenedVersion,
  file: AddFile,
  { predicate, set, check }: Change,
  rewrite: FileRewrite,
): Promise<number> {
  if (!predicate.allMatch(file)) {
    const { matched } = await countMatches(version, file, predicate)
    if (matched === 0) return 0
  }
  rewrite.replace(file)
  const assignments = Object.entries(set)
  let updated = 0
  for await (const run of rowsOfFile(version, file)) {
    const before: Row[] = []
    const kept: Row[] = []
    for (const row of run) (predicate.matches(row) ? before : kept).push(row)
    const after = check.check(before.map((row) => assigned(row, assignments)))
    updated += before.length
    await rewrite.keep(kept)
    await rewrite.write(after)
    await rewrite.tell('update_preimage', before)
    await rewrite.tell('update_postimage', after)
  }
  return updated
}

function assigned(row: Row, assignments: readonly (readonly [string, unknown])[]): Row {
  const next: Record<string, unknown> = { ...row }
  for (const [name, value] of assignments) next[name] = typeof value === 'function' ? value(row) : value
  return next
}

function checkColumns(version: OpenedVersion, set: Assignments): void {
  const known = version.layout.schema.fields.map(({ name }) => name)
  const unknown = Object.keys(set).filter((name) => !known.includes(name))
  if (unknown.length === 0 && Object.keys(set).length > 0) return
  const found = unknown.length === 0 ? 'none' : unknown.join(', ')
  throw new SluiceError(
    'DELTA_SCHEMA_MISMATCH',
    `Expected columns of the Delta table ${version.paths.name} to set, found ${found}. It has ${known.join(', ')}.`,
    { details: { table: version.paths.name, columns: unknown } },
  )
}
