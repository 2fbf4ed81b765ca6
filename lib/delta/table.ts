import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Metadata, Protocol } from '#delta/actions.ts'
import { type Append, appendActions, checkAppend, conflictWith } from '#delta/append.ts'
import { type AppendOptions, appendRows } from '#delta/append-rows.ts'
import { type ChangeRange, type ChangeRow, readChanges } from '#delta/changes.ts'
import { readLastCheckpoint } from '#delta/checkpoint.ts'
import { writeCheckpoint } from '#delta/checkpoint-write.ts'
import type { TableState } from '#delta/checksum.ts'
import { Crowd, commitAfter } from '#delta/commit.ts'
import type { TableContents } from '#delta/contents.ts'
import { createTable, type NewDeltaTable, type NewTable, schemaOf } from '#delta/create.ts'
import { type ChangeOptions, deleteRows } from '#delta/delete.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { describeContents, type TableDescription } from '#delta/describe.ts'
import { evolveSchema } from '#delta/evolve.ts'
import { type HistoryEntry, readHistory } from '#delta/history.ts'
import { LogPaths, listLog, logReaches } from '#delta/log.ts'
import { type CleanupResult, cleanLog } from '#delta/log-cleanup.ts'
import { type MergeOptions, mergeRows } from '#delta/merge.ts'
import type { WriteResult, WriteTxn } from '#delta/opened-version.ts'
import { type OptimizeOptions, optimizeFiles } from '#delta/optimize.ts'
import { type OverwriteOptions, overwriteRows, type Rewriting } from '#delta/overwrite.ts'
import type { Predicate } from '#delta/predicate.ts'
import { checkReadable, checkWritable } from '#delta/protocol.ts'
import { replaceContents } from '#delta/replace.ts'
import { notATable, replay, type VersionChoice } from '#delta/replay.ts'
import { type RestoreOptions, restoreVersion } from '#delta/restore.ts'
import type { RowsInput } from '#delta/rows-input.ts'
import { parseSchema, type StructType, schemaDifferences, toFields, toStruct } from '#delta/schema-json.ts'
import { type Snapshot, snapshotOf, txnVersions } from '#delta/snapshot.ts'
import { loadState, loadStateAt, writeChecksum } from '#delta/state.ts'
import { type Assignments, updateRows } from '#delta/update.ts'
import { type VacuumOptions, type VacuumResult, vacuumFiles } from '#delta/vacuum.ts'
import { verifyChecksum } from '#delta/verify.ts'
import type { Fields } from '#schema/column.ts'

export type { AddFile, Txn } from '#delta/actions.ts'
export type { Append } from '#delta/append.ts'
export type { NewDeltaTable, NewTable } from '#delta/create.ts'
export { DataFileWriter, writeDataFile } from '#delta/data-file.ts'
export type { DeltaDeps } from '#delta/deps.ts'
export type { TableDescription } from '#delta/describe.ts'
export type { HistoryEntry } from '#delta/history.ts'
export type { WriteResult } from '#delta/opened-version.ts'
export type { OptimizeOptions } from '#delta/optimize.ts'
export type { Predicate } from '#delta/predicate.ts'
export type { Snapshot } from '#delta/snapshot.ts'

export interface SnapshotOptions extends VersionChoice {
  /** Compare the version with its checksum, where it has one: one GET more. */
  readonly verify?: boolean
}

/** Versions between checkpoints of a table that does not say. */
const CHECKPOINT_INTERVAL = 10

/** What an append needs to know of its table. */
export interface AppendState {
  readonly version: number
  /** Per application how far it has got. */
  readonly txns: ReadonlyMap<string, number>
  readonly fields: Fields
  readonly metadata: Metadata
  readonly protocol: Protocol
  /** Null, as the bytes, for a large table of other writers that say nowhere how many there are. */
  readonly numFiles: number | null
  readonly totalBytes: number | null
}

