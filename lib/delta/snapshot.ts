import type { EpochMillis } from '#core/time.ts'
import type { AddFile, Metadata, Protocol } from '#delta/actions.ts'
import type { TableContents } from '#delta/contents.ts'
import type { TableRow } from '#delta/file-rows.ts'
import { layoutOf, type TableLayout } from '#delta/layout.ts'
import type { LogPaths } from '#delta/log.ts'
import { checkReadable } from '#delta/protocol.ts'
import { type RowOptions, readRows } from '#delta/rows.ts'
import { type ScanBatch, type ScanOptions, scanFiles } from '#delta/scan.ts'
import { type StructType, toFields } from '#delta/schema-json.ts'
import { totalRecords } from '#delta/stats.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import type { Fields } from '#schema/column.ts'

/** A table as of one version: it never changes, whatever is committed later. */
export interface Snapshot {
  readonly version: number
  /** When the version was committed. */
  readonly timestamp: EpochMillis
  /** The columns of any table, in Delta's terms. */
  readonly schema: StructType
  /** As columns of Sluice. @throws SluiceError DELTA_FEATURE_UNSUPPORTED naming a column of a type that Sluice has no column for */
  readonly fields: Fields
  readonly metadata: Metadata
  readonly protocol: Protocol
  /** In the order in which they were committed. */
  readonly files: readonly AddFile[]
  /** Per application how far it has got. */
  readonly txns: ReadonlyMap<string, number>
  readonly totalBytes: number
  /** By the files' statistics; null when a file has none. */
  totalRows(): number | null
  /**
   * The rows in runs, file by file: byte, short, integer, float and double as numbers, long as a number, or a bigint beyond
   * ±(2^53 − 1), decimals as text, dates as days, timestamps as epoch milliseconds with a fraction for microseconds, binary as
   * Uint8Array, structs as objects, arrays as arrays, maps as Map.
   *
   * One GET a file that may have rows that are asked for, or, of a file above 4 MB, one for its end and one for each run of columns.
   *
   * @throws SluiceError DELTA_SCHEMA_MISMATCH for a column that the table has not, DELTA_PREDICATE_INVALID, DELTA_FILE_MISSING,
   * DELTA_FILE_DAMAGED, DELTA_VECTOR_CORRUPT, DELTA_PATH_OUTSIDE, DELTA_FEATURE_UNSUPPORTED naming a type, PARQUET_INVALID
   */
  rows(options?: RowOptions): AsyncIterable<readonly TableRow[]>
  /**
   * The rows as columns, file by file, a row group at a time: typed arrays, and which of their rows count. Faster than `rows`, at the
   * same cost in requests, with the same errors.
   */
  scan(options?: ScanOptions): AsyncIterable<ScanBatch>
}

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED naming the reader features that are missing */
export function snapshotOf(store: ObjectStore, paths: LogPaths, contents: TableContents): Snapshot {
  checkReadable(contents.protocol, paths.name)
  return new LogSnapshot(store, paths, contents)
}

class LogSnapshot implements Snapshot {
  readonly version: number
  readonly timestamp: EpochMillis
  readonly metadata: Metadata
  readonly protocol: Protocol
  readonly files: readonly AddFile[]
  readonly txns: ReadonlyMap<string, number>
  readonly totalBytes: number
  private readonly store: ObjectStore
  private readonly paths: LogPaths
  private readonly contents: TableContents
  private parsedFields: Fields | undefined
  private parsedLayout: TableLayout | undefined

  constructor(store: ObjectStore, paths: LogPaths, contents: TableContents) {
    this.store = store
    this.paths = paths
    this.contents = contents
    this.version = contents.version
    this.timestamp = contents.timestamp
    this.metadata = contents.metadata
    this.protocol = contents.protocol
    this.files = [...contents.files.values()]
    this.txns = txnVersions(contents.txns)
    this.totalBytes = this.files.reduce((sum, { size }) => sum + size, 0)
  }

  get fields(): Fields {
    this.parsedFields ??= toFields(this.schema)
    return this.parsedFields
  }

  get schema(): StructType {
    return this.layout.schema
  }

  private get layout(): TableLayout {
    this.parsedLayout ??= layoutOf(this.metadata)
    return this.parsedLayout
  }

  totalRows(): number | null {
    return totalRecords(this.files)
  }

  rows(options: RowOptions = {}): AsyncIterable<readonly TableRow[]> {
    const { store, paths, contents, layout } = this
    return readRows({ store, paths, contents, layout }, this.files, options)
  }

  scan(options: ScanOptions = {}): AsyncIterable<ScanBatch> {
    const { store, paths, contents, layout } = this
    return scanFiles({ store, paths, contents, layout }, options.files ?? this.files, options)
  }
}

export function txnVersions(txns: TableContents['txns']): ReadonlyMap<string, number> {
  return new Map([...txns].map(([appId, { version }]) => [appId, version]))
}
