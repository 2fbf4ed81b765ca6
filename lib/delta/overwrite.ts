import { SluiceError } from '#core/errors.ts'
import { planned } from '#delta/attempts.ts'
import { type ChangeOptions, deleteFrom, filesWith, predicateText, removeWhole } from '#delta/delete.ts'
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
  totalSize,
  type WriteResult,
} from '#delta/opened-version.ts'
import { type CompiledPredicate, compilePredicate, type Predicate } from '#delta/predicate.ts'
import { commitChange } from '#delta/row-change.ts'
import { type Row, RowCheck } from '#delta/row-check.ts'
import { isBatch, type RowsInput, runsOf } from '#delta/rows-input.ts'
import { toRow } from '#schema/row-view.ts'

export interface OverwriteOptions extends ChangeOptions {
  /** Replaces the rows for which it holds; every new row must be one of them. Default: all rows. */
  readonly where?: Predicate
}

/** Makes the new rows of those that are there, in runs as their files have them. Called again for each attempt. */
export type Rewriting = (there: AsyncIterable<readonly Row[]>) => RowsInput

/**
 * Puts rows in the place of all rows, or of those for which a predicate holds. Rows that come as they are read (an iterator) can be
 * written once only: then a conflict is an error at once.
 */
export function overwriteRows(
  deps: DeltaDeps,
  paths: LogPaths,
  input: RowsInput | Rewriting,
  options: OverwriteOptions,
): Promise<WriteResult> {
  const again = typeof input === 'function' || Array.isArray(input) || isBatch(input)
  // What makes the new rows of the old ones may ask for all of them.
  const choice = options.where === undefined || typeof input === 'function' ? undefined : filesWith(options.where)
  const attempts = again ? options.attempts : 1
  return planned(attempts, async () => {
    const version = await openVersion(deps, paths, choice)
    if (isApplied(version.state, options.txn)) return nothingDone(version.state.version)
    if (version.state.numFiles !== 0) checkMayRemove(version, 'OVERWRITE')
    const predicate = options.where === undefined ? null : compilePredicate(options.where, version.layout, paths.name)
    const rewrite = new FileRewrite(version)
    const { read, deleted } = await removeOld(version, predicate, rewrite)
    const rows = typeof input === 'function' ? input(rowsThere(version)) : input
    const written = await writeNew(version, predicate, rows, rewrite)
    const files = await rewrite.finish()
    if (files.adds.length + files.removes.length === 0 && options.txn === undefined) {
      return nothingDone(version.state.version)
    }
    const metrics = {
      numFiles: files.adds.length,
      numOutputRows: written,
      numOutputBytes: totalSize(files.adds),
      numRemovedFiles: files.removes.length,
      numDeletedRows: deleted,
      numCopiedRows: rewrite.copied,
    }
    return commitChange(version, {
      operation: 'WRITE',
      parameters: {
        mode: 'Overwrite',
        partitionBy: JSON.stringify(version.metadata.partitionColumns),
        ...(options.where === undefined ? {} : { predicate: predicateText(options.where) }),
      },
      metrics,
      reads: { files: read, wouldRead: predicate?.mayMatch ?? (() => true) },
      files,
      txn: options.txn,
    })
  })
}

async function removeOld(
  version: OpenedVersion,
  predicate: CompiledPredicate | null,
  rewrite: FileRewrite,
): Promise<{ readonly read: ReadonlySet<string>; readonly deleted: number }> {
  const read = new Set<string>()
  let deleted = 0
  for (const file of version.contents.files.values()) {
    if (predicate !== null && !predicate.mayMatch(file)) continue
    read.add(file.path)
    deleted += await (predicate === null
      ? removeWhole(version, file, rewrite)
      : deleteFrom(version, file, predicate, rewrite))
  }
  return { read, deleted }
}

async function* rowsThere(version: OpenedVersion): AsyncGenerator<readonly Row[]> {
  for (const file of version.contents.files.values()) yield* rowsOfFile(version, file)
}

async function writeNew(
  version: OpenedVersion,
  predicate: CompiledPredicate | null,
  input: RowsInput,
  rewrite: FileRewrite,
): Promise<number> {
  const check = new RowCheck(version.paths.name, version.layout.schema)
  let written = 0
  for await (const run of runsOf(input)) {
    const given = isBatch(run) ? Array.from({ length: run.rows }, (_, row) => toRow(run, row)) : run
    const rows = check.check(given)
    const outside = predicate === null ? -1 : rows.findIndex((row) => !predicate.matches(row))
    if (outside >= 0) throw refused(version, written + outside)
    await rewrite.write(rows)
    await rewrite.tell('insert', rows)
    written += rows.length
  }
  return written
}

function refused(version: OpenedVersion, row: number): SluiceError {
  return new SluiceError(
    'DELTA_ROWS_REFUSED',
    `Expected rows for which the predicate of the overwrite holds, found another one at row ${row} of those for ${version.paths.name}. Nothing was committed: leave it out, or widen the predicate.`,
    { details: { table: version.paths.name, row } },
  )
}
