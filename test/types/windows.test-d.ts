import { describe, expectTypeOf, test } from 'vitest'
import {
  c,
  calendar,
  cumulating,
  delta,
  type InferRow,
  kafka,
  type Plan,
  pipeline,
  point,
  postgres,
  session,
  sliding,
  tumbling,
} from '../../lib/index.ts'

const readings = kafka.topic('readings', {
  schema: {
    id: c.long(),
    taken_at: c.timestamp(),
    sensor: c.string(),
    room: c.string().nullable(),
    alarm: c.boolean(),
    floor: c.int(),
    temperature: c.double().nullable(),
    latitude: c.double(),
    longitude: c.double(),
    raw: c.binary(),
  },
  eventTime: 'taken_at',
  outOfOrder: '5 minutes',
})
const rows = readings.with({ place: point('latitude', 'longitude') })
const hourly = rows.groupBy('sensor', 'room').window(tumbling('1 hour', { grace: '0 seconds' }))
const counted = hourly.aggregate((a) => ({ total: a.count(), alarms: a.countIf('alarm') }))

describe('a window result', () => {
  test('has bounds, groups, aggregates, revision and is_final', () => {
    const results = hourly.aggregate((a) => ({
      total: a.count(),
      alarms: a.countIf('alarm'),
      floors: a.sum('floor'),
      ids: a.sum('id'),
      heat: a.sum('temperature'),
      first: a.min('taken_at'),
      last_name: a.max('sensor'),
      mean: a.avg('floor'),
    }))
    type Row = InferRow<typeof results>
    expectTypeOf<keyof Row>().toEqualTypeOf<
      | 'window_start'
      | 'window_end'
      | 'sensor'
      | 'room'
      | 'total'
      | 'alarms'
      | 'floors'
      | 'ids'
      | 'heat'
      | 'first'
      | 'last_name'
      | 'mean'
      | 'revision'
      | 'is_final'
    >()
    expectTypeOf<Row['sensor']>().toEqualTypeOf<string>()
    expectTypeOf<Row['room']>().toEqualTypeOf<string | null>()
    expectTypeOf<Row['total']>().toEqualTypeOf<number>()
    expectTypeOf<Row['alarms']>().toEqualTypeOf<number>()
    expectTypeOf<Row['floors']>().toEqualTypeOf<number | null>()
    expectTypeOf<Row['heat']>().toEqualTypeOf<number | null>()
    expectTypeOf<null>().toExtend<Row['first']>()
    expectTypeOf<Row['last_name']>().toEqualTypeOf<string | null>()
    expectTypeOf<Row['mean']>().toEqualTypeOf<number | null>()
    expectTypeOf<Row['is_final']>().toEqualTypeOf<boolean>()
  })
  test('can be filtered by what is computed, not by its revision', () => {
    counted.where((r) => r.total > 14 && r.alarms > 0 && r.sensor !== '' && r.window_start > 0)
    // @ts-expect-error no column totl
    counted.where((r) => r.totl > 14)
    // @ts-expect-error the revision is given after the filter
    counted.where((r) => r.revision > 0)
    // @ts-expect-error a filter gives a boolean
    counted.where((r) => r.total)
  })
  test('has every group when there are no group columns', () => {
    const all = rows.groupBy().window(tumbling('1 hour', { grace: '0 seconds' }))
    const total = all.aggregate((a) => ({ total: a.count() }))
    type Row = InferRow<typeof total>
    expectTypeOf<keyof Row>().toEqualTypeOf<'window_start' | 'window_end' | 'total' | 'revision' | 'is_final'>()
  })
})

describe('group columns', () => {
  test('are refused when unknown', () => {
    // @ts-expect-error groupBy takes columns of the rows
    rows.groupBy('sensr')
    // @ts-expect-error groupBy takes columns of the rows
    rows.groupBy('sensor', 'rom')
  })
  test('are refused when they are points or bytes', () => {
    // @ts-expect-error groupBy takes text, numbers, times or booleans
    rows.groupBy('place')
    // @ts-expect-error groupBy takes text, numbers, times or booleans
    rows.groupBy('raw')
  })
})

