import type { EpochMillis } from '#core/time.ts'
import { readLastCheckpoint } from '#delta/checkpoint.ts'
import { checkpointColumns } from '#delta/checkpoint-columns.ts'
import type { StreamedContents } from '#delta/file-stream.ts'
import { fileRetention } from '#delta/intervals.ts'
import type { LogPaths } from '#delta/log.ts'
import { type InputRow, ParquetRowsWriter } from '#parquet/rows-writer.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** Small, as a reader has a row group in memory, and actions are wide. */
const GROUP_ROWS = 20_000

/**
 * Writes the checkpoint of one version, then the hint to it unless a newer one is there. All transactions; tombstones that are
 * younger than the table's `delta.deletedFileRetentionDuration`. 2 PUTs and a GET, and what `batches` costs. In memory are a row group
 * and the encoded bytes, whatever the number of files.
 */
export async function writeCheckpoint(
  store: ObjectStore,
  paths: LogPaths,
  contents: StreamedContents,
  now: EpochMillis,
): Promise<void> {
  const { header } = contents
  const { rows, files, bytes } = await encodeCheckpoint(contents, now - fileRetention(header.metadata))
  await store.put(paths.checkpoint(header.version), bytes)
  const last = await readLastCheckpoint(store, paths)
  if (last !== undefined && last.version > header.version) return
  const hint = {
    version: header.version,
    size: rows,
    sizeInBytes: bytes.length,
    numOfAddFiles: files,
  }
  await store.put(paths.lastCheckpoint(), new TextEncoder().encode(JSON.stringify(hint)))
}

async function encodeCheckpoint(
  { header, batches }: StreamedContents,
  removedAfter: EpochMillis,
): Promise<{ readonly rows: number; readonly files: number; readonly bytes: Uint8Array }> {
  const writer = new ParquetRowsWriter(checkpointColumns(header), { rowGroupRows: GROUP_ROWS })
  const pieces: Uint8Array[] = []
  const add = (rows: readonly object[]): void => {
    for (const piece of writer.add(rows as readonly InputRow[])) pieces.push(piece)
  }
  add([{ protocol: header.protocol }, { metaData: header.metadata }])
  add([...header.txns.values()].map((txn) => ({ txn })))
  add([...header.domains.values()].map((domainMetadata) => ({ domainMetadata })))
  let count = 0
  for await (const { files, tombstones } of batches()) {
    const young = tombstones.filter(({ deletionTimestamp = 0 }) => deletionTimestamp > removedAfter)
    add(young.map((remove) => ({ remove: { ...remove, dataChange: false } })))
    add(files.map((file) => ({ add: { ...file, dataChange: false } })))
    count += files.length
  }
  const { rows, byteLength, pieces: last } = writer.finish()
  const bytes = new Uint8Array(byteLength)
  let at = 0
  for (const piece of [...pieces, ...last]) {
    bytes.set(piece, at)
    at += piece.length
  }
  return { rows, files: count, bytes }
}
