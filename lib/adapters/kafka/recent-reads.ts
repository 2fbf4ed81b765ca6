import type { Bytes } from '#core/time.ts'
import type { ReadLimits } from '#ports/record-source.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import type { Chunk } from './chunk.ts'

/** Of all partitions together; the last read stays, however large. */
const KEPT_BYTES_MAX: Bytes = 16 * 1024 * 1024
const KEPT_PER_PARTITION = 2

export interface Read {
  readonly from: number
  readonly limits: ReadLimits
  readonly chunk: Chunk
  readonly batch: RecordBatch
  /** True when the limits ended it: then it stays as it is, whatever is appended. */
  readonly full: boolean
}

/** The last reads of each partition, so that who reads the same again is given the same object. */
export class RecentReads {
  /** Oldest first. */
  readonly #reads: { readonly partition: number; readonly read: Read }[] = []

  find(partition: number, from: number, { maxRecords, maxBytes }: ReadLimits): Read | undefined {
    return this.#reads.findLast(
      ({ partition: other, read }) =>
        other === partition &&
        read.from === from &&
        read.limits.maxRecords === maxRecords &&
        read.limits.maxBytes === maxBytes,
    )?.read
  }

  /** What is at hand of a partition, newest first. */
  chunks(partition: number): readonly Chunk[] {
    return this.#reads.flatMap(({ partition: other, read }) => (other === partition ? [read.chunk] : [])).toReversed()
  }

  keep(partition: number, read: Read): void {
    this.#reads.push({ partition, read })
    const own = this.#reads.filter((entry) => entry.partition === partition)
    if (own.length > KEPT_PER_PARTITION) this.#reads.splice(this.#reads.indexOf(own[0]!), 1)
    while (this.#reads.length > 1 && this.#bytes() > KEPT_BYTES_MAX) this.#reads.shift()
  }

  /** Two reads of one chunk count once. */
  #bytes(): Bytes {
    const buffers = new Set(this.#reads.map(({ read }) => read.chunk.buffer))
    let bytes = 0
    for (const buffer of buffers) bytes += buffer.length
    return bytes
  }
}
