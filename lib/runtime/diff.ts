import { isSluiceError } from '#core/errors.ts'
import { hashBytes, murmur2 } from '#core/hash.ts'
import { compareText } from '#core/text-order.ts'
import { DeltaTable } from '#delta/table.ts'
import { isWindowOutput, type Plan, type WindowOutput } from '#plan/plan.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { tablePath } from '#runtime/runtime.ts'
import { plannedTables } from '#runtime/tables.ts'

type Values = Readonly<Record<string, unknown>>

/** A row of results that one side has and the other has not, or has with other values. */
export interface DifferentRow {
  /** `window_start`, `window_end` and the group columns. */
  readonly key: Values
  /** The aggregates as they serve; null for a row that is only in the rebuild. */
  readonly serving: Values | null
  /** The aggregates as they were rebuilt; null for a row that is only in what serves. */
  readonly rebuilt: Values | null
}

/** What one table would become. */
export interface TableDiff {
  readonly table: string
  readonly same: number
  readonly changed: number
  readonly onlyServing: number
  readonly onlyRebuilt: number
  /** Of a table of results: the first of its different rows, by key. Other tables have no keys to tell changed rows by. */
  readonly rows: readonly DifferentRow[]
}

/**
 * Compares the tables of a rebuild with those that serve: results by window and group, the latest revision of each; other tables by
 * how often they have each row. Holds the keys and values of one table in memory.
 *
 * @param limit how many different rows a table are told
 */
export async function diffRebuild(runtime: Runtime, rebuilt: Runtime, limit: number): Promise<readonly TableDiff[]> {
  const diffs: TableDiff[] = []
  for (const { name, output } of plannedTables(rebuilt.plan)) {
    const before = await rowsOf(runtime, name)
    const after = await rowsOf(rebuilt, name)
    const results = windowOutput(rebuilt.plan, output)
    diffs.push(
      results === undefined
        ? await diffRows(name, before, after)
        : await diffResults(name, results, before, after, limit),
    )
  }
  return diffs
}

const windowOutput = (plan: Plan, name: string | null): WindowOutput | undefined =>
  plan.outputs.filter(isWindowOutput).find((output) => output.name === name)

type Rows = AsyncIterable<readonly Values[]>

/** None for a table that only the new definition has. */
async function rowsOf(runtime: Runtime, name: string): Promise<Rows> {
  const table = await DeltaTable.open(runtime, tablePath(name)).catch((error: unknown) => {
    if (isSluiceError(error, 'DELTA_NOT_A_TABLE')) return null
    throw error
  })
  if (table === null) return none()
  return (await table.snapshot()).rows()
}

async function* none(): AsyncGenerator<readonly Values[]> {}

/** A row of results as it stands. */
export interface LatestRow {
  readonly key: Values
  readonly values: Values
  readonly revision: number
  /** False for a window that is still open. */
  readonly final: boolean
}

const WINDOW = ['window_start', 'window_end']

async function diffResults(
  table: string,
  output: WindowOutput,
  before: Rows,
  after: Rows,
  limit: number,
): Promise<TableDiff> {
  const serving = await latestRows(output, before)
  const rebuilt = await latestRows(output, after)
  const different: DifferentRow[] = []
  let same = 0
  for (const [id, row] of serving) {
    const other = rebuilt.get(id)
    if (other !== undefined && text(other.values) === text(row.values)) same++
    else different.push({ key: row.key, serving: row.values, rebuilt: other?.values ?? null })
  }
  for (const [id, row] of rebuilt) {
    if (!serving.has(id)) different.push({ key: row.key, serving: null, rebuilt: row.values })
  }
  const onlyServing = different.filter((row) => row.rebuilt === null).length
  const onlyRebuilt = different.filter((row) => row.serving === null).length
  different.sort((a, b) => compareText(text(a.key), text(b.key)))
  const changed = different.length - onlyServing - onlyRebuilt
  return { table, same, changed, onlyServing, onlyRebuilt, rows: different.slice(0, limit) }
}

/** By key: of each row its highest revision, without those that were withdrawn. */
export async function latestRows(
  output: WindowOutput,
  rows: AsyncIterable<readonly Values[]>,
): Promise<ReadonlyMap<string, LatestRow>> {
  const keyColumns = [...WINDOW, ...output.groupBy]
  const valueColumns = output.aggregates.map(({ name }) => name)
  const latest = new Map<string, LatestRow>()
  for await (const run of rows) {
    for (const row of run) {
      const key = pick(row, keyColumns)
      const id = text(key)
      const revision = Number(row['revision'])
      const known = latest.get(id)
      if (known !== undefined && known.revision > revision) continue
      latest.set(id, { key, values: pick(row, valueColumns), revision, final: row['is_final'] === true })
    }
  }
  // Where rows are only ever appended, one that isn't final takes back the one before.
  if (output.emit === 'final') for (const [id, { final }] of latest) if (!final) latest.delete(id)
  return latest
}

const pick = (row: Values, names: readonly string[]): Values =>
  Object.fromEntries(names.map((name) => [name, row[name] ?? null]))

/** How often each row comes, by its text's hash. */
async function diffRows(table: string, before: Rows, after: Rows): Promise<TableDiff> {
  const counts = new Map<string, number>()
  let same = 0
  let serving = 0
  for await (const run of before) {
    for (const row of run) {
      const id = digest(row)
      counts.set(id, (counts.get(id) ?? 0) + 1)
      serving++
    }
  }
  let rebuilt = 0
  for await (const run of after) {
    for (const row of run) {
      rebuilt++
      const id = digest(row)
      const left = counts.get(id) ?? 0
      if (left === 0) continue
      counts.set(id, left - 1)
      same++
    }
  }
  return { table, same, changed: 0, onlyServing: serving - same, onlyRebuilt: rebuilt - same, rows: [] }
}

/** Equal for equal rows: JSON, with what it has no literal for written out. */
function text(row: Values): string {
  return JSON.stringify(row, (_, value: unknown) => {
    if (typeof value === 'bigint') return `${value}n`
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
    if (value instanceof Map) return [...value]
    return value instanceof Uint8Array ? [...value] : value
  })
}

const encoder = new TextEncoder()

/** 64 bits: of two hashes that have nothing to do with each other. */
function digest(row: Values): string {
  const bytes = encoder.encode(text(row))
  return `${hashBytes(bytes, 0, bytes.length)} ${murmur2(bytes)}`
}
