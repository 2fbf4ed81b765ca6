import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import { SluiceError } from '#core/errors.ts'
import type { AggregatePlan } from '#plan/plan.ts'
import type { Aggregate, AggregateValue } from '#window/accumulator.ts'
import { addExact, decodeExact, type ExactSum, encodeExact, mergeExact, roundExact } from '#window/exact-sum.ts'
import { decodeScalar, encodeScalar } from '#window/scalar.ts'

/** Null before the first value. A number while it is a safe integer, else a bigint: exact either way. */
type WholeState = number | bigint | null

/** Tag of a sum beyond 2^53; those of `encodeScalar` are smaller. */
const WIDE = 9

/** The sum of an int or long column. */
export class WholeSum implements Aggregate<WholeState> {
  private readonly plan: AggregatePlan

  constructor(plan: AggregatePlan) {
    this.plan = plan
  }

  zero(): WholeState {
    return null
  }

  add(state: WholeState, value: AggregateValue): WholeState {
    // + 0 turns −0 into 0.
    return typeof value === 'number' ? this.merge(state, value + 0) : state
  }

  merge(a: WholeState, b: WholeState): WholeState {
    if (a === null) return b
    if (b === null) return a
    if (typeof a === 'number' && typeof b === 'number') {
      const sum = a + b
      if (Number.isSafeInteger(sum)) return sum
    }
    const sum = BigInt(a) + BigInt(b)
    const number = Number(sum)
    return Number.isSafeInteger(number) ? number : sum
  }

  finish(state: WholeState): number | null {
    if (state === null) return null
    const { kind } = this.plan.result
    if (kind === 'double') return Number(state)
    if (typeof state === 'number' && (kind !== 'int' || state === (state | 0))) return state
    const limit = kind === 'int' ? 'the range of an int (±2^31)' : 'the whole numbers that are exact here (±2^53)'
    throw new SluiceError(
      'AGGREGATE_OUT_OF_RANGE',
      `Column "${this.plan.name}", the sum of "${this.plan.column}", is ${state}, outside ${limit}. ` +
        'Sum a double column instead, or choose smaller groups or windows.',
      { details: { column: this.plan.name } },
    )
  }

  encode(state: WholeState, writer: ByteWriter): void {
    if (typeof state === 'bigint') {
      writer.varint(WIDE)
      writer.text(state.toString())
    } else {
      encodeScalar(state, writer)
    }
  }

  decode(reader: ByteReader): WholeState {
    const tag = reader.varint()
    return tag === WIDE ? BigInt(reader.text()) : (decodeScalar(tag, reader) as number | null)
  }
}

/** The sum of a double column: rounded once, at the end. */
export class DoubleSum implements Aggregate<ExactSum | null> {
  zero(): ExactSum | null {
    return null
  }

  add(state: ExactSum | null, value: AggregateValue): ExactSum | null {
    return typeof value === 'number' ? addExact(state ?? [], value) : state
  }

  merge(a: ExactSum | null, b: ExactSum | null): ExactSum | null {
    return a === null && b === null ? null : mergeExact(a ?? [], b ?? [])
  }

  finish(state: ExactSum | null): number | null {
    return state === null ? null : roundExact(state)
  }

  encode(state: ExactSum | null, writer: ByteWriter): void {
    writer.varint(state === null ? 0 : 1)
    if (state !== null) encodeExact(state, writer)
  }

  decode(reader: ByteReader): ExactSum | null {
    return reader.varint() === 0 ? null : decodeExact(reader)
  }
}

interface AverageState<S> {
  readonly sum: S
  readonly count: number
}

/** The exact sum, rounded to a double, divided by the count; where it is beyond the largest double, divided before it is rounded. */
export class Average<S> implements Aggregate<AverageState<S>> {
  private readonly summing: Aggregate<S>
  private readonly divided: (sum: S, count: number) => number

  constructor(summing: Aggregate<S>, divided: (sum: S, count: number) => number) {
    this.summing = summing
    this.divided = divided
  }

  zero(): AverageState<S> {
    return { sum: this.summing.zero(), count: 0 }
  }

  add(state: AverageState<S>, value: AggregateValue): AverageState<S> {
    return value === null ? state : { sum: this.summing.add(state.sum, value), count: state.count + 1 }
  }

  merge(a: AverageState<S>, b: AverageState<S>): AverageState<S> {
    return { sum: this.summing.merge(a.sum, b.sum), count: a.count + b.count }
  }

  finish(state: AverageState<S>): number | null {
    return state.count === 0 ? null : this.divided(state.sum, state.count)
  }

  encode(state: AverageState<S>, writer: ByteWriter): void {
    writer.varint(state.count)
    this.summing.encode(state.sum, writer)
  }

  decode(reader: ByteReader): AverageState<S> {
    const count = reader.varint()
    return { sum: this.summing.decode(reader), count }
  }
}
