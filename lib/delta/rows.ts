import type { AddFile } from '#delta/actions.ts'
import { fieldsOf, type RowSource, readFileRows, type TableRow } from '#delta/file-rows.ts'
import { type CompiledPredicate, compilePredicate, type Predicate } from '#delta/predicate.ts'

export interface RowOptions {
  /** Columns to read, in this order; all of them without. */
  readonly columns?: readonly string[]
  /** Only rows for which this holds. Files that can have none, by partition values and statistics, are not opened. */
  readonly where?: Predicate
  /** Stop after this many rows. */
  readonly limit?: number
}

/** The files that may have a row for which the predicate holds, in the order in which they were committed. */
export function filesMatching(files: Iterable<AddFile>, predicate: CompiledPredicate): AddFile[] {
  const matching: AddFile[] = []
  for (const file of files) if (predicate.mayMatch(file)) matching.push(file)
  return matching
}

/**
 * The rows of a version, file by file in the order in which they were committed, in runs of whatever size the files have.
 *
 * @throws SluiceError what `readFileRows` and `compilePredicate` throw
 */
export async function* readRows(
  source: RowSource,
  files: Iterable<AddFile>,
  options: RowOptions,
): AsyncGenerator<readonly TableRow[]> {
  const wanted = fieldsOf(source, options.columns).map(({ name }) => name)
  const { where } = options
  const predicate = where === undefined ? undefined : compilePredicate(where, source.layout, source.paths.name)
  let left = options.limit ?? Number.POSITIVE_INFINITY
  for (const file of files) {
    if (left <= 0) return
    if (predicate !== undefined && !predicate.mayMatch(file)) continue
    const filter = predicate === undefined || predicate.allMatch(file) ? undefined : predicate
    const columns = [...new Set([...wanted, ...(filter?.columns ?? [])])]
    for await (const { rows } of readFileRows(source, file, columns, filter)) {
      const matching = filter === undefined ? rows : filtered(rows, filter, wanted, columns.length > wanted.length)
      const run = matching.length <= left ? matching : matching.slice(0, left)
      left -= run.length
      if (run.length > 0) yield run
      if (left <= 0) return
    }
  }
}

function filtered(
  rows: readonly TableRow[],
  predicate: CompiledPredicate,
  wanted: readonly string[],
  project: boolean,
): readonly TableRow[] {
  const matching = rows.filter((row) => predicate.matches(row))
  return project ? matching.map((row) => Object.fromEntries(wanted.map((name) => [name, row[name]]))) : matching
}
