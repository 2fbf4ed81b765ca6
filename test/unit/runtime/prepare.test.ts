import { describe, expect, it } from 'vitest'
import { DAY, HOUR } from '#core/time.ts'
import type { Plan } from '#plan/plan.ts'
import { type Prepared, preparer, rowsAfter } from '#runtime/prepare.ts'
import type { ComputedColumn } from '#schema/builders.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { toRow } from '#schema/row-view.ts'
import { c, type DeclaredOutput, type DeltaTable, delta, kafka, pipeline, point } from '../../../lib/index.ts'
import { batch, NOW, noon } from './builders.ts'

interface Thing {
  readonly at: number
  readonly text: string | null
  readonly number: number | null
}

const things = kafka.topic('things', {
  schema: { at: c.timestamp(), text: c.string().nullable(), number: c.double().nullable() },
  eventTime: 'at',
  outOfOrder: '1 minute',
  maxFutureSkew: '1 hour',
})

/** Rows at any point of the chain. */
interface Flow {
  readonly into: (table: DeltaTable<never>) => DeclaredOutput
}

const planOf = (rows: Flow): Plan => pipeline('things', { silver: rows.into(delta.table('silver.things')) })

const thing = (number: number | null, text: string | null = null, at = noon()): string =>
  JSON.stringify({ at: new Date(at).toISOString(), text, number })

const prepare = (plan: Plan, records: RecordBatch): Prepared => preparer(plan).prepare(records)

/** Rows that have passed all steps, by the offsets of their records, and what became of the others. */
function outcome(plan: Plan, records: RecordBatch) {
  const prepared = prepare(plan, records)
  const rows = [...rowsAfter(prepared, plan.steps.length, -1)]
  return {
    offsets: rows.map((row) => prepared.offsets[row]),
    rows: rows.map((row) => toRow(prepared.batch, row)),
    rejects: prepared.rejects.map(({ record, reason, detail }) => [record, reason, detail]),
  }
}

/** What a derived column of this type holds for a record, or why the record is rejected. */
function derived(column: ComputedColumn<never>): unknown {
  const { rows, rejects } = outcome(planOf(things.with({ made: column as never })), batch([thing(1)]))
  return rejects.length === 0 ? rows[0]!['made'] : rejects[0]!.slice(1).join(' — ')
}

const anything = (value: unknown) => (): never => value as never

describe('a check', () => {
  const plan = planOf(
    things.check({
      'not negative': (row: Thing) => row.number === null || row.number >= 0,
      'text is short': (row: Thing) => row.text!.length < 5,
    }),
  )

  it('lets rows pass for which it is true; the others are rejected by the name of the first that is false', () => {
    const values = [thing(1, 'ok'), thing(-1, 'ok'), thing(0, 'too long'), thing(-1, 'too long'), thing(null, '')]
    expect(outcome(plan, batch(values, { from: 10 }))).toMatchObject({
      offsets: [10, 14],
      rejects: [
        [1, 'not negative', null],
        [2, 'text is short', null],
        [3, 'not negative', null],
      ],
    })
  })

  it('that throws rejects the record with what it threw, and no other record', () => {
    const { offsets, rejects } = outcome(plan, batch([thing(1, 'a'), thing(1, null), thing(1, 'b')]))
    expect(offsets).toEqual([0, 2])
    expect(rejects).toEqual([
      [1, 'text is short', expect.stringMatching(/^the check threw: Cannot read properties of null/)],
    ])
  })

  it('that throws something else than an error rejects the record with its text', () => {
    const throwing = planOf(
      things.check({
        odd: () => {
          throw 'just text'
        },
      }),
    )
    expect(outcome(throwing, batch([thing(1)])).rejects).toEqual([[0, 'odd', 'the check threw: just text']])
  })

  it('sees no row that an earlier step has rejected', () => {
    const seen: (number | null)[] = []
    const watched = planOf(
      things.check({ known: (row: Thing) => row.number !== null }).check({
        watched: (row: Thing) => {
          seen.push(row.number)
          return true
        },
      }),
    )
    prepare(watched, batch([thing(1), thing(null), '{', thing(2, null, NOW + 2 * HOUR), thing(3)]))
    expect(seen).toEqual([1, 3])
  })
})

