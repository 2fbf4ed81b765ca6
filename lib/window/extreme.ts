import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import { compareText } from '#core/text-order.ts'
import type { Aggregate, AggregateValue } from '#window/accumulator.ts'
import { decodeScalar, encodeScalar } from '#window/scalar.ts'

type ExtremeState = number | string | null

/**
 * Smallest (sign −1) or largest (sign 1) value of a column. Strings in order of their code points, as UTF-8 bytes, Parquet and
 * SQL's "C" collation have them; NaN above every number, as in Spark, Postgres and DuckDB.
 */
export class Extreme implements Aggregate<ExtremeState> {
  private readonly sign: -1 | 1

  constructor(sign: -1 | 1) {
    this.sign = sign
  }

  zero(): ExtremeState {
    return null
  }

  add(state: ExtremeState, value: AggregateValue): ExtremeState {
    if (value === null || typeof value === 'boolean') return state
    // + 0 turns −0 into 0: they compare as equal, so which of them came first must not show.
    return this.merge(state, typeof value === 'number' ? value + 0 : value)
  }

  merge(a: ExtremeState, b: ExtremeState): ExtremeState {
    if (a === null) return b
    if (b === null) return a
    const order = typeof a === 'number' ? compareNumbers(a, b as number) : compareText(a, b as string)
    return order * this.sign >= 0 ? a : b
  }

  finish(state: ExtremeState): ExtremeState {
    return state
  }

  encode(state: ExtremeState, writer: ByteWriter): void {
    encodeScalar(state, writer)
  }

  decode(reader: ByteReader): ExtremeState {
    return decodeScalar(reader.varint(), reader) as ExtremeState
  }
}

/** NaN above every number. */
export function compareNumbers(a: number, b: number): number {
  if (a < b) return -1
  if (a > b) return 1
  if (a === b) return 0
  return Number(Number.isNaN(a)) - Number(Number.isNaN(b))
}
