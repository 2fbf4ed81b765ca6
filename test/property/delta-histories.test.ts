import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DeltaTable } from '#delta/table.ts'
import { FaultyStore } from '../support/faulty-store.ts'
import { TABLE } from '../unit/delta/fixtures.ts'
import { type Item, itemsTable } from '../unit/delta/table-support.ts'

// Random histories of two writers against a list of rows. The second one commits just before the first one's commit gets its version,
// so that the first has to rebase, or to plan anew. An append that read nothing may count as the later of the two (WriteSerializable).

interface Range {
  readonly from: number
  readonly to: number
}

type Operation =
  | { readonly kind: 'append'; readonly rows: readonly Item[] }
  | { readonly kind: 'delete'; readonly range: Range }
  | { readonly kind: 'update'; readonly range: Range; readonly amount: number }
  | {
      readonly kind: 'merge'
      readonly rows: readonly Item[]
      readonly when: 'upsert' | 'newerRevision' | 'insertOnly' | 'delete'
    }
  | { readonly kind: 'overwrite'; readonly rows: readonly Item[]; readonly range: Range | null }
  | { readonly kind: 'optimize'; readonly targetBytes: number; readonly clusterBy: readonly string[] }
  | { readonly kind: 'restore'; readonly back: number }
  | { readonly kind: 'checkpoint' }

interface Step {
  readonly ours: Operation
  /** What the other writer does meanwhile. */
  readonly theirs: Exclude<Operation, { readonly kind: 'restore' }> | null
  readonly fault: 'before' | 'after' | 'false' | null
}

type Rows = readonly Item[]

const row: fc.Arbitrary<Item> = fc.record({
  id: fc.integer({ min: 0, max: 15 }),
  district: fc.constantFrom('a', 'b', null),
  amount: fc.option(fc.integer({ min: 0, max: 9 })),
  revision: fc.option(fc.integer({ min: 0, max: 3 })),
})
const someRows = fc.array(row, { minLength: 1, maxLength: 6 })
const keyedRows = fc.uniqueArray(row, { minLength: 1, maxLength: 6, selector: ({ id }) => id })
const range: fc.Arbitrary<Range> = fc
  .tuple(fc.integer({ min: 0, max: 15 }), fc.integer({ min: 1, max: 8 }))
  .map(([from, length]) => ({ from, to: from + length }))

const change = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('append'), rows: someRows }) },
  fc.record({ kind: fc.constant('delete'), range }),
  fc.record({ kind: fc.constant('update'), range, amount: fc.integer({ min: 10, max: 19 }) }),
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant('merge'),
      rows: keyedRows,
      when: fc.constantFrom('upsert', 'newerRevision', 'insertOnly', 'delete'),
    }),
  },
  fc.record({ kind: fc.constant('overwrite'), rows: someRows, range: fc.option(range) }),
  fc.record({
    kind: fc.constant('optimize'),
    targetBytes: fc.constantFrom(1_500, 4_000, 1_000_000),
    clusterBy: fc.constantFrom([], ['id'], ['amount', 'id']),
  }),
  fc.record({ kind: fc.constant('checkpoint') }),
) as fc.Arbitrary<NonNullable<Step['theirs']>>
const restore = fc.record({ kind: fc.constant('restore' as const), back: fc.integer({ min: 0, max: 5 }) })
const step: fc.Arbitrary<Step> = fc.record({
  ours: fc.oneof({ weight: 9, arbitrary: change }, restore),
  theirs: fc.option(change),
  fault: fc.option(fc.constantFrom('before', 'after', 'false'), { freq: 4 }),
}) as fc.Arbitrary<Step>

const within = ({ from, to }: Range) => ({ id: { gte: from, lt: to } })
const isWithin = ({ from, to }: Range, { id }: Item): boolean => id >= from && id < to
const kept = ({ range: where, rows }: { range: Range | null; rows: Rows }): Rows =>
  where === null ? rows : rows.filter((each) => isWithin(where, each))

/** The model. */
function apply(rows: Rows, operation: Operation, restored: Rows): Rows {
  switch (operation.kind) {
    case 'append':
      return [...rows, ...operation.rows]
    case 'delete':
      return rows.filter((each) => !isWithin(operation.range, each))
    case 'update':
      return rows.map((each) => (isWithin(operation.range, each) ? { ...each, amount: operation.amount } : each))
    case 'merge':
      return merged(rows, operation.rows, operation.when)
    case 'overwrite': {
      const { range: where } = operation
      return [...(where === null ? [] : rows.filter((each) => !isWithin(where, each))), ...kept(operation)]
    }
    case 'restore':
      return restored
    default:
      return rows
  }
}

