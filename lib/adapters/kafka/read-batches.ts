import { compressionsAlgorithmsByBitmask } from '@platformatic/kafka'
import { SluiceError } from '#core/errors.ts'
import { type Chunk, emptyChunk } from './chunk.ts'
import { Cursor } from './cursor.ts'
import type { AbortedTransaction } from './fetch.ts'

// Offsets into a record batch of version 2 (https://kafka.apache.org/documentation/#recordbatch).
const LENGTH = 8
const MAGIC = 16
const ATTRIBUTES = 21
const LAST_OFFSET_DELTA = 23
const FIRST_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const PRODUCER = 43
const COUNT = 57
const RECORDS = 61

const COMPRESSION = 0b111
const LOG_APPEND_TIME = 0b1000
const TRANSACTIONAL = 0b10000
const CONTROL = 0b100000

/** One batch whose records are wanted. */
interface Found {
  readonly baseOffset: number
  readonly count: number
  readonly firstTimestamp: number
  /** What all records have, where the broker sets it. */
  readonly appendTime: number | null
  readonly bytes: Uint8Array
}

/**
 * Finds the records in what a fetch brought, leaving out control records and those of aborted transactions. Points into the
 * given bytes where nothing is compressed. Checksums are the broker's business: it checks them when it takes a batch in.
 *
 * @param next what `next` of the chunk is when no batch is complete
 * @throws SluiceError TOPIC_CORRUPT
 */
export function readBatches(
  topic: string,
  records: Uint8Array,
  aborted: readonly AbortedTransaction[],
  next: number,
): Chunk {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength)
  const transactions = new Transactions(aborted)
  const found: Found[] = []
  let count = 0
  let largest = 0
  let packed = false
  for (let at = 0; at + RECORDS <= records.length; ) {
    const end = at + LENGTH + 4 + view.getInt32(at + LENGTH)
    if (end > records.length) break
    if (records[at + MAGIC] !== 2) throw unreadable(topic, `a batch of format ${records[at + MAGIC]}`)
    largest = Math.max(largest, end - at)
    const baseOffset = Number(view.getBigInt64(at))
    const attributes = view.getInt16(at + ATTRIBUTES)
    next = baseOffset + view.getInt32(at + LAST_OFFSET_DELTA) + 1
    if (!transactions.hides(view, at, attributes, next - 1)) {
      const batchCount = view.getInt32(at + COUNT)
      count += batchCount
      packed ||= (attributes & COMPRESSION) !== 0
      found.push({
        baseOffset,
        count: batchCount,
        firstTimestamp: Number(view.getBigInt64(at + FIRST_TIMESTAMP)),
        appendTime: attributes & LOG_APPEND_TIME ? Number(view.getBigInt64(at + MAX_TIMESTAMP)) : null,
        bytes: unpacked(topic, records.subarray(at + RECORDS, end), attributes & COMPRESSION),
      })
    }
    at = end
  }
  return indexed(topic, found, emptyChunk(count, packed ? sizedFor(found) : records, next, largest), packed)
}

const sizedFor = (found: readonly Found[]): Uint8Array =>
  new Uint8Array(found.reduce((total, { bytes }) => total + bytes.length, 0))

/** `packed`: the batches were unpacked, so that they are copied into the chunk's buffer; else it is where they lie. */
function indexed(topic: string, found: readonly Found[], chunk: Chunk, packed: boolean): Chunk {
  let record = 0
  let at = 0
  for (const batch of found) {
    const start = packed ? at : batch.bytes.byteOffset - chunk.buffer.byteOffset
    if (packed) chunk.buffer.set(batch.bytes, at)
    at = start + batch.bytes.length
    indexBatch(topic, chunk, batch, record, start, at)
    record += batch.count
  }
  return chunk
}

function indexBatch(topic: string, chunk: Chunk, batch: Found, first: number, start: number, end: number): void {
  const { keyStarts, keyEnds, valueStarts, valueEnds, headerStarts, offsets, timestamps, bytesBefore } = chunk
  const { baseOffset, firstTimestamp, appendTime } = batch
  const cursor = new Cursor(chunk.buffer, start)
  const last = first + batch.count
  for (let i = first; i < last; i++) {
    const length = cursor.varint()
    const recordEnd = cursor.at + length
    if (!(recordEnd <= end)) throw unreadable(topic, `a record that ends outside its batch at offset ${baseOffset}`)
    cursor.at++
    const timestamp = firstTimestamp + cursor.varint()
    timestamps[i] = appendTime ?? timestamp
    offsets[i] = baseOffset + cursor.varint()
    const keyLength = cursor.varint()
    keyStarts[i] = keyLength < 0 ? -1 : cursor.at
    if (keyLength > 0) cursor.at += keyLength
    keyEnds[i] = keyLength < 0 ? -1 : cursor.at
    const valueLength = cursor.varint()
    valueStarts[i] = valueLength < 0 ? -1 : cursor.at
    if (valueLength > 0) cursor.at += valueLength
    valueEnds[i] = valueLength < 0 ? -1 : cursor.at
    const headers = chunk.buffer[cursor.at] === 0 ? 0 : recordEnd - cursor.at
    headerStarts[i] = headers === 0 ? -1 : cursor.at
    bytesBefore[i + 1] = bytesBefore[i]! + Math.max(0, keyLength) + Math.max(0, valueLength) + headers
    cursor.at = recordEnd
  }
}

function unpacked(topic: string, bytes: Uint8Array, compression: number): Uint8Array {
  if (compression === 0) return bytes
  const algorithm = compressionsAlgorithmsByBitmask[compression]
  if (algorithm === undefined) throw unreadable(topic, `a batch with compression ${compression}`)
  return algorithm.decompressSync(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))
}

/** Which batches belong to aborted transactions: those of their producer, from the first one to the marker that ends it. */
class Transactions {
  readonly #pending: AbortedTransaction[]
  readonly #open = new Set<bigint>()

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#pending = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset)
  }

  hides(view: DataView, at: number, attributes: number, lastOffset: number): boolean {
    while (this.#pending.length > 0 && this.#pending[0]!.firstOffset <= lastOffset) {
      this.#open.add(this.#pending.shift()!.producer)
    }
    if (attributes & CONTROL) {
      this.#open.delete(view.getBigInt64(at + PRODUCER))
      return true
    }
    return (attributes & TRANSACTIONAL) !== 0 && this.#open.has(view.getBigInt64(at + PRODUCER))
  }
}

function unreadable(topic: string, found: string): SluiceError {
  return new SluiceError(
    'TOPIC_CORRUPT',
    `Expected record batches of format 2 in topic "${topic}", found ${found}. Copy what can be read to a new topic.`,
    { details: { topic } },
  )
}
