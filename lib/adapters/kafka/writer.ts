import { createTopicsV4 } from '@platformatic/kafka'
import { isSluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'
import type { SourcePosition, TopicWriter } from '#ports/record-source.ts'
import type { NewRecords } from '#schema/record-batch.ts'
import { Cluster } from './cluster.ts'
import { faultOf } from './kafka-error.ts'
import { Positions } from './positions.ts'
import { PartitionProducer } from './producer.ts'
import type { KafkaTopicOptions } from './source.ts'
import { writeBatch } from './write-batch.ts'

const CREATE_PATIENCE: Millis = 15_000
/** What the cluster says: its `num.partitions`, its `default.replication.factor`. */
const DEFAULT = -1

/**
 * Writes to a topic of a Kafka cluster: an append is one record batch, which a broker takes in whole or not at all, and knows
 * again when it is sent twice (idempotent producer, acks from all replicas in sync).
 */
export class KafkaTopicWriter implements TopicWriter {
  readonly topic: string
  readonly partitions: number
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #producers: readonly PartitionProducer[]
  readonly #positions: Positions

  private constructor(cluster: Cluster, clock: Clock, partitions: number) {
    this.topic = cluster.topic
    this.partitions = partitions
    this.#cluster = cluster
    this.#clock = clock
    this.#producers = Array.from({ length: partitions }, (_, partition) => new PartitionProducer(cluster, partition))
    this.#positions = new Positions(cluster)
  }

  /**
   * Creates the topic if it is missing. A topic that is there keeps its partitions, however many were asked for.
   *
   * @throws SluiceError BROKER_UNREACHABLE, BROKER_REFUSED, NAME_INVALID
   */
  static async open(options: KafkaTopicOptions): Promise<KafkaTopicWriter> {
    const cluster = new Cluster(options.brokers, options.name)
    try {
      return new KafkaTopicWriter(cluster, options.clock, await ensureTopic(cluster, options.partitions ?? DEFAULT))
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  /** @throws SluiceError BROKER_UNREACHABLE: the append may have happened or not; BROKER_REFUSED, APPEND_TOO_LARGE */
  async append(partition: number, records: NewRecords, at?: SourcePosition): Promise<void> {
    const producer = this.#producers[partition]
    if (producer === undefined) {
      throw new RangeError(`topic "${this.topic}" has partitions 0 to ${this.partitions - 1}, not ${partition}`)
    }
    if (records.count === 0) {
      if (at !== undefined) await this.#positions.keep(partition, at)
      return
    }
    const batch = writeBatch(records, this.#clock.now(), at)
    const next = await producer.append(batch, records.count)
    if (at !== undefined) this.#positions.appended(partition, at, next, batch.length)
  }

  positions(source: string): Promise<readonly (number | undefined)[]> {
    return this.#positions.of(source)
  }

  async close(): Promise<void> {
    await this.#positions.settle()
    await this.#cluster.close()
  }
}

/** The number of partitions that the topic has. */
async function ensureTopic(cluster: Cluster, partitions: number): Promise<number> {
  try {
    return await cluster.partitionCount()
  } catch (error) {
    if (!isSluiceError(error, 'TOPIC_NOT_FOUND')) throw error
  }
  const { topic } = cluster
  const wanted = { name: topic, numPartitions: partitions, replicationFactor: DEFAULT, assignments: [], configs: [] }
  await cluster.retrying(async () => {
    try {
      await cluster.onAny((connection) => createTopicsV4.api.async(connection, [wanted], CREATE_PATIENCE, false))
    } catch (error) {
      if (faultOf(error)?.id !== 'TOPIC_ALREADY_EXISTS') throw error
    }
  }, CREATE_PATIENCE)
  return cluster.whenThere(CREATE_PATIENCE)
}
