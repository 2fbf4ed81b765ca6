import type { RecordHeader } from '#schema/column.ts'

/** Where in a buffer keys and values of records lie. Typed arrays may be longer than there are records. */
export interface RecordPlaces {
  /** Start of each key; −1 for a record without one. */
  readonly keyStarts: Int32Array
  readonly keyEnds: Int32Array
  /** Start of each value; −1 for a tombstone. */
  readonly valueStarts: Int32Array
  readonly valueEnds: Int32Array
}

/** What a topic gives a record when it is appended. */
export interface RecordTimes {
  readonly offsets: Float64Array
  /** Append time of each record, epoch milliseconds (Kafka's record timestamp). */
  readonly timestamps: Float64Array
}

/**
 * Records that are about to be written to one partition: laid out like a RecordBatch, without what the topic gives them.
 * Built with `RecordPacker`.
 */
export interface NewRecords extends RecordPlaces {
  readonly count: number
  readonly buffer: Uint8Array
  /** Null when no record has headers. */
  readonly headers: readonly (readonly RecordHeader[] | null)[] | null
}

/**
 * A run of consecutive records of one partition, in offset order, as they came: one buffer, and where in it each key and
 * value lies. Offsets ascend but may have gaps (compaction, transactions). Nobody writes into the buffer.
 */
export interface RecordBatch extends NewRecords, RecordTimes {
  readonly topic: string
  readonly partition: number
}

/**
 * Name of the header by which a producer hands on a source record that it could not turn into a value (a ragged CSV line, a
 * field that is too long). Its value is the reason. Such a record is quarantined with that reason; its raw bytes are in bronze.
 */
export const MALFORMED_HEADER = 'sluice-malformed'
