import type { BytePieces } from '#core/byte-pieces.ts'
import type { Bytes, EpochMillis } from '#core/time.ts'
import { readLastCheckpoint } from '#delta/checkpoint.ts'
import { checkpointColumns } from '#delta/checkpoint-columns.ts'
import { type StreamedContents, withContents } from '#delta/file-stream.ts'
import { fileRetention } from '#delta/intervals.ts'
import type { LogPaths } from '#delta/log.ts'
import { checkWritable } from '#delta/protocol.ts'
import { putPieces } from '#delta/put-pieces.ts'
import { type InputRow, ParquetRowsWriter } from '#parquet/rows-writer.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** Classic checkpoints, one Parquet file each (PROTOCOL.md, "Checkpoints"). */

/** Rows of a row group: with the statistics of so many files it takes some 10 MB while it is written. */
const GROUP_ROWS = 20_000
/** Actions that are encoded at once. */
const RUN = 4_096

/**
 * Writes a checkpoint of the latest version, unless it has a whole one, then the hint to it unless a newer one is there: all
 * transactions, and tombstones that are younger than the table's `delta.deletedFileRetentionDuration`.
 *
 * The newest checkpoint goes over into the new one in runs of rows, with what the commits since then changed: in memory are those
 * changes, a run, and the new file's bytes. An older checkpoint, or the commits alone, make up for a damaged one.
 *
 * Cost: two GETs of the hint, a LIST, the old checkpoint, of which one file of up to 16 MB is fetched twice, a GET a commit since
 * then; 2 PUTs.
 *
 * @throws SluiceError as `replay`, and DELTA_FEATURE_UNSUPPORTED for a table that we could not write to
 */
export async function writeCheckpoint(store: ObjectStore, paths: LogPaths, now: EpochMillis): Promise<void> {
  const encoded = await withContents(store, paths, {}, async (contents) => {
    const { version, checkpointVersion, protocol, metadata } = contents.header
    checkWritable(protocol, metadata, paths.name)
    if (checkpointVersion === version && (await readLastCheckpoint(store, paths))?.version === version) {
      await readThrough(contents)
      return undefined
    }
    return { version, ...(await encodeCheckpoint(contents, now - fileRetention(metadata))) }
  })
  if (encoded === undefined) return
  const { version, rows, files, pieces, byteLength } = encoded
  await putPieces(store, paths.checkpoint(version), pieces)
  const last = await readLastCheckpoint(store, paths)
  if (last !== undefined && last.version > version) return
  const hint = { version, size: rows, sizeInBytes: byteLength, numOfAddFiles: files }
  await store.put(paths.lastCheckpoint(), new TextEncoder().encode(JSON.stringify(hint)))
}

/** A damaged checkpoint of the version itself is one to write anew. */
async function readThrough(contents: StreamedContents): Promise<void> {
  const batches = contents.batches()[Symbol.asyncIterator]()
  while ((await batches.next()).done !== true);
}

interface EncodedCheckpoint {
  readonly rows: number
  readonly files: number
  readonly pieces: BytePieces
  readonly byteLength: Bytes
}

async function encodeCheckpoint(
  { header, batches }: StreamedContents,
  removedAfter: EpochMillis,
): Promise<EncodedCheckpoint> {
  const writer = new ParquetRowsWriter(checkpointColumns(header), { rowGroupRows: GROUP_ROWS })
  const pieces: Uint8Array[] = []
  let files = 0
  const write = (rows: readonly object[]): void => {
    for (let from = 0; from < rows.length; from += RUN) {
      pieces.push(...writer.add(rows.slice(from, from + RUN) as InputRow[]))
    }
  }
  write([
    { protocol: header.protocol },
    { metaData: header.metadata },
    ...Array.from(header.txns.values(), (txn) => ({ txn })),
    ...Array.from(header.domains.values(), (domainMetadata) => ({ domainMetadata })),
  ])
  for await (const batch of batches()) {
    const young = batch.tombstones.filter(({ deletionTimestamp }) => (deletionTimestamp ?? 0) > removedAfter)
    write(young.map((remove) => ({ remove: { ...remove, dataChange: false } })))
    write(batch.files.map((add) => ({ add: { ...add, dataChange: false } })))
    files += batch.files.length
  }
  const { rows, byteLength, pieces: last } = writer.finish()
  pieces.push(...last)
  return { rows, files, pieces, byteLength }
}
