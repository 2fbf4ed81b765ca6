import type { EpochMillis } from '#core/time.ts'
import type { WindowRow } from '#runtime/results.ts'
import type { Json } from './case.ts'
import { type Call, type InputRow, type Query, type QueryRun, specOf, startQuery, TIME } from './engine.ts'
import { inOrder } from './values.ts'

/** Longer than a case goes on: so that every update is a correction of a window that is closed already. */
const FOR_EVER = 1_000_000_000_000

interface Update {
  readonly row: WindowRow
  /** A session that went into a larger one. */
  readonly gone: boolean
}

/**
 * The updates that each record causes. The windows are closed far ahead of the records and take corrections for ever; a count of
 * records beside the case's own aggregates makes every record a correction, also one that changes nothing else.
 */
class Updates {
  readonly #run: QueryRun
  readonly #isSession: boolean
  #shown: readonly WindowRow[] = []

  private constructor(run: QueryRun, isSession: boolean) {
    this.#run = run
    this.#isSession = isSession
  }

  static async start(query: Query, rows: readonly InputRow[]): Promise<Updates> {
    const extra: Call = { name: 'updates', function: 'count', column: null }
    const run = await startQuery({ ...query, aggregates: [...query.aggregates, extra] }, rows)
    return new Updates(run, query.window.kind === 'session')
  }

  async add(row: InputRow): Promise<readonly Update[]> {
    await this.#run.feed([row])
    const rows = await this.#run.watermark(this.#run.run.newest! + FOR_EVER / 4)
    const news = rows.filter(({ final }) => final).toSorted((a, b) => a.start - b.start)
    const gone = this.#isSession
      ? this.#shown.filter((old) => news.some((one) => same(old, one) && one.start <= old.start && old.end <= one.end))
      : []
    this.#shown = [...this.#shown.filter((old) => !gone.includes(old)), ...(this.#isSession ? news : [])]
    return [...gone.map((old) => ({ row: old, gone: true })), ...news.map((one) => ({ row: one, gone: false }))]
  }
}

const same = (a: WindowRow, b: WindowRow): boolean => JSON.stringify(a.group) === JSON.stringify(b.group)

/** One output for each record and window, with a tombstone before a session that has grown. */
export async function runUpdates(json: Json): Promise<readonly string[]> {
  const inputs = rowsOf(json)
  const columns = (json.select as string).split(/,(?![^(]*\))/).map((part) => selectOf(part.trim()))
  const calls = columns.flatMap(({ call }) => call ?? [])
  const having = havingOf(json.having ?? null, calls)
  const key = 'record_key'
  const window = specOf(json.window, FOR_EVER, { end: 'last event' })
  const query: Query = { window, groupBy: [key], aggregates: having.calls }
  const updates = await Updates.start(query, inputs)
  const found: unknown[] = []
  for (const [i, row] of inputs.entries()) {
    for (const { row: result, gone } of await updates.add(row)) {
      // There are no windows from before 1970 there.
      if (result.start < 0 || (!gone && !having.passes(result))) continue
      const cells = columns.map(({ name, call, finish }) => {
        const value = call === undefined ? result.group[0] : result.values[calls.indexOf(call)]
        return [name.toUpperCase(), finish(value)] as const
      })
      const asText = typeof json.inputs[i].value === 'string'
      const value = asText ? cells.map(([, cell]) => cell).join(',') : Object.fromEntries(cells)
      const type = window.kind === 'session' ? 'session' : 'time'
      found.push({
        key: json.inputs[i].key,
        value: gone ? null : value,
        timestamp: row.time,
        window: { start: result.start, end: result.end, type },
      })
    }
  }
  return inOrder(found, json.outputs)
}

function rowsOf(json: Json): readonly InputRow[] {
  const names = (json.inputColumns as string).split(',').map((part) => part.trim().split(/\s+/)[0]!.toLowerCase())
  const isText = (json.inputColumns as string).split(',').map((part) => /varchar|string/i.test(part))
  return (json.inputs as readonly Json[]).map(({ key, value, timestamp }) => {
    const cells =
      typeof value === 'string'
        ? Object.fromEntries(value.split(',').map((text, i) => [names[i]!, isText[i] ? text : Number(text)]))
        : Object.fromEntries(Object.entries(value ?? {}).map(([name, cell]) => [name.toLowerCase(), cell]))
    return { time: timestamp, cells: { ...cells, record_key: key } as InputRow['cells'] }
  })
}

interface SelectColumn {
  readonly name: string
  readonly call?: Call
  readonly finish: (value: unknown) => unknown
}

const asIs = (value: unknown): unknown => value
const parsed = (value: unknown): unknown => (value === null ? null : JSON.parse(value as string))
const listOf = (value: unknown): unknown => (parsed(value) as { values: unknown[] } | null)?.values ?? []

