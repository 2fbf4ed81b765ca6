import { describe, expect, it } from 'vitest'
import { sqlFields, sqlRow } from '#runtime/sql-row.ts'
import type { Fields } from '#schema/column.ts'

const FIELDS: Fields = [
  { name: 'id', column: { kind: 'long', nullable: false } },
  { name: 'place', column: { kind: 'geo_point', nullable: true } },
  { name: 'home', column: { kind: 'geo_point', nullable: false } },
  { name: 'note', column: { kind: 'string', nullable: true } },
]
const home = { latitude: 41.5, longitude: -87.25 }

describe('a SQL row', () => {
  it('has two columns of doubles for a point, as nullable as it is', () => {
    expect(sqlFields(FIELDS)).toEqual([
      { name: 'id', column: { kind: 'long', nullable: false } },
      { name: 'place_latitude', column: { kind: 'double', nullable: true } },
      { name: 'place_longitude', column: { kind: 'double', nullable: true } },
      { name: 'home_latitude', column: { kind: 'double', nullable: false } },
      { name: 'home_longitude', column: { kind: 'double', nullable: false } },
      { name: 'note', column: { kind: 'string', nullable: true } },
    ])
  })

  it('has its values in the order of those columns, whatever the order of the object', () => {
    const row = { note: 'far', home, extra: 1, place: { longitude: 0, latitude: -0.5 }, id: 7 }
    expect(sqlRow(FIELDS, row)).toEqual([7, -0.5, 0, 41.5, -87.25, 'far'])
  })

  it('has null for what is missing, in both columns of a point; what is falsy stays', () => {
    expect(sqlRow(FIELDS, { id: 0, place: null, home })).toEqual([0, null, null, 41.5, -87.25, null])
    expect(sqlRow(FIELDS, { id: 0, home, note: '' }).at(-1)).toBe('')
  })
})