describe('aggregates', () => {
  test('refuse to count a number as a condition', () => {
    // @ts-expect-error countIf counts the rows in which a boolean column is true
    hourly.aggregate((a) => ({ total: a.countIf('floor') }))
  })
  test('refuse to add text, times and points', () => {
    // @ts-expect-error only int, long and double columns are numbers
    hourly.aggregate((a) => ({ total: a.sum('sensor') }))
    // @ts-expect-error only int, long and double columns are numbers
    hourly.aggregate((a) => ({ total: a.sum('taken_at') }))
    // @ts-expect-error only int, long and double columns are numbers
    hourly.aggregate((a) => ({ total: a.avg('place') }))
  })
  test('refuse the least of points, bytes and booleans', () => {
    // @ts-expect-error min and max take columns of text, numbers or times
    hourly.aggregate((a) => ({ least: a.min('place') }))
    // @ts-expect-error min and max take columns of text, numbers or times
    hourly.aggregate((a) => ({ most: a.max('alarm') }))
  })
  test('keep the kind of first and last, and know a list as text', () => {
    const results = hourly.aggregate((a) => ({
      opening: a.first('sensor'),
      closing: a.last('alarm', { where: 'alarm' }),
      rooms: a.distinct('room'),
      p95: a.quantile('temperature', 0.95),
      busiest: a.topK('sensor', 3, { by: 'count', where: 'alarm' }),
      all: a.collect('floor', { limit: 10 }),
      loud: a.count({ where: 'alarm' }),
    }))
    type Row = InferRow<typeof results>
    expectTypeOf<Row['opening']>().toEqualTypeOf<string | null>()
    expectTypeOf<Row['closing']>().toEqualTypeOf<boolean | null>()
    expectTypeOf<Row['rooms']>().toEqualTypeOf<number>()
    expectTypeOf<Row['p95']>().toEqualTypeOf<number | null>()
    expectTypeOf<Row['busiest']>().toEqualTypeOf<string | null>()
    expectTypeOf<Row['all']>().toEqualTypeOf<string | null>()
    expectTypeOf<Row['loud']>().toEqualTypeOf<number>()
  })
  test('refuse a condition that is no boolean column, lists of points, and quantiles of text', () => {
    // @ts-expect-error where takes a boolean column
    hourly.aggregate((a) => ({ total: a.count({ where: 'floor' }) }))
    // @ts-expect-error where takes a column, not a function
    hourly.aggregate((a) => ({ total: a.count({ where: () => true }) }))
    // @ts-expect-error first, last, distinct, topK and collect take text, numbers, times or booleans
    hourly.aggregate((a) => ({ places: a.collect('place') }))
    // @ts-expect-error only int, long and double columns are numbers
    hourly.aggregate((a) => ({ median: a.quantile('sensor', 0.5) }))
    // @ts-expect-error the share is missing
    hourly.aggregate((a) => ({ median: a.quantile('floor') }))
  })
  test('refuse an unknown column', () => {
    // @ts-expect-error no column temprature
    hourly.aggregate((a) => ({ mean: a.avg('temprature') }))
  })
  test('refuse what is no aggregate', () => {
    // @ts-expect-error a number is no aggregate
    hourly.aggregate(() => ({ total: 1 }))
  })
})

describe('windows', () => {
  test('refuse a missing grace', () => {
    // @ts-expect-error grace is missing
    tumbling('1 day', {})
    // @ts-expect-error the options with grace are missing
    tumbling('1 day')
    // @ts-expect-error grace is missing
    sliding('5 hours', { every: '30 minutes' })
    // @ts-expect-error grace is missing
    calendar('month', { zone: 'UTC' })
    // @ts-expect-error grace is missing
    session('30 minutes', {})
    // @ts-expect-error grace is missing
    cumulating('1 day', { step: '1 hour' })
  })
  test('refuse a missing every or zone', () => {
    // @ts-expect-error every is missing
    sliding('5 hours', { grace: '0 seconds' })
    // @ts-expect-error step is missing
    cumulating('1 day', { grace: '0 seconds' })
    // @ts-expect-error zone is missing
    calendar('month', { grace: '0 seconds' })
  })
  test('refuse an unknown rule of sessions', () => {
    // @ts-expect-error records a gap apart join or split
    session('30 minutes', { grace: '0 seconds', atGap: 'merge' })
    // @ts-expect-error a session ends at the gap or with the last event
    session('30 minutes', { grace: '0 seconds', end: 'never' })
  })
  test('refuse an unknown unit', () => {
    // @ts-expect-error fortnights are no unit
    tumbling('1 fortnight', { grace: '0 seconds' })
    // @ts-expect-error decades are no unit
    calendar('decade', { zone: 'UTC', grace: '0 seconds' })
  })
})

describe('what may come next', () => {
  test('is a window after groupBy, aggregates after a window, a table after where', () => {
    expectTypeOf<keyof ReturnType<typeof rows.groupBy>>().toEqualTypeOf<'window'>()
    expectTypeOf<keyof typeof hourly>().toEqualTypeOf<'aggregate'>()
    expectTypeOf<Extract<keyof typeof counted, string>>().toEqualTypeOf<
      'where' | 'detect' | 'emit' | 'groupBy' | 'into'
    >()
    const filtered = counted.where(() => true)
    expectTypeOf<Extract<keyof typeof filtered, string>>().toEqualTypeOf<'emit' | 'groupBy' | 'into'>()
    const running = filtered.emit({ every: '10 seconds' })
    expectTypeOf<Extract<keyof typeof running, string>>().toEqualTypeOf<'into'>()
    const regrouped = filtered.groupBy('sensor')
    expectTypeOf<keyof typeof regrouped>().toEqualTypeOf<'window' | 'aggregate'>()
    const selected = rows.select('id')
    expectTypeOf<Extract<keyof typeof selected, string>>().toEqualTypeOf<'into'>()
  })
})

