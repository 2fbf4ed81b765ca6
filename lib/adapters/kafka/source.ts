import type { Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'
import type { ReadLimits, RecordSource } from '#ports/record-source.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { Cluster } from './cluster.ts'
import { commitGroupOffsets, fetchGroupOffsets } from './group-offsets.ts'
import { logEnds } from './log-ends.ts'
import { News } from './news.ts'
import { PartitionReader } from './partition-reader.ts'
import { RecentReads } from './recent-reads.ts'

/** How old an end offset may be. */
const ENDS_AGE_MAX: Millis = 100

export interface KafkaTopicOptions {
  /** `host` or `host:port`; one that is up is enough. */
  readonly brokers: readonly string[]
  readonly name: string
  /** Of a topic that the writer must create. */
  readonly partitions?: number
  readonly clock: Clock
}

/**
 * Reads a topic of a Kafka cluster: only committed records, and straight from the fetched bytes. It is no member of the groups
 * whose offsets it commits, so partitions are shared out by whoever runs several sources.
 *
 * Cost: one fetch for one or more reads, at most ten ListOffsets a second, one request a commit. Memory: 16 MB of recent
 * reads, and what the caller holds.
 */
export class KafkaRecordSource implements RecordSource {
  readonly topic: string
  readonly #cluster: Cluster
  readonly #clock: Clock
  readonly #recent = new RecentReads()
  readonly #readers: PartitionReader[] = []
  /** Partitions that somebody reads, and up to where they are known. */
  readonly #known = new Map<number, number>()
  readonly #news: News
  readonly #newsCluster: Cluster
  #ends: { readonly at: number; readonly offsets: Promise<Float64Array> } | null = null

  /** Ends when it was opened: whoever waits before they have read anything waits for what comes after them. */
  readonly #first: Float64Array

  private constructor(cluster: Cluster, options: KafkaTopicOptions, first: Float64Array) {
    this.topic = cluster.topic
    this.#cluster = cluster
    this.#clock = options.clock
    this.#first = first
    this.#grow(first.length)
    this.#newsCluster = new Cluster(options.brokers, options.name)
    this.#news = new News(this.#newsCluster, this.#known, (partition, end) => this.#known.set(partition, end))
  }

  /** @throws SluiceError TOPIC_NOT_FOUND, BROKER_UNREACHABLE, BROKER_REFUSED, NAME_INVALID */
  static async open(options: KafkaTopicOptions): Promise<KafkaRecordSource> {
    const cluster = new Cluster(options.brokers, options.name)
    try {
      return new KafkaRecordSource(cluster, options, await logEnds(cluster))
    } catch (error) {
      await cluster.close()
      throw error
    }
  }

  /** Asks the broker: partitions that were added meanwhile are there from this call on. */
  async partitionCount(): Promise<number> {
    this.#cluster.forgetLeaders()
    const count = await this.#cluster.partitionCount()
    if (count > this.#readers.length) {
      this.#newsCluster.forgetLeaders()
      this.#ends = null
      this.#grow(count)
    }
    return this.#readers.length
  }

  /** Up to 100 ms old. */
  async endOffset(partition: number): Promise<number> {
    if (partition >= this.#readers.length) await this.partitionCount()
    this.#reader(partition)
    if (this.#ends === null || performance.now() - this.#ends.at > ENDS_AGE_MAX) this.#askForEnds()
    return (await this.#ends!.offsets)[partition]!
  }

  async endOffsets(): Promise<readonly number[]> {
    return [...(await this.#askForEnds())]
  }

  async read(partition: number, from: number, limits: ReadLimits): Promise<RecordBatch | undefined> {
    const reader = this.#reader(partition)
    const batch = await reader.read(from, limits)
    this.#known.set(partition, Math.max(from, reader.end))
    return batch
  }

  async wait(timeout: Millis, signal?: AbortSignal): Promise<void> {
    if (timeout <= 0 || signal?.aborted) return
    if (this.#known.size === 0) for (const [partition, end] of this.#first.entries()) this.#known.set(partition, end)
    const { news, leave } = this.#news.wait()
    const over = new AbortController()
    const until = signal === undefined ? over.signal : AbortSignal.any([signal, over.signal])
    await Promise.race([news, this.#clock.sleep(timeout, until)])
    over.abort()
    leave()
  }

  async committed(group: string): Promise<ReadonlyMap<number, number>> {
    const offsets = await fetchGroupOffsets(this.#cluster, group)
    return new Map([...offsets].map(([partition, { offset }]) => [partition, offset]))
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    this.#reader(partition)
    await commitGroupOffsets(this.#cluster, group, new Map([[partition, { offset, metadata: '' }]]))
  }

  async close(): Promise<void> {
    await this.#news.close()
    await this.#cluster.close()
  }

  #askForEnds(): Promise<Float64Array> {
    const asked = { at: performance.now(), offsets: logEnds(this.#cluster) }
    this.#ends = asked
    asked.offsets.catch(() => {
      if (this.#ends === asked) this.#ends = null
    })
    return asked.offsets
  }

  #grow(count: number): void {
    for (let partition = this.#readers.length; partition < count; partition++) {
      this.#readers.push(new PartitionReader(this.#cluster, partition, this.#recent))
    }
  }

  #reader(partition: number): PartitionReader {
    const reader = this.#readers[partition]
    if (reader !== undefined) return reader
    throw new RangeError(`topic "${this.topic}" has partitions 0 to ${this.#readers.length - 1}, not ${partition}`)
  }
}
