import type { RecordHeader } from '#schema/column.ts'

/**
 * A run of consecutive records of one partition, in offset order, as they came: one buffer, and where in it each key and
 * value lies. Offsets ascend but may have gaps (compaction, transactions). Nobody writes into the buffer.
 */
export interface RecordBatch {
  readonly topic: string
  readonly partition: number
  readonly count: number
  readonly offsets: Float64Array
  /** Append time of each record, epoch milliseconds (Kafka's record timestamp). */
  readonly timestamps: Float64Array
  readonly buffer: Uint8Array
  /** Start of each key; −1 for a record without one. */
  readonly keyStarts: Int32Array
  readonly keyEnds: Int32Array
  /** Start of each value; −1 for a tombstone. */
  readonly valueStarts: Int32Array
  readonly valueEnds: Int32Array
  /** Null when no record of the batch has headers. */
  readonly headers: readonly (readonly RecordHeader[] | null)[] | null
}

/**
 * Records that are about to be written to one partition: laid out like a RecordBatch, without what the topic gives them
 * (offset, append time). Typed arrays may be longer than `count`. Built with `RecordPacker`.
 */
export interface NewRecords {
  readonly count: number
  readonly buffer: Uint8Array
  readonly keyStarts: Int32Array
  readonly keyEnds: Int32Array
  readonly valueStarts: Int32Array
  readonly valueEnds: Int32Array
  readonly headers: readonly (readonly RecordHeader[] | null)[] | null
}

/**
 * Name of the header by which a producer hands on a source record that it could not turn into a value (a ragged CSV line, a
 * field that is too long). Its value is the reason. Such a record is quarantined with that reason; its raw bytes are in bronze.
 */
export const MALFORMED_HEADER = 'sluice-malformed'
