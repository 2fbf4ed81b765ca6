import { describe, expect, it } from 'vitest'
import type { AddFile } from '#delta/actions.ts'
import type { TableLayout } from '#delta/layout.ts'
import { compilePredicate, type Predicate } from '#delta/predicate.ts'
import type { DeltaType, StructField } from '#delta/schema-json.ts'
import { addOf } from './fixtures.ts'

const field = (name: string, type: DeltaType, metadata = {}): StructField => ({ name, type, nullable: true, metadata })

const FIELDS: readonly StructField[] = [
  field('n', 'integer'),
  field('big', 'long'),
  field('f', 'float'),
  field('d', 'double'),
  field('price', 'decimal(10,2)'),
  field('s', 'string'),
  field('ok', 'boolean'),
  field('day', 'date'),
  field('at', 'timestamp'),
  field('raw', 'binary'),
  field('home', { type: 'struct', fields: [field('city', 'string'), field('zip.code', 'integer')] }),
  field('tags', { type: 'array', elementType: 'string', containsNull: true }),
  field('a.b', 'integer'),
  field('not', 'integer'),
  field('part', 'integer'),
]
const LAYOUT: TableLayout = { schema: { type: 'struct', fields: FIELDS }, mapping: 'none', partitionColumns: ['part'] }

const compile = (where: Predicate, layout = LAYOUT) => compilePredicate(where, layout, 'lake/t')
const matches = (where: Predicate, row: Record<string, unknown>): boolean => compile(where).matches(row)

function file(stats: object | string | undefined, partitionValues: Record<string, string | null> = {}): AddFile {
  const { stats: _, ...add } = addOf('x.parquet')
  const text = stats === undefined ? {} : { stats: typeof stats === 'string' ? stats : JSON.stringify(stats) }
  return { ...add, partitionValues, ...text }
}

const ranged = (min: object, max: object, nullCount: object = {}, numRecords = 10): AddFile =>
  file({ numRecords, minValues: min, maxValues: max, nullCount })

describe('a predicate holds for rows', () => {
  it.each<[Predicate, Record<string, unknown>, boolean]>([
    [{ n: 5 }, { n: 5 }, true],
    [{ n: 5 }, { n: 6 }, false],
    [{ n: 5 }, { n: null }, false],
    [{ n: { gt: 4, lte: 5 } }, { n: 5 }, true],
    [{ n: { gt: 4, lte: 5 } }, { n: 4 }, false],
    [{ n: { in: [1, 2] } }, { n: 2 }, true],
    [{ n: { in: [1, null] } }, { n: null }, true],
    [{ n: { in: [] } }, { n: 1 }, false],
    [{ n: null }, { n: null }, true],
    [{ n: { ne: null } }, { n: null }, false],
    [{ n: { isNull: false } }, { n: 0 }, true],
    [{ n: { ne: 5 } }, { n: null }, false],
    [{ not: { n: 5 } }, { n: null }, false],
    [{ not: { n: 5 } }, { n: 4 }, true],
    [{ or: [{ n: 5 }, { s: 'x' }] }, { n: null, s: 'x' }, true],
    [{ and: [{ n: 5 }, { s: 'x' }] }, { n: 5, s: 'y' }, false],
    [{ and: [] }, {}, true],
    [{ or: [] }, {}, false],
    [{ n: 5, s: 'x' }, { n: 5, s: 'x' }, true],
    [{ big: '9007199254740993' }, { big: 9007199254740993n }, true],
    [{ big: { gt: 9007199254740993n } }, { big: 9007199254740993n }, false],
    [{ big: 7n }, { big: 7 }, true],
    [{ f: 3.14 }, { f: Math.fround(3.14) }, true],
    [{ d: Number.NaN }, { d: Number.NaN }, true],
    [{ d: { gt: 1 } }, { d: Number.NaN }, false],
    [{ not: { d: { gt: 1 } } }, { d: Number.NaN }, true],
    [{ price: 1.5 }, { price: '1.50' }, true],
    [{ price: { gt: '1.495' } }, { price: '1.50' }, true],
    [{ price: { lt: '-1.505' } }, { price: '-1.51' }, true],
    [{ s: { gt: '\uffff' } }, { s: '\u{1f600}' }, true],
    [{ ok: true }, { ok: true }, true],
    [{ day: '2024-03-01' }, { day: 19_783 }, true],
    [{ day: { lt: 19_783 } }, { day: 19_782 }, true],
    [{ at: '2024-03-01T10:00:00.123456Z' }, { at: Date.UTC(2024, 2, 1, 10, 0, 0, 123) + 0.456 }, true],
    [{ at: { gte: new Date(5) } }, { at: 5 }, true],
    [{ raw: { gt: Uint8Array.of(1) } }, { raw: Uint8Array.of(1, 0) }, true],
    [{ 'home.city': 'Rome' }, { home: { city: 'Rome' } }, true],
    [{ 'home.city': null }, { home: null }, true],
    [{ 'home.`zip.code`': 7 }, { home: { 'zip.code': 7 } }, true],
    [{ home: { isNull: true } }, { home: null }, true],
    [{ tags: { isNull: false } }, { tags: [] }, true],
    [{ 'a.b': 1 }, { 'a.b': 1 }, true],
    [{ '`not`': 1 }, { not: 1 }, true],
  ])('%o of %o: %s', (where, row, expected) => {
    expect(matches(where, row)).toBe(expected)
  })
})

