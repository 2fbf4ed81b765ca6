import type { EpochMillis } from '#core/time.ts'
import type { PlacesOfRows } from '#window/accumulate.ts'
import type { Verdict } from '#window/lateness.ts'
import type { Page } from '#window/page.ts'

export interface FoldCounts {
  /** Rows that are in at least one window that is open or within grace, or in no window at all. */
  readonly counted: number
  /** Rows that are late for every output that has a window for them. `counted + late` = rows. */
  readonly late: number
  /** Of the counted rows: those that missed at least one window. */
  readonly partlyLate: number
}

export const sumOf = (a: FoldCounts, b: FoldCounts): FoldCounts => ({
  counted: a.counted + b.counted,
  late: a.late + b.late,
  partlyLate: a.partlyLate + b.partlyLate,
})

/** The slices that the rows of one call lie in. */
export interface SlicesOfRows {
  readonly starts: readonly EpochMillis[]
  /** How many rows are in each. */
  readonly rowCounts: readonly number[]
  /** By position in `rows`: which of `starts`. */
  readonly numbers: Int32Array
  /** By slice, then output. */
  readonly verdicts: readonly (readonly Verdict[])[]
}

export function countRows({ verdicts, rowCounts }: SlicesOfRows): FoldCounts {
  let counted = 0
  let late = 0
  let partlyLate = 0
  verdicts.forEach((outputs, slice) => {
    const count = rowCounts[slice]!
    if (isLate(outputs)) late += count
    else {
      counted += count
      if (outputs.some(({ missed }) => missed > 0)) partlyLate += count
    }
  })
  return { counted, late, partlyLate }
}

/** In a window of some output, and folded into none. */
function isLate(outputs: readonly Verdict[]): boolean {
  return outputs.some(({ inWindow }) => inWindow) && !outputs.some(({ folds }) => folds)
}

/** Lists in the page what the rows missed. */
export function rememberLate(
  page: Page,
  { verdicts, numbers }: SlicesOfRows,
  rows: Int32Array,
  { times, offsets }: PlacesOfRows,
  mark: EpochMillis,
  hashesOf: (output: number, rows: Int32Array) => ArrayLike<number>,
): void {
  const hashes = verdicts[0]!.map((_, output) => {
    const late = rows.filter((_, i) => verdicts[numbers[i]!]![output]!.missed > 0)
    const own = late.length === 0 ? [] : hashesOf(output, late)
    return new Map(Array.from(late, (row, i) => [row, own[i]!]))
  })
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const outputs = verdicts[numbers[i]!]!
    outputs.forEach(({ missed, firstStart, lastEnd }, output) => {
      if (missed === 0) return
      page.late.push({
        offset: offsets[row]!,
        eventTime: times[row]!,
        output,
        windowsMissed: missed,
        firstStart,
        lastEnd,
        lateBy: mark - lastEnd,
        countedElsewhere: outputs.some(({ folds }) => folds),
        hash: hashes[output]!.get(row)!,
      })
    })
  }
}
