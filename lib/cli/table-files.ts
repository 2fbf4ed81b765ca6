import type { AddFile } from '#delta/actions.ts'
import { LogPaths } from '#delta/log.ts'
import { parseCommit } from '#delta/parse.ts'
import { dataPath } from '#delta/paths.ts'
import { totalRecords } from '#delta/stats.ts'
import type { Snapshot } from '#delta/table.ts'
import { readParquetRows } from '#parquet/reader.ts'
import { bytesSource } from '#parquet/source.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import { tablePath } from '#runtime/runtime.ts'

type FileRow = Readonly<Record<string, unknown>>

/** The files that one commit added to a table of our own. One GET. */
export async function filesOfCommit(store: ObjectStore, table: string, version: number): Promise<readonly AddFile[]> {
  const path = new LogPaths(tablePath(table)).commit(version)
  return parseCommit(await store.get(path), path).adds
}

/** Rows of one data file of a table of our own (no partition columns). One GET. */
export async function readFileRows(
  store: ObjectStore,
  table: string,
  file: AddFile,
  columns: readonly string[],
): Promise<readonly FileRow[]> {
  const path = dataPath(new LogPaths(tablePath(table)), store.uri, file.path)
  const rows: FileRow[] = []
  const source = bytesSource(await store.get(path))
  for await (const run of readParquetRows(source, { columns, name: path })) rows.push(...run)
  return rows
}

/** The last rows that were committed to a table of our own, oldest first: reads as few of the newest files as will do. */
export async function lastRows(
  store: ObjectStore,
  table: string,
  snapshot: Snapshot,
  limit: number,
): Promise<readonly FileRow[]> {
  const columns = snapshot.fields.map(({ name }) => name)
  const newest: AddFile[] = []
  let rows = 0
  for (const file of snapshot.files.toReversed()) {
    if (rows >= limit) break
    newest.unshift(file)
    rows += totalRecords([file]) ?? 0
  }
  const found: FileRow[] = []
  for (const file of newest) found.push(...(await readFileRows(store, table, file, columns)))
  return found.slice(Math.max(0, found.length - limit))
}
