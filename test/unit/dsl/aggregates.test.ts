import { describe, expect, test } from 'vitest'
import { describe as describePlan } from '#plan/describe.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import { delta, pipeline, tumbling } from '../../../lib/index.ts'
import { refusal } from './refusals.ts'
import { sensorTopic, untyped } from './sensors.ts'

const hourly = sensorTopic()
  .groupBy('sensor')
  .window(tumbling('1 hour', { grace: '0 seconds' }))

describe('Aggregates that keep values', () => {
  test('are plain data: what they read, how much they keep, and which rows they take', () => {
    const results = hourly.aggregate((a) => ({
      opening: a.first('room'),
      closing: a.last('alarm'),
      rooms: a.distinct('room', { where: 'alarm' }),
      p95: a.quantile('temperature', 0.95),
      busiest: a.topK('room', 3),
      hottest: a.topK('temperature', 2, { by: 'value', where: 'alarm' }),
      all: a.collect('floor', { limit: 10 }),
      some: a.collect('floor'),
      loud: a.count({ where: 'alarm' }),
    }))
    const plan = pipeline('readings', { hourly: results.into(delta.table('gold.hourly')) })
    const [output] = plan.outputs
    if (output?.kind !== 'window') throw new Error('no window output')
    expect(output.aggregates).toEqual([
      { name: 'opening', function: 'first', column: 'room', result: { kind: 'string', nullable: true } },
      { name: 'closing', function: 'last', column: 'alarm', result: { kind: 'boolean', nullable: true } },
      {
        name: 'rooms',
        function: 'distinct',
        column: 'room',
        result: { kind: 'long', nullable: false },
        where: 'alarm',
      },
      {
        name: 'p95',
        function: 'quantile',
        column: 'temperature',
        result: { kind: 'double', nullable: true },
        parameter: 0.95,
      },
      { name: 'busiest', function: 'topK', column: 'room', result: { kind: 'string', nullable: true }, parameter: 3 },
      {
        name: 'hottest',
        function: 'topK',
        column: 'temperature',
        result: { kind: 'string', nullable: true },
        parameter: 2,
        by: 'value',
        where: 'alarm',
      },
      { name: 'all', function: 'collect', column: 'floor', result: { kind: 'string', nullable: true }, parameter: 10 },
      {
        name: 'some',
        function: 'collect',
        column: 'floor',
        result: { kind: 'string', nullable: true },
        parameter: 100,
      },
      { name: 'loud', function: 'count', column: null, result: { kind: 'long', nullable: false }, where: 'alarm' },
    ])
    expect(describePlan(plan)).toContain(
      'hottest = topK(temperature, 2, by value, where alarm), all = collect(floor, 10), some = collect(floor, 100), loud = count(where alarm)',
    )
  })

  test('have state of their own for each parameter and condition', () => {
    const prints = [
      hourly.aggregate((a) => ({ x: a.topK('room', 3) })),
      hourly.aggregate((a) => ({ x: a.topK('room', 4) })),
      hourly.aggregate((a) => ({ x: a.topK('room', 3, { by: 'value' }) })),
      hourly.aggregate((a) => ({ x: a.topK('room', 3, { where: 'alarm' }) })),
    ].map((results) => fingerprint(pipeline('readings', { hourly: results.into(delta.table('gold.hourly')) })))
    expect(new Set(prints).size).toBe(4)
  })

  test.each([
    [
      'q of quantile() to be a number from 0 to 1, such as 0.95, found 95.',
      () => hourly.aggregate((a) => ({ x: a.quantile('floor', 95) })),
    ],
    [
      'q of quantile() to be a number from 0 to 1, such as 0.95, found NaN.',
      () => hourly.aggregate((a) => ({ x: a.quantile('floor', Number.NaN) })),
    ],
    [
      'k of topK() to be a whole number from 1 to 100, found 0.',
      () => hourly.aggregate((a) => ({ x: a.topK('room', 0) })),
    ],
    [
      'limit of collect() to be a whole number from 1 to 1000, found 1.5.',
      () => hourly.aggregate((a) => ({ x: a.collect('room', { limit: 1.5 }) })),
    ],
  ])('are refused: expected %s', (message, define) => {
    expect(refusal(define)).toEqual({ code: 'PLAN_INVALID', message: `Expected ${message}` })
  })

  test('are refused when the condition is no boolean column', () => {
    expect(refusal(() => hourly.aggregate((a) => ({ x: a.count({ where: untyped('floor') }) })))).toEqual({
      code: 'COLUMN_KIND_INVALID',
      message:
        "Expected where of count() to be a boolean column, found 'floor' of kind int. Derive one with .with(), and use that.",
    })
    expect(refusal(() => hourly.aggregate((a) => ({ x: a.sum('floor', { where: untyped('flor') }) }))).code).toBe(
      'COLUMN_UNKNOWN',
    )
  })
})