/**
 * A Delta table in an object store: a handle that remembers the last state it saw, so that a warm append costs little. Keep it for
 * as long as the process lives; any number of processes may append to the same table.
 */
export class DeltaTable {
  readonly path: string
  private readonly deps: DeltaDeps
  private readonly paths: LogPaths
  private readonly crowd = new Crowd()
  /** A version that the log had when the table was opened: where a first LIST begins. */
  private readonly since: number
  private known: TableState | undefined

  private constructor(deps: DeltaDeps, path: string, known: TableState | undefined, since = 0) {
    this.deps = deps
    this.path = path
    this.paths = new LogPaths(path)
    this.known = known
    this.since = since
  }

  /** One GET and one LIST. @throws SluiceError DELTA_NOT_A_TABLE */
  static async open(deps: DeltaDeps, path: string): Promise<DeltaTable> {
    const paths = new LogPaths(path)
    const hint = await readLastCheckpoint(deps.store, paths)
    // A hint to what is gone is worth nothing.
    for (const since of hint === undefined ? [0] : [hint.version, 0]) {
      if (await logReaches(deps.store, paths, since)) return new DeltaTable(deps, path, undefined, since)
    }
    throw notATable(deps.store, paths)
  }

  /**
   * Opens the table, or creates it as version 0 with reader version 1 and writer version 2. Of many that create it at once one does.
   *
   * @throws SluiceError DELTA_SCHEMA_MISMATCH naming each column in which an existing table differs, NAME_INVALID for column names
   * that Delta can't hold, DELTA_FEATURE_UNSUPPORTED for a table or a property that needs more than we write
   */
  static async openOrCreate(deps: DeltaDeps, path: string, options: NewTable | NewDeltaTable): Promise<DeltaTable> {
    const paths = new LogPaths(path)
    const wanted = schemaOf(options)
    const state = await loadState(deps.store, paths).catch(async (error: unknown) => {
      if (!isSluiceError(error, 'DELTA_NOT_A_TABLE')) throw error
      return (await createTable(deps, paths, options)) ?? loadState(deps.store, paths)
    })
    checkWritable(state.protocol, state.metadata, path)
    const differences = schemaDifferences(parseSchema(state.metadata.schemaString), wanted)
    if (differences.length > 0) {
      throw new SluiceError(
        'DELTA_SCHEMA_MISMATCH',
        `The Delta table ${path} has other columns than the rows for it: ${differences.join('; ')}. Change the declared columns back, or write to a table of another name.`,
        { details: { table: path, differences } },
      )
    }
    return new DeltaTable(deps, path, state)
  }

  /**
   * Creates the table as version 0, with reader version 1 and writer version 2 unless it asks for what needs more: `timestamp_ntz`
   * columns, or the property `delta.enableChangeDataFeed`. 2 PUTs and a LIST.
   *
   * @throws SluiceError DELTA_TABLE_EXISTS, NAME_INVALID, DELTA_SCHEMA_MISMATCH for partition columns that can't be one,
   * DELTA_FEATURE_UNSUPPORTED
   */
  static async create(deps: DeltaDeps, path: string, options: NewTable | NewDeltaTable): Promise<DeltaTable> {
    const paths = new LogPaths(path)
    const there = (await listLog(deps.store, paths, 0)).latest >= 0
    const state = there ? null : await createTable(deps, paths, options)
    if (state !== null) return new DeltaTable(deps, path, state)
    throw new SluiceError(
      'DELTA_TABLE_EXISTS',
      `Expected no Delta table at ${deps.store.uri}/${paths.table.replace(/\/$/, '')}, found one. Open it, or choose another path.`,
      { details: { table: paths.name } },
    )
  }

