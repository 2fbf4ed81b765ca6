import type { ByteReader, ByteWriter } from '#core/bytes.ts'
import type { Aggregate, AggregateValue } from '#window/accumulator.ts'

/** Relative error of a quantile. */
const ERROR = 0.01
const GAMMA = (1 + ERROR) / (1 - ERROR)
const LOG_GAMMA = Math.log(GAMMA)
/** Buckets of one sign, below the largest magnitude: they reach down to 1 / (6 × 10^17) of it. */
const SPAN = 2048

/** Number of values by bucket: bucket i holds magnitudes in (γ^(i−1), γ^i]. */
type Buckets = Map<number, number>

interface QuantileState {
  count: number
  zeros: number
  readonly positive: Buckets
  readonly negative: Buckets
  /** Of everything added, infinities included; NaN while there is nothing. */
  min: number
  max: number
}

/**
 * The value of rank ⌊q (n − 1)⌋ of the n values in order, to within 1 % of it: DDSketch (Masson, Rim and Lee, "DDSketch: a fast and
 * fully-mergeable quantile sketch with relative-error guarantees", 2019). The smallest and the largest value are exact. Values
 * whose magnitude is below 1 / (6 × 10^17) of the largest one of their sign count as that. NaN is passed over.
 *
 * Buckets are dropped by their distance to the largest, not by their number: so the order of merges doesn't show.
 */
export class Quantile implements Aggregate<QuantileState> {
  private readonly q: number

  constructor(q: number) {
    this.q = q
  }

  zero(): QuantileState {
    return { count: 0, zeros: 0, positive: new Map(), negative: new Map(), min: Number.NaN, max: Number.NaN }
  }

  add(state: QuantileState, value: AggregateValue): QuantileState {
    if (typeof value !== 'number' || Number.isNaN(value)) return state
    state.count++
    if (!(value >= state.min)) state.min = value + 0
    if (!(value <= state.max)) state.max = value + 0
    if (value === 0) state.zeros++
    else addTo(value > 0 ? state.positive : state.negative, bucketOf(Math.abs(value)), 1)
    return state
  }

  merge(a: QuantileState, b: QuantileState): QuantileState {
    return {
      count: a.count + b.count,
      zeros: a.zeros + b.zeros,
      positive: mergeBuckets(a.positive, b.positive),
      negative: mergeBuckets(a.negative, b.negative),
      min: leastOf(a.min, b.min),
      max: -leastOf(-a.max, -b.max),
    }
  }

  /** Of the smallest and the largest value the exact ones. */
  finish({ count, zeros, positive, negative, min, max }: QuantileState): number | null {
    if (count === 0) return null
    let left = Math.floor(this.q * (count - 1))
    if (left === 0) return min
    if (left === count - 1) return max
    const clamp = (value: number): number => Math.min(Math.max(value, min), max)
    for (const [bucket, own] of ordered(collapsed(negative)).reverse()) {
      left -= own
      if (left < 0) return clamp(-middleOf(bucket))
    }
    left -= zeros
    if (left < 0) return 0
    for (const [bucket, own] of ordered(collapsed(positive))) {
      left -= own
      if (left < 0) return clamp(middleOf(bucket))
    }
    return max
  }

  encode(state: QuantileState, writer: ByteWriter): void {
    writer.varint(state.count)
    if (state.count === 0) return
    writer.varint(state.zeros)
    writer.float64(state.min)
    writer.float64(state.max)
    encodeBuckets(state.positive, writer)
    encodeBuckets(state.negative, writer)
  }

  decode(reader: ByteReader): QuantileState {
    const count = reader.varint()
    if (count === 0) return this.zero()
    const zeros = reader.varint()
    const min = reader.float64()
    const max = reader.float64()
    const positive = decodeBuckets(reader)
    return { count, zeros, min, max, positive, negative: decodeBuckets(reader) }
  }
}

/** NaN is none. */
function leastOf(a: number, b: number): number {
  if (Number.isNaN(a)) return b
  return Number.isNaN(b) ? a : Math.min(a, b)
}

/** The bucket of infinity: above all others. */
const INFINITE = Math.ceil(Math.log(Number.MAX_VALUE) / LOG_GAMMA) + SPAN + 1

function bucketOf(magnitude: number): number {
  return magnitude === Number.POSITIVE_INFINITY ? INFINITE : Math.ceil(Math.log(magnitude) / LOG_GAMMA)
}

/** The value that is within ERROR of everything in the bucket. */
function middleOf(bucket: number): number {
  return bucket === INFINITE ? Number.POSITIVE_INFINITY : (2 * Math.exp(bucket * LOG_GAMMA)) / (GAMMA + 1)
}

function addTo(buckets: Buckets, bucket: number, count: number): void {
  buckets.set(bucket, (buckets.get(bucket) ?? 0) + count)
}

function mergeBuckets(a: Buckets, b: Buckets): Buckets {
  const merged = new Map(a)
  for (const [bucket, count] of b) addTo(merged, bucket, count)
  return collapsed(merged)
}

/** What lies more than SPAN below the largest bucket goes into the last one that doesn't. Infinity is no measure of the others. */
function collapsed(buckets: Buckets): Buckets {
  let top = Number.NEGATIVE_INFINITY
  let bottom = Number.POSITIVE_INFINITY
  for (const bucket of buckets.keys()) {
    if (bucket !== INFINITE && bucket > top) top = bucket
    if (bucket < bottom) bottom = bucket
  }
  const lowest = top - SPAN + 1
  if (bottom >= lowest) return buckets
  const kept: Buckets = new Map()
  for (const [bucket, count] of buckets) addTo(kept, Math.max(bucket, lowest), count)
  return kept
}

const ordered = (buckets: Buckets): [number, number][] => [...buckets].sort(([a], [b]) => a - b)

function encodeBuckets(buckets: Buckets, writer: ByteWriter): void {
  const kept = ordered(collapsed(buckets))
  writer.varint(kept.length)
  let before = 0
  for (const [bucket, count] of kept) {
    writer.zigzag(bucket - before)
    writer.varint(count)
    before = bucket
  }
}

function decodeBuckets(reader: ByteReader): Buckets {
  const buckets: Buckets = new Map()
  let bucket = 0
  for (let left = reader.varint(); left > 0; left--) {
    bucket += reader.zigzag()
    buckets.set(bucket, reader.varint())
  }
  return buckets
}
