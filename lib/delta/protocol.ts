import { SluiceError } from '#core/errors.ts'
import type { Metadata, Protocol } from '#delta/actions.ts'
import type { StructType } from '#delta/schema-json.ts'
import { unwritable, unwritableColumns } from '#delta/writer-features.ts'

/** What new tables ask of their readers and writers: the least, so that every engine can use them. */
export const NEW_TABLE_PROTOCOL: Protocol = { minReaderVersion: 1, minWriterVersion: 2 }

/** Reader features that we have. What a table may hold beside them is refused by its name (PROTOCOL.md, "Table Features"). */
const READER_FEATURES = new Set([
  'columnMapping',
  'deletionVectors',
  'timestampNtz',
  'typeWidening',
  'typeWidening-preview',
  'v2Checkpoint',
  'vacuumProtocolCheck',
])

/** Properties of new tables that are no feature, or one that we write. */
const WRITTEN_PROPERTIES = new Set(['delta.enableChangeDataFeed', 'delta.enableExpiredLogCleanup'])

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED naming every feature that reading would need */
export function checkReadable(protocol: Protocol, table: string): void {
  const missing = unreadable(protocol)
  if (missing.length > 0) throw unsupported(table, 'read', missing)
}

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED naming every feature that writing would need */
export function checkWritable(protocol: Protocol, metadata: Metadata, table: string): void {
  const missing = new Set([...unreadable(protocol), ...unwritable(protocol, metadata)])
  if (missing.size > 0) throw unsupported(table, 'write to', [...missing])
}

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED for files that have the columns' own names, in a table that has others for them */
export function checkPlain(metadata: Metadata, table: string): void {
  if ((metadata.configuration['delta.columnMapping.mode'] ?? 'none') !== 'none') {
    throw unsupported(table, 'commit prepared files to', ['columnMapping'])
  }
}

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED for properties of a new table that ask for a feature we do not write */
export function checkProperties(properties: Readonly<Record<string, string>>, table: string): void {
  const asked = Object.keys(properties).filter(
    (key) =>
      key.startsWith('delta.feature.') ||
      key.startsWith('delta.constraints.') ||
      (key.startsWith('delta.enable') && !WRITTEN_PROPERTIES.has(key) && properties[key] !== 'false') ||
      (key === 'delta.columnMapping.mode' && properties[key] !== 'none') ||
      (key === 'delta.checkpointPolicy' && properties[key] !== 'classic') ||
      key === 'delta.minReaderVersion' ||
      key === 'delta.minWriterVersion',
  )
  if (asked.length > 0) throw unsupported(table, 'create', asked)
}

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED for new columns with defaults, invariants, or values that engines make */
export function checkNewColumns(schema: StructType, table: string): void {
  const asked = unwritableColumns(schema)
  if (asked.length > 0) throw unsupported(table, 'add columns to', asked)
}

function unreadable(protocol: Protocol): string[] {
  const version = protocol.minReaderVersion
  if (version === 1 || version === 2) return []
  if (version !== 3) return [`reader version ${version}`]
  return (protocol.readerFeatures ?? []).filter((feature) => !READER_FEATURES.has(feature))
}

function unsupported(table: string, action: string, features: readonly string[]): SluiceError {
  return new SluiceError(
    'DELTA_FEATURE_UNSUPPORTED',
    `Can't ${action} the Delta table ${table}: it needs ${features.join(', ')}, which Sluice does not have. Use an engine that has ${features.length === 1 ? 'it' : 'them'}, or a table without.`,
    { details: { table, features } },
  )
}
