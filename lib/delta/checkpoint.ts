import { SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import { checkpointColumns } from '#delta/checkpoint-columns.ts'
import type { TableContents } from '#delta/contents.ts'
import { fileRetention } from '#delta/intervals.ts'
import type { LogPaths } from '#delta/log.ts'
import { parseObject } from '#delta/parse.ts'
import { type InputRow, ParquetRowsWriter } from '#parquet/rows-writer.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** Classic checkpoints, one Parquet file each, and the hint to the newest (PROTOCOL.md, "Checkpoints"). */

/** Actions that are encoded at once. */
const RUN = 4_096

export interface LastCheckpoint {
  readonly version: number
}

/**
 * Writes the checkpoint of one version, then the hint to it unless a newer one is there. All transactions; tombstones that are
 * younger than the table's `delta.deletedFileRetentionDuration`. 2 PUTs and a GET.
 */
export async function writeCheckpoint(
  store: ObjectStore,
  paths: LogPaths,
  contents: TableContents,
  now: EpochMillis,
): Promise<void> {
  const { rows, bytes } = encodeCheckpoint(contents, now - fileRetention(contents.metadata))
  await store.put(paths.checkpoint(contents.version), bytes)
  const last = await readLastCheckpoint(store, paths)
  if (last !== undefined && last.version > contents.version) return
  const hint = {
    version: contents.version,
    size: rows,
    sizeInBytes: bytes.length,
    numOfAddFiles: contents.files.size,
  }
  await store.put(paths.lastCheckpoint(), new TextEncoder().encode(JSON.stringify(hint)))
}

/** The hint, or undefined when it is missing, empty or damaged: nothing is lost but time. One GET. */
export async function readLastCheckpoint(store: ObjectStore, paths: LogPaths): Promise<LastCheckpoint | undefined> {
  const bytes = await getIfPresent(store, paths.lastCheckpoint())
  const version = bytes === undefined ? undefined : parseObject(bytes)?.version
  return Number.isSafeInteger(version) && (version as number) >= 0 ? { version: version as number } : undefined
}

/** The bytes, or undefined if there is no such object. */
export async function getIfPresent(store: ObjectStore, path: string): Promise<Uint8Array | undefined> {
  try {
    return await store.get(path)
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'OBJECT_NOT_FOUND') return undefined
    throw error
  }
}

/** Encoded row group by row group: beside the state itself there are 4,096 rows and the bytes. */
function encodeCheckpoint(
  contents: TableContents,
  removedAfter: EpochMillis,
): { readonly rows: number; readonly bytes: Uint8Array } {
  const writer = new ParquetRowsWriter(checkpointColumns(contents))
  const pieces: Uint8Array[] = []
  let run: object[] = []
  for (const row of checkpointRows(contents, removedAfter)) {
    run.push(row)
    if (run.length < RUN) continue
    pieces.push(...writer.add(run as InputRow[]))
    run = []
  }
  pieces.push(...writer.add(run as InputRow[]))
  const { rows, byteLength, pieces: last } = writer.finish()
  const bytes = new Uint8Array(byteLength)
  let at = 0
  for (const piece of [...pieces, ...last]) {
    bytes.set(piece, at)
    at += piece.length
  }
  return { rows, bytes }
}

function* checkpointRows(contents: TableContents, removedAfter: EpochMillis): Generator<object> {
  yield { protocol: contents.protocol }
  yield { metaData: contents.metadata }
  for (const txn of contents.txns.values()) yield { txn }
  for (const domainMetadata of contents.domains.values()) yield { domainMetadata }
  for (const remove of contents.tombstones.values()) {
    if ((remove.deletionTimestamp ?? 0) > removedAfter) yield { remove: { ...remove, dataChange: false } }
  }
  for (const add of contents.files.values()) yield { add: { ...add, dataChange: false } }
}
