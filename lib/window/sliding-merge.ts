import type { EpochMillis } from '#core/time.ts'
import type { Aggregate } from '#window/accumulator.ts'

/** The groups of some slices: keys as numbers, ascending, and the accumulators of each. Never changed once made. */
export interface Groups {
  readonly keys: readonly number[]
  readonly states: readonly (readonly unknown[])[]
}

/** The merged groups of one or more slices that windows have or don't have together; the first starts at `start`. */
export interface RunOfSlices {
  readonly start: EpochMillis
  readonly groups: Groups
}

const NONE: Groups = { keys: [], states: [] }

/** Merges two sets of groups; order of keys is kept. */
export function mergeGroups(a: Groups, b: Groups, aggregates: readonly Aggregate<unknown>[]): Groups {
  if (a.keys.length === 0) return b
  if (b.keys.length === 0) return a
  const keys: number[] = []
  const states: (readonly unknown[])[] = []
  let i = 0
  let j = 0
  while (i < a.keys.length && j < b.keys.length) {
    const left = a.keys[i]!
    const right = b.keys[j]!
    keys.push(Math.min(left, right))
    if (left < right) states.push(a.states[i++]!)
    else if (right < left) states.push(b.states[j++]!)
    else states.push(mergeStates(a.states[i++]!, b.states[j++]!, aggregates))
  }
  for (; i < a.keys.length; i++) {
    keys.push(a.keys[i]!)
    states.push(a.states[i]!)
  }
  for (; j < b.keys.length; j++) {
    keys.push(b.keys[j]!)
    states.push(b.states[j]!)
  }
  return { keys, states }
}

export function mergeStates(
  a: readonly unknown[],
  b: readonly unknown[],
  aggregates: readonly Aggregate<unknown>[],
): unknown[] {
  const merged = new Array<unknown>(aggregates.length)
  for (let i = 0; i < aggregates.length; i++) merged[i] = aggregates[i]!.merge(a[i], b[i])
  return merged
}

/**
 * The merged groups of a run of slices that only moves forward: two stacks (Tangwongsan
 * et al., "Low-latency sliding-window aggregation in worst-case constant time", 2017). The older slices are held as merged
 * suffixes, the newer ones as one total, so that a move costs a few merges however many slices the window has, and no
 * aggregate needs an inverse.
 */
export class SlidingMerge {
  private readonly aggregates: readonly Aggregate<unknown>[]
  /** Latest first: the last item is the merge of all older slices, the one before it leaves out the oldest, … */
  private suffixes: RunOfSlices[] = []
  private newer: RunOfSlices[] = []
  private newerTotal: Groups = NONE

  constructor(aggregates: readonly Aggregate<unknown>[]) {
    this.aggregates = aggregates
  }

  /** Drops the slices that start before `start`. */
  dropBefore(start: EpochMillis): void {
    while (this.suffixes.length > 0 && this.suffixes[this.suffixes.length - 1]!.start < start) this.suffixes.pop()
    if (this.suffixes.length > 0 || this.newer.length === 0 || this.newer[0]!.start >= start) return
    let suffix = NONE
    for (let i = this.newer.length - 1; i >= 0 && this.newer[i]!.start >= start; i--) {
      suffix = mergeGroups(this.newer[i]!.groups, suffix, this.aggregates)
      this.suffixes.push({ start: this.newer[i]!.start, groups: suffix })
    }
    this.newer = []
    this.newerTotal = NONE
  }

  /** Adds slices, ascending, all later than those it has. */
  append(slices: readonly RunOfSlices[]): void {
    if (slices.length === 0) return
    this.newer.push(...slices)
    this.newerTotal = mergeGroups(this.newerTotal, this.mergeAll(slices, 0, slices.length), this.aggregates)
  }

  total(): Groups {
    const older = this.suffixes[this.suffixes.length - 1]?.groups ?? NONE
    return mergeGroups(older, this.newerTotal, this.aggregates)
  }

  /** Of slices [from, to), by halves: each group is touched log(slices) times. */
  private mergeAll(slices: readonly RunOfSlices[], from: number, to: number): Groups {
    if (to - from === 1) return slices[from]!.groups
    const middle = (from + to) >> 1
    return mergeGroups(this.mergeAll(slices, from, middle), this.mergeAll(slices, middle, to), this.aggregates)
  }
}
