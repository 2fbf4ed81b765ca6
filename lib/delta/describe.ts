import type { Bytes, EpochMillis } from '#core/time.ts'
import type { TableContents } from '#delta/contents.ts'
import type { LogPaths } from '#delta/log.ts'
import { parseSchema, type StructType } from '#delta/schema-json.ts'
import { totalRecords } from '#delta/stats.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** What a table is, for people. */
export interface TableDescription {
  readonly uri: string
  readonly id: string
  readonly name: string | null
  readonly description: string | null
  readonly version: number
  readonly committed: EpochMillis
  readonly created: EpochMillis | null
  readonly schema: StructType
  readonly partitionColumns: readonly string[]
  readonly properties: Readonly<Record<string, string>>
  readonly minReaderVersion: number
  readonly minWriterVersion: number
  /** Those of the readers and of the writers. */
  readonly features: readonly string[]
  readonly files: number
  readonly bytes: Bytes
  /** By the files' statistics, without deleted ones; null when a file has none. */
  readonly rows: number | null
  /** Files that were removed and that readers of older versions still find. */
  readonly tombstones: number
  /** Per application how far it has got. */
  readonly txns: Readonly<Record<string, number>>
  /** Version of the newest checkpoint; null for none. */
  readonly checkpoint: number | null
}

export function describeContents(store: ObjectStore, paths: LogPaths, contents: TableContents): TableDescription {
  const { metadata, protocol } = contents
  const files = [...contents.files.values()]
  const rows = totalRecords(files)
  const hidden = files.reduce((sum, { deletionVector }) => sum + (deletionVector?.cardinality ?? 0), 0)
  return {
    uri: `${store.uri}/${paths.table}`.replace(/\/$/, ''),
    id: metadata.id,
    name: metadata.name ?? null,
    description: metadata.description ?? null,
    version: contents.version,
    committed: contents.timestamp,
    created: metadata.createdTime ?? null,
    schema: parseSchema(metadata.schemaString),
    partitionColumns: metadata.partitionColumns,
    properties: metadata.configuration,
    minReaderVersion: protocol.minReaderVersion,
    minWriterVersion: protocol.minWriterVersion,
    features: [...new Set([...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])])].sort(),
    files: files.length,
    bytes: files.reduce((sum, { size }) => sum + size, 0),
    rows: rows === null ? null : rows - hidden,
    tombstones: contents.tombstones.size,
    txns: Object.fromEntries([...contents.txns].map(([appId, { version }]) => [appId, version])),
    checkpoint: contents.checkpointVersion < 0 ? null : contents.checkpointVersion,
  }
}
