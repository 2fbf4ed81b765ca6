import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ColumnKind, Fields } from '#schema/column.ts'
import { jsonDecoder } from '#schema/decode.ts'
import { field, recordsOf, rowsOf } from '../support/json-records.ts'

const noNul = (text: string): string => text.replaceAll('\0', '0')
const text = fc.oneof(
  fc.constantFrom('THEFT', 'BATTERY', ''),
  fc.string({ unit: 'binary', maxLength: 20 }).map(noNul),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '/', 'é', '😀', 'a', ' '), maxLength: 20 }),
)

const VALUES: Partial<Record<ColumnKind, fc.Arbitrary<unknown>>> = {
  string: text,
  boolean: fc.boolean(),
  int: fc.integer(),
  long: fc.maxSafeInteger(),
  double: fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0 || 0),
    fc.tuple(fc.integer(), fc.integer({ min: 0, max: 9 })).map(([digits, places]) => digits / 10 ** places || 0),
  ),
  timestamp: fc.integer({ min: -8.64e15, max: 8.64e15 }),
  date: fc.integer(),
  geo_point: fc.record({
    latitude: fc.double({ min: -90, max: 90, noNaN: true }).map((value) => value || 0),
    longitude: fc.double({ min: -180, max: 180, noNaN: true }).map((value) => value || 0),
  }),
}

interface Case {
  readonly fields: Fields
  readonly rows: readonly Readonly<Record<string, unknown>>[]
}

/** Up to six columns with any names, and rows with values, nulls and missing properties. */
const cases: fc.Arbitrary<Case> = fc
  .uniqueArray(fc.tuple(text, fc.constantFrom(...(Object.keys(VALUES) as ColumnKind[]))), {
    minLength: 1,
    maxLength: 6,
    selector: ([name]) => name,
  })
  // an object literal can't have this name as a property of its own
  .map((columns) => columns.filter(([name]) => name !== '__proto__'))
  .chain((columns) => {
    const row = fc.record(
      Object.fromEntries(columns.map(([name, kind]) => [name, fc.option(VALUES[kind]!, { freq: 6 })])) as Record<
        string,
        fc.Arbitrary<unknown>
      >,
      { requiredKeys: [] },
    )
    const fields = columns.map(([name, kind]) => field(name, kind))
    return fc.record({ fields: fc.constant(fields), rows: fc.array(row, { maxLength: 12 }) })
  })

const filled = ({ fields, rows }: Case): unknown[] =>
  rows.map((row) => Object.fromEntries(fields.map(({ name }) => [name, Object.hasOwn(row, name) ? row[name] : null])))

/** JSON with every character that may be escaped as \uXXXX, and white space between tokens. */
function awkward(row: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(row, null, '\t').replace(/[^\t\n -~]/g, (unit) => {
    const escaped = (code: number): string => `\\u${code.toString(16).padStart(4, '0')}`
    return [...Array(unit.length).keys()].map((index) => escaped(unit.charCodeAt(index))).join('')
  })
}

describe('jsonDecoder', () => {
  it('gives back every row that JSON.stringify wrote', () => {
    fc.assert(
      fc.property(cases, (one) => {
        const decoded = jsonDecoder(one.fields).decode(recordsOf(one.rows.map((row) => JSON.stringify(row))))
        expect(decoded.rejects).toEqual([])
        expect(rowsOf(decoded)).toEqual(filled(one))
      }),
      { numRuns: 300 },
    )
  })

  it('gives the same rows for any order of properties, for escapes and white space', () => {
    fc.assert(
      fc.property(cases, fc.infiniteStream(fc.nat()), (one, numbers) => {
        const shuffled = one.rows.map((row) => {
          const ranked = Object.entries(row).map((entry) => [numbers.next().value as number, entry] as const)
          return Object.fromEntries(ranked.toSorted(([a], [b]) => a - b).map(([, entry]) => entry))
        })
        const decoded = jsonDecoder(one.fields).decode(recordsOf(shuffled.map(awkward)))
        expect(decoded.rejects).toEqual([])
        expect(rowsOf(decoded)).toEqual(filled(one))
      }),
      { numRuns: 300 },
    )
  })

  it('gives the same rows however the records are cut into batches', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 1, max: 5 }), (one, size) => {
        const decoder = jsonDecoder(one.fields)
        const texts = one.rows.map((row) => JSON.stringify(row))
        const decoded = []
        for (let at = 0; at < texts.length; at += size)
          decoded.push(decoder.decode(recordsOf(texts.slice(at, at + size))))
        expect(decoded.flatMap(rowsOf)).toEqual(filled(one))
      }),
      { numRuns: 100 },
    )
  })

  it('takes for an object what JSON.parse takes for one, and nothing else', () => {
    const decoder = jsonDecoder([field('a', 'string'), field('b', 'string')])
    const token = fc.constantFrom(
      ...[
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"a"',
        '"b"',
        '"c"',
        '1',
        '-0.5e3',
        'true',
        'null',
        ' ',
        '"\\n"',
        '01',
        '"',
        '\\',
      ],
    )
    const members = fc.array(fc.tuple(fc.constantFrom('"a"', '"b"', '"c"', 'a'), token), { maxLength: 4 })
    const texts = fc.oneof(
      fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join('')),
      members.map((pairs) => `{${pairs.map((pair) => pair.join(':')).join(',')}}`),
    )
    fc.assert(
      fc.property(texts, (json) => {
        // other records around it, so that reading too far would find something
        const decoded = decoder.decode(recordsOf(['{"a":"x"}', json, '"}', '{"a":"y"}']))
        const rejected = decoded.rejects.some(({ record, reason }) => record === 1 && reason === 'not a JSON object')
        expect(rejected).toBe(!isObject(json))
      }),
      { numRuns: 2000 },
    )
  })

  it('rounds numbers as JavaScript does', () => {
    const digits = fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: 1, maxLength: 25 })
    const numbers = fc
      .tuple(
        fc.constantFrom('', '-'),
        digits,
        fc.option(digits, { nil: '' }),
        fc.option(fc.integer({ min: -330, max: 300 })),
      )
      .map(([sign, whole, fraction, exponent]) => {
        const point = fraction === '' ? '' : `.${fraction}`
        return `${sign}${BigInt(whole)}${point}${exponent === null ? '' : `e${exponent}`}`
      })
      .filter((number) => Number.isFinite(Number(number)))
    fc.assert(
      fc.property(fc.array(numbers, { maxLength: 20 }), (texts) => {
        const decoded = jsonDecoder([field('x', 'double')]).decode(recordsOf(texts.map((number) => `{"x":${number}}`)))
        expect(rowsOf(decoded)).toEqual(texts.map((number) => ({ x: Number(number) })))
      }),
    )
  })
})

function isObject(json: string): boolean {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  } catch {
    return false
  }
}
