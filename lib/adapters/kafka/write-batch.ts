import { zstdCompressSync } from 'node:zlib'
import { crc32c } from '@platformatic/kafka'
import type { EpochMillis } from '#core/time.ts'
import type { SourcePosition } from '#ports/record-source.ts'
import type { RecordHeader } from '#schema/column.ts'
import type { NewRecords } from '#schema/record-batch.ts'
import { POSITION_HEADER } from './record-headers.ts'

// Offsets into a record batch of version 2 (https://kafka.apache.org/documentation/#recordbatch).
const LENGTH = 8
const MAGIC = 16
const CHECKSUM = 17
const ATTRIBUTES = 21
const LAST_OFFSET_DELTA = 23
const FIRST_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const PRODUCER = 43
const PRODUCER_EPOCH = 51
const SEQUENCE = 53
const COUNT = 57
const RECORDS = 61

const ZSTD = 4

const encoder = new TextEncoder()

/** Which producer a batch comes from, and the number of its first record: by these a broker knows it again. */
export interface BatchStamp {
  readonly producer: bigint
  readonly epoch: number
  readonly sequence: number
}

/** The records as one record batch; the last one carries the position. Not valid before it is stamped. */
export function writeBatch(records: NewRecords, appendTime: EpochMillis, at: SourcePosition | undefined): Buffer {
  const { count } = records
  const headers = encodedHeaders(records, at)
  const batch = new BatchWriter(RECORDS + sizeMax(records, headers), RECORDS)
  for (let i = 0; i < count; i++) batch.record(records, i, headers?.[i] ?? null)
  const { bytes } = batch
  bytes.fill(0, 0, RECORDS)
  bytes[MAGIC] = 2
  bytes.writeInt32BE(count - 1, LAST_OFFSET_DELTA)
  bytes.writeBigInt64BE(BigInt(appendTime), FIRST_TIMESTAMP)
  bytes.writeBigInt64BE(BigInt(appendTime), MAX_TIMESTAMP)
  bytes.writeInt32BE(count, COUNT)
  return finished(bytes.subarray(0, batch.at))
}

/** The same batch, its records compressed. */
export function compressedBatch(batch: Buffer): Buffer {
  const packed = Buffer.concat([batch.subarray(0, RECORDS), zstdCompressSync(batch.subarray(RECORDS))])
  packed.writeInt16BE(ZSTD, ATTRIBUTES)
  return finished(packed)
}

export function stampBatch(batch: Buffer, { producer, epoch, sequence }: BatchStamp): void {
  batch.writeBigInt64BE(producer, PRODUCER)
  batch.writeInt16BE(epoch, PRODUCER_EPOCH)
  batch.writeInt32BE(sequence, SEQUENCE)
  batch.writeUInt32BE(crc32c(batch.subarray(ATTRIBUTES)), CHECKSUM)
}

function finished(batch: Buffer): Buffer {
  batch.writeInt32BE(batch.length - LENGTH - 4, LENGTH)
  return batch
}

interface EncodedHeaders {
  readonly count: number
  readonly bytes: Uint8Array
}

/** Null when no record has headers. */
function encodedHeaders(
  records: NewRecords,
  at: SourcePosition | undefined,
): readonly (EncodedHeaders | null)[] | null {
  if (records.headers === null && at === undefined) return null
  const all = Array.from({ length: records.count }, (_, i) => encodeHeaders(records.headers?.[i] ?? []))
  if (at !== undefined) {
    const value = encoder.encode(JSON.stringify([at.source, at.position]))
    const own = records.headers?.[records.count - 1] ?? []
    all[records.count - 1] = encodeHeaders([...own, { name: POSITION_HEADER, value }])
  }
  return all
}

function encodeHeaders(headers: readonly RecordHeader[]): EncodedHeaders | null {
  if (headers.length === 0) return null
  const names = headers.map(({ name }) => encoder.encode(name))
  const size = headers.reduce((total, { value }, i) => total + names[i]!.length + (value?.length ?? 0) + 10, 0)
  const writer = new BatchWriter(size, 0)
  for (const [i, { value }] of headers.entries()) {
    writer.part(names[i]!, 0, names[i]!.length)
    if (value === null) writer.varint(-1)
    else writer.part(value, 0, value.length)
  }
  return { count: headers.length, bytes: writer.bytes.subarray(0, writer.at) }
}

function sizeMax(records: NewRecords, headers: readonly (EncodedHeaders | null)[] | null): number {
  let size = records.count * 30
  for (let i = 0; i < records.count; i++) {
    if (records.keyStarts[i]! >= 0) size += records.keyEnds[i]! - records.keyStarts[i]!
    if (records.valueStarts[i]! >= 0) size += records.valueEnds[i]! - records.valueStarts[i]!
    size += headers?.[i]?.bytes.length ?? 0
  }
  return size
}

class BatchWriter {
  readonly bytes: Buffer
  at: number

  constructor(size: number, at: number) {
    this.bytes = Buffer.allocUnsafeSlow(size)
    this.at = at
  }

  record(records: NewRecords, i: number, headers: EncodedHeaders | null): void {
    const { buffer, keyStarts, keyEnds, valueStarts, valueEnds } = records
    const keyLength = keyStarts[i]! < 0 ? -1 : keyEnds[i]! - keyStarts[i]!
    const valueLength = valueStarts[i]! < 0 ? -1 : valueEnds[i]! - valueStarts[i]!
    const length =
      2 +
      varintSize(i) +
      varintSize(keyLength) +
      Math.max(0, keyLength) +
      varintSize(valueLength) +
      Math.max(0, valueLength) +
      (headers === null ? 1 : varintSize(headers.count) + headers.bytes.length)
    this.varint(length)
    this.bytes[this.at++] = 0
    // All have the batch's timestamp.
    this.bytes[this.at++] = 0
    this.varint(i)
    if (keyLength < 0) this.varint(-1)
    else this.part(buffer, keyStarts[i]!, keyEnds[i]!)
    if (valueLength < 0) this.varint(-1)
    else this.part(buffer, valueStarts[i]!, valueEnds[i]!)
    this.varint(headers?.count ?? 0)
    if (headers !== null) this.#copy(headers.bytes, 0, headers.bytes.length)
  }

  /** A length and so many bytes. */
  part(from: Uint8Array, start: number, end: number): void {
    this.varint(end - start)
    this.#copy(from, start, end)
  }

  varint(value: number): void {
    let left = ((value << 1) ^ (value >> 31)) >>> 0
    while (left >= 0x80) {
      this.bytes[this.at++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    this.bytes[this.at++] = left
  }

  #copy(from: Uint8Array, start: number, end: number): void {
    this.bytes.set(from.subarray(start, end), this.at)
    this.at += end - start
  }
}

function varintSize(value: number): number {
  let left = ((value << 1) ^ (value >> 31)) >>> 0
  let size = 1
  while (left >= 0x80) {
    left >>>= 7
    size++
  }
  return size
}
