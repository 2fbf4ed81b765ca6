import { isSluiceError } from '#core/errors.ts'
import type { Actions, Metadata, Protocol, Txn } from '#delta/actions.ts'
import { parseObject, readMetadataOf, readProtocolOf, readTxnOf } from '#delta/parse.ts'

/**
 * All that an append needs to know of a table, whose size does not depend on the number of files: what a version checksum
 * `N.crc` holds (PROTOCOL.md, "Version Checksum File").
 */
export interface TableState {
  readonly version: number
  readonly protocol: Protocol
  readonly metadata: Metadata
  readonly txns: ReadonlyMap<string, Txn>
  /** Null where nobody has said it, and counting would mean to read the list of files. */
  readonly numFiles: number | null
  readonly tableSizeBytes: number | null
}

/** Null when the counts are not known: a checksum must be right. */
export function encodeChecksum(state: TableState, txnId: string | undefined): Uint8Array | null {
  if (state.numFiles === null || state.tableSizeBytes === null) return null
  return new TextEncoder().encode(
    JSON.stringify({
      txnId,
      tableSizeBytes: state.tableSizeBytes,
      numFiles: state.numFiles,
      numMetadata: 1,
      numProtocol: 1,
      setTransactions: [...state.txns.values()],
      metadata: state.metadata,
      protocol: state.protocol,
    }),
  )
}

/** Undefined when the file does not say everything (setTransactions is optional), or is not a checksum at all. */
export function decodeChecksum(bytes: Uint8Array, version: number, file: string): TableState | undefined {
  const json = parseObject(bytes)
  if (json === undefined || !Array.isArray(json.setTransactions)) return undefined
  if (!isCount(json.numFiles) || !isCount(json.tableSizeBytes)) return undefined
  const place = { file, at: 'line 1' }
  try {
    const txns = json.setTransactions.map((txn) => readTxnOf(txn, place))
    return {
      version,
      protocol: readProtocolOf(json.protocol, place),
      metadata: readMetadataOf(json.metadata, place),
      txns: new Map(txns.map((txn) => [txn.appId, txn])),
      numFiles: json.numFiles,
      tableSizeBytes: json.tableSizeBytes,
    }
  } catch (error) {
    if (isSluiceError(error, 'DELTA_LOG_CORRUPT')) return undefined
    throw error
  }
}

/** The state after one more commit; without counts where commit or state do not tell them. */
export function foldCommit(state: TableState, actions: Actions): TableState {
  const txns = new Map(state.txns)
  for (const txn of actions.txns) txns.set(txn.appId, txn)
  return {
    version: state.version + 1,
    protocol: actions.protocol ?? state.protocol,
    metadata: actions.metadata ?? state.metadata,
    txns,
    ...foldCounts(state, actions),
  }
}

export type Counts = Pick<TableState, 'numFiles' | 'tableSizeBytes'>

/**
 * What a commit does to the counts. Null where it does not tell: a remove without a size, or files that are added without a change of
 * data and without a remove (they may be in the table already).
 */
export function foldCounts(before: Counts, { adds, removes }: Pick<Actions, 'adds' | 'removes'>): Counts {
  let { numFiles, tableSizeBytes } = before
  if (numFiles === null || tableSizeBytes === null) return UNKNOWN
  for (const add of adds) {
    if (!add.dataChange && removes.length === 0) return UNKNOWN
    numFiles++
    tableSizeBytes += add.size
  }
  for (const remove of removes) {
    if (remove.size === undefined) return UNKNOWN
    numFiles--
    tableSizeBytes -= remove.size
  }
  return numFiles < 0 || tableSizeBytes < 0 ? UNKNOWN : { numFiles, tableSizeBytes }
}

const UNKNOWN: Counts = { numFiles: null, tableSizeBytes: null }

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0
}
