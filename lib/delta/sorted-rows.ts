import { SluiceError } from '#core/errors.ts'
import type { AddFile } from '#delta/actions.ts'
import { resolveColumn } from '#delta/column-path.ts'
import { type OpenedVersion, rowsOfFile } from '#delta/opened-version.ts'
import { orderingOf } from '#delta/ordering.ts'
import { dataPath } from '#delta/paths.ts'
import type { Row } from '#delta/row-check.ts'
import { RowWriter } from '#delta/row-writer.ts'
import { decimalType } from '#delta/scalar.ts'
import { typeText } from '#delta/schema-json.ts'

/** Rows that are sorted in memory; more of them go by way of sorted files. */
const MEMORY_ROWS = 200_000
/** Below the table; readers and VACUUM of all engines pass over names that begin with '_'. */
const FOLDER = '_sluice_sort/'

type Compare = (a: Row, b: Row) => number

/** Nulls first, NaN last. @throws SluiceError DELTA_SCHEMA_MISMATCH for columns that the table has not or that have no order */
export function comparisonBy(version: OpenedVersion, columns: readonly string[]): Compare {
  const parts = columns.map((name) => {
    const column = resolveColumn(name, version.layout, version.paths.name)
    const { type } = column
    const ordering = typeof type === 'string' ? orderingOf(type, decimalType(type)?.scale ?? 0) : undefined
    if (ordering !== undefined) return { column, ordering }
    throw new SluiceError(
      'DELTA_SCHEMA_MISMATCH',
      `Expected columns with an order to sort ${version.paths.name} by, found ${name}, a ${typeText(type)}. Choose others.`,
      { details: { table: version.paths.name, column: name } },
    )
  })
  return (a, b) => {
    for (const { column, ordering } of parts) {
      const [left, right] = [column.valueIn(a), column.valueIn(b)]
      if (left === null || right === null) {
        if (left !== right) return left === null ? -1 : 1
        continue
      }
      const order =
        Number(Number.isNaN(left)) - Number(Number.isNaN(right)) ||
        ordering.compare(ordering.key(left), ordering.key(right))
      if (order !== 0) return order
    }
    return 0
  }
}

/**
 * All rows of files of one partition in order, at most 200,000 of them in memory: more are sorted in parts, which are stored and merged
 * (a PUT and a GET for each 200,000).
 */
export async function* sortedRows(
  version: OpenedVersion,
  files: readonly AddFile[],
  compare: Compare,
): AsyncGenerator<readonly Row[]> {
  const parts: AddFile[] = []
  let held: Row[] = []
  for (const file of files) {
    for await (const run of rowsOfFile(version, file)) {
      for (const row of run) held.push(row)
      if (held.length < MEMORY_ROWS) continue
      parts.push(await stored(version, held.sort(compare)))
      held = []
    }
  }
  held.sort(compare)
  if (parts.length === 0) {
    if (held.length > 0) yield held
    return
  }
  try {
    if (held.length > 0) parts.push(await stored(version, held))
    held = []
    yield* merged(
      parts.map((part) => rowsOfFile(version, part)),
      compare,
    )
  } finally {
    const { store } = version.deps
    for (const { path } of parts) await store.delete(dataPath(version.paths, store.uri, path))
  }
}

async function stored({ deps, paths, metadata }: OpenedVersion, rows: readonly Row[]): Promise<AddFile> {
  const writer = new RowWriter(deps, paths, metadata, { folder: FOLDER, targetBytes: Number.POSITIVE_INFINITY })
  await writer.add(rows)
  return (await writer.finish())[0]!
}

interface Head {
  rows: readonly Row[]
  at: number
  readonly rest: AsyncGenerator<readonly Row[]>
}

async function* merged(
  parts: readonly AsyncGenerator<readonly Row[]>[],
  compare: Compare,
): AsyncGenerator<readonly Row[]> {
  const heads: Head[] = []
  for (const rest of parts) {
    const { value, done } = await rest.next()
    if (done !== true && value.length > 0) heads.push({ rows: value, at: 0, rest })
  }
  let run: Row[] = []
  while (heads.length > 0) {
    let least = heads[0]!
    for (const head of heads) if (compare(head.rows[head.at]!, least.rows[least.at]!) < 0) least = head
    run.push(least.rows[least.at++]!)
    if (run.length === 8_192) {
      yield run
      run = []
    }
    if (least.at < least.rows.length) continue
    const { value, done } = await least.rest.next()
    if (done === true || value.length === 0) heads.splice(heads.indexOf(least), 1)
    else {
      least.rows = value
      least.at = 0
    }
  }
  if (run.length > 0) yield run
}
