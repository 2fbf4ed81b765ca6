import { SluiceError } from '#core/errors.ts'

/** The topic whose offsets a data folder's fences are. */
export interface FolderTopic {
  readonly kind: 'embedded' | 'kafka'
  readonly name: string
  /** Id of the Kafka cluster, once it is known; a broker may have none. */
  readonly cluster?: string
}

/**
 * Sees that a data folder goes on with the topic that it has read so far: in another one its fences mean other records, and those
 * at or below them would be passed over in silence. A cluster that only one side knows isn't compared.
 *
 * @throws SluiceError TOPIC_MISMATCH
 */
export function checkFolderTopic(folder: string, stored: FolderTopic, now: FolderTopic): void {
  const sameCluster = stored.cluster === undefined || now.cluster === undefined || stored.cluster === now.cluster
  if (stored.kind === now.kind && stored.name === now.name && sameCluster) return
  throw new SluiceError(
    'TOPIC_MISMATCH',
    `Expected ${described(stored)}, which data folder ${folder} has read so far, found ${described(now)}: its offsets are those of ` +
      `other records. ${remedy(stored, now)}, or choose another --data folder.`,
    { details: { folder, stored, now } },
  )
}

function described({ kind, name, cluster }: FolderTopic): string {
  if (kind === 'embedded') return `topic ${name} in the folder itself`
  return `topic ${name} on ${cluster === undefined ? 'a Kafka broker' : `the Kafka cluster ${cluster}`}`
}

function remedy(stored: FolderTopic, now: FolderTopic): string {
  if (stored.kind !== now.kind) return stored.kind === 'kafka' ? 'Set KAFKA_BROKERS' : 'Leave KAFKA_BROKERS out'
  return stored.name === now.name ? 'Name a broker of that cluster in KAFKA_BROKERS' : `Give --topic ${stored.name}`
}

/** Undefined unless it is one. */
export function parseFolderTopic(value: unknown): FolderTopic | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { kind, name, cluster } = value as Record<string, unknown>
  if ((kind !== 'embedded' && kind !== 'kafka') || typeof name !== 'string') return undefined
  return { kind, name, ...(typeof cluster === 'string' ? { cluster } : {}) }
}
