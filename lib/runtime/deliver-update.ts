import type { Row } from '#delta/row-check.ts'
import type { DeltaTable, WriteResult } from '#delta/table.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { closeAppId } from '#runtime/keys.ts'
import { isWithdrawn, tableRow, type WindowRow } from '#runtime/results.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { fromRows } from '#schema/from-rows.ts'
import { toRow } from '#schema/row-view.ts'

/** The last version of one row among some results, as the table has it; gone when a correction has withdrawn it. */
interface Change {
  readonly row: Row
  readonly gone: boolean
}

/** How far a table has got: by appended rows, and by rows that took each other's place. Only the output's `emit` decides which grows. */
export function deliveredTo(
  runtime: Runtime,
  { name }: WindowOutput,
  txns: ReadonlyMap<string, number>,
): { readonly appended: number; readonly updated: number } {
  return { appended: txns.get(closeAppId(runtime, name)) ?? 0, updated: txns.get(updateAppId(runtime, name)) ?? 0 }
}

const updateAppId = (runtime: Runtime, output: string): string => `${closeAppId(runtime, output)}/update`

/**
 * Brings results into a table that has one row for each window and group. Done once, however often it is tried: the commit carries
 * `seq` as its transaction. Whoever else commits meanwhile, OPTIMIZE too, makes it plan anew.
 *
 * - `change`, `every`: a MERGE. Reads and writes anew the files that hold rows which change; running rows lie in files of their own.
 * - `complete`: an overwrite, of what the table holds with the changes in it. Reads and writes the whole table, in memory are the changes.
 *
 * A table that was filled while the output was `final` has a row for each revision: it is written anew once, with all of its latest rows
 * in memory.
 *
 * Cost: the requests of a snapshot, a GET and a PUT a file, 2 PUTs for the commit.
 *
 * @param appended whether the table was last filled by appending
 */
export function updateTable(
  runtime: Runtime,
  output: WindowOutput,
  table: DeltaTable,
  rows: readonly WindowRow[],
  seq: number,
  appended: boolean,
): Promise<WriteResult> {
  const keyOf = keyOver(['window_start', 'window_end', ...output.groupBy])
  const changes = changesOf(output, rows, keyOf)
  const txn = { appId: updateAppId(runtime, output.name), version: seq }
  if (appended) return table.overwrite((there) => changed(latest(there, keyOf), changes, keyOf), { txn })
  if (output.emit === 'complete') return table.overwrite((there) => changed(there, changes, keyOf), { txn })
  const isGone = (row: Row): boolean => changes.get(keyOf(row))!.gone
  return table.merge(
    [...changes.values()].map(({ row }) => row),
    {
      on: ['window_start', 'window_end', ...output.groupBy],
      when: {
        matched: (row, source) => {
          if (revisionOf(row) >= revisionOf(source)) return 'keep'
          return isGone(source) ? 'delete' : source
        },
        notMatched: (source) => (isGone(source) ? 'ignore' : source),
      },
      apart: (row) => row['is_final'] !== true,
      txn,
    },
  )
}

const revisionOf = (row: Row): number => Number(row['revision'])

function changesOf(
  output: WindowOutput,
  rows: readonly WindowRow[],
  keyOf: (row: Row) => string,
): ReadonlyMap<string, Change> {
  const batch = fromRows(
    output.fields,
    rows.map((row) => tableRow(output, row)),
  )
  const changes = new Map<string, Change>()
  rows.forEach((result, i) => {
    const row = toRow(batch, i)
    const key = keyOf(row)
    const known = changes.get(key)
    if (known === undefined || revisionOf(known.row) < result.revision) {
      changes.set(key, { row, gone: isWithdrawn(result) })
    }
  })
  return changes
}

/** Rows with the changes in them. */
async function* changed(
  there: AsyncIterable<readonly Row[]>,
  changes: ReadonlyMap<string, Change>,
  keyOf: (row: Row) => string,
): AsyncGenerator<readonly Row[]> {
  const left = new Map(changes)
  for await (const run of there) {
    yield run.filter((row) => {
      const key = keyOf(row)
      const change = changes.get(key)
      if (change !== undefined && revisionOf(row) < revisionOf(change.row)) return false
      left.delete(key)
      return true
    })
  }
  yield [...left.values()].flatMap(({ row, gone }) => (gone ? [] : [row]))
}

/** Of rows that were appended: those that hold, by their revision. */
async function* latest(
  there: AsyncIterable<readonly Row[]>,
  keyOf: (row: Row) => string,
): AsyncGenerator<readonly Row[]> {
  const rows = new Map<string, Row>()
  for await (const run of there) {
    for (const row of run) {
      const key = keyOf(row)
      const known = rows.get(key)
      if (known === undefined || revisionOf(known) < revisionOf(row)) rows.set(key, row)
    }
  }
  yield [...rows.values()].filter((row) => row['is_final'] === true)
}

function keyOver(names: readonly string[]): (row: Row) => string {
  return (row) => names.map((name) => textOf(row[name])).join(',')
}

/** Different for values that are; −0 is 0, as in groups. */
const textOf = (value: unknown): string => (typeof value === 'string' ? JSON.stringify(value) : String(value))