describe('tables', () => {
  test('refuse to be clustered by an unknown column or a point', () => {
    rows.into(delta.table('silver.readings', { clusterBy: ['sensor', 'taken_at'] }))
    // @ts-expect-error clusterBy takes columns of the output
    rows.into(delta.table('silver.readings', { clusterBy: ['sensr'] }))
    // @ts-expect-error clusterBy takes text, numbers, times or booleans
    rows.into(delta.table('silver.readings', { clusterBy: ['place'] }))
    // @ts-expect-error the column was not selected
    rows.select('id', 'room').into(delta.table('silver.readings', { clusterBy: ['sensor'] }))
    // @ts-expect-error bronze has no column sensor
    readings.into(delta.table('bronze.readings', { clusterBy: ['sensor'] }))
  })
  test('refuse an unknown or nullable primary key', () => {
    rows.into(postgres.table('readings', { primaryKey: ['id'] }))
    // @ts-expect-error primaryKey takes columns of the output
    rows.into(postgres.table('readings', { primaryKey: ['idd'] }))
    // @ts-expect-error primaryKey takes columns that are not nullable
    rows.into(postgres.table('readings', { primaryKey: ['id', 'room'] }))
    // @ts-expect-error primaryKey takes no points
    rows.into(postgres.table('readings', { primaryKey: ['place'] }))
    // @ts-expect-error an aggregate that may be null
    hourly.aggregate((a) => ({ m: a.max('id') })).into(postgres.table('readings', { primaryKey: ['m'] }))
  })
  test('refuse a postgres table for bronze', () => {
    // @ts-expect-error bronze goes into Delta tables: it has headers
    readings.into(postgres.table('readings'))
  })
  test('must be given', () => {
    // @ts-expect-error at least one table
    rows.into()
  })
  test('can be made ahead', () => {
    const table = delta.table('silver.readings', { clusterBy: ['sensor'] })
    rows.into(table)
    // @ts-expect-error these rows have no sensor
    rows.select('id').into(table)
  })
})

describe('selected columns', () => {
  test('are those that were named', () => {
    const selected = rows.select('id', 'room')
    expectTypeOf<InferRow<typeof selected>>().toEqualTypeOf<{ readonly id: number; readonly room: string | null }>()
  })
  test('are refused when unknown', () => {
    // @ts-expect-error select takes columns of the rows
    rows.select('idd')
  })
})

describe('a pipeline', () => {
  test('is a Plan', () => {
    expectTypeOf(pipeline('readings', { bronze: readings.into(delta.table('bronze.r')) })).toEqualTypeOf<Plan>()
  })
  test('refuses outputs that go nowhere', () => {
    // @ts-expect-error rows without .into(…) are no output
    pipeline('readings', { silver: rows })
    // @ts-expect-error results without .into(…) are no output
    pipeline('readings', { hourly: counted })
  })
})

describe('results in other windows', () => {
  test('have the columns of the results, and types that follow', () => {
    const busiest = counted
      .groupBy('room')
      .window(tumbling('1 day', { grace: '0 seconds' }))
      .aggregate((a) => ({
        top: a.max('total'),
        sensors: a.distinct('sensor'),
        last: a.last('window_end'),
        n: a.count(),
      }))
    type Row = InferRow<typeof busiest>
    expectTypeOf<Row['room']>().toEqualTypeOf<string | null>()
    expectTypeOf<Row['top']>().toEqualTypeOf<number | null>()
    expectTypeOf<Row['sensors']>().toEqualTypeOf<number>()
    expectTypeOf<keyof Row>().toEqualTypeOf<
      'window_start' | 'window_end' | 'room' | 'top' | 'sensors' | 'last' | 'n' | 'revision' | 'is_final'
    >()
    const same = counted.groupBy().aggregate((a) => ({ top: a.max('total') }))
    expectTypeOf<keyof InferRow<typeof same>>().toEqualTypeOf<
      'window_start' | 'window_end' | 'top' | 'revision' | 'is_final'
    >()
    busiest.where((r) => r.n > 3).emit('change')
  })
  test('refuse columns that the results have not', () => {
    const again = counted.groupBy().window(tumbling('1 day', { grace: '0 seconds' }))
    // @ts-expect-error the topic's column is not in the results
    again.aggregate((a) => ({ x: a.max('temperature') }))
    // @ts-expect-error text is no number
    again.aggregate((a) => ({ x: a.sum('sensor') }))
    // @ts-expect-error results have bounds of their own
    counted.groupBy('window_end')
    // @ts-expect-error nor by what the results have not
    counted.groupBy('alarm')
    // @ts-expect-error revisions are of what is published
    again.aggregate((a) => ({ x: a.max('revision') }))
  })
})

describe('when results come out', () => {
  test('is one of four ways', () => {
    counted.emit('complete').into(delta.table('gold.counted'))
    // @ts-expect-error no such way to come out
    counted.emit('always')
    // @ts-expect-error no unit
    counted.emit({ every: '10' })
  })
})