describe('a predicate passes over a file', () => {
  it.each<[Predicate, AddFile, boolean]>([
    [{ n: 5 }, ranged({ n: 6 }, { n: 9 }), false],
    [{ n: 5 }, ranged({ n: 5 }, { n: 9 }), true],
    [{ n: { lt: 5 } }, ranged({ n: 5 }, { n: 9 }), false],
    [{ n: { gt: 9 } }, ranged({ n: 5 }, { n: 9 }), false],
    [{ n: { gte: 9 } }, ranged({ n: 5 }, { n: 9 }), true],
    [{ n: { in: [1, 10] } }, ranged({ n: 5 }, { n: 9 }), false],
    [{ n: { ne: 5 } }, ranged({ n: 5 }, { n: 5 }), false],
    [{ n: 5 }, ranged({}, {}, { n: 10 }), false],
    [{ n: null }, ranged({}, {}, { n: 0 }), false],
    [{ n: { isNull: false } }, ranged({}, {}, { n: 10 }), false],
    [{ not: { or: [{ n: { lt: 5 } }, { n: { gte: 5 } }] } }, ranged({ n: 6 }, { n: 9 }, { n: 0 }), false],
    // Strings that were cut: the maximum with and without a mark.
    [{ s: 'b' }, ranged({ s: 'c' }, { s: 'd' }), false],
    [{ s: `${'x'.repeat(32)}zzz` }, ranged({ s: 'a' }, { s: 'x'.repeat(32) }), true],
    [{ s: { gt: 'y' } }, ranged({ s: 'a' }, { s: `${'x'.repeat(32)}\ufffd` }), false],
    [{ s: '\u{1f600}' }, ranged({ s: 'a' }, { s: '\uffff' }), false],
    // Timestamps that were cut to the millisecond.
    [{ at: { gt: '2024-03-01T10:00:00.123Z' } }, ranged({}, { at: '2024-03-01T10:00:00.123Z' }), true],
    [{ at: { gt: '2024-03-01T10:00:00.124Z' } }, ranged({}, { at: '2024-03-01T10:00:00.123Z' }), false],
    [{ at: { lt: '1969-12-31T23:59:59.5Z' } }, ranged({ at: '1969-12-31T23:59:59.500Z' }, {}), true],
    [{ at: '2024-03-01T09:00:00Z' }, ranged({ at: '2024-03-01T10:00:00.000+02:00' }, {}), true],
    [{ day: '2024-03-01' }, ranged({ day: '2024-03-02' }, {}), false],
    // Numbers that JSON rounds.
    [{ big: 9007199254740993n }, ranged({ big: 2 ** 53 + 2 }, {}), true],
    [{ price: '1.50' }, ranged({ price: 1.52 }, {}), false],
    [{ f: 3.14 }, ranged({}, { f: 3.14 }), true],
    [{ d: Number.NaN }, ranged({ d: 1 }, { d: 2 }), true],
    [{ d: 9 }, ranged({ d: '-Infinity' }, { d: 8 }), false],
    // Nested, partitioned, and without statistics.
    [{ 'home.city': 'a' }, ranged({ home: { city: 'b' } }, { home: { city: 'c' } }), false],
    [{ part: 3 }, file(undefined, { part: '4' }), false],
    [{ part: 3 }, file(undefined, { part: '3' }), true],
    [{ part: null }, file(undefined, { part: '' }), true],
    [{ part: { gt: 3 } }, file(undefined, { part: null }), false],
    [{ n: 5 }, file(undefined), true],
    [{ n: 5 }, file('{"numRec'), true],
    [{ n: 5 }, ranged({ n: 'six' }, { n: { x: 1 } }), true],
    [{ raw: Uint8Array.of(1) }, ranged({ raw: 'zz' }, { raw: 'zz' }), true],
    [{ ok: true }, ranged({ ok: false }, { ok: false }), false],
  ])('%o: %o may match: %s', (where, add, expected) => {
    expect(compile(where).mayMatch(add)).toBe(expected)
  })

  it('by the physical names of mapped columns', () => {
    const named = (name: string) => ({ 'delta.columnMapping.physicalName': name })
    const fields = [field('n', 'integer', named('col-1')), field('part', 'integer', named('col-2'))]
    const layout: TableLayout = { schema: { type: 'struct', fields }, mapping: 'name', partitionColumns: ['part'] }
    const add = { ...ranged({ 'col-1': 6 }, { 'col-1': 9 }), partitionValues: { 'col-2': '4' } }
    expect(compile({ n: 5 }, layout).mayMatch(add)).toBe(false)
    expect(compile({ n: 6 }, layout).mayMatch(add)).toBe(true)
    expect(compile({ part: 3 }, layout).mayMatch(add)).toBe(false)
  })
})

