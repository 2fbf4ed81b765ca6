/**
 * Delta tables without the rest: open or create one in a folder, in memory or in any object store, and read and write it beside
 * other engines.
 *
 * ```ts
 * const table = await DeltaTable.open(directory('lake'), 'gold/crime_per_district_day')
 * ```
 */

import type { S3Connection } from '#adapters/aws/s3-client.ts'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { systemRandom } from '#adapters/system/random.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import type { ObjectStore } from '#ports/object-store.ts'

export type { S3Connection } from '#adapters/aws/s3-client.ts'
export type { Duration } from '#core/duration.ts'
export { type ErrorCode, isSluiceError, SluiceError } from '#core/errors.ts'
export type { AppendOptions } from '#delta/append-rows.ts'
export type { ChangePoint, ChangeRange, ChangeRow } from '#delta/changes.ts'
export type { NewDeltaTable, NewTable } from '#delta/create.ts'
export type { ChangeOptions } from '#delta/delete.ts'
export type { DeltaDeps } from '#delta/deps.ts'
export type { TableDescription } from '#delta/describe.ts'
export type { TableRow } from '#delta/file-rows.ts'
export type { HistoryEntry } from '#delta/history.ts'
export type { CleanupResult } from '#delta/log-cleanup.ts'
export type { MergeClauses, MergeOptions, MergeWhen, Outcome } from '#delta/merge.ts'
export type { WriteResult, WriteTxn } from '#delta/opened-version.ts'
export type { OptimizeOptions } from '#delta/optimize.ts'
export type { OverwriteOptions, Rewriting } from '#delta/overwrite.ts'
export type { Comparison, Predicate, PredicateValue } from '#delta/predicate.ts'
export type { VersionChoice } from '#delta/replay.ts'
export type { RestoreOptions } from '#delta/restore.ts'
export type { RowOptions } from '#delta/rows.ts'
export type { RowsInput } from '#delta/rows-input.ts'
export type { ScanBatch, ScanOptions } from '#delta/scan.ts'
export type { DeltaType, StructField, StructType } from '#delta/schema-json.ts'
export type { Snapshot } from '#delta/snapshot.ts'
export { DeltaTable, type SnapshotOptions } from '#delta/table.ts'
export type { Assignments } from '#delta/update.ts'
export type { VacuumOptions, VacuumResult } from '#delta/vacuum.ts'
export type { DecodedVector } from '#parquet/columns-reader.ts'
export { valueGetter } from '#parquet/reader.ts'
export type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'
export { c } from '#schema/builders.ts'
export type { Fields } from '#schema/column.ts'

/** Tables in a folder of this machine, which is made when it isn't there. */
export function directory(folder: string): DeltaDeps {
  return using(new DirectoryObjectStore(folder))
}

/** Tables in this process's memory, for tests. */
export function memory(): DeltaDeps {
  return using(new MemoryObjectStore())
}

/**
 * Tables in an S3 bucket, or in a service that speaks its protocol and honours `If-None-Match`. Credentials and region come from where
 * AWS's SDK finds them, unless `connection` has them.
 */
export async function s3(
  bucket: string,
  options: { readonly prefix?: string; readonly connection?: S3Connection } = {},
): Promise<DeltaDeps> {
  const { S3ObjectStore } = await import('#adapters/aws/s3-object-store.ts')
  return using(new S3ObjectStore({ bucket, ...options, clock: systemClock, random: systemRandom, ids: randomIds }))
}

/** Tables in an object store of your own, which has to keep the promises of `ObjectStore`: above all that one `create` of many wins. */
export function using(store: ObjectStore): DeltaDeps {
  return { store, clock: systemClock, ids: randomIds }
}
