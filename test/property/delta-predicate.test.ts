import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compareText } from '#core/text-order.ts'
import type { AddFile } from '#delta/actions.ts'
import type { TableLayout } from '#delta/layout.ts'
import { compilePredicate, type Predicate } from '#delta/predicate.ts'
import { parseScalar } from '#delta/scalar.ts'
import type { DeltaType } from '#delta/schema-json.ts'

type Row = Readonly<Record<string, unknown>>

const TYPES: Readonly<Record<string, DeltaType>> = {
  n: 'integer',
  big: 'long',
  f: 'float',
  d: 'double',
  price: 'decimal(38,18)',
  s: 'string',
  ok: 'boolean',
  day: 'date',
  at: 'timestamp',
  part: 'timestamp',
}
const COLUMNS = Object.keys(TYPES)
const LAYOUT: TableLayout = {
  schema: {
    type: 'struct',
    fields: COLUMNS.map((name) => ({ name, type: TYPES[name]!, nullable: true, metadata: {} })),
  },
  mapping: 'none',
  partitionColumns: ['part'],
}

/** Few distinct values close to each other, so that bounds are hit: what rows hold, and what predicates compare with. */
const VALUES: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  n: fc.integer({ min: -3, max: 3 }),
  big: fc.oneof(
    fc.integer({ min: -2, max: 2 }),
    fc.bigInt({ min: 2n ** 53n + 1n, max: 2n ** 53n + 9n }),
    fc.bigInt({ min: 2n ** 63n - 600n, max: 2n ** 63n - 1n }),
  ),
  f: fc.constantFrom(0.1, 3.14, -3.14, 1e-40, Number.NaN, Number.POSITIVE_INFINITY, 0).map(Math.fround),
  d: fc.constantFrom(0.1, 0.1 + Number.EPSILON, -1, Number.NaN, Number.NEGATIVE_INFINITY, -0, 5e-324),
  price: fc
    .tuple(fc.constantFrom('', '-'), fc.constantFrom('0', '1', '12345678901234567890'), fc.integer({ min: 0, max: 3 }))
    .map(([sign, whole, last]) => `${sign}${whole}.${'0'.repeat(17)}${last}`),
  s: fc.oneof(
    fc.constantFrom('', 'a', 'b', '\uffff', '\u{1f600}'),
    fc
      .tuple(fc.constantFrom('x', '\u{1f600}', '\uffff'), fc.constantFrom('', 'a', 'z', '\u{10ffff}'))
      .map(([c, end]) => c.repeat(32) + end),
  ),
  ok: fc.boolean(),
  day: fc.integer({ min: -2, max: 2 }),
  at: fc.integer({ min: -2500, max: 2500 }).map((micros) => micros / 1000),
  part: fc.integer({ min: -2, max: 2 }).map((micros) => micros / 1000),
}

const row: fc.Arbitrary<Row> = fc.record(
  Object.fromEntries(COLUMNS.map((name) => [name, fc.option(VALUES[name]!, { freq: 4, nil: null })])),
)
const rows = fc
  .tuple(fc.array(row, { minLength: 1, maxLength: 5 }), fc.option(VALUES.part!, { nil: null }))
  .map(([all, part]) => all.map((one) => ({ ...one, part })))

const test: fc.Arbitrary<Predicate> = fc.constantFrom(...COLUMNS).chain((name) => {
  const value = VALUES[name]!
  return fc
    .oneof(
      fc
        .record({ op: fc.constantFrom('eq', 'ne', 'lt', 'lte', 'gt', 'gte'), value })
        .map(({ op, value: v }) => ({ [op]: v })),
      fc.array(fc.option(value, { freq: 5, nil: null }), { maxLength: 3 }).map((list) => ({ in: list })),
      fc.boolean().map((isNull) => ({ isNull })),
    )
    .map((tests) => ({ [name]: tests }) as Predicate)
})
const predicate = fc.letrec<{ node: Predicate }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    test,
    fc.array(tie('node'), { maxLength: 3 }).map((and) => ({ and })),
    fc.array(tie('node'), { maxLength: 3 }).map((or) => ({ or })),
    tie('node').map((not) => ({ not })),
  ),
})).node

