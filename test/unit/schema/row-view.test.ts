import { describe, expect, it } from 'vitest'
import { fromRows } from '#schema/from-rows.ts'
import { rowView, toRow } from '#schema/row-view.ts'
import { field } from '../../support/json-records.ts'

const fields = [
  field('block', 'string'),
  field('arrest', 'boolean'),
  field('ward', 'int'),
  field('updated_on', 'timestamp'),
  field('value', 'binary'),
  field('location', 'geo_point'),
  field('headers', 'headers'),
]
const headers = [{ name: 'trace', value: new Uint8Array([1]) }]
const rows = [
  {
    block: '004XX E 87TH PL',
    arrest: true,
    ward: 9,
    updated_on: 1527811200000,
    value: new Uint8Array([1, 2]),
    location: { latitude: 41.8, longitude: -87.6 },
    headers,
  },
  { block: null, arrest: null, ward: null, updated_on: null, value: null, location: null, headers: null },
  {
    block: 'é',
    arrest: false,
    ward: -1,
    updated_on: 0,
    value: new Uint8Array(0),
    location: { latitude: 0, longitude: 0 },
    headers: [],
  },
]
const batch = fromRows(fields, rows)

describe('rowView', () => {
  it('shows each row of every kind of column', () => {
    const view = rowView(batch)
    for (const [index, row] of rows.entries()) {
      const seen = view.at(index)
      expect(Object.fromEntries(fields.map(({ name }) => [name, seen[name]]))).toEqual(row)
    }
  })

  it('is one object for all rows', () => {
    const view = rowView(batch)
    const first = view.at(0)
    expect(view.at(2)).toBe(first)
    expect(first.block).toBe('é')
  })

  it('leaves other views of the same fields alone', () => {
    const one = rowView(batch).at(0)
    const other = rowView(fromRows(fields, [{ ward: 50 }])).at(0)
    expect([one.ward, other.ward]).toEqual([9, 50])
  })

  it('has its columns for properties and no others', () => {
    const row = rowView(batch).at(0)
    const names: string[] = []
    for (const name in row) names.push(name)
    expect(names).toEqual(fields.map(({ name }) => name))
    expect(row.nothing).toBeUndefined()
  })

  it('takes any column name', () => {
    const names = ['constructor', '__proto__', 'at', 'row', 'vectors', 'value', 'toString']
    const odd = names.map((name) => field(name, 'int'))
    const values = Object.fromEntries(names.map((name, index) => [name, index]))
    Object.defineProperty(values, '__proto__', { value: 1, enumerable: true })
    const one = fromRows(odd, [values])
    const row = rowView(one).at(0)
    expect(names.map((name) => row[name])).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(Object.entries(toRow(one, 0))).toEqual(names.map((name, index) => [name, index]))
  })

  it('reads slices as text or as bytes, as the column is', () => {
    const buffer = new TextEncoder().encode('xabc')
    const slices = { kind: 'slices', valid: null, buffer, starts: Int32Array.of(1), ends: Int32Array.of(3) } as const
    const two = { fields: [field('text', 'string'), field('bytes', 'binary')], rows: 1, vectors: [slices, slices] }
    expect(toRow(two, 0)).toEqual({ text: 'ab', bytes: new Uint8Array([97, 98]) })
  })
})

describe('toRow', () => {
  it('gives an object that stays', () => {
    const first = toRow(batch, 0)
    expect(toRow(batch, 2)).toEqual(rows[2])
    expect(first).toEqual(rows[0])
  })
})
