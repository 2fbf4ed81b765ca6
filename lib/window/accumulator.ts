import type { ByteReader, ByteWriter } from '#core/bytes.ts'

export type AggregateValue = number | boolean | string | null

/**
 * How one aggregate is accumulated. Associative and commutative, to the bit: any order of records, any split into batches,
 * partitions and slices gives the same `finish`. Nulls are passed over, as in SQL: over nothing but nulls a count is 0 and
 * everything else null.
 */
export interface Aggregate<S> {
  zero(): S
  /** May reuse `state`: the caller gives it away. */
  add(state: S, value: AggregateValue): S
  /** Changes neither state, and shares nothing with them that `add` would change. */
  merge(a: S, b: S): S
  /** The value of the result column. @throws SluiceError AGGREGATE_OUT_OF_RANGE */
  finish(state: S): unknown
  encode(state: S, writer: ByteWriter): void
  decode(reader: ByteReader): S
}
