import type { WindowSpec } from '#plan/plan.ts'
import type { WindowRow } from '#runtime/results.ts'
import type { Json } from './case.ts'
import {
  batchResult,
  type Call,
  type InputRow,
  parseCall,
  type Query,
  sessionRules,
  specOf,
  startQuery,
} from './engine.ts'
import { type Cell, canonical, differences, isTime, timeOf } from './values.ts'

export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly InputRow[]
  /** Digits after the point of columns that are decimals: they are counted in whole units of the last digit. */
  readonly scales: ReadonlyMap<string, number>
}

/** Rows as lists of cells; the first column of times is the event time. Text that looks like a decimal is one. */
export function tableOf(columns: readonly string[], lists: readonly (readonly Cell[])[]): Table {
  const isTimes = (i: number): boolean =>
    lists.some((row) => isTime(row[i])) && lists.every((row) => row[i] === null || isTime(row[i]))
  const time = columns.findIndex((_, i) => isTimes(i))
  if (time < 0 && lists.length > 0) throw new Error(`There is no column of times among ${columns.join(', ')}`)
  const scales = new Map<string, number>()
  columns.forEach((name, i) => {
    const texts = lists.map((row) => row[i]).filter((cell) => cell !== null)
    if (texts.length === 0 || !texts.every((cell) => typeof cell === 'string' && /^-?\d+\.\d+$/.test(cell))) return
    scales.set(name, Math.max(...texts.map((cell) => String(cell).split('.')[1]!.length)))
  })
  const cell = (name: string, value: Cell): Cell => {
    const scale = scales.get(name)
    return scale === undefined || value === null ? value : Math.round(Number(value) * 10 ** scale)
  }
  const rows = lists.map((list) => ({
    time: typeof list[time] === 'string' ? timeOf(list[time]) : null,
    cells: Object.fromEntries(columns.map((name, i) => [name, cell(name, list[i] ?? null)])),
  }))
  return { columns, rows, scales }
}

/** A value of the result as the query's own engine prints it. */
export function printed(row: WindowRow, query: Query, call: Call, scales: ReadonlyMap<string, number>): Cell {
  const value = row.values[query.aggregates.indexOf(call)] as Cell
  const scale = call.function === 'count' || call.function === 'distinct' ? undefined : scales.get(call.column ?? '')
  return canonical(scale === undefined || value === null ? value : Number(value) / 10 ** scale)
}

/** Rows of a table, then the end of the input: aggregates by group, or every row beside each of its windows. */
export async function runTable(json: Json, file: Json): Promise<readonly string[]> {
  const input = json.input ?? file.input
  if (json.columns === undefined) return runStreamedTable(json, input, file)
  const table = tableOf(input.columns, input.rows ?? input.rowsInArrivalOrder)
  const columns = json.columns as readonly string[]
  const calls = columns.flatMap((column) => parseCall(column) ?? [])
  const found =
    calls.length > 0
      ? await aggregated(windowOf(json, file), table, columns, calls)
      : await assigned(json, windowOf(json, file), table, columns)
  return differences(
    found,
    (json.expect as readonly Cell[][]).map((row) => row.map(canonical)),
  )
}

const windowOf = (json: Json, file: Json) => specOf(json.window ?? file.window, undefined, sessionRules(file))

const BOUNDS = new Set(['window_start', 'window_end'])
const bound = (row: WindowRow, column: string): number => (column === 'window_start' ? row.start : row.end)

async function aggregated(
  window: WindowSpec,
  table: Table,
  columns: readonly string[],
  calls: readonly Call[],
): Promise<readonly Cell[][]> {
  const groupBy = columns.filter((column) => !BOUNDS.has(column) && parseCall(column) === undefined)
  const query = { window, groupBy, aggregates: calls }
  const rows = await batchResult(query, table.rows)
  return rows.map((row) =>
    columns.map((column) => {
      if (BOUNDS.has(column)) return bound(row, column)
      const call = calls.find(({ name }) => name === column)
      return call === undefined
        ? canonical(row.group[groupBy.indexOf(column)])
        : printed(row, query, call, table.scales)
    }),
  )
}

const POSITION = 'row_position'

async function assigned(
  json: Json,
  window: WindowSpec,
  table: Table,
  columns: readonly string[],
): Promise<readonly Cell[][]> {
  const groupBy = json.partitionBy === undefined || json.partitionBy === null ? [] : [json.partitionBy as string]
  const positioned = table.rows.map(({ time, cells }, i) => ({ time, cells: { ...cells, [POSITION]: i } }))
  const collect: Call = { name: 'rows', function: 'collect', column: POSITION, parameter: 1000 }
  const rows = await batchResult({ window, groupBy, aggregates: [collect] }, positioned)
  return rows.flatMap((row) => {
    const { values, left_out: leftOut } = JSON.parse(row.values[0] as string) as { values: number[]; left_out: number }
    if (leftOut > 0) throw new Error('A window has more rows than one list can hold')
    return values.map((position) =>
      columns.map((column) =>
        BOUNDS.has(column) ? bound(row, column) : canonical(table.rows[position]!.cells[column]),
      ),
    )
  })
}

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, sec: 1000, m: 60_000, min: 60_000, h: 3_600_000 }

/** Rows one by one, the watermark behind them: `aggregates` of the file says what the columns of the answer are. */
async function runStreamedTable(json: Json, input: Json, file: Json): Promise<readonly string[]> {
  const table = tableOf(input.columns, input.rowsInArrivalOrder ?? input.rows)
  const columns = (json.aggregates ?? input.aggregates ?? file.aggregates) as readonly string[]
  const calls = columns.flatMap((column) => parseCall(column) ?? [])
  const groupBy = [json.key ?? []].flat() as readonly string[]
  const query = { window: windowOf(json, file), groupBy, aggregates: calls }
  const run = await startQuery(query, table.rows)
  const [, delay, unit] = /max\(\w+\)\s*-\s*(\d+)\s*(ms|sec|s|min|m|h)\b/.exec(input.watermark ?? '') ?? []
  const rows: WindowRow[] = []
  let newest = Number.NEGATIVE_INFINITY
  for (const row of table.rows) {
    await run.feed([row])
    newest = Math.max(newest, row.time ?? newest)
    // Flink's watermark: nothing at or below it will come.
    if (delay !== undefined) rows.push(...(await run.watermark(newest - Number(delay) * UNITS[unit!]! + 1)))
  }
  rows.push(...(await run.endOfInput()))
  const found = rows.map((row) => [
    ...row.group.map(canonical),
    row.start,
    row.end,
    ...calls.map((call) => printed(row, query, call, table.scales)),
  ])
  return differences(
    found,
    (json.expect as readonly Cell[][]).map((row) => row.map(canonical)),
  )
}
