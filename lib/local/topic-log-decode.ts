import { crc32 } from 'node:zlib'
import type { RecordHeader } from '#schema/column.ts'
import type { RecordBatch, RecordPlaces, RecordTimes } from '#schema/record-batch.ts'
import { type BatchHeader, HEADER_BYTES, readBatchHeader } from './topic-log-format.ts'
import { readRecordHeaders } from './topic-log-record-headers.ts'

export interface DecodeRange {
  readonly topic: string
  readonly partition: number
  /** Records below this offset are passed over. */
  readonly from: number
  /** Upper bound of the records to take. */
  readonly maxRecords: number
}

/** A batch in the bytes is not what was written there. `at` is its position in the bytes. */
export class DamagedBatch extends Error {
  readonly at: number

  constructor(at: number) {
    super(`damaged batch at ${at}`)
    this.at = at
  }
}

type Arrays = RecordPlaces & RecordTimes

/**
 * The records of whole batches that lie back to back in `bytes` (which the result keeps), as one RecordBatch: at most
 * `maxRecords` from offset `from`. Every batch is checked against its crc.
 *
 * @throws DamagedBatch
 */
export function decodeBatches(bytes: Buffer, range: DecodeRange): RecordBatch {
  const { topic, partition, from, maxRecords } = range
  const arrays: Arrays = {
    offsets: new Float64Array(maxRecords),
    timestamps: new Float64Array(maxRecords),
    keyStarts: new Int32Array(maxRecords),
    keyEnds: new Int32Array(maxRecords),
    valueStarts: new Int32Array(maxRecords),
    valueEnds: new Int32Array(maxRecords),
  }
  let headers: (readonly RecordHeader[] | null)[] | null = null
  let taken = 0
  for (let at = 0; at < bytes.length; ) {
    const header = checkedHeader(bytes, at, partition)
    const skip = Math.max(0, from - header.baseOffset)
    const count = Math.min(header.count - skip, maxRecords - taken)
    if (count > 0) {
      decodeRecords(bytes, at + HEADER_BYTES, header, { skip, count, first: taken }, arrays)
      if (header.headerBytes > 0) {
        headers ??= new Array<readonly RecordHeader[] | null>(taken).fill(null)
        const headersAt = at + HEADER_BYTES + header.count * 8 + header.recordBytes
        readRecordHeaders(bytes, headersAt, { skip, count }, headers)
      } else if (headers !== null) {
        for (let i = 0; i < count; i++) headers.push(null)
      }
      taken += count
    }
    at += HEADER_BYTES + header.bodyBytes
  }
  if (headers?.every((list) => list === null)) headers = null
  return { topic, partition, count: taken, ...trimmed(arrays, taken), buffer: bytes, headers }
}

function checkedHeader(bytes: Buffer, at: number, partition: number): BatchHeader {
  const header = readBatchHeader(bytes, at, partition)
  const bodyStart = at + HEADER_BYTES
  if (header === undefined || bodyStart + header.bodyBytes > bytes.length) throw new DamagedBatch(at)
  if (crc32(bytes.subarray(bodyStart, bodyStart + header.bodyBytes)) !== header.bodyCrc) throw new DamagedBatch(at)
  return header
}

function decodeRecords(
  bytes: Buffer,
  tableAt: number,
  header: BatchHeader,
  part: { readonly skip: number; readonly count: number; readonly first: number },
  into: Arrays,
): void {
  const { offsets, keyStarts, keyEnds, valueStarts, valueEnds } = into
  const table = new Int32Array(bytes.buffer, bytes.byteOffset + tableAt, header.count * 2)
  let cursor = tableAt + header.count * 8
  for (let i = 0; i < part.skip * 2; i++) cursor += Math.max(table[i]!, 0)
  into.timestamps.fill(header.appendTime, part.first, part.first + part.count)
  const shift = part.skip - part.first
  for (let n = part.first; n < part.first + part.count; n++) {
    const i = n + shift
    offsets[n] = header.baseOffset + i
    const keyLength = table[i * 2]!
    if (keyLength < 0) {
      keyStarts[n] = -1
      keyEnds[n] = -1
    } else {
      keyStarts[n] = cursor
      cursor += keyLength
      keyEnds[n] = cursor
    }
    const valueLength = table[i * 2 + 1]!
    if (valueLength < 0) {
      valueStarts[n] = -1
      valueEnds[n] = -1
    } else {
      valueStarts[n] = cursor
      cursor += valueLength
      valueEnds[n] = cursor
    }
  }
}

function trimmed(arrays: Arrays, count: number): Arrays {
  if (count === arrays.offsets.length) return arrays
  return {
    offsets: arrays.offsets.subarray(0, count),
    timestamps: arrays.timestamps.subarray(0, count),
    keyStarts: arrays.keyStarts.subarray(0, count),
    keyEnds: arrays.keyEnds.subarray(0, count),
    valueStarts: arrays.valueStarts.subarray(0, count),
    valueEnds: arrays.valueEnds.subarray(0, count),
  }
}
