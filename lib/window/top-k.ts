import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import { compareText } from '#core/text-order.ts'
import type { Aggregate, AggregateValue } from '#window/accumulator.ts'
import { compareNumbers } from '#window/extreme.ts'
import { decodeScalar, encodeScalar } from '#window/scalar.ts'

type Value = number | string | boolean

interface MostFrequentState {
  counts: Map<Value, number>
  /** By how much a count may be too small. 0: all counts are exact. */
  error: number
}

/** Values that stay when there are too many to keep; up to twice as many are counted exactly. */
const KEPT_MIN = 256
const KEPT_A_PLACE = 4

/**
 * The k most frequent values. Exact up to 512 distinct values (8 k, if that is more). Beyond, Misra and Gries' summary, merged as in
 * Agarwal et al., "Mergeable summaries" (2012): a count is never too large, and too small by at most n / 257 of n values; a value that is
 * more frequent than that is always kept. Then, and only then, batch boundaries may show in counts and among rare values.
 */
export class MostFrequent implements Aggregate<MostFrequentState> {
  private readonly k: number
  private readonly kept: number

  constructor(k: number) {
    this.k = k
    this.kept = Math.max(KEPT_MIN, k * KEPT_A_PLACE)
  }

  zero(): MostFrequentState {
    return { counts: new Map(), error: 0 }
  }

  add(state: MostFrequentState, value: AggregateValue): MostFrequentState {
    if (value === null) return state
    const own = typeof value === 'number' ? value + 0 : value
    state.counts.set(own, (state.counts.get(own) ?? 0) + 1)
    return this.reduced(state)
  }

  merge(a: MostFrequentState, b: MostFrequentState): MostFrequentState {
    const counts = new Map(a.counts)
    for (const [value, count] of b.counts) counts.set(value, (counts.get(value) ?? 0) + count)
    return this.reduced({ counts, error: a.error + b.error })
  }

  /** JSON: value and count, most frequent first, smaller values first among equals; `at_most` where counts are not exact. */
  finish({ counts, error }: MostFrequentState): string | null {
    if (counts.size === 0) return null
    const ranked = [...counts].sort(([a, m], [b, n]) => n - m || compareValues(a, b)).slice(0, this.k)
    return JSON.stringify(
      ranked.map(([value, count]) => (error === 0 ? { value, count } : { value, count, at_most: count + error })),
    )
  }

  encode({ counts, error }: MostFrequentState, writer: ByteWriter): void {
    writer.varint(error)
    writer.varint(counts.size)
    for (const [value, count] of counts) {
      encodeScalar(value, writer)
      writer.varint(count)
    }
  }

  decode(reader: ByteReader): MostFrequentState {
    const error = reader.varint()
    const counts = new Map<Value, number>()
    for (let left = reader.varint(); left > 0; left--) {
      const value = decodeScalar(reader.varint(), reader)!
      counts.set(value, reader.varint())
    }
    return { counts, error }
  }

  /** Takes the count of the first value that has no place off all of them, and drops those with nothing left. */
  private reduced(state: MostFrequentState): MostFrequentState {
    if (state.counts.size <= 2 * this.kept) return state
    const taken = [...state.counts.values()].sort((a, b) => b - a)[this.kept]!
    const left = new Map<Value, number>()
    for (const [value, count] of state.counts) if (count > taken) left.set(value, count - taken)
    state.counts = left
    state.error += taken
    return state
  }
}

/** The k largest values, repeated as often as they came. Exact. */
export class Largest implements Aggregate<readonly Value[]> {
  private readonly k: number

  constructor(k: number) {
    this.k = k
  }

  zero(): readonly Value[] {
    return []
  }

  add(state: readonly Value[], value: AggregateValue): readonly Value[] {
    if (value === null) return state
    const own = typeof value === 'number' ? value + 0 : value
    if (state.length === this.k && compareValues(own, state[state.length - 1]!) <= 0) return state
    return this.merge(state, [own])
  }

  merge(a: readonly Value[], b: readonly Value[]): readonly Value[] {
    return [...a, ...b].sort((x, y) => compareValues(y, x)).slice(0, this.k)
  }

  /** JSON: the values, largest first. */
  finish(state: readonly Value[]): string | null {
    return state.length === 0 ? null : JSON.stringify(state)
  }

  encode(state: readonly Value[], writer: ByteWriter): void {
    writer.varint(state.length)
    for (const value of state) encodeScalar(value, writer)
  }

  decode(reader: ByteReader): readonly Value[] {
    return Array.from({ length: reader.varint() }, () => decodeScalar(reader.varint(), reader)!)
  }
}

/** Two values of one column. */
function compareValues(a: Value, b: Value): number {
  if (typeof a === 'string') return compareText(a, b as string)
  return compareNumbers(Number(a), Number(b))
}
