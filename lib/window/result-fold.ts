import { hashText } from '#core/hash.ts'
import type { AggregatePlan, WindowOutput } from '#plan/plan.ts'
import type { Fields } from '#schema/column.ts'
import type { Aggregate, AggregateValue, RecordPlace } from '#window/accumulator.ts'
import { aggregatesOf } from '#window/aggregate.ts'
import { type FailedGroup, finish, type ResultRow, valuesOf, whereOf } from '#window/close.ts'
import { columnPosition } from '#window/columns.ts'
import { encodeGroupKey, type GroupValue } from '#window/group-key.ts'
import { type WindowBounds, windowsContaining } from '#window/windows.ts'

interface Group {
  readonly values: readonly GroupValue[]
  readonly states: unknown[]
}

interface OpenWindow {
  readonly window: WindowBounds
  readonly groups: Map<string, Group>
}

/**
 * Folds results of one output into windows of another: a row counts at the millisecond before its window's end, or in that same window.
 * Holds the groups of the windows that are wanted, and no rows. 0.2 µs a row and window into one group, 1 µs into 100,000 groups.
 *
 * Results of one time have no order that means anything, but `first`, `last` and `collect` need one: that of their keys' hashes, whatever
 * the order in which they come.
 */
export class ResultFold {
  private readonly output: WindowOutput
  private readonly outputIndex: number
  private readonly aggregates: readonly Aggregate<unknown>[]
  private readonly isWanted: (window: WindowBounds) => boolean
  private readonly groupColumns: readonly number[]
  private readonly inputs: readonly number[]
  private readonly conditions: readonly number[]
  /** By end. */
  private readonly windows = new Map<number, OpenWindow>()

  /**
   * @param fields of the results: bounds, group columns, aggregates
   * @throws SluiceError PLAN_INVALID when the output names a column that the results don't have
   */
  constructor(output: WindowOutput, outputIndex: number, fields: Fields, isWanted: (window: WindowBounds) => boolean) {
    const at = (name: string): number => columnPosition(fields, name, output.name)
    this.output = output
    this.outputIndex = outputIndex
    this.aggregates = aggregatesOf(output, fields)
    this.isWanted = isWanted
    this.groupColumns = output.groupBy.map(at)
    this.inputs = output.aggregates.map(({ column }) => (column === null ? -1 : at(column)))
    this.conditions = output.aggregates.map(({ where }) => (where === undefined ? -1 : at(where)))
  }

  add({ window, key: resultKey, group, values }: Omit<ResultRow, 'output'>): void {
    const cells = [window.start, window.end, ...group, ...values] as readonly AggregateValue[]
    const time = window.end - 1
    const same = this.output.source?.windows === 'same'
    const place = { time, partition: 0, offset: hashText(resultKey) }
    for (const own of same ? [window] : windowsContaining(this.output.window, time)) {
      if (this.isWanted(own)) this.addTo(own, cells, place)
    }
  }

  /** Rows of the windows, ascending by end, in a window by key, `where` applied: as `closeWindows` gives them. */
  *rows(onFailure: (failed: FailedGroup) => void): Iterable<ResultRow> {
    const passes = whereOf(this.output)
    for (const { window, groups } of [...this.windows.values()].sort((a, b) => a.window.end - b.window.end)) {
      for (const [key, { values: group, states }] of [...groups].sort(([a], [b]) => (a < b ? -1 : 1))) {
        const values = valuesOf(() => finish(states, this.aggregates), passes, { window, group }, onFailure)
        if (values !== null) yield { output: this.outputIndex, window, key, group, values }
      }
    }
  }

  private addTo(window: WindowBounds, cells: readonly AggregateValue[], place: RecordPlace): void {
    let open = this.windows.get(window.end)
    if (open === undefined) {
      open = { window, groups: new Map() }
      this.windows.set(window.end, open)
    }
    const group = this.groupColumns.map((at) => cells[at]!)
    const key = encodeGroupKey(group)
    let own = open.groups.get(key)
    if (own === undefined) {
      own = { values: group, states: this.aggregates.map((aggregate) => aggregate.zero()) }
      open.groups.set(key, own)
    }
    const { states } = own
    this.output.aggregates.forEach((plan: AggregatePlan, i) => {
      const value = plan.column === null ? true : cells[this.inputs[i]!]!
      const condition = this.conditions[i]!
      if (value === null || (condition >= 0 && cells[condition] !== true)) return
      states[i] = this.aggregates[i]!.add(states[i], value, place)
    })
  }
}
