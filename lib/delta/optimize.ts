import { isSluiceError } from '#core/errors.ts'
import type { Bytes } from '#core/time.ts'
import { type AddFile, removeOf } from '#delta/actions.ts'
import type { ConflictKind } from '#delta/conflict.ts'
import { copyColumns } from '#delta/copy-columns.ts'
import { predicateText } from '#delta/delete.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import type { LogPaths } from '#delta/log.ts'
import {
  ATTEMPTS,
  metricTexts,
  nothingDone,
  type OpenedVersion,
  openVersion,
  rowsOfFile,
  totalSize,
  type WriteResult,
} from '#delta/opened-version.ts'
import { type Bin, isIntact, type OptimizeShape, planBins, SORTED_BY, worthFiles } from '#delta/optimize-plan.ts'
import type { Predicate } from '#delta/predicate.ts'
import { RowWriter } from '#delta/row-writer.ts'
import { comparisonBy, sortedRows } from '#delta/sorted-rows.ts'
import { commitTransaction, discardFiles } from '#delta/transaction.ts'

export interface OptimizeOptions {
  /** Size of the files to make. Default 128 MB. */
  readonly targetBytes?: Bytes
  /** Only files that may have rows for which it holds. */
  readonly where?: Predicate
  /** Sort rows by these columns, the first most of all, so that filters on them skip files. Default: rows stay in their order. */
  readonly clusterBy?: readonly string[]
  /** Only say how many files would be written anew. */
  readonly dryRun?: boolean
  /** Times that files are planned anew of which others took some meanwhile. Default 5. */
  readonly attempts?: number
}

const TARGET_BYTES: Bytes = 128_000_000
/** Bins that one commit holds, at most: of more the first are committed while others are still to be written. */
const COMMIT_BINS = 32

/** A bin with its new files, not committed. */
interface Prepared {
  readonly bin: Bin
  readonly adds: readonly AddFile[]
}

interface Totals {
  committed: Prepared[]
  version: number
  /** Bins that others were faster with. */
  lost: number
}

/**
 * Writes small files together, or rows in an order. No row changes: who deletes or updates meanwhile wins, and the bins whose files they
 * took are planned anew; the others are committed as they are.
 */
export async function optimizeFiles(deps: DeltaDeps, paths: LogPaths, options: OptimizeOptions): Promise<WriteResult> {
  const shape: OptimizeShape = {
    targetBytes: options.targetBytes ?? TARGET_BYTES,
    clusterBy: options.clusterBy ?? [],
    ...(options.where === undefined ? {} : { where: options.where }),
  }
  const worth = worthFiles(shape)
  let version = await openVersion(deps, paths, worth)
  comparisonBy(version, shape.clusterBy)
  if (options.dryRun === true) {
    const files = planBins(version, shape).flat()
    const metrics = { numRemovedFiles: files.length, numRemovedBytes: totalSize(files) }
    return { ...nothingDone(version.state.version), metrics }
  }
  const totals: Totals = { committed: [], version: version.state.version, lost: 0 }
  for (let attempt = options.attempts ?? ATTEMPTS; attempt > 0; attempt--) {
    const bins = planBins(version, shape)
    const lostBefore = totals.lost
    for (let from = 0; from < bins.length; from += COMMIT_BINS) {
      const prepared: Prepared[] = []
      for (const bin of bins.slice(from, from + COMMIT_BINS)) prepared.push(await prepare(version, bin, shape))
      version = await commitBins(version, prepared, shape, totals)
    }
    if (totals.lost === lostBefore) break
    version = await openVersion(deps, paths, worth)
  }
  if (totals.committed.length === 0) return nothingDone(version.state.version)
  return { version: totals.version, committed: true, metrics: metricsOf(totals.committed) }
}

async function prepare(version: OpenedVersion, bin: Bin, shape: OptimizeShape): Promise<Prepared> {
  const { deps, paths, metadata } = version
  const { targetBytes, clusterBy } = shape
  const sort = clusterBy.length > 0
  const target = sort ? targetBytes : Number.POSITIVE_INFINITY
  const writer = new RowWriter(deps, paths, metadata, { dataChange: false, targetBytes: target })
  if (sort) {
    for await (const rows of sortedRows(version, bin, comparisonBy(version, clusterBy))) await writer.add(rows)
  } else if (!(await copyColumns(version, bin, writer))) {
    for (const file of bin) for await (const rows of rowsOfFile(version, file)) await writer.add(rows)
  }
  const adds = await writer.finish()
  return { bin, adds: sort ? adds.map((add) => ({ ...add, tags: { [SORTED_BY]: clusterBy.join(',') } })) : adds }
}

/** Commits what it can; bins that others took files of are dropped, and their new files with them. */
async function commitBins(
  version: OpenedVersion,
  prepared: readonly Prepared[],
  shape: OptimizeShape,
  totals: Totals,
): Promise<OpenedVersion> {
  let left = prepared
  let now = version
  while (left.length > 0) {
    try {
      const after = await commitTransaction(now.deps, now.paths, transactionOf(now, left, shape))
      totals.committed.push(...left)
      totals.version = after.version
      return now
    } catch (error) {
      if (!isSluiceError(error, 'DELTA_TRANSACTION_CONFLICT')) throw error
      now = await openVersion(now.deps, now.paths, worthFiles(shape))
      const schemaChanged = error.details['conflict'] === ('metadataChanged' satisfies ConflictKind)
      const intact = schemaChanged ? [] : left.filter(({ bin }) => isIntact(now, bin))
      const dropped = left.filter((each) => !intact.includes(each))
      await discardFiles(
        now.deps,
        now.paths,
        dropped.flatMap(({ adds }) => adds),
      )
      totals.lost += left.length - intact.length
      left = intact
    }
  }
  return now
}

function transactionOf(version: OpenedVersion, prepared: readonly Prepared[], shape: OptimizeShape) {
  const removed = prepared.flatMap(({ bin }) => bin)
  const now = version.deps.clock.now()
  return {
    operation: 'OPTIMIZE',
    parameters: {
      predicate: shape.where === undefined ? '[]' : predicateText(shape.where),
      clusterBy: JSON.stringify(shape.clusterBy),
      targetSize: String(shape.targetBytes),
    },
    metrics: metricTexts(metricsOf(prepared)),
    read: version.state,
    reads: { files: new Set(removed.map(({ path }) => path)), wouldRead: () => false },
    adds: prepared.flatMap(({ adds }) => adds),
    removes: removed.map((file) => removeOf(file, now, false)),
  }
}

function metricsOf(prepared: readonly Prepared[]): Readonly<Record<string, number>> {
  const removed = prepared.flatMap(({ bin }) => bin)
  const added = prepared.flatMap(({ adds }) => adds)
  return {
    numRemovedFiles: removed.length,
    numRemovedBytes: totalSize(removed),
    numAddedFiles: added.length,
    numAddedBytes: totalSize(added),
  }
}