describe('all rows of a file match', () => {
  it.each<[Predicate, AddFile, boolean]>([
    [{ part: 4 }, file(undefined, { part: '4' }), true],
    [{ n: { gt: 3 } }, ranged({ n: 4 }, { n: 9 }, { n: 0 }), true],
    [{ n: { gt: 3 } }, ranged({ n: 4 }, { n: 9 }, { n: 1 }), false],
    [{ n: { gt: 3 } }, ranged({ n: 4 }, { n: 9 }), false],
    [{ d: { gt: 3 } }, ranged({ d: 4 }, { d: 9 }, { d: 0 }), false],
    [{ n: 5 }, ranged({ n: 5 }, { n: 5 }, { n: 0 }), true],
    [
      { and: [{ part: 4 }, { n: { lt: 10 } }] },
      { ...ranged({ n: 4 }, { n: 9 }, { n: 0 }), partitionValues: { part: '4' } },
      true,
    ],
  ])('%o of %o: %s', (where, add, expected) => {
    expect(compile(where).allMatch(add)).toBe(expected)
  })
})

describe('a predicate that can not be asked', () => {
  const failure = (where: unknown): unknown => {
    try {
      compile(where as Predicate)
    } catch (error) {
      return error
    }
  }

  it('of an unknown column names those that are there', () => {
    expect(failure({ m: 1 })).toMatchObject({
      code: 'DELTA_SCHEMA_MISMATCH',
      message: `The Delta table lake/t has no column "m". It has: ${FIELDS.map(({ name }) => name).join(', ')}.`,
    })
  })

  it('of a value of another type says what was expected', () => {
    expect(failure({ n: { gt: 'seven' } })).toMatchObject({
      code: 'DELTA_PREDICATE_INVALID',
      message: `Can't filter the rows of lake/t: expected a value of type integer to compare n with, found "seven". Change the predicate.`,
    })
  })

  it.each([
    [{ tags: 'x' }],
    [{ home: { gt: 1 } }],
    [{ n: { near: 1 } }],
    [{ n: {} }],
    [{ n: { in: 5 } }],
    [{ n: { isNull: 1 } }],
    [{ n: { lt: null } }],
    [{ s: 5 }],
    [{ ok: 'true' }],
    [{ raw: 'x' }],
    [{ day: '1st of May' }],
    [{ and: { n: 1 } }],
    [[]],
    [null],
  ])('%j is DELTA_PREDICATE_INVALID', (where) => {
    expect(failure(where)).toMatchObject({ code: 'DELTA_PREDICATE_INVALID' })
  })
})
