import type { EpochMillis } from '#core/time.ts'
import type { ClosedWindow } from '#detect/closed-window.ts'
import type { History } from '#detect/evidence.ts'
import { medianSpread, moments } from '#detect/spread.ts'

/** One window, all keys that are known, and what is remembered of them. */
export interface Bench {
  readonly window: ClosedWindow
  /** By key: NaN where a key has no row and that is no 0. */
  readonly observed: Float64Array
  /** By key: start of the first window that it was seen in; NaN of one that is not known yet. */
  readonly since: Float64Array
  /** Windows before it that it is compared with, ascending. */
  readonly past: readonly ClosedWindow[]
  /** Whether a window without a row of the key counts as 0. */
  readonly absentIsZero: boolean
}

/** By key, over the windows of the past in which it was known (or, where absence is no 0, had a row). */
export class PastSums {
  readonly #bench: Bench
  readonly #counts: Int32Array
  readonly #sums: Float64Array
  readonly #squares: Float64Array

  constructor(bench: Bench) {
    const keys = bench.observed.length
    this.#bench = bench
    this.#counts = new Int32Array(keys)
    this.#sums = new Float64Array(keys)
    this.#squares = new Float64Array(keys)
    for (const { keys: present, values } of bench.past) {
      for (let i = 0; i < present.length; i++) {
        const key = present[i]!
        const value = values[i]!
        this.#sums[key]! += value
        this.#squares[key]! += value * value
        if (!bench.absentIsZero) this.#counts[key]!++
      }
    }
    if (!bench.absentIsZero) return
    for (let key = 0; key < keys; key++) this.#counts[key] = windowsSince(bench.past, bench.since[key]!)
  }

  windows(key: number): number {
    return this.#counts[key]!
  }

  sum(key: number): number {
    return this.#sums[key]!
  }

  mean(key: number): number {
    return this.#sums[key]! / this.#counts[key]!
  }

  variance(key: number): number {
    return moments(this.#counts[key]!, this.#sums[key]!, this.#squares[key]!).variance
  }

  history(key: number): History {
    const bounds = pastBounds(this.#bench, key)
    const variance = this.variance(key)
    const known = Number.isNaN(variance) ? null : variance
    return { ...bounds, mean: this.mean(key), variance: known, median: null, mad: null }
  }
}

/** The past is short (a window a week), so that counting costs less than searching. */
function windowsSince(past: readonly ClosedWindow[], since: EpochMillis): number {
  let count = 0
  for (let i = past.length - 1; i >= 0 && past[i]!.start >= since; i--) count++
  return count
}

/** The values of one key in the past, in order of time. */
export function pastValues({ past, since, absentIsZero }: Bench, key: number): Float64Array {
  const values: number[] = []
  for (const window of past) {
    const value = valueIn(window, key)
    if (value !== undefined) values.push(value)
    else if (absentIsZero && window.start >= since[key]!) values.push(0)
  }
  return Float64Array.from(values)
}

export function medianHistory(bench: Bench, key: number, values: Float64Array): History {
  const { median, mad } = medianSpread(values)
  return { ...pastBounds(bench, key), mean: null, variance: null, median, mad }
}

function pastBounds({ past, since, absentIsZero }: Bench, key: number): Pick<History, 'windows' | 'from' | 'to'> {
  const used = past.filter((window) =>
    absentIsZero ? window.start >= since[key]! : valueIn(window, key) !== undefined,
  )
  return { windows: used.length, from: used[0]!.start, to: used.at(-1)!.end }
}

/** By halving: the keys ascend. */
export function valueIn({ keys, values }: ClosedWindow, key: number): number | undefined {
  let low = 0
  let high = keys.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (keys[middle]! < key) low = middle + 1
    else high = middle
  }
  return keys[low] === key ? values[low] : undefined
}
