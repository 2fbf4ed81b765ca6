import type { Bytes, Millis } from '#core/time.ts'
import type { NewRecords, RecordBatch } from '#schema/record-batch.ts'

export interface ReadLimits {
  readonly maxRecords: number
  readonly maxBytes: Bytes
}

/** The reading side of a topic, as an event-source mapping uses it. */
export interface RecordSource {
  readonly topic: string
  /** @throws SluiceError TOPIC_NOT_FOUND, BROKER_UNREACHABLE */
  partitionCount(): Promise<number>
  /** The offset that the next record of the partition will get: the end of what can be read now. */
  endOffset(partition: number): Promise<number>
  /**
   * The end offsets of all partitions, by partition, each as it stood at some moment after the call (`endOffset` may be a little
   * older): whoever saw a record before the call finds everything that was appended before that record below them.
   */
  endOffsets(): Promise<readonly number[]>
  /**
   * Up to `maxRecords` records and about `maxBytes` (at least one record, however large) from the first offset ≥ `from`;
   * undefined when there is none yet. Reading the same range again gives the same records.
   */
  read(partition: number, from: number, limits: ReadLimits): Promise<RecordBatch | undefined>
  /** Resolves when there may be something new to read in any of the partitions, or after `timeout`. */
  wait(timeout: Millis, signal?: AbortSignal): Promise<void>
  /** The next offset a consumer group wants of each partition, for those it has ever committed. */
  committed(group: string): Promise<ReadonlyMap<number, number>>
  /** Called only after everything below `offset` is durable in its effects. */
  commit(group: string, partition: number, offset: number): Promise<void>
  close(): Promise<void>
}

/** Where a producer stands in what it reads: the fence that makes feeding a file exactly-once. */
export interface SourcePosition {
  /** Identity of the input: which file (by content), which simulator seed. */
  readonly source: string
  /** Grows along the input: byte position of a file after the last record that was handed over, or a sequence number. */
  readonly position: number
}

/** The writing side of a topic. */
export interface TopicWriter {
  readonly topic: string
  readonly partitions: number
  /**
   * Appends the records to one partition, all or none, in order; durable when the promise resolves. `at` is stored with
   * them: after a crash `positions` gives it back.
   */
  append(partition: number, records: NewRecords, at?: SourcePosition): Promise<void>
  /** Per partition the last position of a source that its records came with, undefined for none. One entry a partition. */
  positions(source: string): Promise<readonly (number | undefined)[]>
  close(): Promise<void>
}
