import type { Bytes } from '#core/time.ts'
import type { RecordBatch } from '#schema/record-batch.ts'

/** Two consumers a little apart. */
const READS_PER_PARTITION = 2
const CACHE_BYTES: Bytes = 8 * 1024 * 1024

interface CachedRead {
  readonly partition: number
  readonly from: number
  readonly maxRecords: number
  readonly maxBytes: Bytes
  readonly batch: RecordBatch
  /** The end of the partition when the read stopped there; undefined when the read's limits stopped it. */
  readonly endedAt: number | undefined
}

/**
 * The last reads of each partition, so that consumers of one process that read the same range get the same object and
 * decode it once. Bounded in bytes over all partitions; the newest read always stays.
 */
export class ReadCache {
  readonly #reads: CachedRead[] = []
  #bytes = 0

  /** `endOffset` is the partition's end now: a read that the end cut short is stale once there is more. */
  get(
    key: Pick<CachedRead, 'partition' | 'from' | 'maxRecords' | 'maxBytes'>,
    endOffset: number,
  ): RecordBatch | undefined {
    const found = this.#reads.find(
      (read) =>
        read.partition === key.partition &&
        read.from === key.from &&
        read.maxRecords === key.maxRecords &&
        read.maxBytes === key.maxBytes,
    )
    if (found === undefined) return undefined
    if (found.endedAt === undefined || found.endedAt === endOffset) return found.batch
    this.#remove(found)
    return undefined
  }

  set(read: CachedRead): void {
    const ofPartition = this.#reads.filter((other) => other.partition === read.partition)
    if (ofPartition.length >= READS_PER_PARTITION) this.#remove(ofPartition[0]!)
    this.#reads.push(read)
    this.#bytes += read.batch.buffer.byteLength
    while (this.#bytes > CACHE_BYTES && this.#reads.length > 1) this.#remove(this.#reads[0]!)
  }

  drop(partition: number): void {
    for (const read of this.#reads.filter((other) => other.partition === partition)) this.#remove(read)
  }

  #remove(read: CachedRead): void {
    this.#reads.splice(this.#reads.indexOf(read), 1)
    this.#bytes -= read.batch.buffer.byteLength
  }
}
