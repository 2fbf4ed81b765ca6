import { type EpochMillis, floorTo } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import type { Aggregate } from '#window/accumulator.ts'
import { decodeGroupKey, type GroupValue } from '#window/group-key.ts'
import type { Page } from '#window/page.ts'
import { type Groups, mergeStates, type RunOfSlices } from '#window/sliding-merge.ts'
import type { WindowBounds } from '#window/windows.ts'

type GroupMap = ReadonlyMap<string, unknown[]>

/**
 * The slices of one output from all pages, in order of time. Slices between which no window starts or ends always go together,
 * so they are merged first, all partitions at once.
 */
export class PaneReader {
  /** The keys met so far. Groups name them by position. */
  readonly keys: string[] = []
  /** Their values. */
  readonly groups: (readonly GroupValue[])[] = []
  private readonly aggregates: readonly Aggregate<unknown>[]
  private readonly window: WindowSpec
  private readonly positions = new Map<string, number>()
  private readonly parts = new Map<EpochMillis, GroupMap[]>()
  private readonly starts: readonly EpochMillis[]
  private readonly lateParts: {
    readonly start: EpochMillis
    readonly missedUpTo: EpochMillis
    readonly groups: GroupMap
  }[] = []
  private next = 0

  constructor(output: number, pages: readonly Page[], window: WindowSpec, aggregates: readonly Aggregate<unknown>[]) {
    this.window = window
    this.aggregates = aggregates
    for (const { slices, lateSlices } of pages) {
      for (const [start, state] of slices) {
        const groups = state[output]
        if (groups === undefined) continue
        const parts = this.parts.get(start)
        if (parts === undefined) this.parts.set(start, [groups])
        else parts.push(groups)
      }
      for (const { start, missedUpTo, state } of lateSlices) {
        const groups = state[output]
        if (groups !== undefined) this.lateParts.push({ start, missedUpTo, groups })
      }
    }
    this.starts = [...this.parts.keys()].sort((a, b) => a - b)
  }

  /** The slices in the window that were not taken yet. Those before it are passed over for good. */
  take({ start, end }: WindowBounds): readonly RunOfSlices[] {
    while (this.next < this.starts.length && this.starts[this.next]! < start) this.next++
    const taken: RunOfSlices[] = []
    while (this.next < this.starts.length && this.starts[this.next]! < end) {
      const first = this.starts[this.next]!
      const stop = this.paneEnd(first, end)
      const parts: GroupMap[] = []
      for (; this.next < this.starts.length && this.starts[this.next]! < stop; this.next++) {
        parts.push(...this.parts.get(this.starts[this.next]!)!)
      }
      taken.push({ start: first, groups: this.merged(parts) })
    }
    return taken
  }

  /** What came late to other windows than this one. The rare case: each call looks at all late slices. */
  late(bounds: WindowBounds): Groups | null {
    const parts = this.lateParts.filter(
      ({ start, missedUpTo }) => start >= bounds.start && start < bounds.end && missedUpTo < bounds.end,
    )
    return parts.length === 0 ? null : this.merged(parts.map(({ groups }) => groups))
  }

  /** Up to where the windows that start later have all slices from `slice` on, or none. Windows that end later have all. */
  private paneEnd(slice: EpochMillis, windowEnd: EpochMillis): EpochMillis {
    const { window } = this
    if (window.kind !== 'sliding') return windowEnd
    return Math.min(windowEnd, floorTo(slice, window.every, window.offset) + window.every)
  }

  private merged(parts: readonly GroupMap[]): Groups {
    const found: { readonly position: number; readonly states: readonly unknown[] }[] = []
    for (const part of parts) {
      for (const [key, states] of part) found.push({ position: this.positionOf(key), states })
    }
    found.sort((a, b) => a.position - b.position)
    const keys: number[] = []
    const merged: (readonly unknown[])[] = []
    for (const { position, states } of found) {
      const last = keys.length - 1
      if (last >= 0 && keys[last] === position) merged[last] = mergeStates(merged[last]!, states, this.aggregates)
      else {
        keys.push(position)
        merged.push(states)
      }
    }
    return { keys, states: merged }
  }

  private positionOf(key: string): number {
    const known = this.positions.get(key)
    if (known !== undefined) return known
    this.positions.set(key, this.keys.length)
    this.groups.push(decodeGroupKey(key))
    return this.keys.push(key) - 1
  }
}
