import { describe, expectTypeOf, test } from 'vitest'
import { c, type Duration, type GeoPoint, type InferRow, kafka, point } from '../../lib/index.ts'

const schema = {
  id: c.long(),
  taken_at: c.timestamp(),
  fixed_at: c.timestamp().nullable(),
  day: c.date(),
  sensor: c.string(),
  room: c.string().nullable(),
  alarm: c.boolean(),
  floor: c.int(),
  temperature: c.double().nullable(),
  latitude: c.double(),
  longitude: c.double().nullable(),
  raw: c.binary(),
  place: c.geoPoint(),
}
const readings = kafka.topic('readings', { schema, eventTime: 'taken_at', outOfOrder: '5 minutes', key: 'sensor' })
const options = { schema, outOfOrder: '5 minutes' } as const

describe('a row of a topic', () => {
  test('has the types of the schema, null where a column is nullable', () => {
    type Row = InferRow<typeof readings>
    expectTypeOf<Row['id']>().toExtend<number>()
    expectTypeOf<Row['taken_at']>().toExtend<number>()
    expectTypeOf<null>().not.toExtend<Row['taken_at']>()
    expectTypeOf<null>().toExtend<Row['fixed_at']>()
    expectTypeOf<Row['day']>().toEqualTypeOf<number>()
    expectTypeOf<Row['sensor']>().toEqualTypeOf<string>()
    expectTypeOf<Row['room']>().toEqualTypeOf<string | null>()
    expectTypeOf<Row['alarm']>().toEqualTypeOf<boolean>()
    expectTypeOf<Row['temperature']>().toEqualTypeOf<number | null>()
    expectTypeOf<Row['raw']>().toEqualTypeOf<Uint8Array>()
    expectTypeOf<Row['place']>().toEqualTypeOf<GeoPoint>()
    // @ts-expect-error a column that the schema hasn't
    expectTypeOf<Row['humidity']>().toBeNever()
  })

  test('can only be read', () => {
    readings.check({
      'is warm': (r) => {
        // @ts-expect-error rows are read-only
        r.sensor = ''
        return true
      },
    })
  })
})

describe('an event time', () => {
  test('is refused when its column is nullable', () => {
    // @ts-expect-error eventTime is a c.timestamp() column that is not nullable
    kafka.topic('readings', { ...options, eventTime: 'fixed_at' })
  })
  test('is refused when its column is no timestamp', () => {
    // @ts-expect-error eventTime is a c.timestamp() column that is not nullable
    kafka.topic('readings', { ...options, eventTime: 'day' })
  })
  test('is refused when there is no such column', () => {
    // @ts-expect-error eventTime is a c.timestamp() column that is not nullable
    kafka.topic('readings', { ...options, eventTime: 'measured_at' })
  })
  test('is refused when the schema has no timestamp at all', () => {
    // @ts-expect-error eventTime is a c.timestamp() column that is not nullable
    kafka.topic('readings', { schema: { id: c.long() }, eventTime: 'id', outOfOrder: '1 day' })
  })
  test('must be given', () => {
    // @ts-expect-error eventTime is missing
    kafka.topic('readings', options)
  })
})

describe('the other options of a topic', () => {
  test('refuse a key that is no column', () => {
    // @ts-expect-error key is a column of the schema
    kafka.topic('readings', { ...options, eventTime: 'taken_at', key: 'sensr' })
  })
  test('refuse a key that is a point', () => {
    // @ts-expect-error key is text, a number, a time or a boolean
    kafka.topic('readings', { ...options, eventTime: 'taken_at', key: 'place' })
  })
  test('refuse an unknown unit', () => {
    // @ts-expect-error fortnights are no unit
    kafka.topic('readings', { schema, eventTime: 'taken_at', outOfOrder: '1 fortnight' })
  })
  test('want outOfOrder', () => {
    // @ts-expect-error outOfOrder is missing
    kafka.topic('readings', { schema, eventTime: 'taken_at' })
  })
})

describe('a duration', () => {
  test('is a number, a space and a unit', () => {
    expectTypeOf<'30 minutes'>().toExtend<Duration>()
    expectTypeOf<'1 day'>().toExtend<Duration>()
    expectTypeOf<'0 seconds'>().toExtend<Duration>()
    expectTypeOf<'1 fortnight'>().not.toExtend<Duration>()
    expectTypeOf<'30minutes'>().not.toExtend<Duration>()
    expectTypeOf<'day'>().not.toExtend<Duration>()
  })
})

describe('checks', () => {
  test('get rows of the chain', () => {
    readings.check({ 'has a sensor': (r) => r.sensor !== '' && (r.temperature === null || r.temperature > -50) })
  })
  test('are refused when they give no boolean', () => {
    // @ts-expect-error a check gives a boolean
    readings.check({ 'has a sensor': (r) => r.sensor })
    // @ts-expect-error a check can't be a promise
    readings.check({ 'has a sensor': async (r) => r.sensor !== '' })
  })
  test('are refused when they read a column that is not there', () => {
    // @ts-expect-error no column humidity
    readings.check({ 'is dry': (r) => r.humidity < 50 })
  })
  test('must think of null', () => {
    // @ts-expect-error temperature may be null
    readings.check({ 'is warm': (r) => r.temperature > 20 })
  })
})

describe('derived columns', () => {
  test('are columns from then on', () => {
    const derived = readings.with({
      position: point('latitude', 'longitude'),
      fixed: point('latitude', 'floor'),
      fahrenheit: c.double().from((r) => (r.temperature ?? 0) * 1.8 + 32),
      label: c
        .string()
        .nullable()
        .from((r) => r.room),
    })
    type Row = InferRow<typeof derived>
    expectTypeOf<Row['position']>().toEqualTypeOf<GeoPoint | null>()
    expectTypeOf<Row['fixed']>().toEqualTypeOf<GeoPoint>()
    expectTypeOf<Row['fahrenheit']>().toEqualTypeOf<number>()
    expectTypeOf<Row['label']>().toEqualTypeOf<string | null>()
    expectTypeOf<Row['sensor']>().toEqualTypeOf<string>()
    derived
      .check({ 'is no fire': (r) => r.fahrenheit < 451 })
      .with({ hot: c.boolean().from((r) => r.fahrenheit > 100) })
  })
  test('are refused when the function gives another type', () => {
    // @ts-expect-error a double is no string
    readings.with({ fahrenheit: c.double().from((r) => r.sensor) })
    // @ts-expect-error the column is not nullable
    readings.with({ celsius: c.double().from((r) => r.temperature) })
  })
  test('are refused when the function reads a column that is not there', () => {
    // @ts-expect-error no column humidity
    readings.with({ dew_point: c.double().from((r) => r.humidity) })
  })
  test('are refused when a point is made of columns that are no numbers', () => {
    // @ts-expect-error only int, long and double columns are numbers
    readings.with({ position: point('latitude', 'sensor') })
    // @ts-expect-error only int, long and double columns are numbers
    readings.with({ position: point('lat', 'longitude') })
  })
  test('are refused when the rows already have a column of the name', () => {
    // @ts-expect-error the rows already have a column of this name
    readings.with({ place: point('latitude', 'longitude') })
    // @ts-expect-error the rows already have a column of this name
    readings.with({ room: c.string().from((r) => r.sensor) })
  })
  test('are refused when their type is not said', () => {
    // @ts-expect-error c.double().from(…) says the type
    readings.with({ fahrenheit: (r: { temperature: number | null }) => r.temperature })
  })
})
