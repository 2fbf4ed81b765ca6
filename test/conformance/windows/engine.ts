import { type EpochMillis, floorTo, type Millis } from '#core/time.ts'
import type { AggregatePlan, Plan, Row, WindowSpec } from '#plan/plan.ts'
import type { WindowRow } from '#runtime/results.ts'
import type { ColumnKind, Field } from '#schema/column.ts'
import { calendar, cumulating, session, sliding, tumbling } from '../../../lib/index.ts'
import { type JsonRow, WindowRun } from '../../support/window-run.ts'
import type { Cell } from './values.ts'

/** A window as the fixtures have it. */
export interface WindowJson {
  readonly kind: string
  /** What sizes are of, where not of time. */
  readonly measure?: string
  readonly sizeMs?: number
  readonly maxSizeMs?: number
  readonly slideMs?: number
  readonly stepMs?: number
  readonly offsetMs?: number
  readonly gapMs?: number
  readonly graceMs?: number
  readonly unit?: string
  readonly timeZone?: string
  readonly zone?: string
  /** Of sessions: what `window_end` is, in words. */
  readonly end?: string
}

/** A rule that the documentation excludes: the case is skipped, by the name that it has there. */
export class Excluded extends Error {
  readonly rule: string

  constructor(rule: string, why: string) {
    super(why)
    this.rule = rule
  }
}

export interface SessionRules {
  readonly atGap?: 'join' | 'split'
  readonly end?: 'gap' | 'last event'
}

/** What other engines mean by a session, where a case does not say. */
export function sessionRules(file: { readonly provenance?: { readonly project?: string } }): SessionRules {
  const project = file.provenance?.project ?? ''
  return {
    ...(/proton|beam/i.test(project) ? { atGap: 'split' } : {}),
    ...(/risingwave|bytewax|kafka|ksql/i.test(project) ? { end: 'last event' } : {}),
  }
}

const ms = (millis: number) => `${millis} milliseconds` as const

/** The window as our definitions have it; what they refuse throws. */
export function specOf(window: WindowJson, grace: Millis = window.graceMs ?? 0, rules: SessionRules = {}): WindowSpec {
  if (window.measure === 'count') throw new Excluded('count windows', `a window of so many records`)
  const { sizeMs = 0, slideMs, stepMs = 0, gapMs = 0 } = window
  const late = { grace: ms(grace) }
  switch (window.kind) {
    case 'tumbling':
      return tumbling(ms(sizeMs), { ...late, ...offsetOf(window, sizeMs) })
    case 'sliding':
    case 'hopping':
      return sliding(ms(sizeMs), { ...late, every: ms(slideMs ?? stepMs), ...offsetOf(window, slideMs ?? stepMs) })
    case 'cumulating':
    case 'cumulate': {
      const size = window.maxSizeMs ?? sizeMs
      return cumulating(ms(size), { ...late, step: ms(stepMs), ...offsetOf(window, size) })
    }
    case 'session': {
      const end = rules.end ?? (window.end?.startsWith('last event') ? 'last event' : 'gap')
      return session(ms(gapMs), { ...late, end, atGap: rules.atGap ?? 'join' })
    }
    case 'calendar':
      return calendar(window.unit as 'day', { ...late, zone: window.timeZone ?? window.zone ?? 'UTC' })
    default:
      throw new Excluded(ruleOfKind(window.kind), `a window of kind ${window.kind}`)
  }
}

/** The name that the guide has for a kind of window that is not here. */
function ruleOfKind(kind: string): string {
  if (/dynamic/i.test(kind)) return 'dynamic gaps'
  if (/anchor|event-?sliding/i.test(kind)) return 'anchored sliding windows'
  if (/band/i.test(kind)) return 'single windows'
  return /count/i.test(kind) ? 'count windows' : `${kind} windows`
}

/** A negative offset is the same as one a period later, as long as it is less than a period. */
function offsetOf({ offsetMs = 0 }: WindowJson, period: Millis): { readonly offset?: ReturnType<typeof ms> } {
  if (offsetMs === 0) return {}
  return { offset: ms(offsetMs < 0 && -offsetMs < period ? offsetMs - floorTo(offsetMs, period) : offsetMs) }
}

/** An aggregate as queries write it: `max(price)`. */
export interface Call {
  readonly name: string
  readonly function: AggregatePlan['function']
  readonly column: string | null
  readonly where?: string
  readonly parameter?: number
  readonly by?: 'value'
}

export interface Query {
  readonly window: WindowSpec
  readonly groupBy?: readonly string[]
  readonly aggregates: readonly Call[]
  readonly where?: (row: Row) => boolean
}