describe('a derived column', () => {
  it.each([
    ['string', c.string().from(anything('ä😀')), 'ä😀'],
    ['boolean', c.boolean().from(anything(false)), false],
    ['int', c.int().from(anything(-2_147_483_647)), -2_147_483_647],
    ['long', c.long().from(anything(Number.MAX_SAFE_INTEGER)), Number.MAX_SAFE_INTEGER],
    ['double', c.double().from(anything(-0.1)), -0.1],
    ['timestamp', c.timestamp().from(anything(-1)), -1],
    ['date', c.date().from(anything(17_683)), 17_683],
    ['binary', c.binary().from(anything(Uint8Array.of(0, 255))), Uint8Array.of(0, 255)],
    ['geo_point', c.geoPoint().from(anything({ latitude: 1, longitude: -2 })), { latitude: 1, longitude: -2 }],
  ] as const)('of kind %s holds what its function gives', (_, column, value) => {
    expect(derived(column)).toEqual(value)
  })

  it.each([
    ['string', c.string().from(anything(1)), 'number'],
    ['string', c.string().from(anything('\ud83d')), 'string'],
    ['boolean', c.boolean().from(anything(1)), 'number'],
    ['int', c.int().from(anything(2 ** 31)), 'number'],
    ['int', c.int().from(anything(1.5)), 'number'],
    ['long', c.long().from(anything(2 ** 53)), 'number'],
    ['long', c.long().from(anything(1n)), 'bigint'],
    ['double', c.double().from(anything(Number.NaN)), 'number'],
    ['double', c.double().from(anything('1')), 'string'],
    ['timestamp', c.timestamp().from(anything(new Date(0))), 'object'],
    ['date', c.date().from(anything(0.5)), 'number'],
    ['binary', c.binary().from(anything([1])), 'object'],
    ['geo_point', c.geoPoint().from(anything({ latitude: 1, longitude: '2' })), 'object'],
  ] as const)(
    'of kind %s that its function gives something else for rejects the record (%#)',
    (kind, column, found) => {
      expect(derived(column)).toBe(`derived column made — expected ${kind}, found ${found}`)
    },
  )

  it('may be null, or undefined, only where it is nullable', () => {
    expect(derived(c.int().nullable().from(anything(null)))).toBeNull()
    expect(derived(c.int().nullable().from(anything(undefined)))).toBeNull()
    expect(derived(c.int().from(anything(null)))).toBe('derived column made — expected a value, found null')
  })

  it('whose function throws rejects the record with what it threw, and no other record', () => {
    const plan = planOf(things.with({ upper: c.string().from((row: Thing) => row.text!.toUpperCase()) }))
    const { rows, rejects } = outcome(plan, batch([thing(1, 'a'), thing(1), thing(1, 'b')]))
    expect(rows.map(({ upper }) => upper)).toEqual(['A', 'B'])
    expect(rejects).toEqual([
      [1, 'derived column upper', expect.stringMatching(/^the function threw: Cannot read properties of null/)],
    ])
  })

  it('is seen by the steps after it', () => {
    const doubled = things.with({ double: c.double().from((row: Thing) => row.number! * 2) })
    const plan = planOf(
      doubled
        .check({ 'double is small': (row) => row.double < 10 })
        .with({ quadruple: c.double().from((row: { readonly double: number }) => row.double * 2) }),
    )
    const { rows, rejects } = outcome(plan, batch([thing(1), thing(5), thing(2)]))
    expect(rows.map(({ quadruple }) => quadruple)).toEqual([4, 8])
    expect(rejects).toEqual([[1, 'double is small', null]])
  })

  it('of a point is null where one of its two numbers is', () => {
    const spots = kafka.topic('spots', {
      schema: { at: c.timestamp(), lat: c.double().nullable(), lon: c.double().nullable() },
      eventTime: 'at',
      outOfOrder: '1 minute',
    })
    const plan = pipeline('spots', {
      silver: spots.with({ geo: point('lat', 'lon') }).into(delta.table('silver.spots')),
    })
    const spot = (lat: number | null, lon: number | null) => JSON.stringify({ at: '2026-05-05T12:00:00Z', lat, lon })
    const { rows } = outcome(plan, batch([spot(1, 2), spot(null, 2), spot(1, null), spot(0, 0)]))
    expect(rows.map(({ geo }) => geo)).toEqual([
      { latitude: 1, longitude: 2 },
      null,
      null,
      { latitude: 0, longitude: 0 },
    ])
  })
})

