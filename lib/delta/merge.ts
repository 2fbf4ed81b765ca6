import type { AddFile } from '#delta/actions.ts'
import { planned } from '#delta/attempts.ts'
import { resolveColumn } from '#delta/column-path.ts'
import type { ChangeOptions } from '#delta/delete.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { FileRewrite } from '#delta/file-rewrite.ts'
import type { LogPaths } from '#delta/log.ts'
import { invalid, type MergeKey, MergeSource } from '#delta/merge-source.ts'
import {
  checkMayRemove,
  type FileChoice,
  isApplied,
  nothingDone,
  type OpenedVersion,
  openVersion,
  rowsOfFile,
  type WriteResult,
} from '#delta/opened-version.ts'
import { orderingOf } from '#delta/ordering.ts'
import { commitChange } from '#delta/row-change.ts'
import { type Row, RowCheck } from '#delta/row-check.ts'
import type { RowsInput } from '#delta/rows-input.ts'
import { decimalType } from '#delta/scalar.ts'

/** What becomes of a row: it stays, it goes, or another one is there in its place. */
export type Outcome = 'keep' | 'delete' | Row

export interface MergeClauses {
  /** A row of the table whose key is among the rows. Default `update`: the new row takes its place. */
  readonly matched?: 'update' | 'delete' | 'keep' | ((row: Row, source: Row) => Outcome)
  /** A new row whose key the table has not. Default `insert`. */
  readonly notMatched?: 'insert' | 'ignore' | ((source: Row) => Row | 'ignore')
  /** A row of the table whose key is not among the rows. Default `keep`. Anything else reads the whole table. */
  readonly notMatchedBySource?: 'keep' | 'delete' | ((row: Row) => Outcome)
}

/**
 * - `upsert`: rows take the place of those with their key, or are added
 * - `newerRevision`: the same, but a row stays as long as its revision is not below the new one's
 * - `insertOnly`, `updateOnly`, `delete`: one half of an upsert; rows with these keys go
 */
export type MergeWhen = 'upsert' | 'newerRevision' | 'insertOnly' | 'updateOnly' | 'delete' | MergeClauses

export interface MergeOptions extends ChangeOptions {
  /** Columns (or fields of structs, `a.b`) that rows are told apart by. Nulls are equal. */
  readonly on: readonly string[]
  /** Default `upsert`. */
  readonly when?: MergeWhen
  /** Column that `newerRevision` compares. Default `revision`. */
  readonly revision?: string
  /**
   * Rows that will change again soon: they are written into files of their own, so that the next merge need not write all others anew
   * with them.
   */
  readonly apart?: (row: Row) => boolean
}

/** Merges rows into a table by keys. The rows are held in memory, the table is not: one file after another. */
export async function mergeRows(
  deps: DeltaDeps,
  paths: LogPaths,
  input: RowsInput,
  options: MergeOptions,
): Promise<WriteResult> {
  let source: MergeSource | undefined
  const everything = readsAll(options)
  const files: FileChoice = async ({ header, layout }) => {
    if (isApplied(header, options.txn)) return () => false
    const rows = source ?? (await MergeSource.of(input, options.on, layout, paths.name))
    source = rows
    return (file) => everything || rows.mayHold(file)
  }
  return planned(options.attempts, async () => {
    const version = await openVersion(deps, paths, files)
    if (source === undefined || isApplied(version.state, options.txn)) return nothingDone(version.state.version)
    return new Merge(version, source, options).run()
  })
}

class Merge {
  private readonly version: OpenedVersion
  private readonly source: MergeSource
  private readonly options: MergeOptions
  private readonly clauses: Required<MergeClauses>
  private readonly rewrite: FileRewrite
  private readonly check: RowCheck
  private readonly seen = new Set<MergeKey>()
  private updated = 0
  private deleted = 0

  constructor(version: OpenedVersion, source: MergeSource, options: MergeOptions) {
    this.version = version
    this.source = source
    this.options = options
    this.clauses = clausesOf(version, options)
    this.rewrite = new FileRewrite(version, options.apart)
    this.check = new RowCheck(version.paths.name, version.layout.schema)
  }

  async run(): Promise<WriteResult> {
    const { version, source, options, rewrite } = this
    const everything = readsAll(options)
    const wouldRead = (file: AddFile): boolean => everything || source.mayHold(file)
    const read = new Set<string>()
    for (const file of version.contents.files.values()) {
      read.add(file.path)
      if (await this.isTouched(file)) await this.rewriteFile(file)
    }
    if (rewrite.replacedFiles.length > 0) checkMayRemove(version, 'MERGE')
    const inserted = await this.insert()
    const files = await rewrite.finish()
    if (files.adds.length + files.removes.length === 0 && options.txn === undefined) {
      return nothingDone(version.state.version)
    }
    const metrics = {
      numSourceRows: source.rows.size,
      numTargetRowsInserted: inserted,
      numTargetRowsUpdated: this.updated,
      numTargetRowsDeleted: this.deleted,
      numTargetRowsCopied: rewrite.copied,
      numTargetFilesAdded: files.adds.length,
      numTargetFilesRemoved: files.removes.length,
      numTargetChangeFilesAdded: files.changeFiles.length,
    }
    return commitChange(version, {
      operation: 'MERGE',
      parameters: mergeParameters(options),
      metrics,
      reads: { files: read, wouldRead },
      files,
      txn: options.txn,
    })
  }