/** Column of every row that has its event time; beside it in the column TIME as a number. */
const AT = 'event_at'
export const TIME = 'event_ms'

export interface InputRow {
  /** Null: a record that belongs to no window. */
  readonly time: EpochMillis | null
  readonly cells: Readonly<Record<string, Cell>>
}

const RESULTS: Readonly<Partial<Record<AggregatePlan['function'], ColumnKind>>> = {
  count: 'long',
  countIf: 'long',
  distinct: 'long',
  topK: 'string',
  collect: 'string',
}

/** A run of a query over rows of these columns, over the real stages: windows and close. */
export async function startQuery(query: Query, sample: readonly InputRow[]): Promise<QueryRun> {
  const fields: Field[] = [
    { name: AT, column: { kind: 'timestamp', nullable: false } },
    { name: TIME, column: { kind: 'double', nullable: false } },
    ...columnsOf(sample),
  ]
  const kindOf = (name: string | null): ColumnKind =>
    fields.find((field) => field.name === name)?.column.kind ?? 'double'
  const aggregates = query.aggregates.map(
    (call): AggregatePlan => ({
      ...call,
      result: {
        kind: RESULTS[call.function] ?? (call.function === 'avg' ? 'double' : kindOf(call.column)),
        nullable: true,
      },
    }),
  )
  const { groupBy = [] } = query
  const plan: Plan = {
    name: 'conformance',
    topic: {
      name: 'input',
      format: 'json',
      fields,
      key: null,
      eventTime: AT,
      outOfOrder: 30_000 * 86_400_000,
      maxFutureSkew: 0,
      partitions: 1,
    },
    steps: [],
    outputs: [
      {
        kind: 'window',
        name: 'result',
        after: 0,
        groupBy,
        window: query.window,
        aggregates,
        where: query.where ?? null,
        emit: 'final',
        fields: [],
        sinks: [],
      },
    ],
  }
  return new QueryRun(await WindowRun.start(plan))
}

function columnsOf(rows: readonly InputRow[]): readonly Field[] {
  const kinds = new Map<string, ColumnKind | null>()
  for (const { cells } of rows) {
    for (const [name, cell] of Object.entries(cells)) {
      const kind =
        cell === null ? null : typeof cell === 'number' ? 'double' : typeof cell === 'boolean' ? 'boolean' : 'string'
      kinds.set(name, kinds.get(name) ?? kind)
    }
  }
  return [...kinds].map(([name, kind]) => ({ name, column: { kind: kind ?? 'string', nullable: true } }))
}

export class QueryRun {
  readonly run: WindowRun

  constructor(run: WindowRun) {
    this.run = run
  }

  async feed(rows: readonly InputRow[]): Promise<void> {
    for (let from = 0; from < rows.length; from += 500) {
      const batch = rows.slice(from, from + 500)
      await this.run.feed(batch.map(({ time, cells }): JsonRow => ({ ...cells, [AT]: time, [TIME]: time })))
    }
  }

  watermark(at: EpochMillis): Promise<readonly WindowRow[]> {
    return this.run.watermark(at)
  }

  endOfInput(): Promise<readonly WindowRow[]> {
    return this.run.endOfInput()
  }

  /** Offsets of the rows that came too late for every window. */
  async late(): Promise<readonly number[]> {
    const rows = await this.run.late()
    return rows.filter((row) => row['counted_elsewhere'] === false).map((row) => Number(row['offset']))
  }
}

/** Everything the rows give, at the end of the input. */
export async function batchResult(query: Query, rows: readonly InputRow[]): Promise<readonly WindowRow[]> {
  const run = await startQuery(query, rows)
  await run.feed(rows)
  return run.endOfInput()
}

const FUNCTIONS: Readonly<Record<string, AggregatePlan['function']>> = {
  count: 'count',
  sum: 'sum',
  min: 'min',
  max: 'max',
  avg: 'avg',
  first: 'first',
  last: 'last',
  first_value: 'first',
  last_value: 'last',
}

/** `COUNT(*)`, `max(price)`, `COUNT(DISTINCT name) ignoring nulls`; undefined for what is no call. */
export function parseCall(text: string, name = text): Call | undefined {
  const [, by, distinct, argument = ''] =
    /^\s*([a-z_]+)\s*\(\s*(distinct\s+)?([\w*]*)\s*\)(?:\s+ignoring nulls)?\s*$/i.exec(text) ?? []
  if (by === undefined) return undefined
  const known = FUNCTIONS[by.toLowerCase()]
  if (known === undefined) throw new Error(`There is no aggregate for ${text}`)
  const column = argument === '' || argument === '*' ? null : argument
  return { name, function: distinct === undefined ? known : 'distinct', column }
}
