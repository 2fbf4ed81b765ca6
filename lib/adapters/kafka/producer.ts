import { type Connection, initProducerIdV1, produceV7, Writer } from '@platformatic/kafka'
import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import type { Cluster } from './cluster.ts'
import { faultOf } from './kafka-error.ts'
import { compressedBatch, stampBatch } from './write-batch.ts'

/** Produce, version 7: the first one with zstd, and plainly encoded. */
const PRODUCE = 0
const VERSION = 7
const ALL_REPLICAS = -1
const BROKER_TIMEOUT: Millis = 20_000

/** A broker takes 1,048,588 bytes a batch if the topic's `max.message.bytes` says nothing else. */
const PLAIN_BYTES_MAX = 1_048_588

/** So long an append is tried: a broker that restarts is back by then. */
const APPEND_PATIENCE: Millis = 60_000

interface Identity {
  readonly producer: bigint
  readonly epoch: number
  sequence: number
}

/**
 * Appends batches to one partition, one after the other. Each is numbered, so that a broker that has it already when it is sent
 * again takes it for done.
 */
export class PartitionProducer {
  readonly #cluster: Cluster
  readonly #partition: number
  #identity: Identity | null = null
  #turn: Promise<unknown> = Promise.resolve()

  constructor(cluster: Cluster, partition: number) {
    this.#cluster = cluster
    this.#partition = partition
  }

  /**
   * The offset after the batch, −1 if the broker doesn't know it any more.
   *
   * @throws SluiceError BROKER_UNREACHABLE: the batch may be in the topic or not; BROKER_REFUSED, APPEND_TOO_LARGE
   */
  append(batch: Buffer, count: number): Promise<number> {
    const turn = this.#turn.then(() => this.#append(batch, count))
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #append(batch: Buffer, count: number): Promise<number> {
    const small = batch.length > PLAIN_BYTES_MAX ? compressedBatch(batch) : batch
    try {
      return await this.#send(small, count)
    } catch (error) {
      if (small !== batch || !isTooLarge(error)) throw this.#explained(error, batch)
    }
    try {
      return await this.#send(compressedBatch(batch), count)
    } catch (error) {
      throw this.#explained(error, batch)
    }
  }

  async #send(batch: Buffer, count: number): Promise<number> {
    let sent = false
    const attempt = async (): Promise<number> => {
      const identity = this.#identity ?? (await this.#identify())
      this.#identity = identity
      stampBatch(batch, identity)
      const base = await this.#cluster.onLeader(
        this.#partition,
        async (connection) => {
          const again = sent
          sent = true
          try {
            return await produce(connection, this.#cluster.topic, this.#partition, batch)
          } catch (error) {
            if (again && faultOf(error)?.id === 'DUPLICATE_SEQUENCE_NUMBER') return -1
            throw error
          }
        },
        APPEND_PATIENCE,
      )
      identity.sequence = (identity.sequence + count) % 2 ** 31
      return base < 0 ? -1 : base + count
    }
    try {
      return await attempt()
    } catch (error) {
      // The next batch must not be taken for this one.
      this.#identity = null
      if (!hasForgotten(error)) throw error
    }
    // The broker has forgotten the producer (its records are deleted by now), so it refused: nothing was appended.
    return attempt()
  }

  async #identify(): Promise<Identity> {
    const { producerId, producerEpoch } = await this.#cluster.retrying(
      () => this.#cluster.onAny((connection) => initProducerIdV1.api.async(connection, null, 0)),
      APPEND_PATIENCE,
    )
    return { producer: producerId, epoch: producerEpoch, sequence: 0 }
  }

  #explained(error: unknown, batch: Buffer): unknown {
    if (!isTooLarge(error)) return error
    const { topic } = this.#cluster
    return new SluiceError(
      'APPEND_TOO_LARGE',
      `Expected an append that the broker takes into topic "${topic}", found one of ${batch.length} bytes that is too ` +
        "large even compressed. Raise the topic's max.message.bytes.",
      { details: { topic, partition: this.#partition, bytes: batch.length } },
    )
  }
}

const kafkaId = (error: unknown): unknown => (isSluiceError(error) ? error.details['kafka'] : undefined)

const isTooLarge = (error: unknown): boolean =>
  kafkaId(error) === 'MESSAGE_TOO_LARGE' || kafkaId(error) === 'RECORD_LIST_TOO_LARGE'

const FORGOTTEN: readonly unknown[] = ['UNKNOWN_PRODUCER_ID', 'INVALID_PRODUCER_EPOCH', 'OUT_OF_ORDER_SEQUENCE_NUMBER']

const hasForgotten = (error: unknown): boolean => FORGOTTEN.includes(kafkaId(error))

function produce(connection: Connection, topic: string, partition: number, batch: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    connection.send(
      PRODUCE,
      VERSION,
      () =>
        Writer.create()
          .appendString(null, false)
          .appendInt16(ALL_REPLICAS)
          .appendInt32(BROKER_TIMEOUT)
          .appendInt32(1)
          .appendString(topic, false)
          .appendInt32(1)
          .appendInt32(partition)
          .appendInt32(batch.length)
          .append(batch),
      produceV7.parseResponse,
      false,
      false,
      (error, response) =>
        error === null ? resolve(Number(response!.responses[0]!.partitionResponses[0]!.baseOffset)) : reject(error),
    )
  })
}
