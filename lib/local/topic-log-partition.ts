import { existsSync } from 'node:fs'
import { SluiceError } from '#core/errors.ts'
import type { Bytes, EpochMillis } from '#core/time.ts'
import type { ReadLimits, SourcePosition } from '#ports/record-source.ts'
import type { NewRecords, RecordBatch } from '#schema/record-batch.ts'
import { diskError } from './data-folder-error.ts'
import type { ReadCache } from './topic-log-cache.ts'
import { DamagedBatch, decodeBatches } from './topic-log-decode.ts'
import { type BatchEncoder, type BatchHeader, HEADER_BYTES } from './topic-log-format.ts'
import { BatchIndex } from './topic-log-index.ts'
import { recordBytes, sliceBatch } from './topic-log-slice.ts'
import {
  bodyIsIntact,
  checkOffset,
  hasBatchBehind,
  listSegments,
  type ScanEnd,
  Segment,
  scanSegment,
} from './topic-segment.ts'

const SEGMENT_BYTES: Bytes = 64 * 1024 * 1024
/** The most that one read takes from disk: positions in a RecordBatch are 32-bit. */
const READ_BYTES_MAX: Bytes = 2 ** 30
/** Two consumers, each in the middle of a batch. */
const SPLITS_MAX = 2

export interface PartitionPlace {
  readonly topic: string
  readonly partition: number
  /** The partition's own folder. */
  readonly folder: string
  /** The one writer; everybody else follows. */
  readonly writable: boolean
}

/** The segments of one partition and the index over them. */
export class PartitionLog {
  readonly #place: PartitionPlace
  readonly #cache: ReadCache
  readonly #index = new BatchIndex()
  readonly #segments: Segment[] = []
  readonly #positions = new Map<string, number>()
  #nextOffset = 0
  /** Where the next batch begins in the last segment. */
  #end = 0
  /** Batches that readers are in the middle of, decoded whole, by base offset: small reads are slices of them. */
  readonly #splits = new Map<number, RecordBatch>()
  #openForReading: Segment | undefined
  #tailIsDirty = false

