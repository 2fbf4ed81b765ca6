import { isSluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { Actions, AddFile, ChangeFile, Metadata, RemoveFile, Txn } from '#delta/actions.ts'
import { ENGINE } from '#delta/append.ts'
import type { TableState } from '#delta/checksum.ts'
import { type Crowd, commitAfter } from '#delta/commit.ts'
import { checkCommit, checkState, type Intent, NOTHING_READ, type Reads } from '#delta/conflict.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import type { LogPaths } from '#delta/log.ts'
import { dataPath } from '#delta/paths.ts'
import { forEachCommit } from '#delta/replay.ts'
import { writeChecksum } from '#delta/state.ts'

/** What one operation wants to commit. The files are written; the same actions are tried at one version after another. */
export interface Transaction {
  readonly operation: string
  readonly parameters: Readonly<Record<string, string>>
  readonly metrics: Readonly<Record<string, string>>
  /** The version that it was made for. */
  readonly read: TableState
  readonly reads: Reads
  readonly adds?: readonly AddFile[]
  readonly removes?: readonly RemoveFile[]
  readonly changeFiles?: readonly ChangeFile[]
  readonly txns?: readonly Txn[]
  readonly metadata?: Metadata
}

/**
 * Commits after the version that was read or, when others were faster, after the latest one, unless what they did is a conflict
 * (conflict.ts). Prepared once, committed at whichever version: data files are never written again here.
 *
 * Cost: 2 PUTs (commit and checksum). A lost race adds what `commitAfter` says and a GET for each commit of the others.
 *
 * @throws SluiceError DELTA_TRANSACTION_CONFLICT with `details.conflict`, DELTA_COMMIT_FAILED (retryable), DELTA_FEATURE_UNSUPPORTED
 */
export async function commitTransaction(
  deps: DeltaDeps,
  paths: LogPaths,
  transaction: Transaction,
  crowd?: Crowd,
): Promise<TableState> {
  const txnId = deps.ids.next()
  const intent = intentOf(paths, transaction)
  const actions = actionsOf(transaction, intent, txnId, deps.clock.now())
  let checked = transaction.read.version
  const check = async (now: TableState): Promise<void> => {
    checkState(intent, transaction.read, now)
    // A blind append conflicts with nothing that the newest state does not tell: no need to read what others committed.
    if (intent.appendsOnly) return
    const versions = Array.from({ length: now.version - checked }, (_, at) => checked + 1 + at)
    const commits = versions.map((version) => ({ path: paths.commit(version) }))
    await forEachCommit(deps.store, commits, (theirs: Actions, at) => checkCommit(intent, versions[at]!, theirs))
    checked = now.version
  }
  const after = await commitAfter(deps, paths, transaction.read, { txnId, actions }, check, crowd)
  await writeChecksum(deps.store, paths, after, txnId)
  return after
}

/**
 * Commits a transaction whose files nobody else needs: after a conflict they are deleted at once, as they will never be committed. After
 * any other error nobody knows whether they are in; VACUUM removes them if not.
 */
export async function commitOrDiscard(
  deps: DeltaDeps,
  paths: LogPaths,
  transaction: Transaction,
  crowd?: Crowd,
): Promise<TableState> {
  try {
    return await commitTransaction(deps, paths, transaction, crowd)
  } catch (error) {
    if (isSluiceError(error, 'DELTA_TRANSACTION_CONFLICT')) {
      await discardFiles(deps, paths, [...(transaction.adds ?? []), ...(transaction.changeFiles ?? [])])
    }
    throw error
  }
}

/** Files of ours that nobody has seen: no need to wait for VACUUM. A failure is nobody's failure. */
export async function discardFiles(
  { store }: DeltaDeps,
  paths: LogPaths,
  files: readonly { readonly path: string }[],
): Promise<void> {
  for (const { path } of files) await store.delete(dataPath(paths, store.uri, path)).catch(() => undefined)
}

function intentOf(paths: LogPaths, transaction: Transaction): Intent {
  const { adds = [], removes = [], reads } = transaction
  const files = [...adds, ...removes]
  const dataChange = files.length === 0 || files.some((file) => file.dataChange)
  return {
    table: paths.name,
    operation: transaction.operation,
    reads,
    removes: new Set(removes.map(({ path }) => path)),
    txns: transaction.txns ?? [],
    dataChange,
    appendsOnly: isBlind(transaction),
  }
}

function isBlind({ removes = [], reads, metadata }: Transaction): boolean {
  return removes.length === 0 && metadata === undefined && reads === NOTHING_READ
}

function actionsOf(transaction: Transaction, intent: Intent, txnId: string, now: EpochMillis): Partial<Actions> {
  const { txns = [], metadata } = transaction
  return {
    commitInfo: {
      timestamp: now,
      operation: transaction.operation,
      operationParameters: transaction.parameters,
      readVersion: transaction.read.version,
      isolationLevel: intent.dataChange ? 'WriteSerializable' : 'SnapshotIsolation',
      isBlindAppend: intent.appendsOnly,
      operationMetrics: transaction.metrics,
      engineInfo: ENGINE,
      txnId,
    },
    ...(metadata === undefined ? {} : { metadata }),
    txns: txns.map(({ appId, version, lastUpdated }) => ({ appId, version, lastUpdated: lastUpdated ?? now })),
    removes: transaction.removes ?? [],
    adds: transaction.adds ?? [],
    changeFiles: transaction.changeFiles ?? [],
  }
}