/** Statistics as writers make them: text cut to 32 characters, timestamps to milliseconds, NaN left out, numbers as JSON has them. */
function statistics(all: readonly Row[]): string {
  const minValues: Record<string, unknown> = {}
  const maxValues: Record<string, unknown> = {}
  const nullCount: Record<string, number> = {}
  for (const name of COLUMNS) {
    if (name === 'part') continue
    const values = all.map((one) => one[name]).filter((value) => value !== null && !Number.isNaN(value))
    nullCount[name] = all.filter((one) => one[name] === null).length
    if (values.length === 0 || name === 'ok') continue
    const sorted = [...values].sort((a, b) => order(name, a, b))
    minValues[name] = cut(name, sorted[0], false)
    maxValues[name] = cut(name, sorted.at(-1), true)
  }
  const json = JSON.stringify({ numRecords: all.length, minValues, maxValues, nullCount })
  // Numbers beyond JavaScript's are written digit by digit.
  return json.replaceAll(/"#(-?[0-9.e+-]+)"/g, '$1')
}

function order(name: string, a: unknown, b: unknown): number {
  if (name === 's') return compareText(a as string, b as string)
  if (name === 'price') return Number(BigInt((a as string).replace('.', '')) - BigInt((b as string).replace('.', '')))
  return (a as number) < (b as number) ? -1 : (a as number) > (b as number) ? 1 : 0
}

function cut(name: string, value: unknown, max: boolean): unknown {
  if (name === 'big' || name === 'price') return `#${value}`
  if (name === 'f') return Number.isFinite(value) ? Number((value as number).toPrecision(8)) : String(value)
  if (name === 'd') return Number.isFinite(value) ? value : String(value)
  if (name === 'day') return new Date((value as number) * 86_400_000).toISOString().slice(0, 10)
  if (name === 'at') return new Date(Math.floor(value as number)).toISOString()
  if (name !== 's') return value
  const characters = [...(value as string)]
  if (characters.length <= 32) return value
  return characters.slice(0, 32).join('') + (max ? '\u{10ffff}' : '')
}

function fileOf(all: readonly Row[], withStats: boolean): AddFile {
  const part = all[0]!.part as number | null
  const text = part === null ? null : instantText(part)
  return {
    path: 'x.parquet',
    size: 1,
    modificationTime: 0,
    dataChange: true,
    partitionValues: { part: text },
    ...(withStats ? { stats: statistics(all) } : {}),
  }
}

function instantText(millis: number): string {
  const micros = Math.round(millis * 1000)
  const whole = new Date(Math.floor(micros / 1000)).toISOString().slice(0, -1)
  const text = `${whole.replace('T', ' ')}${String(((micros % 1000) + 1000) % 1000).padStart(3, '0')}`
  expect(parseScalar('timestamp', text)).toBe(millis)
  return text
}

it('Pruning never drops a file that has a matching row, and calls a file whole only when all rows match', () => {
  let dropped = 0
  let whole = 0
  fc.assert(
    fc.property(rows, predicate, fc.boolean(), (all, where, withStats) => {
      const compiled = compilePredicate(where, LAYOUT, 't')
      const file = fileOf(all, withStats)
      const matching = all.filter((one) => compiled.matches(one)).length
      const may = compiled.mayMatch(file)
      const must = compiled.allMatch(file)
      if (!may) dropped++
      if (must) whole++
      if (!may && matching > 0) throw new Error(`${matching} rows of a file that was dropped match`)
      if (must && matching < all.length) throw new Error(`only ${matching} of ${all.length} rows match`)
    }),
    { numRuns: 3_000 },
  )
  expect(dropped).toBeGreaterThan(100)
  expect(whole).toBeGreaterThan(20)
})