  /**
   * The latest version with all that an append needs, never the list of files. One LIST, and one small GET the first time or if
   * anybody else committed; more for tables whose writers leave no checksums.
   *
   * @throws SluiceError DELTA_NOT_A_TABLE, DELTA_FEATURE_UNSUPPORTED
   */
  async appendState(): Promise<AppendState> {
    const state = await loadState(this.deps.store, this.paths, this.known, this.since)
    this.known = state
    checkReadable(state.protocol, this.path)
    return {
      version: state.version,
      txns: txnVersions(state.txns),
      fields: toFields(parseSchema(state.metadata.schemaString)),
      metadata: state.metadata,
      protocol: state.protocol,
      numFiles: state.numFiles,
      totalBytes: state.tableSizeBytes,
    }
  }

  /**
   * Adds files and moves transactions in one commit, after whatever others appended meanwhile: it reads no rows, so only new
   * metadata, or a commit of one of our own transactions, is a conflict. When the outcome is in doubt the log itself is asked.
   *
   * Cost after `appendState`: 2 PUTs (commit and checksum). A lost race adds a GET, a LIST and a PUT.
   *
   * @throws SluiceError DELTA_TRANSACTION_CONFLICT: read the append state again, and leave out what is in; DELTA_COMMIT_FAILED
   * (retryable): the store gave no answer; DELTA_SCHEMA_MISMATCH for partition values that are not the table's;
   * DELTA_FEATURE_UNSUPPORTED
   */
  async commit(append: Append): Promise<{ readonly version: number }> {
    const { deps, paths } = this
    const read = await this.stateAt(append.readVersion)
    checkAppend(this.path, read, append)
    const txnId = deps.ids.next()
    const actions = appendActions(append, read, txnId, deps.clock.now())
    const check = (now: TableState): void => {
      checkWritable(now.protocol, now.metadata, this.path)
      conflictWith(this.path, read, now, append.txns)
    }
    const after = await commitAfter(deps, paths, read, { txnId, actions }, check, this.crowd)
    this.remember(after)
    await writeChecksum(deps.store, paths, after, txnId)
    return { version: after.version }
  }

  /**
   * Appends rows: objects one by one or in arrays, or columns, at once or as they come. They go into new data files, by their
   * partitions, which are committed together. Nothing that others do meanwhile hinders it, but a change of the columns.
   *
   * Cost: 2 or 3 requests for the state, a PUT for each 200,000 rows of a partition, 2 PUTs for the commit; never the list of files.
   *
   * @throws SluiceError DELTA_SCHEMA_MISMATCH saying column by column what is wrong, DELTA_TRANSACTION_CONFLICT when the columns
   * changed, DELTA_COMMIT_FAILED (retryable), DELTA_FEATURE_UNSUPPORTED
   */
  async append(rows: RowsInput, options: AppendOptions = {}): Promise<WriteResult> {
    const state = (): Promise<TableState> => loadState(this.deps.store, this.paths, this.known, this.since)
    const { result, state: after } = await appendRows(this.deps, this.paths, state, rows, options, this.crowd)
    this.remember(after)
    return result
  }

  /**
   * Deletes the rows for which the predicate holds. Files that can't have any, by partition values and statistics, are not touched;
   * those that match whole are not even read; the others are written anew without them.
   *
   * @throws SluiceError DELTA_APPEND_ONLY, DELTA_PREDICATE_INVALID, DELTA_SCHEMA_MISMATCH, DELTA_TRANSACTION_CONFLICT when others
   * changed the same rows again and again, DELTA_COMMIT_FAILED (retryable), DELTA_FEATURE_UNSUPPORTED
   */
  delete(where: Predicate, options: ChangeOptions = {}): Promise<WriteResult> {
    return deleteRows(this.deps, this.paths, where, options)
  }

  /** Gives the rows for which the predicate holds new values: by column a value, or a function of the row. Throws as `delete`. */
  update(where: Predicate, set: Assignments, options: ChangeOptions = {}): Promise<WriteResult> {
    return updateRows(this.deps, this.paths, where, set, options)
  }

