import { hashText } from '#core/hash.ts'
import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import type { Fields } from '#schema/column.ts'
import type { ColumnBatch, Vector } from '#schema/vector.ts'
import { accumulate, type PlacesOfRows } from '#window/accumulate.ts'
import type { Aggregate } from '#window/accumulator.ts'
import { aggregatesOf } from '#window/aggregate.ts'
import { columnPosition } from '#window/columns.ts'
import { countRows, type FoldCounts, rememberLate, type SlicesOfRows, sumOf } from '#window/fold-counts.ts'
import { GroupCoder } from '#window/group-coder.ts'
import { Interner } from '#window/interner.ts'
import { ELSEWHERE, type FoldContext, judge, type Verdict } from '#window/lateness.ts'
import type { Page, SliceState } from '#window/page.ts'
import { behindSessions, joinsOpenSession, judgeRecord } from '#window/session-lateness.ts'
import { pageIndex, type SliceLayout, sliceStart } from '#window/slices.ts'
import { spansOf } from '#window/span.ts'

export type { FoldCounts } from '#window/fold-counts.ts'
export type { FoldContext } from '#window/lateness.ts'

interface OutputFold {
  readonly output: WindowOutput
  readonly aggregates: readonly Aggregate<unknown>[]
  readonly coder: GroupCoder
}

/** Where an output's columns are in a batch. */
interface Positions {
  readonly groups: readonly number[]
  /** By aggregate; −1 for one without a column. */
  readonly inputs: readonly number[]
  /** By aggregate: the column of its condition; −1 for none. */
  readonly conditions: readonly number[]
}

/**
 * Folds decoded rows into pages: the writing half of the window stage. Holds nothing but scratch memory and the keys of known
 * groups; pages belong to the caller. Rows are grouped within the batch first, so that a page sees one merge a group and slice.
 *
 * Up to 0.4 µs a row and output, where hardly two rows of a batch share group and slice.
 */
export class Folder {
  private readonly folds: readonly OutputFold[]
  private readonly layout: SliceLayout
  /** Of the fields of the last batch, by output. */
  private positions: readonly Positions[]
  private fields: Fields
  private readonly interner = new Interner()
  private codes = new Float64Array(0)
  private groups = new Int32Array(0)
  private sliceNumbers = new Int32Array(0)

  /** @throws SluiceError PLAN_INVALID when an output names a column that `fields` don't have, or of a wrong kind */
  constructor(outputs: readonly WindowOutput[], fields: Fields, layout: SliceLayout) {
    this.layout = layout
    this.folds = outputs.map((output) => ({
      output,
      aggregates: aggregatesOf(output, fields),
      coder: new GroupCoder(),
    }))
    this.fields = fields
    this.positions = outputs.map((output) => positionsOf(output, fields))
  }

  /** The rows by page index, each list in the order of `rows`. */
  assign(eventTimes: Float64Array, rows: Int32Array): Map<number, Int32Array> {
    const numberOf = new Map<number, number>()
    const counts: number[] = []
    const numbers = this.scratchNumbers(rows.length)
    let index = Number.NaN
    let number = -1
    for (let i = 0; i < rows.length; i++) {
      const own = pageIndex(this.layout, eventTimes[rows[i]!]!)
      if (own !== index) {
        index = own
        number = numberOf.get(own) ?? counts.push(0) - 1
        numberOf.set(own, number)
      }
      numbers[i] = number
      counts[number]! += 1
    }
    if (counts.length === 1) return new Map([[index, rows]])
    const lists = counts.map((count) => new Int32Array(count))
    const filled = counts.map(() => 0)
    for (let i = 0; i < rows.length; i++) {
      const page = numbers[i]!
      lists[page]![filled[page]!++] = rows[i]!
    }
    return new Map([...numberOf].map(([page, at]) => [page, lists[at]!]))
  }

  /**
   * Folds the rows (all of one page, ascending) into the page, and remembers in it the windows that they missed. Row i of the
   * batch has offset `offsets[i]` and event time `eventTimes[i]`; `rows` must be above the page's fence. If it throws, the page
   * is not to be used any more.
   */
  fold(
    page: Page,
    batch: ColumnBatch,
    rows: Int32Array,
    eventTimes: Float64Array,
    offsets: Float64Array,
    context: FoldContext,
  ): FoldCounts {
    if (batch.fields !== this.fields) {
      this.positions = this.folds.map(({ output }) => positionsOf(output, batch.fields))
      this.fields = batch.fields
    }
    const places = { times: eventTimes, offsets, partition: context.partition ?? 0 }
    const behind = behindSessions(
      this.folds.map(({ output }) => output),
      context.mark,
    )
    const inTime = behind === null ? rows : rows.filter((row) => eventTimes[row]! >= behind)
    const slices = this.slicesOf(eventTimes, inTime, context)
    let counts = this.foldSlices(page, batch, inTime, slices, places, context)
    // The others come after them and one by one: what they may join is what was there before.
    for (const row of inTime.length === rows.length ? [] : rows) {
      if (eventTimes[row]! >= behind!) continue
      const one = Int32Array.of(row)
      const slices = this.slicesOf(eventTimes, one, context)
      const verdicts = slices.verdicts[0]!.map((verdict, output) =>
        verdict === ELSEWHERE ? verdict : this.judgeAlone(page, batch, one, eventTimes[row]!, output, context, verdict),
      )
      counts = sumOf(counts, this.foldSlices(page, batch, one, { ...slices, verdicts: [verdicts] }, places, context))
    }
    return counts
  }

