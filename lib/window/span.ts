import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import type { EpochMillis } from '#core/time.ts'
import type { Aggregate } from '#window/accumulator.ts'

/** The first and the last event time of some records of a group. */
export interface Span {
  readonly min: EpochMillis
  readonly max: EpochMillis
}

const NOTHING: Span = { min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY }

/** What sessions are made of: kept beside a group's accumulators. It is made by `spansOf`, of event times, not of a column. */
export const SPAN: Aggregate<Span> = {
  zero: () => NOTHING,
  add: (state) => state,
  merge: (a, b) => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) }),
  finish: (state) => state,
  encode: ({ min, max }, writer: ByteWriter) => {
    writer.zigzag(min)
    writer.varint(max - min)
  },
  decode: (reader: ByteReader) => {
    const min = reader.zigzag()
    return { min, max: min + reader.varint() }
  },
}

/** The span of each group's rows: row `rows[i]` belongs to group `groups[i]`, and every group has one. */
export function spansOf(
  times: Float64Array,
  rows: Int32Array,
  groups: Int32Array,
  groupCount: number,
): readonly Span[] {
  const min = new Float64Array(groupCount).fill(Number.POSITIVE_INFINITY)
  const max = new Float64Array(groupCount).fill(Number.NEGATIVE_INFINITY)
  for (let i = 0; i < rows.length; i++) {
    const time = times[rows[i]!]!
    const group = groups[i]!
    if (time < min[group]!) min[group] = time
    if (time > max[group]!) max[group] = time
  }
  return Array.from(min, (first, group) => ({ min: first, max: max[group]! }))
}
