import type { Bytes } from '#core/time.ts'
import type { ReadLimits } from '#ports/record-source.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { batchOf, type Chunk, firstAtOrAbove, joinedChunks, sliceOf } from './chunk.ts'
import type { Cluster } from './cluster.ts'
import { type FetchedPartition, fetchPartitions } from './fetch.ts'
import { logBound } from './log-ends.ts'
import { readBatches } from './read-batches.ts'
import type { Read, RecentReads } from './recent-reads.ts'

/** What is expected of a partition that nothing is known of yet. */
const FIRST_RECORD_BYTES: Bytes = 512
const FIRST_BATCH_BYTES: Bytes = 1_100_000
const FETCH_BYTES_MAX: Bytes = 64 * 1024 * 1024

/** Reads one partition. A fetch brings what the limits allow and some more, which the next reads are served from. */
export class PartitionReader {
  /** End of the log as the last fetch told it. */
  end = 0
  readonly #cluster: Cluster
  readonly #partition: number
  readonly #recent: RecentReads
  #turn: Promise<unknown> = Promise.resolve()
  #recordBytes = FIRST_RECORD_BYTES
  #batchBytes = FIRST_BATCH_BYTES

  constructor(cluster: Cluster, partition: number, recent: RecentReads) {
    this.#cluster = cluster
    this.#partition = partition
    this.#recent = recent
  }

  /** One after the other: of two callers who want the same, the second finds what the first has fetched. */
  read(from: number, limits: ReadLimits): Promise<RecordBatch | undefined> {
    const turn = this.#turn.then(() => this.#read(from, limits))
    this.#turn = turn.catch(() => {})
    return turn
  }

  async #read(from: number, limits: ReadLimits): Promise<RecordBatch | undefined> {
    const before = this.#recent.find(this.#partition, from, limits)
    if (before?.full) return before.batch
    const held = this.#recent
      .chunks(this.#partition)
      .find(({ count, offsets, next }) => count > 0 && from >= offsets[0]! && from < next)
    let chunk = held ?? (await this.#chunk(from, limits))
    let stale = held !== undefined
    while (!sliceOf(chunk, from, limits).full && (stale || chunk.next < this.end)) {
      const more = await this.#chunk(chunk.next, limits)
      stale = false
      // Nothing has come; or a first part of a batch only, though there is more: the broker can't give it.
      if (more.next === chunk.next) break
      chunk = joinedChunks(chunk, firstAtOrAbove(chunk, from), more)
    }
    // One that ended at the log's end is as good as long as nothing has come since.
    return before !== undefined && chunk === held ? before.batch : this.#keep(from, limits, chunk)
  }

  #keep(from: number, limits: ReadLimits, chunk: Chunk): RecordBatch | undefined {
    const slice = sliceOf(chunk, from, limits)
    if (slice.start === slice.end) return undefined
    const batch = batchOf(this.#cluster.topic, this.#partition, chunk, slice)
    const read: Read = { from, limits, chunk, batch, full: slice.full }
    this.#recent.keep(this.#partition, read)
    return batch
  }

  async #chunk(from: number, limits: ReadLimits): Promise<Chunk> {
    const fetched = await this.#fetch(from, this.#bytesFor(limits))
    if (!fetched.outOfRange) return this.#understood(fetched, from)
    const first = await logBound(this.#cluster, this.#partition, 'first')
    // Beyond the end there is nothing yet; before the start, nothing any more.
    if (from >= first) return readBatches(this.#cluster.topic, new Uint8Array(0), [], from)
    return this.#understood(await this.#fetch(first, this.#bytesFor(limits)), first)
  }

  #understood({ records, aborted }: FetchedPartition, from: number): Chunk {
    const chunk = readBatches(this.#cluster.topic, records, aborted, from)
    if (chunk.count > 0) {
      this.#recordBytes = chunk.buffer.length / chunk.count
      this.#batchBytes = chunk.largestBatch
    }
    return chunk
  }

  /** What the limits allow, and a batch more: the last one that a fetch brings is cut off. */
  #bytesFor({ maxRecords, maxBytes }: ReadLimits): Bytes {
    const wanted = Math.min(maxBytes, maxRecords * this.#recordBytes) * 1.1
    return Math.min(FETCH_BYTES_MAX, Math.ceil(wanted + this.#batchBytes))
  }

  async #fetch(offset: number, maxBytes: Bytes): Promise<FetchedPartition> {
    const positions = [{ partition: this.#partition, offset }]
    const [fetched] = await this.#cluster.onLeader(this.#partition, (connection) =>
      fetchPartitions(connection, this.#cluster.topic, positions, { maxBytes, maxWait: 0 }),
    )
    if (!fetched!.outOfRange) this.end = fetched!.end
    return fetched!
  }
}