function merged(rows: Rows, source: Rows, when: string): Rows {
  const byKey = new Map(source.map((each) => [each.id, each]))
  const ids = new Set(rows.map(({ id }) => id))
  const next = rows.flatMap((each): Rows => {
    const found = byKey.get(each.id)
    if (found === undefined || when === 'insertOnly') return [each]
    if (when === 'delete') return []
    if (when === 'upsert') return [found]
    return found.revision !== null && (each.revision === null || each.revision < found.revision) ? [found] : [each]
  })
  return when === 'delete' ? next : [...next, ...source.filter(({ id }) => !ids.has(id))]
}

async function run(table: DeltaTable, operation: Operation, version: number): Promise<void> {
  switch (operation.kind) {
    case 'append':
      return void (await table.append(operation.rows))
    case 'delete':
      return void (await table.delete(within(operation.range)))
    case 'update':
      return void (await table.update(within(operation.range), { amount: operation.amount }))
    case 'merge':
      return void (await table.merge(operation.rows, { on: ['id'], when: operation.when }))
    case 'overwrite': {
      const { range: where } = operation
      return void (await table.overwrite(kept(operation), where === null ? {} : { where: within(where) }))
    }
    case 'optimize':
      return void (await table.optimize(operation))
    case 'restore':
      return void (await table.restore({ version }))
    default:
      return table.checkpoint()
  }
}

const lines = (rows: Rows): readonly string[] =>
  rows.map(({ id, district, amount, revision }) => JSON.stringify([id, district, amount, revision])).sort()

async function rowsNow(table: DeltaTable): Promise<Rows> {
  const rows: Item[] = []
  for await (const each of (await table.snapshot()).rows()) rows.push(...(each as unknown as Item[]))
  return rows
}

/** What is left of all rows that came and went, by the change feed. */
async function rowsByChanges(table: DeltaTable): Promise<readonly string[]> {
  const counts = new Map<string, number>()
  for await (const run of table.changes({ from: 0 })) {
    for (const change of run) {
      const comes = change._change_type === 'insert' || change._change_type === 'update_postimage'
      const [line] = lines([change as unknown as Item]) as [string]
      counts.set(line, (counts.get(line) ?? 0) + (comes ? 1 : -1))
    }
  }
  return [...counts].flatMap(([line, count]) => (count < 0 ? [`${count} of ${line}`] : Array(count).fill(line))).sort()
}

/** Versions that were read back, and their rows. */
type Known = { readonly version: number; readonly rows: Rows }[]

async function follow(steps: readonly Step[], partitionBy: readonly string[], feed: boolean): Promise<void> {
  const properties: Record<string, string> = feed ? { 'delta.enableChangeDataFeed': 'true' } : {}
  const made = await itemsTable({ partitionBy, properties })
  const known: Known = [{ version: 0, rows: [] }]
  for (const [at, { ours, theirs, fault }] of steps.entries()) {
    const store = new FaultyStore(made.memory)
    const table = await DeltaTable.open(made.deps(store, `ours-${at}`), TABLE)
    const other = await DeltaTable.open(made.deps(made.memory, `theirs-${at}`), TABLE)
    const before = known.at(-1)!
    const back = known[Math.max(0, known.length - 1 - (ours.kind === 'restore' ? ours.back : 0))]!
    let met = false
    if (theirs !== null) {
      store.plan('create', /\d\.json$/, async () => {
        met = true
        await run(other, theirs, 0)
      })
    }
    if (fault !== null) store.plan('create', /\d\.json$/, fault)
    await run(table, ours, back.version)
    if (theirs !== null && !met) await run(other, theirs, 0)
    // Who read nothing may count as the later one; a restore is serializable.
    const oursFirst = !met || (theirs?.kind === 'append' && ours.kind !== 'restore')
    const order = theirs === null ? [ours] : oursFirst ? [ours, theirs] : [theirs, ours]
    const wanted = order.reduce<Rows>((rows, operation) => apply(rows, operation, back.rows), before.rows)
    expect(lines(await rowsNow(made.table))).toEqual(lines(wanted))
    const snapshot = await made.table.snapshot()
    const state = await (await DeltaTable.open(made.deps(), TABLE)).appendState()
    expect(state).toMatchObject({
      version: snapshot.version,
      numFiles: snapshot.files.length,
      totalBytes: snapshot.totalBytes,
    })
    known.push({ version: snapshot.version, rows: wanted })
  }
  if (feed) expect(await rowsByChanges(made.table)).toEqual(lines(known.at(-1)!.rows))
  const versions = (await made.table.history()).map(({ version }) => version)
  expect(versions).toEqual(Array.from({ length: versions.length }, (_, i) => versions.length - 1 - i))
}

describe('any history of two writers', () => {
  it('leaves the rows that a list would have', async () => {
    const steps = fc.array(step, { minLength: 1, maxLength: 7 })
    const partitionBy = fc.constantFrom([], ['district'])
    await fc.assert(fc.asyncProperty(steps, partitionBy, fc.boolean(), follow), { numRuns: 40 })
  }, 60_000)
})
