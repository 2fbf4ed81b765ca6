import type { AddFile } from '#delta/actions.ts'
import { type FileColumns, type RowSource, readStoredColumns } from '#delta/file-columns.ts'
import { fieldsOf, hiddenRows } from '#delta/file-rows.ts'
import { type CompiledPredicate, compilePredicate, type Predicate } from '#delta/predicate.ts'
import type { RowSet } from '#delta/row-set.ts'
import type { DecodedVector } from '#parquet/columns-reader.ts'
import { valueGetter } from '#parquet/reader.ts'

export interface ScanOptions {
  /** Columns to read, in this order; all of them without. */
  readonly columns?: readonly string[]
  /** Only rows for which this holds. Files and row groups that can have none, by what is known of their values, are not read. */
  readonly where?: Predicate
  /** Only these files of the version, in this order. */
  readonly files?: readonly AddFile[]
}

/** A run of rows as columns. */
export interface ScanBatch {
  /** Length of the columns. */
  readonly rows: number
  readonly columns: ReadonlyMap<string, DecodedVector>
  /** Which of the rows count, ascending; null when all do. */
  readonly selected: Int32Array | null
}

/**
 * The rows of some files as columns, file by file, a row group at a time.
 *
 * @throws SluiceError what `readFileRows` and `compilePredicate` throw
 */
export async function* scanFiles(
  source: RowSource,
  files: Iterable<AddFile>,
  options: ScanOptions,
): AsyncGenerator<ScanBatch, void, undefined> {
  const wanted = fieldsOf(source, options.columns).map(({ name }) => name)
  const { where } = options
  const predicate = where === undefined ? undefined : compilePredicate(where, source.layout, source.paths.name)
  for (const file of files) {
    if (predicate !== undefined && !predicate.mayMatch(file)) continue
    const hidden = await hiddenRows(source, file)
    const filter = predicate === undefined || predicate.allMatch(file) ? undefined : predicate
    const columns = fieldsOf(source, [...new Set([...wanted, ...(filter?.columns ?? [])])])
    for await (const batch of readStoredColumns(source, file, columns, filter)) {
      const selected = selection(batch, hidden, filter)
      if (selected?.length === 0) continue
      const asked = columns.length === wanted.length ? batch.columns : only(batch.columns, wanted)
      yield { rows: batch.rows, columns: asked, selected }
    }
  }
}

/** The rows that no deletion vector hides and for which the predicate holds; null for all. */
function selection(
  { rows, firstIndex, columns }: FileColumns,
  hidden: RowSet | undefined,
  predicate: CompiledPredicate | undefined,
): Int32Array | null {
  if (hidden === undefined && predicate === undefined) return null
  const getters = (predicate?.columns ?? []).map((name) => [name, valueGetter(columns.get(name)!)] as const)
  // One object for all rows: a predicate keeps none.
  const row: Record<string, unknown> = {}
  const selected = new Int32Array(rows)
  let count = 0
  for (let i = 0; i < rows; i++) {
    if (hidden?.has(firstIndex + i) === true) continue
    for (const [name, get] of getters) row[name] = get(i)
    if (predicate === undefined || predicate.matches(row)) selected[count++] = i
  }
  return count === rows ? null : selected.subarray(0, count)
}

function only(
  columns: ReadonlyMap<string, DecodedVector>,
  names: readonly string[],
): ReadonlyMap<string, DecodedVector> {
  return new Map(names.map((name) => [name, columns.get(name)!]))
}
