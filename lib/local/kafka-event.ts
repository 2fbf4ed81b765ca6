import type { RecordHeader } from '#schema/column.ts'
import type { RecordBatch } from '#schema/record-batch.ts'

/** A byte string as Lambda's JSON has it: numbers, which may be signed, since Java's bytes are. */
type Bytes = readonly number[]

/** https://docs.aws.amazon.com/lambda/latest/dg/with-msk.html: what a function gets from a Kafka event-source mapping. */
export interface KafkaEvent {
  readonly eventSource: 'aws:kafka' | 'SelfManagedKafka'
  /** Of the MSK cluster; absent for SelfManagedKafka. */
  readonly eventSourceArn?: string
  /** Comma-separated. */
  readonly bootstrapServers: string
  /** By `<topic>-<partition>`. */
  readonly records: Readonly<Record<string, readonly KafkaEventRecord[]>>
}

export interface KafkaEventRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestamp: number
  readonly timestampType: 'CREATE_TIME' | 'LOG_APPEND_TIME'
  /** Base64; null or absent for a record without one. */
  readonly key?: string | null
  /** Base64; null or absent for a tombstone. */
  readonly value?: string | null
  /** One object with one name each: order and repeated names are kept. */
  readonly headers?: readonly Readonly<Record<string, Bytes | null>>[] | null
}

export interface KafkaEventOrigin {
  /** Makes it an event of MSK; default: of a self-managed cluster. */
  readonly eventSourceArn?: string
  readonly bootstrapServers?: string
}

/** The event that Lambda would send for this payload. */
export function toKafkaEvent(payload: readonly RecordBatch[], origin: KafkaEventOrigin = {}): KafkaEvent {
  const { eventSourceArn, bootstrapServers = 'localhost:9092' } = origin
  const records: Record<string, KafkaEventRecord[]> = {}
  for (const batch of payload) {
    const key = `${batch.topic}-${batch.partition}`
    const list = records[key] ?? []
    records[key] = list
    for (let i = 0; i < batch.count; i++) list.push(toRecord(batch, i))
  }
  if (eventSourceArn === undefined) return { eventSource: 'SelfManagedKafka', bootstrapServers, records }
  return { eventSource: 'aws:kafka', eventSourceArn, bootstrapServers, records }
}

function toRecord(batch: RecordBatch, i: number): KafkaEventRecord {
  const { topic, partition, buffer } = batch
  const bytes = Buffer.from(buffer.buffer, buffer.byteOffset, buffer.byteLength)
  const encoded = (start: number, end: number): string | null =>
    start < 0 ? null : bytes.toString('base64', start, end)
  const headers = batch.headers === null ? null : batch.headers[i]!
  return {
    topic,
    partition,
    offset: batch.offsets[i]!,
    timestamp: batch.timestamps[i]!,
    timestampType: 'LOG_APPEND_TIME',
    key: encoded(batch.keyStarts[i]!, batch.keyEnds[i]!),
    value: encoded(batch.valueStarts[i]!, batch.valueEnds[i]!),
    headers: (headers ?? []).map(({ name, value }) => ({ [name]: value === null ? null : [...value] })),
  }
}

/** The payload in an event: one batch per partition, in the event's order, each over a buffer of its own. */
export function fromKafkaEvent(event: KafkaEvent): RecordBatch[] {
  return Object.values(event.records)
    .filter((records) => records.length > 0)
    .map(fromRecords)
}

function fromRecords(records: readonly KafkaEventRecord[]): RecordBatch {
  const count = records.length
  const [{ topic, partition }] = records as [KafkaEventRecord]
  let size = 0
  for (const { key, value } of records) size += base64Bytes(key) + base64Bytes(value)
  const buffer = Buffer.allocUnsafeSlow(size)
  const keyStarts = new Int32Array(count).fill(-1)
  const keyEnds = new Int32Array(count).fill(-1)
  const valueStarts = new Int32Array(count).fill(-1)
  const valueEnds = new Int32Array(count).fill(-1)
  let at = 0
  for (const [i, { key, value }] of records.entries()) {
    if (typeof key === 'string') {
      keyStarts[i] = at
      at += buffer.write(key, at, 'base64')
      keyEnds[i] = at
    }
    if (typeof value === 'string') {
      valueStarts[i] = at
      at += buffer.write(value, at, 'base64')
      valueEnds[i] = at
    }
  }
  const headers = records.map((record) => fromHeaders(record.headers ?? []))
  return {
    topic,
    partition,
    count,
    offsets: Float64Array.from(records, ({ offset }) => offset),
    timestamps: Float64Array.from(records, ({ timestamp }) => timestamp),
    buffer,
    keyStarts,
    keyEnds,
    valueStarts,
    valueEnds,
    headers: headers.some((list) => list !== null) ? headers : null,
  }
}

function base64Bytes(text: string | null | undefined): number {
  return typeof text === 'string' ? Buffer.byteLength(text, 'base64') : 0
}

function fromHeaders(headers: readonly Readonly<Record<string, Bytes | null>>[]): readonly RecordHeader[] | null {
  const list = headers.flatMap((header) =>
    Object.entries(header).map(([name, bytes]) => ({
      name,
      // Negative numbers wrap around: −1 is 0xff.
      value: bytes === null ? null : Uint8Array.from(bytes),
    })),
  )
  return list.length === 0 ? null : list
}
