import type { WindowRow } from '#runtime/results.ts'
import type { Json } from './case.ts'
import { batchResult, type Call, type InputRow, type Query, sessionRules, specOf } from './engine.ts'
import { type Cell, canonical, differences, timeOf } from './values.ts'

const COLUMN = /(?:(\w+)\s*=\s*)?\b(count|min|max|sum|avg)\b(?:\s*\(\s*(distinct\s+)?([\w*]+)\s*\))?(?:\s+of\s+(\w+))?/g

/** A file of lines, a query in words, and the rows of its answer: `count per (event_type)`, `drivers = count(distinct id) of dropoffs`. */
export async function runQuery(json: Json, input: (path: string) => string): Promise<readonly string[]> {
  const rows = linesOf(input(json.input), json.timeField)
  const expected = json.expect as readonly Readonly<Record<string, Cell>>[]
  const names = new Set(expected.flatMap((row) => Object.keys(row)))
  const { query: read, prepared } = queryOf(json, rows)
  const query = { ...read, aggregates: renamed(read, boundsOf(json.query, names), names) }
  const found = await batchResult(query, prepared)
  const bounds = boundsOf(json.query, names)
  return differences(
    found.map((row) => sorted(resultOf(row, query, bounds))),
    expected.map((row) =>
      sorted(Object.fromEntries(Object.entries(row).map(([name, cell]) => [name, canonical(cell)]))),
    ),
  )
}

function linesOf(text: string, timeField: string): readonly InputRow[] {
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => {
      const { [timeField]: time, ...cells } = JSON.parse(line) as Record<string, Cell>
      return { time: timeOf(String(time)), cells }
    })
}

function queryOf(
  json: Json,
  rows: readonly InputRow[],
): { readonly query: Query; readonly prepared: readonly InputRow[] } {
  const text = String(json.query)
  const head = text
    .split(/;\s*(?:column|end|inner|window)\b/)[0]!
    .replace(/\s+per\s*\(.*$/, '')
    .replace(/\s+over all rows.*$/, '')
  const groupBy =
    /per\s*\(([^)]*)\)/
      .exec(text)?.[1]
      ?.split(',')
      .map((name) => name.trim()) ?? []
  const conditions = new Map<string, { readonly column: string; readonly value: Cell }>()
  const aggregates = Array.from(head.matchAll(COLUMN), ([, name, by, distinct, argument, of]): Call => {
    const column = argument === undefined || argument === '*' ? null : argument
    const named = {
      name: name ?? by!,
      function: distinct === undefined ? (by as 'count') : ('distinct' as const),
      column,
    }
    if (of === undefined) return named
    conditions.set(`is_${of}`, conditionOf(of, rows))
    return { ...named, where: `is_${of}` }
  })
  const joins = /inner join/.test(text)
  const prepared = rows.map(({ time, cells }) => {
    const flags = [...conditions].map(([name, { column, value }]) => [name, cells[column] === value] as const)
    return { time, cells: { ...cells, ...Object.fromEntries(flags) } }
  })
  const where = joins
    ? { where: (row: Readonly<Record<string, unknown>>) => aggregates.every(({ name }) => Number(row[name]) > 0) }
    : {}
  return {
    query: { window: specOf(json.window, undefined, sessionRules(json)), groupBy, aggregates, ...where },
    prepared,
  }
}

/** `dropoffs`: the rows in which some column says `dropoff`. */
function conditionOf(plural: string, rows: readonly InputRow[]): { readonly column: string; readonly value: Cell } {
  const wanted = [plural, plural.replace(/s$/, '')]
  for (const { cells } of rows) {
    for (const [column, value] of Object.entries(cells)) if (wanted.includes(String(value))) return { column, value }
  }
  throw new Error(`There are no rows of ${plural}`)
}

/** Aggregates that the answer calls otherwise, in their order, when there are as many names left as aggregates. */
function renamed(query: Query, bounds: ReadonlyMap<string, unknown>, names: ReadonlySet<string>): readonly Call[] {
  const known = new Set([...bounds.keys(), ...(query.groupBy ?? []), ...query.aggregates.map(({ name }) => name)])
  const free = [...names].filter((name) => !known.has(name))
  const others = query.aggregates.filter(({ name }) => !names.has(name))
  if (free.length !== others.length || query.where !== undefined) return query.aggregates
  return query.aggregates.map((call) => (others.includes(call) ? { ...call, name: free[others.indexOf(call)]! } : call))
}

/** What the answer calls the window's bounds. */
function boundsOf(text: string, names: ReadonlySet<string>): ReadonlyMap<string, 'start' | 'end'> {
  const bounds = new Map<string, 'start' | 'end'>()
  for (const name of ['start', 'window_start', 'hour', 'day', 'minute']) if (names.has(name)) bounds.set(name, 'start')
  for (const name of ['end', 'window_end']) if (names.has(name)) bounds.set(name, 'end')
  for (const [, name, which] of text.matchAll(/column (\w+) = window (start|end)/g)) bounds.set(name!, which as 'start')
  return bounds
}

function resultOf(row: WindowRow, query: Query, bounds: ReadonlyMap<string, 'start' | 'end'>): Record<string, Cell> {
  const result: Record<string, Cell> = {}
  for (const [name, which] of bounds) result[name] = row[which]
  query.groupBy?.forEach((name, i) => {
    result[name] = canonical(row.group[i])
  })
  query.aggregates.forEach(({ name }, i) => {
    result[name] = canonical(row.values[i])
  })
  return result
}

const sorted = (row: Readonly<Record<string, Cell>>): readonly unknown[] =>
  Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1))
