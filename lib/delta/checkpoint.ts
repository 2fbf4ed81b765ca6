import { SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { Metadata } from '#delta/actions.ts'
import type { TableContents } from '#delta/contents.ts'
import type { LogPaths } from '#delta/log.ts'
import { parseObject } from '#delta/parse.ts'
import { encodeNested, type NestedField, type NestedRow } from '#parquet/nested.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** Classic checkpoints, one Parquet file each, and the hint to the newest (PROTOCOL.md, "Checkpoints"). */

const CHECKPOINT_FIELDS: readonly NestedField[] = [
  {
    name: 'txn',
    type: {
      struct: [
        { name: 'appId', type: 'string' },
        { name: 'version', type: 'long' },
        { name: 'lastUpdated', type: 'long' },
      ],
    },
  },
  {
    name: 'add',
    type: {
      struct: [
        { name: 'path', type: 'string' },
        { name: 'partitionValues', type: 'map' },
        { name: 'size', type: 'long' },
        { name: 'modificationTime', type: 'long' },
        { name: 'dataChange', type: 'boolean' },
        { name: 'stats', type: 'string' },
        { name: 'tags', type: 'map' },
      ],
    },
  },
  {
    name: 'remove',
    type: {
      struct: [
        { name: 'path', type: 'string' },
        { name: 'deletionTimestamp', type: 'long' },
        { name: 'dataChange', type: 'boolean' },
        { name: 'extendedFileMetadata', type: 'boolean' },
        { name: 'partitionValues', type: 'map' },
        { name: 'size', type: 'long' },
      ],
    },
  },
  {
    name: 'metaData',
    type: {
      struct: [
        { name: 'id', type: 'string' },
        { name: 'name', type: 'string' },
        { name: 'description', type: 'string' },
        {
          name: 'format',
          type: {
            struct: [
              { name: 'provider', type: 'string' },
              { name: 'options', type: 'map' },
            ],
          },
        },
        { name: 'schemaString', type: 'string' },
        { name: 'partitionColumns', type: { list: 'string' } },
        { name: 'configuration', type: 'map' },
        { name: 'createdTime', type: 'long' },
      ],
    },
  },
  // Without the feature lists: engines refuse even empty ones below versions 3 and 7.
  {
    name: 'protocol',
    type: {
      struct: [
        { name: 'minReaderVersion', type: 'int' },
        { name: 'minWriterVersion', type: 'int' },
      ],
    },
  },
]

const WEEK_MS = 604_800_000

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
  const rows = checkpointRows(contents, now - retention(contents.metadata))
  const bytes = encodeNested(CHECKPOINT_FIELDS, rows)
  await store.put(paths.checkpoint(contents.version), bytes)
  const last = await readLastCheckpoint(store, paths)
  if (last !== undefined && last.version > contents.version) return
  const hint = {
    version: contents.version,
    size: rows.length,
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

function checkpointRows(contents: TableContents, removedAfter: EpochMillis): NestedRow[] {
  const rows: NestedRow[] = [{ protocol: contents.protocol }, { metaData: contents.metadata }]
  for (const txn of contents.txns.values()) rows.push({ txn })
  for (const remove of contents.tombstones.values()) {
    if ((remove.deletionTimestamp ?? 0) > removedAfter) rows.push({ remove: { ...remove, dataChange: false } })
  }
  for (const add of contents.files.values()) rows.push({ add: { ...add, dataChange: false } })
  return rows
}

const UNITS: Readonly<Record<string, number>> = {
  millisecond: 1,
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: 86_400_000,
  week: WEEK_MS,
}

/** How long tombstones stay: `interval 1 week` unless the table says otherwise in the same form. */
function retention(metadata: Metadata): number {
  const text = metadata.configuration['delta.deletedFileRetentionDuration']
  const match = /^\s*(?:interval\s+)?(\d+)\s+([a-z]+?)s?\s*$/i.exec(text ?? '')
  const unit = UNITS[match?.[2]?.toLowerCase() ?? '']
  return match === null || unit === undefined ? WEEK_MS : Number(match[1]) * unit
}
