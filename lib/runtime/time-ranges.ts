import type { EpochMillis } from '#core/time.ts'

/** Windows that end from `first` to `last`, both included, none of which starts before `start`. */
export interface EndRange {
  readonly start: EpochMillis
  readonly first: EpochMillis
  readonly last: EpochMillis
}

const HELD = 64

/** When windows end and where they begin, in few numbers: it may say more than there is, never less. */
export class EndRanges {
  #ranges: EndRange[] = []

  add(range: EndRange): void {
    const ranges = this.#ranges
    let at = ranges.length
    while (at > 0 && ranges[at - 1]!.first > range.first) at--
    ranges.splice(at, 0, range)
    this.#join(Math.max(0, at - 1))
    if (ranges.length > HELD) this.#ranges = joined(ranges, HELD / 2)
  }

  /** At most `count` ranges, ascending. */
  summary(count: number): readonly EndRange[] {
    return joined(this.#ranges, count)
  }

  /** Joins what overlaps, from position `at` on. */
  #join(at: number): void {
    const ranges = this.#ranges
    for (let i = at; i + 1 < ranges.length; ) {
      if (ranges[i + 1]!.first > ranges[i]!.last) {
        if (i > at) return
        i++
        continue
      }
      ranges.splice(i, 2, union(ranges[i]!, ranges[i + 1]!))
    }
  }
}

const union = (a: EndRange, b: EndRange): EndRange => ({
  start: Math.min(a.start, b.start),
  first: Math.min(a.first, b.first),
  last: Math.max(a.last, b.last),
})

/** Joined where the gaps are smallest. */
function joined(ranges: readonly EndRange[], count: number): EndRange[] {
  if (ranges.length <= count) return [...ranges]
  const gaps = ranges.slice(1).map((range, i) => ({ at: i + 1, gap: range.first - ranges[i]!.last }))
  const cuts = new Set(
    gaps
      .sort((a, b) => b.gap - a.gap || a.at - b.at)
      .slice(0, count - 1)
      .map(({ at }) => at),
  )
  const result: EndRange[] = []
  ranges.forEach((range, i) => {
    if (i === 0 || cuts.has(i)) result.push(range)
    else result[result.length - 1] = union(result[result.length - 1]!, range)
  })
  return result
}
