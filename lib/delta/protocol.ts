import { SluiceError } from '#core/errors.ts'
import type { Metadata, Protocol } from '#delta/actions.ts'
import { parseSchema, type StructField } from '#delta/schema-json.ts'

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

/** What a writer version below 7 stands for (PROTOCOL.md, "Requirements for Writers"). */
const FEATURES_OF_WRITER_VERSION: readonly (readonly [number, string])[] = [
  [3, 'checkConstraints'],
  [4, 'changeDataFeed'],
  [4, 'generatedColumns'],
  [5, 'columnMapping'],
  [6, 'identityColumns'],
]

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED naming every feature that reading would need */
export function checkReadable(protocol: Protocol, table: string): void {
  const missing = unreadable(protocol)
  if (missing.length > 0) throw unsupported(table, 'read', missing)
}

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED naming every feature that appending would need */
export function checkWritable(protocol: Protocol, metadata: Metadata, table: string): void {
  const missing = new Set([...unreadable(protocol), ...(protocol.readerFeatures ?? [])])
  if (isMapped(metadata)) missing.add('columnMapping')
  if (protocol.minWriterVersion >= 7) {
    for (const feature of protocol.writerFeatures ?? []) missing.add(feature)
    if (missing.size === 0) missing.add(`writer version ${protocol.minWriterVersion}`)
  } else {
    for (const [version, feature] of FEATURES_OF_WRITER_VERSION) {
      if (protocol.minWriterVersion >= version) missing.add(feature)
    }
  }
  for (const column of invariantColumns(metadata)) missing.add(`invariants (column ${column})`)
  if (missing.size > 0) throw unsupported(table, 'append to', [...missing])
}

/** @throws SluiceError DELTA_FEATURE_UNSUPPORTED for properties of a new table that ask for a feature we do not write */
export function checkProperties(properties: Readonly<Record<string, string>>, table: string): void {
  const asked = Object.keys(properties).filter(
    (key) =>
      key.startsWith('delta.feature.') ||
      key.startsWith('delta.constraints.') ||
      (key.startsWith('delta.enable') && properties[key] !== 'false') ||
      (key === 'delta.columnMapping.mode' && properties[key] !== 'none') ||
      (key === 'delta.checkpointPolicy' && properties[key] !== 'classic') ||
      key === 'delta.minReaderVersion' ||
      key === 'delta.minWriterVersion',
  )
  if (asked.length > 0) throw unsupported(table, 'create', asked)
}

function unreadable(protocol: Protocol): string[] {
  const version = protocol.minReaderVersion
  if (version === 1 || version === 2) return []
  if (version !== 3) return [`reader version ${version}`]
  return (protocol.readerFeatures ?? []).filter((feature) => !READER_FEATURES.has(feature))
}

function isMapped(metadata: Metadata): boolean {
  return (metadata.configuration['delta.columnMapping.mode'] ?? 'none') !== 'none'
}

function invariantColumns(metadata: Metadata): string[] {
  return parseSchema(metadata.schemaString)
    .fields.filter(hasInvariant)
    .map(({ name }) => name)
}

function hasInvariant(field: StructField): boolean {
  if (field.metadata?.['delta.invariants'] !== undefined) return true
  return typeof field.type === 'object' && field.type.type === 'struct' && field.type.fields.some(hasInvariant)
}

function unsupported(table: string, action: string, features: readonly string[]): SluiceError {
  return new SluiceError(
    'DELTA_FEATURE_UNSUPPORTED',
    `Can't ${action} the Delta table ${table}: it needs ${features.join(', ')}, which Sluice does not have. Use an engine that has ${features.length === 1 ? 'it' : 'them'}, or a table without.`,
    { details: { table, features } },
  )
}
