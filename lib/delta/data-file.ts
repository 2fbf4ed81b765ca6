import type { AddFile } from '#delta/actions.ts'
import type { DeltaDeps } from '#delta/deps.ts'
import { LogPaths } from '#delta/log.ts'
import { encodePath } from '#delta/paths.ts'
import { statsJson } from '#delta/stats.ts'
import { encodeParquet } from '#parquet/writer.ts'
import type { ColumnBatch } from '#schema/vector.ts'

/**
 * Writes the rows of a batch (those of `select`, in its order) as one Parquet file below the table, under a name that nobody else
 * uses. Nobody sees it before its add is committed; if that never happens, VACUUM removes it. One PUT.
 *
 * @returns the action to commit, or null when there are no rows
 * @throws SluiceError PARQUET_VALUE_INVALID for a value that its column can't hold
 */
export async function writeDataFile(
  deps: DeltaDeps,
  tablePath: string,
  batch: ColumnBatch,
  select: Int32Array | null = null,
): Promise<AddFile | null> {
  if ((select === null ? batch.rows : select.length) === 0) return null
  const { bytes, rows, columns } = encodeParquet(batch, { select })
  const name = `part-${deps.ids.next()}.zstd.parquet`
  await deps.store.put(new LogPaths(tablePath).table + name, bytes)
  return {
    path: encodePath(name),
    size: bytes.length,
    modificationTime: deps.clock.now(),
    dataChange: true,
    partitionValues: {},
    stats: statsJson(rows, columns),
  }
}