  /**
   * Puts rows in the place of all rows, or of those for which `where` holds. A function makes them of those that are there: it is given
   * all of them, run by run, and is called again when others changed the table meanwhile.
   *
   * @throws SluiceError as `delete`, and DELTA_ROWS_REFUSED for a new row for which `where` does not hold
   */
  overwrite(rows: RowsInput | Rewriting, options: OverwriteOptions = {}): Promise<WriteResult> {
    return overwriteRows(this.deps, this.paths, rows, options)
  }

  /**
   * Puts the rows and the columns of another table in the place of this one's, once for the transaction: its data files are copied as
   * they are, and how far its applications had got is taken over. A GET and a PUT a file, 2 PUTs for the commit.
   *
   * @throws SluiceError as `overwrite`; DELTA_FEATURE_UNSUPPORTED for a table with deletion vectors
   */
  replaceWith(other: DeltaTable, txn: WriteTxn): Promise<WriteResult> {
    return replaceContents(this.deps, this.paths, { deps: other.deps, paths: other.paths }, txn)
  }

  /**
   * Merges rows by keys. The rows are held in memory; of the table only files that may hold one of the keys are read, one after
   * another, and only those with a row that changes are written anew.
   *
   * @throws SluiceError as `delete`, and DELTA_MERGE_INVALID for columns that are no key and for two rows with one key
   */
  merge(rows: RowsInput, options: MergeOptions): Promise<WriteResult> {
    return mergeRows(this.deps, this.paths, rows, options)
  }

  /**
   * Writes small files together, and rows in the order of `clusterBy`. No row changes. Whoever changes rows meanwhile wins; only the
   * files that they took are planned anew.
   *
   * Cost: a GET and a PUT a file, 2 PUTs for each 32 groups of files; memory for one file of `targetBytes`, encoded.
   *
   * @throws SluiceError DELTA_SCHEMA_MISMATCH for a column to sort by that the table has not, DELTA_PREDICATE_INVALID,
   * DELTA_COMMIT_FAILED (retryable), DELTA_FEATURE_UNSUPPORTED
   */
  optimize(options: OptimizeOptions = {}): Promise<WriteResult> {
    return optimizeFiles(this.deps, this.paths, options)
  }

  /**
   * Deletes files that no version within the retention needs: versions before it can't be read any more. A LIST of the table, a DELETE
   * a file, and two commits that say so.
   *
   * @throws SluiceError DELTA_RETENTION_TOO_SHORT, DURATION_INVALID, DELTA_FEATURE_UNSUPPORTED
   */
  vacuum(options: VacuumOptions = {}): Promise<VacuumResult> {
    return vacuumFiles(this.deps, this.paths, options)
  }

  /**
   * Makes the table what it was at a version or a time, as a new version; transactions stay as they are now. A HEAD for each file that
   * comes back.
   *
   * @throws SluiceError DELTA_VERSION_NOT_FOUND, DELTA_FILE_MISSING for files that were vacuumed, DELTA_APPEND_ONLY,
   * DELTA_TRANSACTION_CONFLICT when others kept committing, DELTA_FEATURE_UNSUPPORTED
   */
  restore(options: RestoreOptions): Promise<WriteResult> {
    return restoreVersion(this.deps, this.paths, options)
  }

  /**
   * Adds columns that may be null, at the top or inside of structs, lists and maps; widens byte to short and integer; allows nulls. The
   * schema names what is wanted: columns of the table that it does not name stay.
   *
   * @throws SluiceError DELTA_SCHEMA_CHANGE_REFUSED saying column by column what can't be done, NAME_INVALID, DELTA_FEATURE_UNSUPPORTED
   */
  async evolve(schema: StructType | Fields): Promise<WriteResult> {
    const state = (): Promise<TableState> => loadState(this.deps.store, this.paths, this.known)
    return evolveSchema(this.deps, this.paths, state, 'type' in schema ? schema : toStruct(schema))
  }