  /** Keys of the rows' groups in an output. */
  keysOf(output: number, batch: ColumnBatch, rows: Int32Array): readonly string[] {
    const { coder, output: plan } = this.folds[output]!
    const codes = this.scratchCodes(rows.length)
    coder.code(batch, positionsOf(plan, batch.fields).groups, rows, codes)
    return Array.from(rows, (row, i) => coder.key(row, codes[i]!))
  }

  /** `hashText` of those keys. */
  hashesOf(output: number, batch: ColumnBatch, rows: Int32Array): Float64Array {
    const { coder, output: plan } = this.folds[output]!
    const codes = this.scratchCodes(rows.length)
    coder.code(batch, positionsOf(plan, batch.fields).groups, rows, codes)
    const hashes = new Float64Array(rows.length)
    const known = new Map<number, number>()
    for (let i = 0; i < rows.length; i++) {
      const code = codes[i]!
      let hash = known.get(code)
      if (hash === undefined) {
        hash = hashText(coder.key(rows[i]!, code))
        known.set(code, hash)
      }
      hashes[i] = hash
    }
    return hashes
  }

  private judgeAlone(
    page: Page,
    batch: ColumnBatch,
    one: Int32Array,
    time: EpochMillis,
    output: number,
    { mark, nearby = [] }: FoldContext,
    bySlice: Verdict,
  ): Verdict {
    const { output: plan, aggregates } = this.folds[output]!
    const { window } = plan
    if (window.kind !== 'session') return bySlice
    return judgeRecord(window, time, mark, () => {
      const key = this.keysOf(output, batch, one)[0]!
      return joinsOpenSession(window, output, [page, ...nearby], aggregates, key, time, mark!)
    })
  }

  private foldSlices(
    page: Page,
    batch: ColumnBatch,
    rows: Int32Array,
    slices: SlicesOfRows,
    places: PlacesOfRows,
    { mark }: FoldContext,
  ): FoldCounts {
    this.folds.forEach((fold, output) => {
      const states = slices.verdicts.map((verdicts, slice) =>
        verdicts[output]!.folds
          ? groupsIn(page, slices.starts[slice]!, verdicts[output]!, output, this.folds.length)
          : null,
      )
      this.foldOutput(fold, this.positions[output]!, states, batch, rows, slices.numbers, places)
    })
    const counts = countRows(slices)
    if (counts.late + counts.partlyLate > 0) {
      rememberLate(page, slices, rows, places, mark!, (output, late) => this.hashesOf(output, batch, late))
    }
    return counts
  }

  /** `states` by slice number; null where rows of that slice are not folded. */
  private foldOutput(
    fold: OutputFold,
    positions: Positions,
    states: readonly (Map<string, unknown[]> | null)[],
    batch: ColumnBatch,
    allRows: Int32Array,
    allNumbers: Int32Array,
    places: PlacesOfRows,
  ): void {
    const { rows, numbers } = selectRows(states, allRows, allNumbers)
    if (rows.length === 0) return
    const codes = this.scratchCodes(rows.length)
    fold.coder.code(batch, positions.groups, rows, codes)
    const { range } = fold.coder
    const groups = this.groups.subarray(0, rows.length)
    const firsts: number[] = []
    this.interner.reset(range * states.length)
    for (let i = 0; i < rows.length; i++) {
      const group = this.interner.intern(numbers[i]! * range + codes[i]!)
      if (group === firsts.length) firsts.push(i)
      groups[i] = group
    }
    const isSession = fold.output.window.kind === 'session'
    const before = isSession ? 1 : 0
    const partials: ArrayLike<unknown>[] = fold.output.aggregates.map((plan, i) => {
      const column = positions.inputs[i]!
      const vector = column < 0 ? null : batch.vectors[column]!
      const condition = positions.conditions[i]!
      const taken = condition < 0 ? { rows, groups } : rowsWhere(batch.vectors[condition]!, rows, groups)
      return accumulate(plan, fold.aggregates[i + before]!, vector, taken.rows, taken.groups, firsts.length, places)
    })
    if (isSession) partials.unshift(spansOf(places.times, rows, groups, firsts.length))
    for (let group = 0; group < firsts.length; group++) {
      const first = firsts[group]!
      const key = fold.coder.key(rows[first]!, codes[first]!)
      mergeGroup(states[numbers[first]!]!, key, group, partials, fold.aggregates)
    }
  }