  /** Reads the headers of all batches. A writer drops a torn tail. @throws SluiceError TOPIC_CORRUPT, OFFSET_TOO_LARGE */
  constructor(place: PartitionPlace, cache: ReadCache) {
    this.#place = place
    this.#cache = cache
    let end: ScanEnd | undefined
    for (const base of listSegments(place.folder)) {
      const previous = this.#segments.at(-1)
      if (previous !== undefined) {
        // Only the last segment can have been written to when a process was killed.
        if (end?.stopped !== 'end') this.#corrupt(previous, this.#end)
        previous.close()
        if (base !== this.#nextOffset) this.#corrupt(this.#segment(base), 0)
      }
      end = this.#scanNew(this.#segment(base))
    }
    if (end !== undefined && end.stopped !== 'end') this.#settleTail(this.#segments.at(-1)!, end)
  }

  get endOffset(): number {
    return this.#nextOffset
  }

  /** The last position of this source that records of the partition came with. */
  position(source: string): number | undefined {
    return this.#positions.get(source)
  }

  /** @throws SluiceError DISK_FULL, DATA_FOLDER_READ_ONLY, OFFSET_TOO_LARGE; then nothing is written. */
  append(records: NewRecords, appendTime: EpochMillis, at: SourcePosition | undefined, encoder: BatchEncoder): void {
    const { partition } = this.#place
    const baseOffset = this.#nextOffset
    checkOffset(baseOffset + records.count, `partition ${partition} of topic "${this.#place.topic}"`)
    const encoded = encoder.encode(records, { partition, baseOffset, appendTime }, at)
    const segment = this.#segmentFor(encoded.total)
    this.#write(segment, encoded.pieces)
    if (records.count > 0) {
      this.#index.push({
        baseOffset,
        count: records.count,
        payload: encoded.payload,
        segment: this.#segments.length - 1,
        position: this.#end,
        length: encoded.total,
      })
    }
    if (at !== undefined) this.#positions.set(at.source, at.position)
    this.#end += encoded.total
    this.#nextOffset += records.count
  }

  /** Finds what another thread or process has appended. Cost: one fstat and one look for a new segment. */
  refresh(): void {
    for (;;) {
      const last = this.#segments.at(-1)
      if (last === undefined) {
        const [first] = listSegments(this.#place.folder)
        if (first === undefined) return
        this.#scanNew(this.#segment(first))
        continue
      }
      const size = last.size()
      if (size < this.#end) this.#forget(last)
      if (size > this.#end && this.#scan(last, size).stopped !== 'end') return
      if (this.#nextOffset === last.baseOffset) return
      const next = this.#segment(this.#nextOffset)
      if (!existsSync(next.path)) return
      last.close()
      this.#scanNew(next)
    }
  }

  read(from: number, limits: ReadLimits): RecordBatch | undefined {
    const { partition } = this.#place
    const { maxRecords, maxBytes } = limits
    const key = { partition, from, maxRecords, maxBytes }
    const cached = this.#cache.get(key, this.#nextOffset)
    if (cached !== undefined) return cached
    const index = this.#index
    const first = index.find(from)
    if (first === index.length) return undefined
    const skip = Math.max(0, from - index.baseOffset(first))
    let last = first
    let records = index.count(first) - skip
    let bytes = skip > 0 ? 0 : index.payload(first)
    let span = index.fileLength(first)
    while (records < maxRecords && bytes <= maxBytes && last + 1 < index.length) {
      span += index.fileLength(last + 1)
      if (span > READ_BYTES_MAX) break
      last++
      records += index.count(last)
      bytes += index.payload(last)
    }
    const batch =
      first === last
        ? this.#partOf(first, skip, limits)
        : fitting(this.#decode(first, last, from, Math.min(records, maxRecords)), 0, limits)
    const endsAt = batch.offsets[batch.count - 1]! + 1
    const full = batch.count === maxRecords || endsAt < this.#nextOffset
    this.#cache.set({ ...key, batch, endedAt: full ? undefined : this.#nextOffset })
    return batch
  }

  close(): void {
    for (const segment of this.#segments) segment.close()
  }

  #segment(baseOffset: number): Segment {
    return new Segment(this.#place.folder, baseOffset, this.#place.writable)
  }

  /** Takes a segment that was not known as the last one. */
  #scanNew(segment: Segment): ScanEnd {
    this.#segments.push(segment)
    this.#nextOffset = segment.baseOffset
    this.#end = 0
    return this.#scan(segment, segment.size())
  }

  /** What follows the last whole batch is torn, unless batches follow it: that is damage. */
  #settleTail(segment: Segment, end: ScanEnd): void {
    if (end.stopped === 'header' && hasBatchBehind(segment, this.#place.partition, end, segment.size())) {
      this.#corrupt(segment, end.position)
    }
    if (this.#place.writable) this.#truncate(segment)
  }

  /**
   * Walks the batches from the known end on. A batch becomes known when the next one begins, the last one when its body is
   * checked too (by the writer: a follower checks what it reads): a tail that fails is as if it had never been written.
   */
  #scan(segment: Segment, size: Bytes): ScanEnd {
    const { partition, writable } = this.#place
    let tail: { header: BatchHeader; position: number; source: string | undefined } | undefined
    const start = { position: this.#end, nextOffset: this.#nextOffset, size }
    const end = scanSegment(segment, partition, start, (header, position, source) => {
      if (tail !== undefined) this.#know(tail.header, tail.position, tail.source)
      tail = { header, position, source }
    })
    if (tail === undefined) return end
    const { header, position, source } = tail as NonNullable<typeof tail>
    if (writable && !bodyIsIntact(segment, header, position)) {
      if (end.stopped !== 'end') this.#corrupt(segment, position)
      return { position, nextOffset: header.baseOffset, stopped: 'short' }
    }
    this.#know(header, position, source)
    return end
  }

  #know(header: BatchHeader, position: number, source: string | undefined): void {
    const length = HEADER_BYTES + header.bodyBytes
    if (header.count > 0) {
      this.#index.push({
        baseOffset: header.baseOffset,
        count: header.count,
        payload: header.recordBytes,
        segment: this.#segments.length - 1,
        position,
        length,
      })
    }
    if (source !== undefined) this.#positions.set(source, header.position)
    this.#end = position + length
    this.#nextOffset = header.baseOffset + header.count
  }

  /** The writer has dropped a torn tail that this follower knew: it reads the segment anew. */
  #forget(segment: Segment): void {
    this.#index.cut(this.#segments.length - 1, 0)
    this.#cache.drop(this.#place.partition)
    this.#splits.clear()
    this.#end = 0
    this.#nextOffset = segment.baseOffset
  }

  #segmentFor(bytes: Bytes): Segment {
    const last = this.#segments.at(-1)
    if (last !== undefined) {
      const room = this.#end === 0 || this.#end + bytes <= SEGMENT_BYTES || this.#nextOffset === last.baseOffset
      if (room) return last
      if (this.#tailIsDirty) this.#truncate(last)
    }
    const segment = this.#segment(this.#nextOffset)
    try {
      segment.create()
    } catch (error) {
      throw diskError(error, segment.path)
    }
    last?.close()
    this.#segments.push(segment)
    this.#end = 0
    this.#tailIsDirty = false
    return segment
  }

  /** Writes the pieces at the end, or nothing: what a failed write leaves is dropped, at the latest by the next append. */
  #write(segment: Segment, pieces: readonly Uint8Array[]): void {
    if (this.#tailIsDirty) this.#truncate(segment)
    try {
      this.#tailIsDirty = true
      segment.write(pieces, this.#end)
      this.#tailIsDirty = false
    } catch (error) {
      try {
        this.#truncate(segment)
      } catch {
        // The next append tries again. The error that counts is the first one.
      }
      throw diskError(error, segment.path)
    }
  }

  #truncate(segment: Segment): void {
    try {
      segment.truncate(this.#end)
      this.#tailIsDirty = false
    } catch (error) {
      throw diskError(error, segment.path)
    }
  }

  /** A read within one batch of the log. */
  #partOf(i: number, skip: number, limits: ReadLimits): RecordBatch {
    const base = this.#index.baseOffset(i)
    const whole = this.#splits.get(base) ?? this.#decode(i, i, base, this.#index.count(i))
    const part = fitting(whole, skip, limits)
    this.#splits.delete(base)
    if (skip + part.count < whole.count) {
      const [oldest] = this.#splits.keys()
      if (this.#splits.size >= SPLITS_MAX) this.#splits.delete(oldest!)
      this.#splits.set(base, whole)
    }
    return part
  }

  #decode(first: number, last: number, from: number, maxRecords: number): RecordBatch {
    const index = this.#index
    const runs: { segment: Segment; position: number; at: number; length: Bytes }[] = []
    let total = 0
    for (let i = first; i <= last; i++) {
      const run = runs.at(-1)
      if (run !== undefined && run.segment === this.#segments[index.segment(i)]) {
        total += index.end(i) - (run.position + run.length)
        run.length = index.end(i) - run.position
      } else {
        const segment = this.#segments[index.segment(i)]!
        runs.push({ segment, position: index.position(i), at: total, length: index.fileLength(i) })
        total += index.fileLength(i)
      }
    }
    const bytes = Buffer.allocUnsafeSlow(total)
    for (const run of runs) {
      const got = this.#reading(run.segment).read(bytes.subarray(run.at, run.at + run.length), run.position)
      if (got < run.length) this.#corrupt(run.segment, run.position + got)
    }
    const { topic, partition } = this.#place
    try {
      return decodeBatches(bytes, { topic, partition, from, maxRecords })
    } catch (error) {
      if (!(error instanceof DamagedBatch)) throw error
      const run = runs.findLast((candidate) => candidate.at <= error.at)!
      return this.#corrupt(run.segment, run.position + error.at - run.at)
    }
  }

  /** Keeps open, besides the last segment, only the one that was read last. */
  #reading(segment: Segment): Segment {
    if (segment === this.#segments.at(-1) || segment === this.#openForReading) return segment
    if (this.#openForReading !== this.#segments.at(-1)) this.#openForReading?.close()
    this.#openForReading = segment
    return segment
  }

  #corrupt(segment: Segment, byte: number): never {
    const { topic, partition } = this.#place
    throw new SluiceError(
      'TOPIC_CORRUPT',
      `Expected a batch of records of topic "${topic}" in ${segment.path} at byte ${byte}, found damaged bytes or none, with ` +
        'more records behind them. Restore the file from a copy, or start with an empty data folder and feed the inputs again.',
      { details: { file: segment.path, byte, topic, partition } },
    )
  }
}

/** The records from index `start` on that the limits allow: at least one. */
function fitting(batch: RecordBatch, start: number, limits: ReadLimits): RecordBatch {
  const stop = Math.min(batch.count, start + limits.maxRecords)
  let bytes = recordBytes(batch, start)
  let end = start + 1
  while (end < stop) {
    bytes += recordBytes(batch, end)
    if (bytes > limits.maxBytes) break
    end++
  }
  return sliceBatch(batch, start, end)
}
