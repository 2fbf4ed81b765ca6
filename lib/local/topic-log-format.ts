/**
 * One batch of the embedded topic log as it lies in a segment file, little-endian, always a multiple of 8 bytes:
 *
 * ```
 *  0 u32 magic        24 f64 source position, NaN for none    48 u32 crc32 of all that follows the header
 *  4 u32 crc32 of     32 u32 count                            52 u32 bytes that follow the header
 *    the header [8,64)36 u32 bytes of keys and values         56 u32 format version
 *  8 f64 base offset  40 u32 bytes of record headers          60 u32 partition
 * 16 f64 append time  44 u32 bytes of the source's name
 * 64 count × { i32 key length, i32 value length } (−1: none), keys and values, record headers (if any has some),
 *    the source's name, zeros up to a multiple of 8
 * ```
 *
 * The lengths come first, so a reader turns a run of batches into a RecordBatch over the bytes it read, with no allocation
 * for a record.
 */
import { crc32 } from 'node:zlib'
import type { Bytes, EpochMillis } from '#core/time.ts'
import type { SourcePosition } from '#ports/record-source.ts'
import type { NewRecords } from '#schema/record-batch.ts'
import { recordHeadersBytes, writeRecordHeaders } from './topic-log-record-headers.ts'

export const MAGIC = 0x31424c53
export const HEADER_BYTES: Bytes = 64
const FORMAT_VERSION = 1
/** Positions inside a read are 32-bit; a quarter of that leaves room for two batches and their tables. */
const BATCH_BYTES_MAX: Bytes = 2 ** 29

export interface BatchHeader {
  readonly baseOffset: number
  readonly appendTime: EpochMillis
  /** NaN when the batch carries no source position. */
  readonly position: number
  readonly count: number
  readonly recordBytes: Bytes
  readonly headerBytes: Bytes
  readonly sourceBytes: Bytes
  readonly bodyCrc: number
  readonly bodyBytes: Bytes
}

/** The header at `at`, or undefined when the bytes there are not one of this partition (magic, crc, version, sizes). */
export function readBatchHeader(bytes: Buffer, at: number, partition: number): BatchHeader | undefined {
  if (at + HEADER_BYTES > bytes.length || bytes.readUInt32LE(at) !== MAGIC) return undefined
  if (crc32(bytes.subarray(at + 8, at + HEADER_BYTES)) !== bytes.readUInt32LE(at + 4)) return undefined
  if (bytes.readUInt32LE(at + 56) !== FORMAT_VERSION || bytes.readUInt32LE(at + 60) !== partition) return undefined
  return {
    baseOffset: bytes.readDoubleLE(at + 8),
    appendTime: bytes.readDoubleLE(at + 16),
    position: bytes.readDoubleLE(at + 24),
    count: bytes.readUInt32LE(at + 32),
    recordBytes: bytes.readUInt32LE(at + 36),
    headerBytes: bytes.readUInt32LE(at + 40),
    sourceBytes: bytes.readUInt32LE(at + 44),
    bodyCrc: bytes.readUInt32LE(at + 48),
    bodyBytes: bytes.readUInt32LE(at + 52),
  }
}

/** Where in a batch's body the source's name begins. */
export function sourceStart(header: BatchHeader): number {
  return header.count * 8 + header.recordBytes + header.headerBytes
}

/** A batch ready to be written with one `writev`. The pieces are valid until the next call of `encode`. */
export interface EncodedBatch {
  readonly pieces: readonly Uint8Array[]
  readonly total: Bytes
  /** Bytes of keys and values. */
  readonly payload: Bytes
}

/** Encodes batches for one log, reusing its scratch memory. Records that lie back to back are not copied. */
export class BatchEncoder {
  #scratch = Buffer.allocUnsafeSlow(1 << 16)

