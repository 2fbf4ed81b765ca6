import type { WindowRow } from '#runtime/results.ts'
import type { Json } from './case.ts'
import { type Call, parseCall, type Query, type QueryRun, sessionRules, specOf, startQuery } from './engine.ts'
import { printed, type Table, tableOf } from './tables.ts'
import { type Cell, canonical, differences } from './values.ts'

/** Batches of rows with a watermark after each; what is still open at the end never comes out. */
export async function runBatches(json: Json, file: Json): Promise<readonly string[]> {
  const steps = (json.steps ?? json.batches.map((batch: Json) => ({ batch }))) as readonly Json[]
  const lists = steps.flatMap(({ batch }) => (batch ?? []) as readonly Cell[][])
  const { calls, output, groupBy } = parseSelect(json.aggregate)
  const columns = (json.inputColumns ?? columnsFor(lists, calls, groupBy)) as readonly string[]
  const passes = filterOf(json.filter ?? null, columns)
  const table = tableOf(columns, lists.filter(passes))
  const query: Query = {
    window: specOf(json.window ?? file.window, undefined, sessionRules(file)),
    groupBy,
    aggregates: calls,
  }
  const run = await startQuery(query, table.rows)
  const delay = json.watermarkDelayMs ?? file.watermarkDelayMs ?? 0
  const found: Cell[][] = []
  const reasons: string[] = []
  let newest = Number.NEGATIVE_INFINITY
  let fed = 0
  for (const { batch, expectTotal } of steps) {
    if (expectTotal !== undefined) reasons.push(...compare(found, expectTotal))
    if (batch === undefined) continue
    const rows = table.rows.slice(fed, fed + (batch as readonly Cell[][]).filter(passes).length)
    fed += rows.length
    await run.feed(rows)
    for (const { time } of rows) newest = Math.max(newest, time ?? newest)
    for (const row of await run.watermark(newest - delay)) found.push(outputRow(row, query, output, table))
  }
  return json.expect === undefined ? reasons : [...reasons, ...compare(found, json.expect)]
}

const compare = (found: readonly Cell[][], expected: readonly Cell[][]): readonly string[] =>
  differences(
    found,
    expected.map((row) => row.map(canonical)),
  )

type OutputColumn = 'window_start' | 'window_end' | { readonly group: number } | { readonly call: Call }

/** `id, max(value), window_start, window_end`, or `max(value)` alone: then the window's start comes first. */
function parseSelect(text: string) {
  const [list = '', per] = text.split(/\s+per\s+/)
  const parts = list.split(',').map((part) => part.trim())
  const named = parts.filter((part) => part !== 'window_start' && part !== 'window_end')
  const calls = named.flatMap((part) => parseCall(part) ?? [])
  const groups = named.filter((part) => parseCall(part) === undefined)
  const groupBy = per === undefined ? groups : [...new Set([...groups, ...per.split(',').map((part) => part.trim())])]
  const output = parts.map((part): OutputColumn => {
    if (part === 'window_start' || part === 'window_end') return part
    const call = calls.find(({ name }) => name === part)
    return call === undefined ? { group: groupBy.indexOf(part) } : { call }
  })
  const bounded = parts.length > named.length
  return { calls, groupBy, output: bounded ? output : (['window_start', ...output] satisfies OutputColumn[]) }
}

/** Names for columns that have none: the time, then what the query reads, as they come. */
function columnsFor(lists: readonly Cell[][], calls: readonly Call[], groupBy: readonly string[]): readonly string[] {
  const names = [...groupBy, ...new Set(calls.flatMap(({ column }) => column ?? []))]
  const first = lists[0] ?? []
  let next = 0
  return first.map((cell) =>
    typeof cell === 'string' && /^\d{4}-/.test(cell) ? 'tm' : (names[next++] ?? `column_${next}`),
  )
}

const COMPARE: Readonly<Record<string, (a: Cell, b: Cell) => boolean>> = {
  '=': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a! < b!,
  '<=': (a, b) => a! <= b!,
  '>': (a, b) => a! > b!,
  '>=': (a, b) => a! >= b!,
}

/** `value > 60`, several with AND. */
function filterOf(text: string | null, columns: readonly string[]): (row: readonly Cell[]) => boolean {
  if (text === null) return () => true
  const conditions = text.split(/\s+and\s+/i).map((part) => {
    const [, name = '', by = '', value = ''] = /^\s*(\w+)\s*(!=|<=|>=|=|<|>)\s*(.+?)\s*$/.exec(part) ?? []
    const at = columns.indexOf(name)
    const holds = COMPARE[by]
    if (at < 0 || holds === undefined) throw new Error(`There is no way to read the condition ${part}`)
    const expected = canonical(value.replace(/^'(.*)'$/, '$1'))
    return (row: readonly Cell[]) => row[at] !== null && holds(canonical(row[at]), expected)
  })
  return (row) => conditions.every((holds) => holds(row))
}

function outputRow(row: WindowRow, query: Query, output: readonly OutputColumn[], { scales }: Table): Cell[] {
  return output.map((column) => {
    if (column === 'window_start') return row.start
    if (column === 'window_end') return row.end
    return 'group' in column ? canonical(row.group[column.group]) : printed(row, query, column.call, scales)
  })
}

/** Calendar windows, the watermark by group: so each group is a run of its own. */
export async function runCalendar(json: Json): Promise<readonly string[]> {
  const { input, expectColumns: columns } = json
  const table = tableOf(input.columns, input.rows)
  const [, text = '', per = ''] = /^(\w+\([\w*]*\)) per (\w+)/.exec(json.aggregate) ?? []
  const call = parseCall(text)!
  const unit = String(json.unit).split(' ')[0]!
  const query: Query = {
    window: specOf({ kind: 'calendar', unit, timeZone: json.timeZone }),
    groupBy: [per],
    aggregates: [call],
  }
  const found: Cell[][] = []
  for (const [, own] of Map.groupBy(table.rows, ({ cells }) => cells[per])) {
    const run: QueryRun = await startQuery(query, table.rows)
    let newest = Number.NEGATIVE_INFINITY
    for (const row of own) {
      await run.feed([row])
      newest = Math.max(newest, row.time ?? newest)
      for (const result of await run.watermark(newest)) {
        found.push(
          (columns as readonly string[]).map((column) => {
            if (column === 'window_start') return result.start
            if (column === 'window_end') return result.end
            return column === per ? canonical(result.group[0]) : printed(result, query, call, table.scales)
          }),
        )
      }
    }
  }
  return compare(found, json.expect)
}
