import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import type { EpochMillis } from '#core/time.ts'

export type AggregateValue = number | boolean | string | null

/** Where a record stands among all others: by event time, then partition, then offset. No two records stand at one place. */
export interface RecordPlace {
  readonly time: EpochMillis
  readonly partition: number
  readonly offset: number
}

/**
 * How one aggregate is accumulated. Associative and commutative, to the bit: any order of records, any split into batches,
 * partitions and slices gives the same `finish` (`topK` of more values than it keeps is the exception: see there). Nulls are
 * passed over, as in SQL: over nothing but nulls a count is 0 and everything else null.
 */
export interface Aggregate<S> {
  zero(): S
  /** May reuse `state`: the caller gives it away. `place` is the caller's, and changes after the call. */
  add(state: S, value: AggregateValue, place?: RecordPlace): S
  /** Changes neither state, and shares nothing with them that `add` would change. */
  merge(a: S, b: S): S
  /** The value of the result column. @throws SluiceError AGGREGATE_OUT_OF_RANGE */
  finish(state: S): unknown
  encode(state: S, writer: ByteWriter): void
  decode(reader: ByteReader): S
}
