import type { TableContents } from '#delta/contents.ts'
import type { ParquetColumn, ParquetType } from '#parquet/rows-writer.ts'

/** The schema of classic checkpoints (PROTOCOL.md, "Checkpoint Schema"): only the columns that the table has something for. */

type Fields = Readonly<Record<string, ParquetType>>

const struct = (fields: Fields): ParquetType => ({
  kind: 'struct',
  fields: Object.entries(fields).map(([name, type]) => ({ name, type, nullable: true })),
})
const list: ParquetType = { kind: 'list', element: { type: 'string', nullable: true } }
const map: ParquetType = {
  kind: 'map',
  key: { type: 'string', nullable: false },
  value: { type: 'string', nullable: true },
}

const VECTOR: Fields = {
  deletionVector: struct({
    storageType: 'string',
    pathOrInlineDv: 'string',
    offset: 'int',
    sizeInBytes: 'int',
    cardinality: 'long',
  }),
}

/** Engines refuse feature lists, even empty ones, below versions 3 and 7; columns of features only where a table has these. */
export function checkpointColumns({
  protocol,
  domains,
}: Pick<TableContents, 'protocol' | 'domains'>): readonly ParquetColumn[] {
  const features = new Set([...(protocol.readerFeatures ?? []), ...(protocol.writerFeatures ?? [])])
  const vector = features.has('deletionVectors') ? VECTOR : {}
  const file: Fields = { path: 'string', partitionValues: map, size: 'long' }
  const columns: Fields = {
    txn: struct({ appId: 'string', version: 'long', lastUpdated: 'long' }),
    add: struct({
      ...file,
      modificationTime: 'long',
      dataChange: 'boolean',
      stats: 'string',
      tags: map,
      ...vector,
    }),
    remove: struct({
      ...file,
      deletionTimestamp: 'long',
      dataChange: 'boolean',
      extendedFileMetadata: 'boolean',
      ...vector,
    }),
    metaData: struct({
      id: 'string',
      name: 'string',
      description: 'string',
      format: struct({ provider: 'string', options: map }),
      schemaString: 'string',
      partitionColumns: list,
      configuration: map,
      createdTime: 'long',
    }),
    protocol: struct({
      minReaderVersion: 'int',
      minWriterVersion: 'int',
      ...(protocol.readerFeatures === undefined ? {} : { readerFeatures: list }),
      ...(protocol.writerFeatures === undefined ? {} : { writerFeatures: list }),
    }),
    ...(domains.size === 0
      ? {}
      : { domainMetadata: struct({ domain: 'string', configuration: 'string', removed: 'boolean' }) }),
  }
  return Object.entries(columns).map(([name, type]) => ({ name, type, nullable: true }))
}
