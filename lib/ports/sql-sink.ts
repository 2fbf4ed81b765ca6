import type { Fields } from '#schema/column.ts'

/** A table that a SQL sink keeps: created if missing, widened by nullable columns, never narrowed. */
export interface SqlTable {
  readonly name: string
  readonly fields: Fields
  /** Columns of the primary key. */
  readonly primaryKey: readonly string[]
}

/** Values in the order of the table's fields. Timestamps are epoch milliseconds, geo points `{ latitude, longitude }`. */
export type SqlRow = readonly unknown[]

export interface SqlChange {
  readonly table: string
  /** All rows that the table has go first, whatever their revision. */
  readonly replace?: boolean
  /** Upserted: a row replaces the stored one only if its `revision` is higher (tables without `revision`: always). */
  readonly upserts: readonly SqlRow[]
  /** Rows withdrawn by a correction: deleted if the stored `revision` is lower. */
  readonly deletes: readonly SqlRow[]
}

/** Changes at once, or one after the other: a table may come several times. */
export type SqlChanges = Iterable<SqlChange> | AsyncIterable<SqlChange>

/**
 * A relational database as the end of a stage. `fence` lives in the target database and moves in the same transaction as the
 * rows, so a change is applied once however often it is sent.
 *
 * A table is owned by one state, and a fence says what that state has applied. Another state counts its results and records anew: the
 * fences and revisions that the first one left would make its rows pass for old ones.
 *
 * @throws SluiceError SQL_SINK_FAILED (retryable for connection faults), SQL_SCHEMA_MISMATCH, SQL_TABLE_TAKEN
 */
export interface SqlSink {
  /**
   * Creates or widens the tables and the fence table, and puts it on record in the database that the tables are the owner's;
   * idempotent. A table that exists and is nobody's is adopted, one that is another owner's is refused. Comes before all else: the
   * fences of this sink are the owner's from now on.
   *
   * @param owner name of the state that the rows come from (`stateIdentity`)
   */
  prepare(tables: readonly SqlTable[], owner: string): Promise<void>
  /** The last fence that the owner applied under this name, or null. */
  fence(name: string): Promise<number | null>
  /**
   * Applies the changes in one transaction, as they come, if `fence` is above the stored one; false (and no effect) if it is not. A
   * change that fails to come rolls everything back. A table that has got another owner since `prepare` is refused.
   */
  apply(name: string, fence: number, changes: SqlChanges): Promise<boolean>
  close(): Promise<void>
}
