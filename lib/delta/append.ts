import { SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { Actions, AddFile, Txn } from '#delta/actions.ts'
import type { TableState } from '#delta/checksum.ts'
import { alreadyAt, type ConflictKind, checkTxns, sameMetadata } from '#delta/conflict.ts'
import { checkPlain, checkWritable } from '#delta/protocol.ts'
import { totalRecords } from '#delta/stats.ts'

export interface Append {
  /** The version that `appendState` gave: transactions that were committed since are conflicts. */
  readonly readVersion: number
  readonly adds: readonly AddFile[]
  /** Per application the version that this commit takes it to: above what it has, or the commit is refused. */
  readonly txns: readonly Txn[]
  /** Default `STREAMING UPDATE`. */
  readonly operation?: string
  readonly parameters?: Readonly<Record<string, string>>
}

/** Names who wrote, in `commitInfo.engineInfo`. */
export const ENGINE = 'sluice'

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED, DELTA_TRANSACTION_CONFLICT, DELTA_SCHEMA_MISMATCH: before anything is written */
export function checkAppend(table: string, read: TableState, append: Append): void {
  checkWritable(read.protocol, read.metadata, table)
  checkPlain(read.metadata, table)
  const appIds = new Set<string>()
  for (const { appId, version } of append.txns) {
    if (appIds.has(appId)) throw new RangeError(`a commit has one transaction an application, found two of ${appId}`)
    if (!Number.isSafeInteger(version)) throw new RangeError(`expected a whole number below 2^53, found ${version}`)
    appIds.add(appId)
    const stored = read.txns.get(appId)?.version
    if (stored !== undefined && stored >= version) throw alreadyAt(table, read.version, appId, stored, version)
  }
  for (const add of append.adds) checkPartition(table, read.metadata.partitionColumns, add)
}

/**
 * What a blind append can't pass over, of all that was committed between `read` and `now`.
 *
 * @throws SluiceError DELTA_TRANSACTION_CONFLICT
 */
export function conflictWith(table: string, read: TableState, now: TableState, txns: readonly Txn[]): void {
  checkTxns(table, txns, read, now)
  if (!sameMetadata(read.metadata, now.metadata)) {
    throw new SluiceError(
      'DELTA_TRANSACTION_CONFLICT',
      `Somebody changed the schema or the properties of ${table} between version ${read.version} and ${now.version}. Nothing was committed: read the table's state again, and see that the files still fit.`,
      {
        details: {
          table,
          readVersion: read.version,
          version: now.version,
          conflict: 'metadataChanged' satisfies ConflictKind,
        },
      },
    )
  }
}

/** The actions of the commit, the same whichever version it will be. */
export function appendActions(append: Append, read: TableState, txnId: string, now: EpochMillis): Partial<Actions> {
  const { adds } = append
  const rows = totalRecords(adds)
  return {
    commitInfo: {
      timestamp: now,
      operation: append.operation ?? 'STREAMING UPDATE',
      operationParameters: append.parameters ?? {},
      readVersion: read.version,
      isolationLevel: 'WriteSerializable',
      isBlindAppend: true,
      operationMetrics: {
        numFiles: String(adds.length),
        ...(rows === null ? {} : { numOutputRows: String(rows) }),
        numOutputBytes: String(adds.reduce((sum, { size }) => sum + size, 0)),
      },
      engineInfo: ENGINE,
      txnId,
    },
    txns: append.txns.map(({ appId, version, lastUpdated }) => ({ appId, version, lastUpdated: lastUpdated ?? now })),
    adds,
  }
}

function checkPartition(table: string, columns: readonly string[], add: AddFile): void {
  const given = Object.keys(add.partitionValues)
  if (given.length === columns.length && columns.every((column) => column in add.partitionValues)) return
  throw new SluiceError(
    'DELTA_SCHEMA_MISMATCH',
    `The Delta table ${table} is partitioned by (${columns.join(', ')}), the file ${add.path} by (${given.join(', ')}). Write files with the table's partition values.`,
    { details: { table, path: add.path } },
  )
}