  encode(
    records: NewRecords,
    place: { readonly partition: number; readonly baseOffset: number; readonly appendTime: EpochMillis },
    at: SourcePosition | undefined,
  ): EncodedBatch {
    const { count } = records
    const source = at === undefined ? undefined : Buffer.from(at.source)
    const headerBytes = records.headers === null ? 0 : recordHeadersBytes(records.headers, count)
    const tableEnd = HEADER_BYTES + count * 8
    this.#reserve(tableEnd)
    const layout = writeLengths(records, this.#scratch, HEADER_BYTES)
    const tailBytes = headerBytes + (source?.length ?? 0)
    const unpadded = tableEnd + layout.bytes + tailBytes
    const total = Math.ceil(unpadded / 8) * 8
    if (total > BATCH_BYTES_MAX) {
      throw new RangeError(`one append takes at most ${BATCH_BYTES_MAX} bytes, this one has ${unpadded}: split it`)
    }
    const gathered = layout.start < 0 ? layout.bytes : 0
    const tailStart = tableEnd + gathered
    const tailEnd = tailStart + (total - tableEnd - layout.bytes)
    this.#reserve(tailEnd)
    const scratch = this.#scratch
    if (gathered > 0) gather(records, scratch, tableEnd)
    if (records.headers !== null && headerBytes > 0) writeRecordHeaders(records.headers, count, scratch, tailStart)
    source?.copy(scratch, tailStart + headerBytes)
    scratch.fill(0, tailStart + tailBytes, tailEnd)

    const view = layout.start < 0 ? undefined : records.buffer.subarray(layout.start, layout.start + layout.bytes)
    const crc =
      view === undefined
        ? crc32(scratch.subarray(HEADER_BYTES, tailEnd))
        : crc32(scratch.subarray(tailStart, tailEnd), crc32(view, crc32(scratch.subarray(HEADER_BYTES, tableEnd))))
    scratch.writeUInt32LE(MAGIC, 0)
    scratch.writeDoubleLE(place.baseOffset, 8)
    scratch.writeDoubleLE(place.appendTime, 16)
    scratch.writeDoubleLE(at === undefined ? Number.NaN : at.position, 24)
    scratch.writeUInt32LE(count, 32)
    scratch.writeUInt32LE(layout.bytes, 36)
    scratch.writeUInt32LE(headerBytes, 40)
    scratch.writeUInt32LE(source?.length ?? 0, 44)
    scratch.writeUInt32LE(crc, 48)
    scratch.writeUInt32LE(total - HEADER_BYTES, 52)
    scratch.writeUInt32LE(FORMAT_VERSION, 56)
    scratch.writeUInt32LE(place.partition, 60)
    scratch.writeUInt32LE(crc32(scratch.subarray(8, HEADER_BYTES)), 4)
    const pieces =
      view === undefined
        ? [scratch.subarray(0, tailEnd)]
        : [scratch.subarray(0, tableEnd), view, scratch.subarray(tailStart, tailEnd)].filter((p) => p.length > 0)
    return { pieces, total, payload: layout.bytes }
  }

  #reserve(bytes: number): void {
    if (this.#scratch.length >= bytes) return
    const larger = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)))
    this.#scratch.copy(larger)
    this.#scratch = larger
  }
}

/**
 * Writes the table of lengths. `start` is where the records begin in their buffer if each begins where the one before it
 * ended (then they can be written as they lie), else −1.
 */
function writeLengths(records: NewRecords, target: Buffer, at: number): { start: number; bytes: number } {
  const { count, keyStarts, keyEnds, valueStarts, valueEnds } = records
  const limit = records.buffer.length
  const table = new Int32Array(target.buffer, target.byteOffset + at, count * 2)
  let first = -1
  let cursor = -1
  let adjacent = true
  let bytes = 0
  for (let i = 0; i < count; i++) {
    const keyStart = keyStarts[i]!
    let length = -1
    if (keyStart >= 0) {
      const end = keyEnds[i]!
      length = end - keyStart
      if (cursor < 0) first = keyStart
      else if (cursor !== keyStart) adjacent = false
      cursor = end
      bytes += length
      if (length < 0 || end > limit) throw new RangeError(`key of record ${i} lies outside the buffer`)
    }
    table[i * 2] = length
    const valueStart = valueStarts[i]!
    length = -1
    if (valueStart >= 0) {
      const end = valueEnds[i]!
      length = end - valueStart
      if (cursor < 0) first = valueStart
      else if (cursor !== valueStart) adjacent = false
      cursor = end
      bytes += length
      if (length < 0 || end > limit) throw new RangeError(`value of record ${i} lies outside the buffer`)
    }
    table[i * 2 + 1] = length
  }
  return { start: adjacent && first >= 0 ? first : -1, bytes }
}

/** Copies keys and values back to back: the one copy for records that lie scattered in their buffer. */
function gather(records: NewRecords, target: Buffer, at: number): void {
  const { count, buffer, keyStarts, keyEnds, valueStarts, valueEnds } = records
  const source = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  let cursor = at
  for (let i = 0; i < count; i++) {
    const keyStart = keyStarts[i]!
    const keyEnd = keyEnds[i]!
    const valueStart = valueStarts[i]!
    const valueEnd = valueEnds[i]!
    if (keyStart >= 0 && keyEnd === valueStart) {
      cursor += source.copy(target, cursor, keyStart, valueEnd)
      continue
    }
    if (keyStart >= 0) cursor += source.copy(target, cursor, keyStart, keyEnd)
    if (valueStart >= 0) cursor += source.copy(target, cursor, valueStart, valueEnd)
  }
}
