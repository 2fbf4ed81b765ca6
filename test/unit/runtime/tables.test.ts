import { describe, expect, it } from 'vitest'
import { BRONZE_FIELDS, LATE_FIELDS, QUARANTINE_FIELDS } from '#plan/plan.ts'
import { plannedSqlTables, plannedTables } from '#runtime/tables.ts'
import { c, delta, kafka, pipeline, point, postgres } from '../../../lib/index.ts'
import { rooms } from './builders.ts'

const places = kafka.topic('places', {
  schema: { id: c.long(), at: c.timestamp(), latitude: c.double(), longitude: c.double() },
  eventTime: 'at',
  outOfOrder: '1 minute',
})
const located = places.with({ geo: point('latitude', 'longitude') })
const withoutWindows = pipeline('places', {
  latest: located
    .select('id', 'geo')
    .into(postgres.table('latest_places', { primaryKey: ['id'] }), delta.table('silver.places')),
})

describe('the Delta tables of a plan', () => {
  it('are those of its outputs, quarantine and late, each with its writer', () => {
    expect(plannedTables(rooms).map(({ name, writer, output }) => [name, writer, output])).toEqual([
      ['bronze.rooms', 'lake', 'bronze'],
      ['silver.rooms', 'lake', 'silver'],
      ['gold.per_hour', 'close', 'per_hour'],
      ['gold.hopping', 'close', 'hopping'],
      ['quarantine.rooms', 'lake', null],
      ['late.rooms', 'late', null],
    ])
  })

  it('have the columns of their outputs, or those that all pipelines share', () => {
    const columns = new Map(plannedTables(rooms).map(({ name, fields }) => [name, fields]))
    expect(columns.get('bronze.rooms')).toBe(BRONZE_FIELDS)
    expect(columns.get('silver.rooms')?.map(({ name }) => name)).toEqual(['id', 'at', 'room'])
    expect(columns.get('gold.per_hour')?.map(({ name }) => name)).toEqual([
      'window_start',
      'window_end',
      'room',
      'readings',
      'revision',
      'is_final',
    ])
    expect(columns.get('quarantine.rooms')).toBe(QUARANTINE_FIELDS)
    expect(columns.get('late.rooms')).toBe(LATE_FIELDS)
  })

  it('have no late table where there are no windows', () => {
    expect(plannedTables(withoutWindows).map(({ name }) => name)).toEqual(['silver.places', 'quarantine.places'])
  })
})

describe('the SQL tables of a plan', () => {
  it('are those of its rows and windows, with their primary keys', () => {
    expect(plannedSqlTables(rooms).map(({ name, primaryKey }) => [name, primaryKey])).toEqual([
      ['latest', ['room']],
      ['per_hour', ['room', 'window_start']],
    ])
  })

  it('hold a point in two columns, where the Delta table has one', () => {
    expect(plannedSqlTables(withoutWindows)[0]?.fields.map(({ name }) => name)).toEqual([
      'id',
      'geo_latitude',
      'geo_longitude',
    ])
    expect(plannedTables(withoutWindows)[0]?.fields.map(({ name }) => name)).toEqual(['id', 'geo'])
  })
})