  /**
   * What the table is: schema, properties, protocol, files, transactions. Replays the log.
   *
   * @throws SluiceError as `snapshot`
   */
  async describe(options: Pick<SnapshotOptions, 'verify'> = {}): Promise<TableDescription> {
    return describeContents(this.deps.store, this.paths, await this.contents(options))
  }

  /** Deletes commits and checkpoints that are older than `delta.logRetentionDuration`, as far as a checkpoint makes up for them. */
  cleanLog(): Promise<CleanupResult> {
    return cleanLog(this.deps, this.paths)
  }

  /**
   * The table as of its latest version, of `version`, or of the last version that is not later than `timestamp`.
   *
   * @throws SluiceError DELTA_VERSION_NOT_FOUND, DELTA_LOG_GAP, DELTA_LOG_CORRUPT naming file and line,
   * DELTA_CHECKPOINT_CORRUPT when no older checkpoint and no commits make up for it, DELTA_FEATURE_UNSUPPORTED, and with `verify`
   * DELTA_CHECKSUM_MISMATCH
   */
  async snapshot(options: SnapshotOptions = {}): Promise<Snapshot> {
    return snapshotOf(this.deps.store, this.paths, await this.contents(options))
  }

  /**
   * What the commits of a range did to the rows, commit by commit, for a table that keeps a change feed.
   *
   * @throws SluiceError DELTA_CHANGES_UNAVAILABLE, DELTA_VERSION_NOT_FOUND, and as `snapshot` and its `rows`
   */
  changes(range: ChangeRange): AsyncIterable<readonly ChangeRow[]> {
    return readChanges(this.deps.store, this.paths, range)
  }

  /** What was committed, newest first. One LIST and a GET a commit. */
  history(limit: number = Number.POSITIVE_INFINITY): Promise<readonly HistoryEntry[]> {
    return readHistory(this.deps.store, this.paths, limit)
  }

  /**
   * Writes a checkpoint of the latest version, unless it has one, so that readers need no older commits. Off the hot path: it
   * reads the newest checkpoint and the commits since, in memory that grows with these only, and the new file's bytes.
   *
   * @throws SluiceError as `snapshot`, and DELTA_FEATURE_UNSUPPORTED for a table that we could not write to
   */
  async checkpoint(): Promise<void> {
    await writeCheckpoint(this.deps.store, this.paths, this.deps.clock.now())
  }

  /** The version that `_last_checkpoint` names; null without one. One GET. */
  async lastCheckpoint(): Promise<number | null> {
    return (await readLastCheckpoint(this.deps.store, this.paths))?.version ?? null
  }

  /**
   * Writes a checkpoint when the newest one is `interval` versions old or more: by default `delta.checkpointInterval`, or 10. For
   * maintenance: one GET and one LIST when none is due.
   *
   * @returns whether it wrote one
   */
  async checkpointIfDue(interval?: number): Promise<boolean> {
    const { store } = this.deps
    const hint = await readLastCheckpoint(store, this.paths)
    const state = await loadState(store, this.paths, this.known)
    this.remember(state)
    const asked = Number(state.metadata.configuration['delta.checkpointInterval'])
    const due = interval ?? (Number.isSafeInteger(asked) && asked > 0 ? asked : CHECKPOINT_INTERVAL)
    if (state.version - (hint?.version ?? -1) < due) return false
    await this.checkpoint()
    return true
  }

  private async contents(options: SnapshotOptions): Promise<TableContents> {
    const contents = await replay(this.deps.store, this.paths, options)
    if (options.verify === true) await verifyChecksum(this.deps.store, this.paths, contents)
    return contents
  }

  private remember(state: TableState): void {
    if (this.known === undefined || this.known.version < state.version) this.known = state
  }

  private async stateAt(version: number): Promise<TableState> {
    if (this.known?.version === version) return this.known
    if (this.known === undefined) this.known = await loadState(this.deps.store, this.paths, undefined, this.since)
    if (this.known.version === version) return this.known
    return loadStateAt(this.deps.store, this.paths, version)
  }
}
