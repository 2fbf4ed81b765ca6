import { partitionFor } from '#core/hash.ts'
import type { Bytes } from '#core/time.ts'
import type { FeedGate } from '#local/feed-gate.ts'
import type { TopicWriter } from '#ports/record-source.ts'
import { MALFORMED, type ReadStatus, VALUE_BYTES_MAX, valueTooLong } from '#schema/csv-limits.ts'
import type { SourceRecord } from '#schema/csv-reader.ts'
import { MALFORMED_HEADER } from '#schema/record-batch.ts'
import { RecordPacker } from '#schema/record-packer.ts'

/** An append is about so large; a single record may be larger. */
const APPEND_BYTES = 900 * 1024
/** With many partitions appends are smaller, so that what is packed takes no more than this in all. */
const PACKED_BYTES_MAX = 24 * 1024 * 1024
const APPEND_BYTES_MIN = 64 * 1024

const encoder = new TextEncoder()

/** What is under way to one partition. */
interface Lane {
  readonly partition: number
  /** Records up to this position of the source are in the topic already. */
  readonly done: number
  packer: RecordPacker
  spare: RecordPacker
  /** The append under way; at most one a partition, so that order is kept. */
  appending: Promise<void> | null
}

/**
 * Spreads the records of one source over the partitions of a topic, exactly once: a record goes to the partition that Kafka's
 * partitioner gives its key (without a key: its value, so that it is the same one each time); what is packed for a partition
 * is appended with the position up to which the source was scanned; after a crash each partition skips what it has.
 *
 * Records must be offered in the order of their positions, from `resumeAt` on.
 */
export class Lanes {
  /** Lowest position that some partition has not got past; 0 when one has none. */
  readonly resumeAt: number
  /** Highest position that some partition has got to: beyond it everything is new. */
  readonly knownTo: number
  records = 0
  malformed = 0

  readonly #writer: TopicWriter
  readonly #source: string
  readonly #lanes: readonly Lane[]
  readonly #appendBytes: Bytes
  readonly #scratch = new RecordPacker()
  /** Position after the last record that was offered and taken or skipped. */
  #scanned: number
  readonly #gate: FeedGate
  /** Lets the gate go when every partition has what some partition had at the start. */
  #caughtUp: () => void
  #failure: { readonly error: unknown } | null = null

  private constructor(writer: TopicWriter, source: string, positions: readonly (number | undefined)[], gate: FeedGate) {
    this.#writer = writer
    this.#source = source
    this.#lanes = Array.from({ length: writer.partitions }, (_, partition) => ({
      partition,
      done: positions[partition] ?? 0,
      packer: new RecordPacker(),
      spare: new RecordPacker(),
      appending: null,
    }))
    this.resumeAt = this.#lanes.reduce((least, { done }) => Math.min(least, done), Number.POSITIVE_INFINITY)
    this.knownTo = this.#lanes.reduce((most, { done }) => Math.max(most, done), 0)
    this.#scanned = this.resumeAt
    this.#gate = gate
    this.#caughtUp = this.knownTo > this.resumeAt ? gate.hold() : () => {}
    this.#appendBytes = Math.min(APPEND_BYTES, Math.max(APPEND_BYTES_MIN, PACKED_BYTES_MAX / writer.partitions))
  }

  static async open(writer: TopicWriter, source: string, gate: FeedGate): Promise<Lanes> {
    return new Lanes(writer, source, await writer.positions(source), gate)
  }

  /**
   * Takes in the record that ends at `position` of the source. False: its partition is full; `await flush()`, then
   * offer it again.
   */
  offer(record: SourceRecord, status: ReadStatus, position: number): boolean {
    const taken =
      status === MALFORMED ? this.#offerMalformed(record, record.reason, position) : this.#offerRecord(record, position)
    if (taken) this.#scanned = position
    return taken
  }

  /**
   * Appends what every partition has packed, up to what was offered, and waits until it is durable: all partitions at once, so
   * that none is ahead of another for longer than that.
   */
  async flush(): Promise<void> {
    const release = this.#gate.hold()
    for (const lane of this.#lanes) if (lane.packer.count > 0) this.#append(lane)
    await this.settle()
    // After a failure the topic stays half fed, and the gate stays closed, until somebody feeds the rest.
    this.throwFailure()
    release()
    if (this.#scanned >= this.knownTo) this.#caughtUp()
  }

  /** Waits for the appends under way, whatever becomes of them. */
  async settle(): Promise<void> {
    await Promise.all(this.#lanes.map(({ appending }) => appending))
  }

  /** @throws what an append has thrown */
  throwFailure(): void {
    if (this.#failure !== null) throw this.#failure.error
  }

  #append(lane: Lane): void {
    const packer = lane.packer
    lane.packer = lane.spare
    lane.spare = packer
    const at = { source: this.#source, position: this.#scanned }
    lane.appending = this.#writer.append(lane.partition, packer.take(), at).then(
      () => {
        packer.reset()
        lane.appending = null
      },
      (error: unknown) => {
        this.#failure ??= { error }
        lane.appending = null
      },
    )
  }

  #offerRecord(record: SourceRecord, position: number): boolean {
    const key = record.keyBuffer
    const keyBytes = record.keyEnd - record.keyStart
    const room = record.room
    if (key === null || room + keyBytes > VALUE_BYTES_MAX) return this.#offerBySize(record, room, position)
    const lane = this.#lanes[partitionFor(key, record.keyStart, record.keyEnd, this.#lanes.length)]!
    if (position <= lane.done) return true
    if (this.#isFull(lane, keyBytes + room)) return false
    const packer = lane.packer
    const at = packer.begin(key, record.keyStart, record.keyEnd, room)
    packer.end(record.write(packer, at))
    this.records++
    return true
  }

  /** A record whose value must be written before its partition, or whether it fits, is known. */
  #offerBySize(record: SourceRecord, room: Bytes, position: number): boolean {
    const scratch = this.#scratch
    scratch.reset()
    const start = scratch.begin(null, 0, 0, room)
    const end = record.write(scratch, start)
    const value = scratch.buffer
    const key = record.keyBuffer
    const { keyStart, keyEnd } = record
    const bytes = end - start + (key === null ? 0 : keyEnd - keyStart)
    if (bytes > VALUE_BYTES_MAX) return this.#offerMalformed(record, `${valueTooLong(bytes)} ${record.place}`, position)
    const count = this.#lanes.length
    const partition = key === null ? partitionFor(value, start, end, count) : partitionFor(key, keyStart, keyEnd, count)
    const lane = this.#lanes[partition]!
    if (position <= lane.done) return true
    if (this.#isFull(lane, bytes)) return false
    lane.packer.add(key, keyStart, keyEnd, value, start, end)
    this.records++
    return true
  }

  #offerMalformed(record: SourceRecord, reason: string, position: number): boolean {
    const raw = record.rawBuffer
    const start = record.rawStart
    const end = Math.min(record.rawEnd, start + VALUE_BYTES_MAX)
    const lane = this.#lanes[partitionFor(raw, start, end, this.#lanes.length)]!
    if (position <= lane.done) return true
    if (this.#isFull(lane, end - start)) return false
    lane.packer.add(null, 0, 0, raw, start, end, [{ name: MALFORMED_HEADER, value: encoder.encode(reason) }])
    this.records++
    this.malformed++
    return true
  }

  #isFull(lane: Lane, more: Bytes): boolean {
    return lane.packer.count > 0 && lane.packer.bytes + more > this.#appendBytes
  }
}
