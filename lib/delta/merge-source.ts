import { SluiceError } from '#core/errors.ts'
import type { AddFile } from '#delta/actions.ts'
import { type ColumnPath, resolveColumn } from '#delta/column-path.ts'
import { type FileBounds, fileStatistics } from '#delta/file-bounds.ts'
import type { TableLayout } from '#delta/layout.ts'
import { type Ordering, orderingOf, type SortKey } from '#delta/ordering.ts'
import { type Row, RowCheck } from '#delta/row-check.ts'
import { isBatch, type RowsInput, runsOf } from '#delta/rows-input.ts'
import { decimalType } from '#delta/scalar.ts'
import { typeText } from '#delta/schema-json.ts'
import { toRow } from '#schema/row-view.ts'

/** What rows of a merge are told apart by. */
export type MergeKey = string | number | bigint | boolean | null

/** Keys that are tried one by one against a file; of more it is taken for granted that one may be in there. */
const TRIED_MAX = 1_000

interface KeyColumn {
  readonly column: ColumnPath
  readonly ordering: Ordering
}

/** The rows of a merge by their keys, in memory. Nulls are equal, as rows of a table without one would be doubled by every merge. */
export class MergeSource {
  readonly rows: ReadonlyMap<MergeKey, Row>
  private readonly columns: readonly KeyColumn[]
  private readonly layout: TableLayout
  private readonly table: string
  /** Ascending by the first key column; rows where it is null, or NaN, are apart. */
  private readonly sorted: readonly Row[]
  private readonly unsorted: readonly Row[]

  private constructor(
    rows: ReadonlyMap<MergeKey, Row>,
    columns: readonly KeyColumn[],
    layout: TableLayout,
    table: string,
  ) {
    this.rows = rows
    this.columns = columns
    this.layout = layout
    this.table = table
    const [{ column, ordering }] = columns as readonly [KeyColumn]
    const keyOf = (row: Row): SortKey => ordering.key(column.valueIn(row))
    const hasPlace = (row: Row): boolean => column.valueIn(row) !== null && !Number.isNaN(column.valueIn(row))
    const all = [...rows.values()]
    this.sorted = all.filter(hasPlace).sort((a, b) => ordering.compare(keyOf(a), keyOf(b)))
    this.unsorted = all.filter((row) => !hasPlace(row))
  }

  /**
   * Reads all rows.
   *
   * @throws SluiceError DELTA_MERGE_INVALID for key columns that are none, and for two rows with one key; DELTA_SCHEMA_MISMATCH
   */
  static async of(input: RowsInput, on: readonly string[], layout: TableLayout, table: string): Promise<MergeSource> {
    const columns = keyColumns(on, layout, table)
    const check = new RowCheck(table, layout.schema, { partial: true })
    const rows = new Map<MergeKey, Row>()
    for await (const run of runsOf(input)) {
      const given = isBatch(run) ? Array.from({ length: run.rows }, (_, row) => toRow(run, row)) : run
      for (const row of check.check(given)) {
        const key = keyIn(columns, row)
        if (rows.has(key)) throw duplicate(table, on, columns, row)
        rows.set(key, row)
      }
    }
    return new MergeSource(rows, columns, layout, table)
  }

  keyOf(row: Row): MergeKey {
    return keyIn(this.columns, row)
  }

  /** False only when no row of the file has the key of any row here, by its partition values and statistics. */
  mayHold(file: AddFile): boolean {
    const statistics = fileStatistics(file, this.layout, this.table)
    const bounds = this.columns.map(({ column, ordering }) => statistics.bounds(column, ordering))
    const { from, to } = this.within(bounds[0]!)
    if (to - from + this.unsorted.length > TRIED_MAX) return true
    for (let i = from; i < to; i++) if (this.mayBeIn(this.sorted[i]!, bounds)) return true
    return this.unsorted.some((row) => this.mayBeIn(row, bounds))
  }

  /** Which of the sorted rows the bounds of the first column let through. */
  private within(bounds: FileBounds): { readonly from: number; readonly to: number } {
    const { low, high } = bounds
    if (!bounds.values) return { from: 0, to: 0 }
    const { column, ordering } = this.columns[0]!
    const firstWhere = (isAtLeast: (key: SortKey) => boolean): number => {
      let from = 0
      let to = this.sorted.length
      while (from < to) {
        const middle = (from + to) >>> 1
        if (isAtLeast(ordering.key(column.valueIn(this.sorted[middle]!)))) to = middle
        else from = middle + 1
      }
      return from
    }
    return {
      from: low === undefined ? 0 : firstWhere((key) => ordering.compare(key, low) >= 0),
      to: high === undefined ? this.sorted.length : firstWhere((key) => ordering.compare(key, high) > 0),
    }
  }

  private mayBeIn(row: Row, bounds: readonly FileBounds[]): boolean {
    return this.columns.every(({ column, ordering }, i) => {
      const { nulls, values, low, high } = bounds[i]!
      const value = column.valueIn(row)
      if (value === null) return nulls
      const key = ordering.key(value)
      if (!values || Number.isNaN(key)) return values
      return (
        (low === undefined || ordering.compare(low, key) <= 0) &&
        (high === undefined || ordering.compare(key, high) <= 0)
      )
    })
  }
}

function keyColumns(on: readonly string[], layout: TableLayout, table: string): readonly KeyColumn[] {
  if (on.length === 0) throw invalid(table, 'at least one column to merge on, found none', {})
  return on.map((name) => {
    const column = resolveColumn(name, layout, table)
    const { type } = column
    const ordering = typeof type === 'string' ? orderingOf(type, decimalType(type)?.scale ?? 0) : undefined
    if (ordering !== undefined) return { column, ordering }
    throw invalid(table, `columns whose values can be told apart to merge on, found ${name}, a ${typeText(type)}`, {
      name,
    })
  })
}

function keyIn(columns: readonly KeyColumn[], row: Row): MergeKey {
  if (columns.length === 1) return plainKey(columns[0]!.column.valueIn(row))
  let key = ''
  for (const { column } of columns) key += `${keyText(column.valueIn(row))},`
  return key
}

function plainKey(value: unknown): MergeKey {
  return value instanceof Uint8Array ? keyText(value) : (value as MergeKey)
}

function keyText(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value)
  if (value instanceof Uint8Array) return `b${value.join('.')}`
  return value === 0 ? '0' : String(value)
}

function duplicate(table: string, on: readonly string[], columns: readonly KeyColumn[], row: Row): SluiceError {
  const key = columns.map(({ column }) => keyText(column.valueIn(row))).join(', ')
  return invalid(table, `at most one row for each (${on.join(', ')}), found two for (${key})`, { on })
}

export function invalid(table: string, expected: string, details: Readonly<Record<string, unknown>>): SluiceError {
  return new SluiceError(
    'DELTA_MERGE_INVALID',
    `Can't merge into ${table}: expected ${expected}. Nothing was committed: change the rows or the keys.`,
    { details: { table, ...details } },
  )
}
