import { HOUR, MINUTE } from '#core/time.ts'
import type { AggregatePlan, SessionSpec, WindowOutput, WindowSpec } from '#plan/plan.ts'
import type { ColumnKind, Fields } from '#schema/column.ts'
import type { ColumnBatch, Dictionary, Validity, Vector } from '#schema/vector.ts'
import type { FailedGroup } from '#window/close.ts'

export type Cell = string | number | boolean | null
export type TestRow = Readonly<Record<string, Cell>>

export const tumbling = (size: number, options: { offset?: number; grace?: number } = {}): WindowSpec => ({
  kind: 'tumbling',
  size,
  offset: options.offset ?? 0,
  grace: options.grace ?? 0,
})

export const sliding = (
  size: number,
  every: number,
  options: { offset?: number; grace?: number } = {},
): WindowSpec => ({ kind: 'sliding', size, every, offset: options.offset ?? 0, grace: options.grace ?? 0 })

export const cumulating = (
  size: number,
  step: number,
  options: { offset?: number; grace?: number } = {},
): WindowSpec => ({ kind: 'cumulating', size, step, offset: options.offset ?? 0, grace: options.grace ?? 0 })

export const session = (
  gap: number,
  options: { grace?: number; atGap?: 'join' | 'split'; end?: 'gap' | 'last event' } = {},
): SessionSpec => ({
  kind: 'session',
  gap,
  atGap: options.atGap ?? 'join',
  end: options.end ?? 'gap',
  grace: options.grace ?? 0,
})

export const calendar = (
  unit: 'day' | 'week' | 'month' | 'quarter' | 'year',
  zone = 'America/Chicago',
  grace = 0,
): WindowSpec => ({ kind: 'calendar', unit, zone, grace })

/** The columns that the tests' rows have. */
export const FIELDS: Fields = [
  { name: 'time', column: { kind: 'timestamp', nullable: false } },
  { name: 'kind', column: { kind: 'string', nullable: true } },
  { name: 'place', column: { kind: 'string', nullable: true } },
  { name: 'whole', column: { kind: 'long', nullable: true } },
  { name: 'real', column: { kind: 'double', nullable: true } },
  { name: 'flag', column: { kind: 'boolean', nullable: true } },
]

const RESULT: Readonly<Record<AggregatePlan['function'], ColumnKind>> = {
  count: 'long',
  countIf: 'long',
  sum: 'double',
  min: 'double',
  max: 'double',
  avg: 'double',
  first: 'double',
  last: 'double',
  distinct: 'long',
  quantile: 'double',
  topK: 'string',
  collect: 'string',
}

export function aggregate(
  fn: AggregatePlan['function'],
  column: string | null = null,
  kind: ColumnKind = RESULT[fn],
): AggregatePlan {
  return { name: column === null ? fn : `${fn}_${column}`, function: fn, column, result: { kind, nullable: true } }
}

export function windowOutput(window: WindowSpec, options: Partial<WindowOutput> = {}): WindowOutput {
  return {
    kind: 'window',
    name: 'per_kind',
    after: 0,
    groupBy: ['kind'],
    window,
    aggregates: [aggregate('count')],
    where: null,
    emit: 'final',
    fields: [],
    sinks: [],
    ...options,
  }
}

export class TestDictionary implements Dictionary {
  readonly starts = new Int32Array(0)
  readonly bytes = new Uint8Array(0)
  private readonly texts: string[] = []

  get size(): number {
    return this.texts.length
  }

  text(code: number): string {
    return this.texts[code]!
  }

  code(text: string): number {
    const known = this.texts.indexOf(text)
    return known >= 0 ? known : this.texts.push(text) - 1
  }
}

export interface BatchOptions {
  /** Shared by the batches of one decoder. */
  readonly dictionaries?: ReadonlyMap<string, TestDictionary>
  /** Columns of strings that come as slices of a buffer. */
  readonly slices?: readonly string[]
}

/** Rows as columns. A column that a row leaves out is null there. */
export function columnBatch(rows: readonly TestRow[], options: BatchOptions = {}): ColumnBatch {
  const vectors = FIELDS.map(({ name, column }): Vector => {
    const cells = rows.map((row) => row[name] ?? null)
    const valid: Validity = cells.includes(null) ? Uint8Array.from(cells, (cell) => (cell === null ? 0 : 1)) : null
    if (column.kind === 'boolean') {
      return { kind: 'boolean', valid, values: Uint8Array.from(cells, (cell) => (cell === true ? 1 : 0)) }
    }
    if (column.kind !== 'string') {
      return { kind: 'number', valid, values: Float64Array.from(cells, (cell) => (cell === null ? 0 : Number(cell))) }
    }
    const texts = cells.map((cell) => (cell === null ? null : String(cell)))
    return options.slices?.includes(name)
      ? slicesVector(texts, valid)
      : dictionaryVector(texts, valid, options.dictionaries?.get(name) ?? new TestDictionary())
  })
  return { fields: FIELDS, rows: rows.length, vectors }
}

function dictionaryVector(texts: readonly (string | null)[], valid: Validity, dictionary: TestDictionary): Vector {
  const codes = Int32Array.from(texts, (text) => (text === null ? 0 : dictionary.code(text)))
  return { kind: 'dictionary', valid, codes, dictionary }
}

function slicesVector(texts: readonly (string | null)[], valid: Validity): Vector {
  const buffer = new TextEncoder().encode(texts.join(''))
  const starts = new Int32Array(texts.length)
  const ends = new Int32Array(texts.length)
  let at = 0
  texts.forEach((text, i) => {
    starts[i] = at
    at += new TextEncoder().encode(text ?? '').length
    ends[i] = at
  })
  return { kind: 'slices', valid, buffer, starts, ends }
}

/** The `time` column, as the folder wants it. */
export const timesOf = (rows: readonly TestRow[]): Float64Array => Float64Array.from(rows, (row) => Number(row.time))

export const allRows = (count: number): Int32Array => Int32Array.from({ length: count }, (_, i) => i)

/** `at('03:30')` is half past three on the day of the epoch; `at('24:00', -1)` the epoch. */
export function at(clock: string, day = 0): number {
  const [hours, minutes] = clock.split(':').map(Number)
  return (day * 24 + hours!) * HOUR + minutes! * MINUTE
}

/** For closing where every group has its row. */
export function noFailures({ reason }: FailedGroup): void {
  throw new Error(reason)
}
