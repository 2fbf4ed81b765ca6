import { SluiceError } from '#core/errors.ts'
import { getIfPresent } from '#delta/checkpoint.ts'
import type { TableContents } from '#delta/contents.ts'
import type { LogPaths } from '#delta/log.ts'
import { parseObject } from '#delta/parse.ts'
import type { ObjectStore } from '#ports/object-store.ts'

type Json = Readonly<Record<string, unknown>>

/**
 * Compares a version with its checksum, if it has one (PROTOCOL.md, "State Validation"): files, bytes, protocol, metadata and, where
 * it has them, transactions and domain metadata. One GET.
 *
 * @throws SluiceError DELTA_CHECKSUM_MISMATCH naming what differs
 */
export async function verifyChecksum(store: ObjectStore, paths: LogPaths, contents: TableContents): Promise<void> {
  const path = paths.checksum(contents.version)
  const bytes = await getIfPresent(store, path)
  if (bytes === undefined) return
  const json = parseObject(bytes)
  const differences = json === undefined ? ['it is not a JSON object'] : differencesFrom(json, contents)
  if (differences.length === 0) return
  throw new SluiceError(
    'DELTA_CHECKSUM_MISMATCH',
    `Expected version ${contents.version} of ${paths.name} to be as its checksum ${path} says, but ${differences.join('; ')}. Either the log or the checksum is damaged: compare with a copy, and delete the checksum if it is the wrong one.`,
    { details: { table: paths.name, version: contents.version, differences } },
  )
}

function differencesFrom(json: Json, contents: TableContents): readonly string[] {
  const { metadata, protocol } = contents
  let bytes = 0
  for (const { size } of contents.files.values()) bytes += size
  const told = object(json.metadata)
  const found: readonly (readonly [what: string, checksum: unknown, log: unknown])[] = [
    ['files', json.numFiles, contents.files.size],
    ['bytes', json.tableSizeBytes, bytes],
    ['the protocol', sorted(json.protocol), sorted(protocol)],
    ['the id', told?.id, metadata.id],
    ['the schema', parsed(told?.schemaString), parsed(metadata.schemaString)],
    ['partition columns', text(told?.partitionColumns ?? []), text(metadata.partitionColumns)],
    ['properties', sorted(told?.configuration ?? {}), sorted(metadata.configuration)],
    [
      'transactions',
      pairs(json.setTransactions, 'appId', 'version'),
      pairs([...contents.txns.values()], 'appId', 'version'),
    ],
    [
      'domains',
      pairs(json.domainMetadata, 'domain', 'configuration'),
      pairs([...contents.domains.values()], 'domain', 'configuration'),
    ],
  ]
  return found.flatMap(([what, checksum, log]) =>
    checksum === undefined || checksum === log ? [] : [`${what}: it has ${brief(checksum)}, the log ${brief(log)}`],
  )
}

/** Lists that are optional in a checksum; undefined where they are missing. */
function pairs(list: unknown, key: string, value: string): string | undefined {
  if (!Array.isArray(list)) return undefined
  const there = list.filter((item: Json) => item.removed !== true)
  return text(there.map((item: Json) => [item[key], item[value]]).sort())
}

/** Whatever the order of keys, and of names in lists. */
function sorted(value: unknown): string | undefined {
  const from = object(value)
  if (from === undefined) return undefined
  const entries = Object.entries(from).filter(([, item]) => item !== null)
  return text(entries.map(([key, item]) => [key, Array.isArray(item) ? [...item].sort() : item]).sort())
}

function parsed(schema: unknown): string | undefined {
  try {
    return typeof schema === 'string' ? text(JSON.parse(schema)) : undefined
  } catch {
    return String(schema)
  }
}

function object(value: unknown): Json | undefined {
  return typeof value === 'object' && value !== null ? (value as Json) : undefined
}

function text(value: unknown): string {
  return JSON.stringify(value)
}

function brief(value: unknown): string {
  const all = String(value)
  return all.length > 200 ? `${all.slice(0, 200)}…` : all
}
