import type { Metadata, Protocol } from '#delta/actions.ts'
import { usesType } from '#delta/schema-check.ts'
import { type DeltaType, parseSchema, type StructField, type StructType } from '#delta/schema-json.ts'

/** What a table's protocol asks of its writers (PROTOCOL.md, "Requirements for Writers", "Table Features"). */

/** Writer versions below 7 are lists of features. */
const FEATURES_OF_VERSION: readonly (readonly [version: number, feature: string])[] = [
  [2, 'appendOnly'],
  [2, 'invariants'],
  [3, 'checkConstraints'],
  [4, 'changeDataFeed'],
  [4, 'generatedColumns'],
  [5, 'columnMapping'],
  [6, 'identityColumns'],
]

/** What of a feature the table uses that we can't do; empty where we can all of it. */
type Use = (metadata: Metadata) => readonly string[]

const none: Use = () => []

/** What columns of a feature have in their metadata. */
const COLUMN_KEYS: Readonly<Record<string, readonly string[]>> = {
  invariants: ['delta.invariants'],
  generatedColumns: ['delta.generationExpression'],
  identityColumns: ['delta.identity.start', 'delta.identity.step'],
  allowColumnDefaults: ['CURRENT_DEFAULT'],
}

const columnsOf = (schema: StructType, feature: string): readonly string[] =>
  fieldsOf(schema, '')
    .filter(({ field }) => COLUMN_KEYS[feature]!.some((key) => field.metadata?.[key] !== undefined))
    .map(({ path }) => `${feature} (column ${path})`)

const columnsWith =
  (feature: string): Use =>
  (metadata) =>
    columnsOf(parseSchema(metadata.schemaString), feature)

const enabledBy =
  (feature: string, key: string): Use =>
  ({ configuration }) =>
    configuration[key] === 'true' ? [feature] : []

/**
 * A feature that is not here is refused wherever a table lists it. Those that are may be listed as long as the table does not use
 * what we can't do.
 * - deletionVectors: files are written again without one; the vector is part of what a remove names
 * - columnMapping: rows are stored by physical names and field ids; files that were prepared without are refused (`checkPlain`)
 * - v2Checkpoint, vacuumProtocolCheck, timestampNtz, typeWidening: nothing for who commits files of the table's own schema
 * - domainMetadata: domains stay as they are, nobody here writes one
 */
const USES: Readonly<Record<string, Use>> = {
  appendOnly: none,
  invariants: columnsWith('invariants'),
  checkConstraints: ({ configuration }) =>
    Object.keys(configuration)
      .filter((key) => key.startsWith('delta.constraints.'))
      .map((key) => `checkConstraints (${key.slice('delta.constraints.'.length)})`),
  changeDataFeed: none,
  generatedColumns: columnsWith('generatedColumns'),
  identityColumns: columnsWith('identityColumns'),
  allowColumnDefaults: columnsWith('allowColumnDefaults'),
  columnMapping: none,
  inCommitTimestamp: enabledBy('inCommitTimestamp', 'delta.enableInCommitTimestamps'),
  deletionVectors: none,
  domainMetadata: none,
  v2Checkpoint: none,
  vacuumProtocolCheck: none,
  timestampNtz: none,
  typeWidening: none,
  'typeWidening-preview': none,
}

/** Features, and uses of them, that keep us from committing to the table. */
export function unwritable(protocol: Protocol, metadata: Metadata): readonly string[] {
  const version = protocol.minWriterVersion
  if (version > 7 || version < 1) return [`writer version ${version}`]
  const features =
    version === 7
      ? (protocol.writerFeatures ?? [])
      : FEATURES_OF_VERSION.filter(([from]) => version >= from).map(([, feature]) => feature)
  return features.flatMap((feature) => (Object.hasOwn(USES, feature) ? USES[feature]!(metadata) : [feature]))
}

/** Columns whose values are not for us to make or to check, whatever the protocol of the table says: for new columns. */
export function unwritableColumns(schema: StructType): readonly string[] {
  return Object.keys(COLUMN_KEYS).flatMap((feature) => columnsOf(schema, feature))
}

/** Whether each change has to be told of (PROTOCOL.md, "Change Data Files"). */
export function feedsChanges(metadata: Metadata): boolean {
  return metadata.configuration['delta.enableChangeDataFeed'] === 'true'
}

/** The least that a new table needs for what it uses. */
export function newProtocol(
  schema: StructType,
  properties: Readonly<Record<string, string>>,
  least: Protocol,
): Protocol {
  const feeds = properties['delta.enableChangeDataFeed'] === 'true'
  if (usesType(schema, 'timestamp_ntz')) {
    const writerFeatures = ['appendOnly', 'invariants', ...(feeds ? ['changeDataFeed'] : []), 'timestampNtz']
    return { minReaderVersion: 3, minWriterVersion: 7, readerFeatures: ['timestampNtz'], writerFeatures }
  }
  return feeds ? { minReaderVersion: 1, minWriterVersion: 4 } : least
}

function fieldsOf(type: DeltaType, path: string): readonly { readonly path: string; readonly field: StructField }[] {
  if (typeof type === 'string') return []
  if (type.type === 'array') return fieldsOf(type.elementType, `${path}.element`)
  if (type.type === 'map')
    return [...fieldsOf(type.keyType, `${path}.key`), ...fieldsOf(type.valueType, `${path}.value`)]
  return type.fields.flatMap((field) => {
    const name = path === '' ? field.name : `${path}.${field.name}`
    return [{ path: name, field }, ...fieldsOf(field.type, name)]
  })
}
