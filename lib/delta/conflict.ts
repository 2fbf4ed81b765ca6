import { SluiceError } from '#core/errors.ts'
import type { Actions, AddFile, Metadata, Txn } from '#delta/actions.ts'
import type { TableState } from '#delta/checksum.ts'
import { checkWritable } from '#delta/protocol.ts'
import { onlyAdds } from '#delta/schema-change.ts'
import { parseSchema } from '#delta/schema-json.ts'

/**
 * Which commits of others one of ours can follow although it was made for an older version. The level is WriteSerializable:
 * a commit that only appends and read nothing may be put before or after ours as it pleases; one that read what it changed may not.
 * A commit that changes no data (OPTIMIZE) loses to all that touch its files and to nothing else.
 */

/** What an operation saw of the version that it read. */
export interface Reads {
  /** Paths of the files whose rows it took into account, those that it removes included. */
  readonly files: ReadonlySet<string>
  /** Whether it would have read rows of a file that somebody added since. */
  readonly wouldRead: (add: AddFile) => boolean
  /** Files that others appended without reading anything count as well: nothing may be added at all. */
  readonly serializable?: boolean
}

/** Of a blind append. */
export const NOTHING_READ: Reads = { files: new Set(), wouldRead: () => false }

/** Which rule a commit broke, in `details.conflict`. */
export type ConflictKind =
  | 'metadataChanged'
  | 'transactionApplied'
  | 'rowsAdded'
  | 'readFileRemoved'
  | 'removedFileRemoved'

export interface Intent {
  readonly table: string
  readonly operation: string
  readonly reads: Reads
  /** Paths of the files that it removes. */
  readonly removes: ReadonlySet<string>
  readonly txns: readonly Txn[]
  readonly dataChange: boolean
  /** It adds rows and nothing else: files of the older schema still fit after columns were added. */
  readonly appendsOnly: boolean
}

/**
 * What the newest state says without a look at the commits that led to it.
 *
 * @throws SluiceError DELTA_FEATURE_UNSUPPORTED, DELTA_TRANSACTION_CONFLICT
 */
export function checkState(intent: Intent, read: TableState, now: TableState): void {
  checkWritable(now.protocol, now.metadata, intent.table)
  checkTxns(intent.table, intent.txns, read, now)
  if (sameMetadata(read.metadata, now.metadata)) return
  if (intent.appendsOnly && fitsAfter(read.metadata, now.metadata)) return
  throw conflict(intent, 'metadataChanged', now.version, 'changed the schema or the properties of the table')
}

/**
 * What one commit of somebody else did to the files.
 *
 * @throws SluiceError DELTA_TRANSACTION_CONFLICT
 */
export function checkCommit(intent: Intent, version: number, theirs: Actions): void {
  for (const { path } of theirs.removes) {
    if (intent.removes.has(path))
      throw conflict(intent, 'removedFileRemoved', version, `removed ${path}, which it was to remove`)
    if (intent.reads.files.has(path)) {
      throw conflict(intent, 'readFileRemoved', version, `removed ${path}, whose rows it had read`)
    }
  }
  if (!intent.dataChange) return
  const blind = theirs.commitInfo?.isBlindAppend === true && theirs.removes.length === 0
  if (blind && intent.reads.serializable !== true) return
  for (const add of theirs.adds) {
    if (!add.dataChange && intent.reads.serializable !== true) continue
    if (intent.reads.wouldRead(add))
      throw conflict(intent, 'rowsAdded', version, `added ${add.path}, which may hold rows that it would have read`)
  }
}

/** @throws SluiceError DELTA_TRANSACTION_CONFLICT for an application that others took further meanwhile */
export function checkTxns(table: string, txns: readonly Txn[], read: TableState, now: TableState): void {
  for (const { appId, version } of txns) {
    const before = read.txns.get(appId)
    const after = now.txns.get(appId)
    if (after === undefined || (before?.version === after.version && before.lastUpdated === after.lastUpdated)) continue
    throw alreadyAt(table, now.version, appId, after.version, version)
  }
}

export function alreadyAt(table: string, version: number, appId: string, stored: number, wanted: number): SluiceError {
  return new SluiceError(
    'DELTA_TRANSACTION_CONFLICT',
    `Expected to take ${appId} of ${table} to ${wanted}, but version ${version} has it at ${stored} already. Nothing was committed: read the table's state again, and commit only what is above.`,
    { details: { table, version, appId, stored, wanted, conflict: 'transactionApplied' satisfies ConflictKind } },
  )
}

export function sameMetadata(a: Metadata, b: Metadata): boolean {
  const text = ({ id, schemaString, partitionColumns, configuration }: Metadata): string =>
    JSON.stringify([id, schemaString, partitionColumns, Object.entries(configuration).sort()])
  return text(a) === text(b)
}

/** Files that were written for `before` are files of `after`: it is the same table with more columns that may be null. */
export function fitsAfter(before: Metadata, after: Metadata): boolean {
  if (before.id !== after.id) return false
  if (JSON.stringify(before.partitionColumns) !== JSON.stringify(after.partitionColumns)) return false
  return onlyAdds(parseSchema(before.schemaString), parseSchema(after.schemaString))
}

function conflict(intent: Intent, kind: ConflictKind, version: number, what: string): SluiceError {
  return new SluiceError(
    'DELTA_TRANSACTION_CONFLICT',
    `${intent.operation} on ${intent.table} was made for an older version, and version ${version} ${what}. Nothing was committed: do it again on the version that is there now.`,
    { details: { table: intent.table, operation: intent.operation, version, conflict: kind } },
  )
}