describe('an event time', () => {
  it('is believed up to maxFutureSkew after the append time, and not a millisecond more', () => {
    const plan = planOf(things.check({ always: () => true }))
    const at = noon()
    const values = [thing(1, null, at + HOUR), thing(2, null, at + HOUR + 1), thing(3, null, at - 1_000 * DAY)]
    const { offsets, rejects } = outcome(plan, batch(values, { appendTime: at }))
    expect(offsets).toEqual([0, 2])
    expect(rejects).toEqual([
      [1, 'event time in the future', 'event time 2026-05-05T13:00:00.001Z, appended 2026-05-05T12:00:00.000Z'],
    ])
  })

  it('that is not believed keeps the record out of outputs before the first step too', () => {
    const plan = planOf(things)
    const prepared = prepare(plan, batch([thing(1, null, noon() + DAY), thing(2)], { appendTime: noon() }))
    expect([...rowsAfter(prepared, 0, -1)].map((row) => prepared.offsets[row])).toEqual([1])
  })
})

describe('the rejects of a batch', () => {
  it('come in record order, each once, and rows and rejects are all records', () => {
    const plan = planOf(
      things
        .check({ known: (row: Thing) => row.number !== null })
        .with({ length: c.int().from((row: Thing) => row.text!.length) })
        .check({ short: (row) => row.length < 3 }),
    )
    const future = NOW + DAY
    const values = [
      thing(1, 'a'),
      thing(1, 'long'),
      '{"at":',
      thing(null, 'long', future),
      thing(1),
      null,
      thing(null),
      thing(1, 'b'),
    ]
    const { offsets, rejects } = outcome(plan, batch(values))
    expect(rejects.map(([record, reason]) => [record, reason])).toEqual([
      [1, 'short'],
      [2, 'not a JSON object'],
      [3, 'event time in the future'],
      [4, 'derived column length'],
      [5, 'record without a value'],
      [6, 'known'],
    ])
    expect(offsets).toEqual([0, 7])
  })
})

describe('the rows of an output', () => {
  it('are those after its own steps whose offsets are above the fence', () => {
    const plan = planOf(
      things.check({ known: (row: Thing) => row.number !== null }).check({ positive: (row: Thing) => row.number! > 0 }),
    )
    const prepared = prepare(plan, batch([thing(1), thing(-1), thing(null), '{', thing(2)], { from: 5 }))
    const offsetsAfter = (after: number, fence: number) =>
      [...rowsAfter(prepared, after, fence)].map((row) => prepared.offsets[row])
    expect(offsetsAfter(0, -1)).toEqual([5, 6, 7, 9])
    expect(offsetsAfter(1, -1)).toEqual([5, 6, 9])
    expect(offsetsAfter(2, -1)).toEqual([5, 9])
    expect(offsetsAfter(1, 5)).toEqual([6, 9])
    expect(offsetsAfter(0, 9)).toEqual([])
  })
})

describe('a preparer', () => {
  it('prepares the same RecordBatch once, whoever asks, and another one with the same content again', () => {
    let calls = 0
    const plan = planOf(things.check({ counted: () => ++calls > 0 }))
    const own = preparer(plan)
    const records = batch([thing(1), thing(2)])
    const first = own.prepare(records)
    expect(own.prepare(records)).toBe(first)
    expect(calls).toBe(2)
    expect(own.prepare({ ...records })).not.toBe(first)
    expect(calls).toBe(4)
  })
})