  private slicesOf(eventTimes: Float64Array, rows: Int32Array, { mark, only }: FoldContext): SlicesOfRows {
    const { width } = this.layout
    const numbers = this.scratchNumbers(rows.length)
    const numberOf = new Map<EpochMillis, number>()
    const starts: EpochMillis[] = []
    const rowCounts: number[] = []
    let start = Number.NaN
    let number = -1
    for (let i = 0; i < rows.length; i++) {
      const t = eventTimes[rows[i]!]!
      // Not (t ≥ start and t < end): NaN, before the first row, must fail too.
      if (!(t >= start && t < start + width)) {
        start = sliceStart(this.layout, t)
        number = numberOf.get(start) ?? starts.length
        if (number === starts.length) {
          starts.push(start)
          rowCounts.push(0)
          numberOf.set(start, number)
        }
      }
      numbers[i] = number
      rowCounts[number]! += 1
    }
    const verdicts = starts.map((slice) =>
      this.folds.map(({ output }, i) =>
        only === undefined || only === i ? judge(output.window, slice, mark) : ELSEWHERE,
      ),
    )
    return { starts, rowCounts, numbers, verdicts }
  }

  private scratchNumbers(count: number): Int32Array {
    if (this.sliceNumbers.length < count) this.sliceNumbers = new Int32Array(count * 2)
    return this.sliceNumbers
  }

  private scratchCodes(count: number): Float64Array {
    if (this.codes.length < count) {
      this.codes = new Float64Array(count * 2)
      this.groups = new Int32Array(count * 2)
    }
    return this.codes
  }
}

function positionsOf({ name, groupBy, aggregates }: WindowOutput, fields: Fields): Positions {
  return {
    groups: groupBy.map((column) => columnPosition(fields, column, name)),
    inputs: aggregates.map(({ column }) => (column === null ? -1 : columnPosition(fields, column, name))),
    conditions: aggregates.map(({ where }) => (where === undefined ? -1 : columnPosition(fields, where, name))),
  }
}

/** Records that missed some of their windows go beside the slice, so that those windows never count them. */
function groupsIn(
  page: Page,
  start: EpochMillis,
  { apartUpTo }: Verdict,
  output: number,
  outputs: number,
): Map<string, unknown[]> {
  const state = apartUpTo === null ? sliceAt(page, start, outputs) : lateSliceAt(page, start, apartUpTo, outputs)
  let groups = state[output]
  if (groups === undefined) {
    groups = new Map()
    state[output] = groups
  }
  return groups
}

function sliceAt(page: Page, start: EpochMillis, outputs: number): SliceState {
  let state = page.slices.get(start)
  if (state === undefined) {
    state = new Array<undefined>(outputs).fill(undefined)
    page.slices.set(start, state)
  }
  return state
}

function lateSliceAt(page: Page, start: EpochMillis, missedUpTo: EpochMillis, outputs: number): SliceState {
  let found = page.lateSlices.find((one) => one.start === start && one.missedUpTo === missedUpTo)
  if (found === undefined) {
    found = { start, missedUpTo, state: new Array<undefined>(outputs).fill(undefined) }
    page.lateSlices.push(found)
  }
  return found.state
}

/** The rows in which a boolean column is true, and their groups. */
function rowsWhere(condition: Vector, rows: Int32Array, groups: Int32Array) {
  if (condition.kind !== 'boolean') throw new TypeError(`A column of ${condition.kind} can't be a condition`)
  const { values, valid } = condition
  const taken = { rows: new Int32Array(rows.length), groups: new Int32Array(rows.length) }
  let count = 0
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    if (values[row] === 0 || (valid !== null && valid[row] === 0)) continue
    taken.rows[count] = row
    taken.groups[count++] = groups[i]!
  }
  return { rows: taken.rows.subarray(0, count), groups: taken.groups.subarray(0, count) }
}

/** The rows whose slices are folded: all of them, nearly always. */
function selectRows(states: readonly unknown[], rows: Int32Array, numbers: Int32Array) {
  if (!states.includes(null)) return { rows, numbers }
  const kept = rows.map((_, i) => i).filter((i) => states[numbers[i]!] !== null)
  return { rows: kept.map((i) => rows[i]!), numbers: kept.map((i) => numbers[i]!) }
}

function mergeGroup(
  groups: Map<string, unknown[]>,
  key: string,
  group: number,
  partials: readonly ArrayLike<unknown>[],
  aggregates: readonly Aggregate<unknown>[],
): void {
  const states = groups.get(key)
  if (states === undefined) {
    // Not pushed one by one: that reserves room for sixteen.
    const first = new Array<unknown>(partials.length)
    for (let i = 0; i < partials.length; i++) first[i] = partials[i]![group]
    groups.set(key, first)
    return
  }
  for (let i = 0; i < aggregates.length; i++) states[i] = aggregates[i]!.merge(states[i], partials[i]![group])
}
