import { isSluiceError } from '#core/errors.ts'
import type { AddFile } from '#delta/actions.ts'
import type { TableState } from '#delta/checksum.ts'
import type { Crowd } from '#delta/commit.ts'
import { fitsAfter, NOTHING_READ } from '#delta/conflict.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import type { LogPaths } from '#delta/log.ts'
import {
  ATTEMPTS,
  isApplied,
  metricTexts,
  nothingDone,
  totalSize,
  txnsOf,
  type WriteResult,
  type WriteTxn,
} from '#delta/opened-version.ts'
import { checkReadable, checkWritable } from '#delta/protocol.ts'
import { RowCheck } from '#delta/row-check.ts'
import { RowWriter } from '#delta/row-writer.ts'
import { isBatch, type RowsInput, runsOf } from '#delta/rows-input.ts'
import { parseSchema } from '#delta/schema-json.ts'
import { commitTransaction, discardFiles } from '#delta/transaction.ts'

export interface AppendOptions {
  /** The append is done once, however often it is tried: a version that is not above the application's is passed over. */
  readonly txn?: WriteTxn
  /** Rows of a data file, at most. Default: as many as make 128 MB. */
  readonly rowsPerFile?: number
}

/** What has been appended so far, and how the table looked. */
export interface AppendOutcome {
  readonly result: WriteResult
  readonly state: TableState
}

/**
 * Writes the rows into data files and commits them. The files stay good when others commit meanwhile, also when they add columns;
 * only where the table becomes another one (other columns) is it an error.
 */
export async function appendRows(
  deps: DeltaDeps,
  paths: LogPaths,
  stateNow: () => Promise<TableState>,
  input: RowsInput,
  options: AppendOptions,
  crowd: Crowd,
): Promise<AppendOutcome> {
  const first = await stateNow()
  checkReadable(first.protocol, paths.name)
  checkWritable(first.protocol, first.metadata, paths.name)
  if (isApplied(first, options.txn)) return { result: nothingDone(first.version), state: first }
  const { adds, rows } = await writeRows(deps, paths, first, input, options)
  if (adds.length === 0 && options.txn === undefined) return { result: nothingDone(first.version), state: first }
  const metrics = { numFiles: adds.length, numOutputRows: rows, numOutputBytes: totalSize(adds) }
  const parameters = { mode: 'Append', partitionBy: JSON.stringify(first.metadata.partitionColumns) }
  const written = { operation: 'WRITE', parameters, metrics: metricTexts(metrics), reads: NOTHING_READ, adds }
  let read = first
  for (let left = ATTEMPTS; ; left--) {
    try {
      const after = await commitTransaction(deps, paths, { ...written, read, txns: txnsOf(options.txn) }, crowd)
      return { result: { version: after.version, committed: true, metrics }, state: after }
    } catch (error) {
      if (!isSluiceError(error, 'DELTA_TRANSACTION_CONFLICT')) throw error
      if (options.txn !== undefined && left > 0) {
        read = await stateNow()
        // Only our own application moved on, and not as far: the same files follow it. Other columns are beyond mending.
        if (!isApplied(read, options.txn) && fitsAfter(first.metadata, read.metadata)) continue
      }
      await discardFiles(deps, paths, adds)
      if (isApplied(read, options.txn)) return { result: nothingDone(read.version), state: read }
      throw error
    }
  }
}

async function writeRows(
  deps: DeltaDeps,
  paths: LogPaths,
  state: TableState,
  input: RowsInput,
  options: AppendOptions,
): Promise<{ readonly adds: readonly AddFile[]; readonly rows: number }> {
  const { schemaString, partitionColumns } = state.metadata
  const check = new RowCheck(paths.name, parseSchema(schemaString), { exact: partitionColumns })
  const { rowsPerFile } = options
  const writer = new RowWriter(deps, paths, state.metadata, rowsPerFile === undefined ? {} : { rowsPerFile })
  for await (const run of runsOf(input)) {
    if (isBatch(run)) await writer.addBatch(run)
    else await writer.add(run, check)
  }
  return { adds: await writer.finish(), rows: writer.rows }
}
