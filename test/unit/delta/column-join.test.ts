import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { joinedVector, type VectorPart } from '#delta/column-join.ts'
import type { DecodedVector } from '#parquet/columns-reader.ts'
import { valueGetter } from '#parquet/reader.ts'
import { FixedDictionary } from '#schema/byte-text.ts'
import type { Vector } from '#schema/vector.ts'

const encoder = new TextEncoder()

function bytesOf(texts: readonly string[]): { bytes: Uint8Array; starts: Int32Array } {
  const parts = texts.map((text) => encoder.encode(text))
  const starts = new Int32Array(texts.length + 1)
  for (const [i, part] of parts.entries()) starts[i + 1] = starts[i]! + part.length
  const bytes = new Uint8Array(starts[texts.length]!)
  for (const [i, part] of parts.entries()) bytes.set(part, starts[i]!)
  return { bytes, starts }
}

const validOf = (values: readonly unknown[]) =>
  values.includes(null) ? Uint8Array.from(values, (value) => (value === null ? 0 : 1)) : null

function slices(texts: readonly (string | null)[]): DecodedVector {
  const { bytes, starts } = bytesOf(texts.map((text) => text ?? ''))
  return { kind: 'slices', valid: validOf(texts), buffer: bytes, starts, ends: starts.subarray(1), isText: true }
}

/** With an entry that no row has. */
function coded(texts: readonly (string | null)[]): DecodedVector {
  const entries = ['nobody’s', ...new Set(texts.filter((text) => text !== null))]
  const { bytes, starts } = bytesOf(entries)
  const codes = Int32Array.from(texts, (text) => (text === null ? 0 : entries.indexOf(text)))
  return { kind: 'dictionary', valid: validOf(texts), codes, dictionary: new FixedDictionary(bytes, starts) }
}

const numbers = (values: readonly (number | null)[]): DecodedVector => ({
  kind: 'number',
  valid: validOf(values),
  values: Float64Array.from(values, (value) => value ?? 0),
})
const flags = (values: readonly (boolean | null)[]): DecodedVector => ({
  kind: 'boolean',
  valid: validOf(values),
  values: Uint8Array.from(values, (value) => (value === true ? 1 : 0)),
})
const nulls = (rows: number): DecodedVector => ({
  kind: 'values',
  valid: null,
  values: new Array<null>(rows).fill(null),
})

const part = (
  vector: DecodedVector,
  from: number,
  to: number,
  select: readonly number[] | null = null,
): VectorPart => ({
  vector,
  select: select === null ? null : Int32Array.from(select),
  from,
  to,
})

function valuesOf(vector: Vector | null, rows: number): unknown[] {
  const get = valueGetter((vector?.kind === 'slices' ? { ...vector, isText: true } : vector) as DecodedVector)
  return Array.from({ length: rows }, (_, row) => get(row))
}

describe('Parts of a column', () => {
  test('are their values end to end, whatever form each part has, of the rows that are selected', () => {
    const text = fc.option(fc.constantFrom('', 'a', 'bb', 'é', '犬', 'a longer text'))
    const texts = fc.array(text, { minLength: 1, maxLength: 12 })
    const anyPart = fc
      .record({
        values: texts,
        form: fc.constantFrom(coded, slices),
        selected: fc.option(fc.array(fc.boolean(), { minLength: 12, maxLength: 12 })),
        from: fc.nat(3),
      })
      .map(({ values, form, selected, from }) => {
        const select = selected === null ? null : [...values.keys()].filter((row) => selected[row])
        const rows = select?.length ?? values.length
        const start = Math.min(from, rows)
        const expected = (select === null ? values : select.map((row) => values[row]!)).slice(start)
        return { part: part(form(values), start, rows, select), expected }
      })
    fc.assert(
      fc.property(fc.array(anyPart, { minLength: 1, maxLength: 5 }), (parts) => {
        const expected = parts.flatMap((each) => each.expected)
        const joined = joinedVector(
          'string',
          parts.map((each) => each.part),
          expected.length,
        )
        expect(valuesOf(joined, expected.length)).toEqual(expected)
      }),
    )
  })

  test('of numbers and flags keep nulls at their places, also where a file has no such column', () => {
    const parts = [part(numbers([1, null, 3.5]), 1, 3), part(nulls(2), 0, 1), part(numbers([7, 8, 9]), 0, 2, [2, 0])]
    expect(valuesOf(joinedVector('double', parts, 5), 5)).toEqual([null, 3.5, null, 9, 7])
    const bits = [part(flags([true, false, null]), 0, 3), part(nulls(1), 0, 1), part(flags([true]), 0, 1)]
    expect(valuesOf(joinedVector('boolean', bits, 5), 5)).toEqual([true, false, null, null, true])
  })

  test('become codes of one dictionary where text repeats, and slices where most of it is new', () => {
    const many = Array.from({ length: 3000 }, (_, i) => `text ${i}`)
    const few = many.map((_, i) => `text ${i % 10}`)
    const repeating = [part(coded(few), 0, 3000), part(slices(few), 0, 3000)]
    const joined = joinedVector('string', repeating, 6000)
    expect(joined).toMatchObject({ kind: 'dictionary', dictionary: { size: 10 } })
    expect(valuesOf(joined, 6000)).toEqual([...few, ...few])
    const different = [part(slices(many), 0, 3000), part(coded(few), 0, 3000)]
    const spread = joinedVector('string', different, 6000)
    expect(spread?.kind).toBe('slices')
    expect(valuesOf(spread, 6000)).toEqual([...many, ...few])
  })

  test('are not joined when one has values that no vector holds, or another form than its column', () => {
    const large: DecodedVector = { kind: 'values', valid: null, values: [2n ** 60n] }
    expect(joinedVector('long', [part(numbers([1]), 0, 1), part(large, 0, 1)], 2)).toBeNull()
    expect(joinedVector('string', [part(numbers([1]), 0, 1)], 1)).toBeNull()
    expect(joinedVector('binary', [part(slices(['a']), 0, 1)], 1)).toBeNull()
    expect(joinedVector('geo_point', [part(nulls(1), 0, 1)], 1)).toBeNull()
  })
})
