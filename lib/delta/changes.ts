import { SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { Actions, AddFile, ChangeFile, DeletionVector, Metadata, RemoveFile } from '#delta/actions.ts'
import { commitTimes, inCommitTimes } from '#delta/commit-times.ts'
import { readDeletionVector } from '#delta/deletion-vector.ts'
import {
  fieldsOf,
  type ReadableFile,
  type RowSource,
  readFileRows,
  readStoredRows,
  type TableRow,
} from '#delta/file-rows.ts'
import { layoutOf } from '#delta/layout.ts'
import { type LogListing, type LogPaths, listLog } from '#delta/log.ts'
import { parseCommit } from '#delta/parse.ts'
import { checkReadable } from '#delta/protocol.ts'
import { notATable, replayHeader, versionAt } from '#delta/replay.ts'
import type { RowSet } from '#delta/row-set.ts'
import type { StructField } from '#delta/schema-json.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** A version, or the first or last one by time. */
export type ChangePoint = number | { readonly timestamp: EpochMillis }

export interface ChangeRange {
  /** First version; by time the first that is not earlier. */
  readonly from: ChangePoint
  /** Last version, included; by time the last that is not later. Default: the latest. */
  readonly to?: ChangePoint
  /** Columns to read beside `_change_type`, `_commit_version` and `_commit_timestamp`; all of them without. */
  readonly columns?: readonly string[]
}

export type ChangeType = 'insert' | 'delete' | 'update_preimage' | 'update_postimage'

/** A row as it was before or is after a commit, by the columns of the last version of the range. */
export interface ChangeRow extends TableRow {
  readonly _change_type: ChangeType
  readonly _commit_version: number
  readonly _commit_timestamp: EpochMillis
}

const CHANGE_TYPE: StructField = { name: '_change_type', type: 'string', nullable: false, metadata: {} }

/**
 * What each commit of a range did to the rows (PROTOCOL.md, "Change Data Files"): as its change files say or, where a commit has none,
 * by the files and deletion vectors that it added and removed. Commit by commit, in runs of up to 10,000 rows.
 *
 * Cost: two replays without the files of their checkpoints, a GET a commit, and those of its files.
 *
 * @throws SluiceError DELTA_CHANGES_UNAVAILABLE when the table kept no change feed in all of the range, DELTA_VERSION_NOT_FOUND, and
 * what `replay` and `readFileRows` throw
 */
export async function* readChanges(
  store: ObjectStore,
  paths: LogPaths,
  range: ChangeRange,
): AsyncGenerator<readonly ChangeRow[], void, undefined> {
  const listing = await listLog(store, paths, 0)
  if (listing.latest < 0) throw notATable(store, paths)
  const from = await firstVersion(store, paths, listing, range.from)
  const to = await lastVersion(store, paths, listing, range.to)
  if (from > to) throw rangeError(paths, from, to)
  const start = await replayHeader(store, paths, { version: from })
  const end = await replayHeader(store, paths, { version: to })
  const source: RowSource = { store, paths, contents: end, layout: layoutOf(end.metadata) }
  const columns = fieldsOf(source, range.columns).map(({ name }) => name)
  const times = commitTimes(listing)
  let { metadata } = start
  checkReadable(start.protocol, paths.name)
  for (let version = from; version <= to; version++) {
    const path = paths.commit(version)
    const actions = parseCommit(await store.get(path), path)
    if (actions.protocol !== null) checkReadable(actions.protocol, paths.name)
    metadata = actions.metadata ?? metadata
    checkKept(paths, metadata, version)
    const inCommits = inCommitTimes(metadata)
    const said =
      inCommits !== undefined && version >= inCommits.version ? actions.commitInfo?.inCommitTimestamp : undefined
    const time = said ?? times.get(version) ?? 0
    for await (const { type, rows } of commitChanges(source, actions, columns)) {
      if (rows.length > 0) yield rows.map((row) => changeRow(row, columns, type, version, time))
    }
  }
}

/** Rows of one kind; without a type each has its own. */
interface Changes {
  readonly type?: ChangeType
  readonly rows: readonly TableRow[]
}

async function* commitChanges(
  source: RowSource,
  actions: Actions,
  columns: readonly string[],
): AsyncGenerator<Changes> {
  const changeFiles = actions.changeFiles ?? []
  if (changeFiles.length > 0) {
    for (const file of changeFiles) yield* recorded(source, file, columns)
    return
  }
  const adds = new Map(actions.adds.filter(({ dataChange }) => dataChange).map((add) => [add.path, add]))
  for (const remove of actions.removes) {
    if (!remove.dataChange) continue
    const file = readableRemove(source, remove)
    const again = adds.get(remove.path)
    adds.delete(remove.path)
    if (again !== undefined) yield* vectorChanges(source, file, again, columns)
    else for await (const { rows } of readFileRows(source, file, columns)) yield { type: 'delete', rows }
  }
  for (const add of adds.values()) {
    for await (const { rows } of readFileRows(source, add, columns)) yield { type: 'insert', rows }
  }
}

async function* recorded(source: RowSource, file: ChangeFile, columns: readonly string[]): AsyncGenerator<Changes> {
  const fields = [...fieldsOf(source, columns), CHANGE_TYPE]
  for await (const { rows } of readStoredRows(source, file, fields)) yield { rows }
}

/** A file whose deletion vector was replaced: rows that it hides now were deleted, rows that it hides no more came back. */
async function* vectorChanges(
  source: RowSource,
  before: ReadableFile,
  after: AddFile,
  columns: readonly string[],
): AsyncGenerator<Changes> {
  const [hidden, hides] = await Promise.all([
    vectorOf(source, before.deletionVector),
    vectorOf(source, after.deletionVector),
  ])
  for await (const { rows, firstIndex: first } of readStoredRows(source, after, fieldsOf(source, columns))) {
    const was = (at: number): boolean => hidden?.has(first + at) !== true
    const is = (at: number): boolean => hides?.has(first + at) !== true
    yield { type: 'delete', rows: rows.filter((_, at) => was(at) && !is(at)) }
    yield { type: 'insert', rows: rows.filter((_, at) => is(at) && !was(at)) }
  }
}

function vectorOf({ store, paths }: RowSource, vector: DeletionVector | undefined): Promise<RowSet> | undefined {
  return vector === undefined ? undefined : readDeletionVector(store, paths, vector)
}

function readableRemove({ layout, paths }: RowSource, remove: RemoveFile): ReadableFile {
  if (remove.partitionValues === undefined && layout.partitionColumns.length > 0) {
    throw unavailable(paths, `the partition values of the removed file ${remove.path}, found none`)
  }
  return { ...remove, partitionValues: remove.partitionValues ?? {} }
}

function changeRow(
  row: TableRow,
  columns: readonly string[],
  type: ChangeType | undefined,
  version: number,
  time: EpochMillis,
): ChangeRow {
  const values: TableRow = {}
  for (const name of columns) values[name] = row[name]
  return {
    ...values,
    _change_type: type ?? (row._change_type as ChangeType),
    _commit_version: version,
    _commit_timestamp: time,
  }
}

async function firstVersion(
  store: ObjectStore,
  paths: LogPaths,
  listing: LogListing,
  point: ChangePoint,
): Promise<number> {
  if (typeof point === 'number') return point
  // The last version before that moment, and one more.
  const before = await versionAt(store, paths, listing, point.timestamp - 0.001).catch((error: unknown) => {
    if (error instanceof SluiceError && error.code === 'DELTA_VERSION_NOT_FOUND') return -1
    throw error
  })
  return before < 0 ? Math.min(...listing.commits.keys()) : before + 1
}

async function lastVersion(
  store: ObjectStore,
  paths: LogPaths,
  listing: LogListing,
  point: ChangePoint | undefined,
): Promise<number> {
  if (point === undefined) return listing.latest
  return typeof point === 'number' ? point : versionAt(store, paths, listing, point.timestamp)
}

function checkKept(paths: LogPaths, { configuration }: Metadata, version: number): void {
  if (configuration['delta.enableChangeDataFeed']?.toLowerCase() === 'true') return
  throw unavailable(paths, `the change feed to be on in version ${version}, found delta.enableChangeDataFeed off`)
}

function unavailable(paths: LogPaths, expected: string): SluiceError {
  return new SluiceError(
    'DELTA_CHANGES_UNAVAILABLE',
    `Can't tell the changes of ${paths.name}: expected ${expected}. Choose versions from when the change feed was on, or compare two snapshots.`,
    { details: { table: paths.name } },
  )
}

function rangeError(paths: LogPaths, from: number, to: number): SluiceError {
  return new SluiceError(
    'DELTA_VERSION_NOT_FOUND',
    `Expected changes of ${paths.name} from a version up to a later one, found ${from} to ${to}. Choose another range.`,
    { details: { table: paths.name, from, to } },
  )
}