  /** Whether any row of the file changes. Marks the keys that are there. */
  private async isTouched(file: AddFile): Promise<boolean> {
    const { when } = this.options
    const whole = typeof when === 'object' && Object.values(when).some((clause) => typeof clause === 'function')
    let touched = false
    for await (const run of rowsOfFile(this.version, file, whole ? undefined : this.keyColumns())) {
      for (const row of run) if (this.outcome(row) !== 'keep') touched = true
    }
    return touched
  }

  private async rewriteFile(file: AddFile): Promise<void> {
    const { rewrite } = this
    rewrite.replace(file)
    for await (const run of rowsOfFile(this.version, file)) {
      const kept: Row[] = []
      const gone: Row[] = []
      const before: Row[] = []
      const after: Row[] = []
      for (const row of run) {
        const outcome = this.outcome(row)
        if (outcome === 'keep') kept.push(row)
        else if (outcome === 'delete') gone.push(row)
        else {
          before.push(row)
          after.push(outcome)
        }
      }
      this.updated += after.length
      this.deleted += gone.length
      const checked = this.check.check(after)
      await rewrite.keep(kept)
      await rewrite.write(checked)
      await rewrite.tell('delete', gone)
      await rewrite.tell('update_preimage', before)
      await rewrite.tell('update_postimage', checked)
    }
  }

  private outcome(row: Row): Outcome {
    const { matched, notMatchedBySource } = this.clauses
    const key = this.source.keyOf(row)
    const source = this.source.rows.get(key)
    if (source === undefined) {
      return typeof notMatchedBySource === 'function' ? notMatchedBySource(row) : notMatchedBySource
    }
    this.seen.add(key)
    if (typeof matched === 'function') return matched(row, source)
    return matched === 'update' ? source : matched
  }

  private async insert(): Promise<number> {
    const { notMatched } = this.clauses
    if (notMatched === 'ignore') return 0
    let inserted = 0
    let run: Row[] = []
    const write = async (): Promise<void> => {
      const rows = this.check.check(run)
      await this.rewrite.write(rows)
      if (this.rewrite.replacedFiles.length > 0) await this.rewrite.tell('insert', rows)
      inserted += rows.length
      run = []
    }
    for (const [key, source] of this.source.rows) {
      if (this.seen.has(key)) continue
      const row = typeof notMatched === 'function' ? notMatched(source) : source
      if (row === 'ignore') continue
      run.push(row)
      if (run.length === 8_192) await write()
    }
    if (run.length > 0) await write()
    return inserted
  }

  /** Top-level columns that tell whether a row changes. */
  private keyColumns(): readonly string[] {
    const names = [...this.options.on, ...(this.options.when === 'newerRevision' ? [revisionOf(this.options)] : [])]
    return [...new Set(names.map((name) => resolveColumn(name, this.version.layout, this.version.paths.name).path[0]!))]
  }
}

/** Rows that have no match may change as well. */
function readsAll({ when }: MergeOptions): boolean {
  return typeof when === 'object' && (when.notMatchedBySource ?? 'keep') !== 'keep'
}

function revisionOf(options: MergeOptions): string {
  return options.revision ?? 'revision'
}

function clausesOf(version: OpenedVersion, options: MergeOptions): Required<MergeClauses> {
  const keep = 'keep' as const
  switch (options.when ?? 'upsert') {
    case 'upsert':
      return { matched: 'update', notMatched: 'insert', notMatchedBySource: keep }
    case 'newerRevision':
      return { matched: newerRevision(version, options), notMatched: 'insert', notMatchedBySource: keep }
    case 'insertOnly':
      return { matched: keep, notMatched: 'insert', notMatchedBySource: keep }
    case 'updateOnly':
      return { matched: 'update', notMatched: 'ignore', notMatchedBySource: keep }
    case 'delete':
      return { matched: 'delete', notMatched: 'ignore', notMatchedBySource: keep }
    default: {
      const given = options.when as MergeClauses
      return {
        matched: given.matched ?? 'update',
        notMatched: given.notMatched ?? 'insert',
        notMatchedBySource: given.notMatchedBySource ?? keep,
      }
    }
  }
}

/** A row without a revision is older than any. */
function newerRevision(version: OpenedVersion, options: MergeOptions): (row: Row, source: Row) => Outcome {
  const table = version.paths.name
  const name = revisionOf(options)
  const column = resolveColumn(name, version.layout, table)
  const { type } = column
  const ordering = typeof type === 'string' ? orderingOf(type, decimalType(type)?.scale ?? 0) : undefined
  if (ordering === undefined) throw invalid(table, `a revision that has an order, found column ${name}`, { name })
  return (row, source) => {
    const [old, next] = [column.valueIn(row), column.valueIn(source)]
    if (next === null) return 'keep'
    return old === null || ordering.compare(ordering.key(old), ordering.key(next)) < 0 ? source : 'keep'
  }
}

function mergeParameters(options: MergeOptions): Readonly<Record<string, string>> {
  const { on, when = 'upsert' } = options
  const text = (clause: unknown): string => (typeof clause === 'function' ? 'function' : String(clause))
  const shown =
    typeof when === 'string'
      ? when
      : Object.entries(when)
          .map(([name, clause]) => `${name}: ${text(clause)}`)
          .join(', ')
  return { predicate: on.map((name) => `target.${name} <=> source.${name}`).join(' AND '), when: shown }
}