/** `max(value)`, `topk(value, 2) as topk`, `id`. */
function selectOf(text: string): SelectColumn {
  const [, expression = text, alias] = /^(.*?)(?:\s+as\s+(\w+))?$/i.exec(text) ?? []
  const [, by = '', column = '', k = '1'] = /^(\w+)\s*\(\s*([\w*]+)\s*(?:,\s*(\d+)\s*)?\)$/.exec(expression) ?? []
  const name = alias ?? expression
  const read = column === '*' ? null : column.toLowerCase()
  switch (by.toLowerCase()) {
    case '':
      return { name, finish: asIs }
    case 'topk':
      return { name, call: { name, function: 'topK', column: read, parameter: Number(k), by: 'value' }, finish: parsed }
    case 'topkdistinct': {
      const finish = (value: unknown): unknown =>
        [...new Set(listOf(value) as number[])].sort((a, b) => b - a).slice(0, Number(k))
      return { name, call: { name, function: 'collect', column: read, parameter: 1000 }, finish }
    }
    case 'collect_list':
      return { name, call: { name, function: 'collect', column: read, parameter: 1000 }, finish: listOf }
    case 'collect_set':
      return {
        name,
        call: { name, function: 'collect', column: read, parameter: 1000 },
        finish: (value) => [...new Set(listOf(value) as unknown[])],
      }
    case 'count':
    case 'sum':
    case 'min':
    case 'max':
    case 'avg':
      return {
        name,
        call: { name, function: by.toLowerCase() as 'count', column: by.toLowerCase() === 'count' ? null : read },
        finish: asIs,
      }
    default:
      throw new Error(`There is no aggregate for ${text}`)
  }
}

/** `sum(value) > 100`. */
function havingOf(text: string | null, calls: readonly Call[]) {
  if (text === null) return { calls, passes: () => true }
  const [, left = '', by = '', right = ''] = /^(.*?)\s*(<=|>=|=|<|>)\s*(-?[\d.]+)\s*$/.exec(text) ?? []
  const call = selectOf(left).call
  if (call === undefined) throw new Error(`There is no way to read the condition ${text}`)
  const all = [...calls, { ...call, name: 'having' }]
  const passes = ({ values }: WindowRow): boolean => {
    const value = Number(values[calls.length])
    const limit = Number(right)
    if (by === '=') return value === limit
    return by.startsWith('<')
      ? value < limit || (by === '<=' && value === limit)
      : value > limit || (by === '>=' && value === limit)
  }
  return { calls: all, passes }
}

/** Updates by stream time, and what is final when stream time has passed end and grace. */
export async function runFinals(json: Json): Promise<readonly string[]> {
  const rows = (json.inputs as readonly Json[]).map(
    ({ key, value = 1, ts }): InputRow => ({ time: ts, cells: { key, value } }),
  )
  const by = (json.aggregate ?? 'count') as string
  const calls: readonly Call[] = [
    { name: by, function: by as 'count', column: by === 'count' ? null : 'value' },
    { name: 'ts', function: 'max', column: TIME },
  ]
  const print = ({ start, end, group, values }: WindowRow, gone = false) => ({
    key: group[0],
    windowStart: start,
    windowEnd: end,
    [by]: gone ? null : values[0],
    ts: values[1],
  })
  const reasons: string[] = []
  if (json.expectUpdates !== undefined) {
    const window = specOf(json.window, FOR_EVER, { end: 'last event' })
    const updates = await Updates.start({ window, groupBy: ['key'], aggregates: calls }, rows)
    const found: unknown[] = []
    const taken = await inTime(json, rows, calls)
    for (const [i, row] of rows.entries()) {
      if (!taken.has(i)) continue
      for (const { row: result, gone } of await updates.add(row)) found.push(print(result, gone))
    }
    reasons.push(...inOrder(found, json.expectUpdates))
  }
  if (json.expectFinal !== undefined) {
    const finals: unknown[] = []
    await byStreamTime(json, rows, calls, (closed) => finals.push(...closed.map((row) => print(row))))
    reasons.push(...inOrder(finals, json.expectFinal))
  }
  return reasons
}

/** Windows close when stream time has passed their end and the grace: which records are late, and what comes out. */
async function byStreamTime(
  json: Json,
  rows: readonly InputRow[],
  calls: readonly Call[],
  onClosed: (rows: readonly WindowRow[]) => void,
): Promise<QueryRun> {
  const window = specOf(json.window, 0, { end: 'last event' })
  const run = await startQuery({ window, groupBy: ['key'], aggregates: calls }, rows)
  let streamTime: EpochMillis = Number.NEGATIVE_INFINITY
  for (const row of rows) {
    await run.feed([row])
    streamTime = Math.max(streamTime, row.time ?? streamTime)
    onClosed(await run.watermark(streamTime - (json.window.graceMs ?? 0)))
  }
  return run
}

async function inTime(json: Json, rows: readonly InputRow[], calls: readonly Call[]): Promise<ReadonlySet<number>> {
  const late = await (await byStreamTime(json, rows, calls, () => {})).late()
  return new Set([...rows.keys()].filter((offset) => !late.includes(offset)))
}
