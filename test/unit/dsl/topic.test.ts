import { describe, expect, test } from 'vitest'
import { HOUR, MINUTE } from '#core/time.ts'
import { c, delta, kafka, pipeline } from '../../../lib/index.ts'
import { refusal } from './refusals.ts'
import { sensorTopic, untyped } from './sensors.ts'

describe('A topic', () => {
  test('is plain data in the plan', () => {
    const topic = sensorTopic({ key: 'sensor', partitions: 6, maxFutureSkew: '2 hours' })
    const plan = pipeline('readings', { bronze: topic.into(delta.table('bronze.readings')) })
    expect(plan.topic).toEqual({
      name: 'readings',
      format: 'json',
      key: 'sensor',
      eventTime: 'taken_at',
      outOfOrder: 5 * MINUTE,
      maxFutureSkew: 2 * HOUR,
      partitions: 6,
      fields: expect.arrayContaining([
        { name: 'id', column: { kind: 'long', nullable: false } },
        { name: 'taken_at', column: { kind: 'timestamp', nullable: false, format: { pattern: 'iso', zone: 'UTC' } } },
        { name: 'room', column: { kind: 'string', nullable: true } },
      ]),
    })
  })

  test('keeps the order of its columns', () => {
    const topic = kafka.topic('t', { schema: { z: c.long(), a: c.timestamp() }, eventTime: 'a', outOfOrder: '1 day' })
    const plan = pipeline('p', { bronze: topic.into(delta.table('bronze.t')) })
    expect(plan.topic.fields.map(({ name }) => name)).toEqual(['z', 'a'])
  })

  test('has no key, one partition and one hour for clocks that are ahead unless told otherwise', () => {
    const { topic } = pipeline('readings', { bronze: sensorTopic().into(delta.table('bronze.readings')) })
    expect(topic).toMatchObject({ key: null, partitions: 1, maxFutureSkew: HOUR })
  })

  test('may be sorted', () => {
    const sorted = sensorTopic({ outOfOrder: '0 seconds' })
    expect(pipeline('readings', { bronze: sorted.into(delta.table('bronze.r')) }).topic.outOfOrder).toBe(0)
  })

  test('may have any name that Kafka takes', () => {
    const options = { schema: { at: c.timestamp() }, eventTime: 'at', outOfOrder: '1 day' } as const
    expect(() => kafka.topic('Chicago.crimes-v2', options)).not.toThrow()
    expect(refusal(() => kafka.topic('chicago crimes', options))).toEqual({
      code: 'NAME_INVALID',
      message: "Expected the name of a topic (1 to 249 letters, digits, '.', '_' and '-'), found 'chicago crimes'.",
    })
  })
})

describe('A topic is refused', () => {
  test.each([
    ['1.5 days', "it has a fraction; write '36 hours'"],
    ['-1 days', 'it is negative'],
  ])('when it is out of order by %s', (outOfOrder, fault) => {
    const { code, message } = refusal(() => sensorTopic({ outOfOrder: untyped(outOfOrder) }))
    expect(code).toBe('DURATION_INVALID')
    expect(message).toMatch(/^Expected outOfOrder to be a duration such as '30 minutes'/)
    expect(message).toContain(`found '${outOfOrder}': ${fault}.`)
  })

  test('when a column is not in snake_case', () => {
    const define = () =>
      kafka.topic('t', { schema: { takenAt: c.timestamp() }, eventTime: 'takenAt', outOfOrder: '1 day' })
    expect(refusal(define)).toEqual({
      code: 'NAME_INVALID',
      message:
        "Expected the name of column 'takenAt' of topic 't' in lowercase snake_case, at most 63 characters, found 'takenAt'; " +
        "write 'taken_at'. Athena and Glue fold case, so other names would not survive.",
    })
  })

  test('when its event time may be null', () => {
    const schema = { at: c.timestamp().nullable() }
    const define = () => kafka.topic('t', { schema, eventTime: untyped('at'), outOfOrder: '1 day' })
    expect(refusal(define)).toEqual({
      code: 'COLUMN_KIND_INVALID',
      message:
        "Expected eventTime to be a c.timestamp() column that is not nullable, found 'at' of kind nullable timestamp. " +
        'A record without an event time belongs to no window.',
    })
  })

  test('when its event time is no timestamp', () => {
    const { code, message } = refusal(() => sensorTopic({ eventTime: untyped('id') }))
    expect(code).toBe('COLUMN_KIND_INVALID')
    expect(message).toContain("found 'id' of kind long")
  })

  test('when its key is no column', () => {
    const { code, message } = refusal(() => sensorTopic({ key: untyped('sensr') }))
    expect(code).toBe('COLUMN_UNKNOWN')
    expect(message).toBe(
      'Expected one of the columns id, taken_at, sensor, room, alarm, floor, temperature, latitude, longitude, raw as key, ' +
        "found 'sensr'. Check its spelling, or add it to the schema or with .with().",
    )
  })

  test('when its key is bytes', () => {
    expect(refusal(() => sensorTopic({ key: untyped('raw') }))).toEqual({
      code: 'COLUMN_KIND_INVALID',
      message: "Expected a column of text, numbers, times or booleans as key, found 'raw' of kind binary.",
    })
  })

  test.each([0, -1, 1.5, Number.NaN])('when it has %d partitions', (partitions) => {
    expect(refusal(() => sensorTopic({ partitions }))).toEqual({
      code: 'PLAN_INVALID',
      message: `Expected a whole number of partitions, 1 or more, for topic 'readings', found ${partitions}.`,
    })
  })

  test('when a column was not made by c', () => {
    const schema = { at: c.timestamp(), id: untyped('long') }
    expect(refusal(() => kafka.topic('t', { schema, eventTime: 'at', outOfOrder: '1 day' }))).toEqual({
      code: 'PLAN_INVALID',
      message:
        'Expected the type of column "id", such as c.string(), found string. ' +
        "Types of columns are made by 'c': c.string(), c.long(), c.timestamp() …, each with .nullable().",
    })
  })

  test('when it has no columns', () => {
    const define = () => kafka.topic('t', { schema: {}, eventTime: untyped('at'), outOfOrder: '1 day' })
    expect(refusal(define)).toEqual({
      code: 'PLAN_INVALID',
      message: "Expected columns in the schema of topic 't', found none. Add one, such as id: c.long().",
    })
  })
})
