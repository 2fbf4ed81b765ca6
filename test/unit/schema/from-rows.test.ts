import { describe, expect, it } from 'vitest'
import type { ColumnKind } from '#schema/column.ts'
import { fromRows } from '#schema/from-rows.ts'
import { field, required } from '../../support/json-records.ts'

describe('fromRows', () => {
  it('takes a missing, an undefined and a null property for null, and has no validity where nothing is null', () => {
    const batch = fromRows(
      [field('a', 'int'), field('b', 'string')],
      [{ a: null, b: 'x' }, { b: 'x' }, { a: undefined, b: 'y', c: 1 }, { a: 4, b: 'x' }],
    )
    expect(batch.rows).toBe(4)
    expect(batch.vectors[0]).toEqual({
      kind: 'number',
      valid: Uint8Array.of(0, 0, 0, 1),
      values: Float64Array.of(0, 0, 0, 4),
    })
    expect(batch.vectors[1]).toMatchObject({ kind: 'dictionary', valid: null, codes: Int32Array.of(0, 0, 1, 0) })
  })

  it('holds text of any length', () => {
    const values = ['', 'a'.repeat(1000), '€'.repeat(1000)]
    const [vector] = fromRows(
      [field('a', 'string')],
      values.map((a) => ({ a })),
    ).vectors
    expect(vector?.kind === 'dictionary' && [0, 1, 2].map((code) => vector.dictionary.text(code))).toEqual(values)
  })

  it('takes nothing that every object has for a value', () => {
    const batch = fromRows([field('constructor', 'string')], [{}, { constructor: 'ACME' }])
    expect(batch.vectors[0]?.valid).toEqual(Uint8Array.of(0, 1))
  })

  it('holds text in slices once most of it is new, and in a dictionary as long as it repeats', () => {
    const rows = Array.from({ length: 10_000 }, (_, i) => ({
      id: i % 7 === 0 ? null : `id ${i}`,
      code: `ä${i % 50}`,
      late: i < 5000 ? 'same' : i % 3 === 0 ? null : `new ${i}`,
    }))
    const batch = fromRows([field('id', 'string'), field('code', 'string'), field('late', 'string')], rows)
    expect(batch.vectors.map(({ kind }) => kind)).toEqual(['slices', 'dictionary', 'dictionary'])
    for (const [column, name] of (['id', 'code', 'late'] as const).entries()) {
      const vector = batch.vectors[column]!
      const texts = rows.map((_, row) => {
        if (vector.valid?.[row] === 0) return null
        if (vector.kind === 'dictionary') return vector.dictionary.text(vector.codes[row]!)
        if (vector.kind !== 'slices') throw new Error(vector.kind)
        return Buffer.from(vector.buffer.subarray(vector.starts[row], vector.ends[row])).toString()
      })
      expect(texts).toEqual(rows.map((row) => row[name]))
    }
  })

  it('is empty for no rows', () => {
    expect(fromRows([field('a', 'binary')], []).rows).toBe(0)
  })

  it.each<[ColumnKind, unknown, string]>([
    ['string', 7, "a well-formed string or null in column 'x', found a number (7)"],
    ['string', '\ud800', "a well-formed string or null in column 'x', found a string"],
    ['boolean', 'true', "true or false or null in column 'x', found a string"],
    ['int', 2 ** 31, "a whole number of 32 bits or null in column 'x', found a number (2147483648)"],
    ['int', 1.5, "a whole number of 32 bits or null in column 'x', found a number (1.5)"],
    ['long', 2 ** 53, "a whole number within ±(2^53 − 1) or null in column 'x', found a number (9007199254740992)"],
    ['long', 7n, "a whole number within ±(2^53 − 1) or null in column 'x', found a bigint"],
    ['double', '1', "a number or null in column 'x', found a string"],
    ['timestamp', new Date(0), "epoch milliseconds, a whole number or null in column 'x', found a Date"],
    [
      'timestamp',
      8.64e15 + 1,
      "epoch milliseconds, a whole number or null in column 'x', found a number (8640000000000001)",
    ],
    ['date', 0.5, "days since 1970-01-01, a whole number or null in column 'x', found a number (0.5)"],
    ['binary', 'AQ==', "a Uint8Array or null in column 'x', found a string"],
    ['geo_point', { latitude: 1 }, "{ latitude, longitude }, two numbers or null in column 'x', found a object"],
    ['headers', {}, "an array of { name, value } or null in column 'x', found a object"],
  ])('refuses for %s %o', (kind, value, message) => {
    const make = (): unknown => fromRows([field('x', kind)], [{ x: null }, { x: value }])
    expect(make).toThrow(`Expected ${message} in row 1. Return a value of the declared type, or declare another one.`)
    expect(make).toThrow(expect.objectContaining({ code: 'PARQUET_VALUE_INVALID', details: { column: 'x', row: 1 } }))
  })

  it('refuses null in a required column', () => {
    expect(() => fromRows([required(field('x', 'int'))], [{ x: 1 }, {}])).toThrow(
      "Expected a whole number of 32 bits in column 'x', found null in row 1.",
    )
  })
})
