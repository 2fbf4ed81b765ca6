import type { Rewritten } from '#delta/file-rewrite.ts'
import { metricTexts, type OpenedVersion, txnsOf, type WriteResult, type WriteTxn } from '#delta/opened-version.ts'
import { commitOrDiscard, type Transaction } from '#delta/transaction.ts'

/** What DELETE, UPDATE, MERGE and an overwrite have done to the rows of a version. */
export interface RowChange extends Required<Pick<Transaction, 'operation' | 'parameters' | 'reads'>> {
  readonly metrics: WriteResult['metrics']
  readonly files: Rewritten
  readonly txn: WriteTxn | undefined
}

/** Commits the change, or deletes its files where it conflicts with what others committed meanwhile. */
export async function commitChange({ deps, paths, state }: OpenedVersion, change: RowChange): Promise<WriteResult> {
  const { operation, parameters, reads, metrics, files, txn } = change
  const after = await commitOrDiscard(deps, paths, {
    operation,
    parameters,
    metrics: metricTexts(metrics),
    read: state,
    reads,
    ...files,
    txns: txnsOf(txn),
  })
  return { version: after.version, committed: true, metrics }
}
