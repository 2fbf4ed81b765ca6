import type { Bytes } from '#core/time.ts'
import type { ReadLimits } from '#ports/record-source.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { sliceBatch } from './topic-log-slice.ts'

/** The event JSON around the records: source, ARN, bootstrap servers, and a map key per partition. */
const ENVELOPE: Bytes = 1024
const PARTITION_KEY: Bytes = 16
/** A record's field names, quotes and longest numbers; its topic's name comes on top. */
const RECORD: Bytes = 160

/** A payload as it fills up: whole within its number of records and its size as event JSON. */
export class PayloadBuilder {
  readonly batches: RecordBatch[] = []
  readonly #maxRecords: number
  readonly #maxBytes: Bytes
  #count = 0
  #bytes = ENVELOPE
  #full = false

  constructor(maxRecords: number, maxBytes: Bytes) {
    this.#maxRecords = maxRecords
    this.#maxBytes = maxBytes
  }

  get count(): number {
    return this.#count
  }

  /** Its size as event JSON, not less than it will be. */
  get bytes(): Bytes {
    return this.#bytes
  }

  /** Nothing more goes in: so many records, or the next one would be too large. */
  get full(): boolean {
    return this.#full
  }

  /** What to ask the next partition for: base64 makes 4 bytes of 3, so more than this can't fit. */
  get room(): ReadLimits {
    return {
      maxRecords: this.#maxRecords - this.#count,
      maxBytes: Math.max(1, Math.floor(((this.#maxBytes - this.#bytes) * 3) / 4)),
    }
  }

  /** Takes the records from the batch's start that fit. The first record of a payload always does. */
  add(batch: RecordBatch): void {
    let bytes = this.#bytes + PARTITION_KEY + batch.topic.length
    const perRecord = RECORD + batch.topic.length
    const limit = Math.min(batch.count, this.#maxRecords - this.#count)
    let taken = 0
    while (taken < limit) {
      bytes += perRecord + encodedBytes(batch, taken)
      if (bytes > this.#maxBytes && this.#count + taken > 0) break
      this.#bytes = bytes
      taken++
    }
    if (taken > 0) this.batches.push(prefix(batch, taken))
    this.#count += taken
    this.#full = taken < batch.count || this.#count === this.#maxRecords || this.#bytes >= this.#maxBytes
  }
}

/** Key and value in base64; each byte of a header's value as a decimal number and a comma. */
function encodedBytes(batch: RecordBatch, i: number): Bytes {
  const keyStart = batch.keyStarts[i]!
  const valueStart = batch.valueStarts[i]!
  let bytes = keyStart < 0 ? 0 : (((batch.keyEnds[i]! - keyStart + 2) / 3) | 0) * 4
  if (valueStart >= 0) bytes += (((batch.valueEnds[i]! - valueStart + 2) / 3) | 0) * 4
  const list = batch.headers === null ? null : batch.headers[i]!
  // A character of a name is up to 6 in JSON (\u0000).
  if (list !== null) for (const { name, value } of list) bytes += 12 + name.length * 6 + (value?.length ?? 0) * 4
  return bytes
}

const prefixes = new WeakMap<RecordBatch, RecordBatch>()

/** The first records of a batch. The same object for the same number of records: who decodes it, decodes it once. */
function prefix(batch: RecordBatch, count: number): RecordBatch {
  const known = prefixes.get(batch)
  if (known?.count === count) return known
  const part = sliceBatch(batch, 0, count)
  if (part !== batch) prefixes.set(batch, part)
  return part
}
