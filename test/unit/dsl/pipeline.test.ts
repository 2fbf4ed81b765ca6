import { describe, expect, test } from 'vitest'
import { delta, pipeline, point, postgres, tumbling } from '../../../lib/index.ts'
import { refusal } from './refusals.ts'
import { sensorTopic, untyped } from './sensors.ts'

const topic = sensorTopic()
const bronze = topic.into(delta.table('bronze.readings'))
const checked = topic.check({ 'has a sensor': (r) => r.sensor !== '' })
const placed = checked.with({ place: point('latitude', 'longitude') })
const daily = placed
  .groupBy('sensor')
  .window(tumbling('1 day', { grace: '0 seconds' }))
  .aggregate((a) => ({ total: a.count() }))

/** Everything that is reached by properties and could be changed. */
function thawed(value: unknown, path: string): readonly string[] {
  if (typeof value !== 'object' || value === null) return []
  const parts = Object.entries(value).flatMap(([key, part]) => thawed(part, `${path}.${key}`))
  return Object.isFrozen(value) ? parts : [path, ...parts]
}

describe('A pipeline', () => {
  test('has its outputs by the names they were given, in order', () => {
    const plan = pipeline('readings', {
      bronze,
      silver: placed.into(delta.table('silver.readings')),
      daily: daily.into(delta.table('gold.daily'), postgres.table('daily')),
    })
    expect(plan.name).toBe('readings')
    expect(plan.outputs.map(({ name, kind }) => `${name}: ${kind}`)).toEqual([
      'bronze: raw',
      'silver: rows',
      'daily: window',
    ])
  })

  test('is frozen through and through', () => {
    const plan = pipeline('readings', { bronze, daily: daily.into(delta.table('gold.daily')) })
    expect(thawed(plan, 'plan')).toEqual([])
  })

  test('is JSON but for functions', () => {
    const plan = pipeline('readings', { daily: daily.into(delta.table('gold.daily')) })
    const { topic: parsed, outputs } = JSON.parse(JSON.stringify(plan))
    expect(parsed).toEqual(plan.topic)
    expect(outputs).toEqual(plan.outputs)
  })

  test('has the steps of its longest chain, of which shorter ones are a beginning', () => {
    const plan = pipeline('readings', {
      checked: checked.into(delta.table('silver.checked')),
      placed: placed.into(delta.table('silver.placed')),
      bronze,
    })
    expect(plan.steps.map(({ name }) => name)).toEqual(['has a sensor', 'place'])
    expect(plan.outputs.map((output) => ('after' in output ? output.after : null))).toEqual([1, 2, null])
  })
})

describe('A pipeline is refused', () => {
  test('when its windows start from different steps', () => {
    const hourly = (rows: Pick<typeof checked, 'groupBy'>) =>
      rows
        .groupBy('floor')
        .window(tumbling('1 hour', { grace: '0 seconds' }))
        .aggregate((a) => ({ readings: a.count() }))
    const define = () =>
      pipeline('readings', {
        checked: hourly(checked).into(delta.table('gold.checked')),
        placed: hourly(placed).into(delta.table('gold.placed')),
      })
    expect(refusal(define)).toEqual({
      code: 'PLAN_INVALID',
      message:
        "Expected all windows of pipeline 'readings' to start from the same step, found 'checked' after 1 and 'placed' after 2 " +
        'checks and derived columns. Start all of them from the same constant.',
    })
  })

  test('when its outputs are on two chains of steps', () => {
    const other = checked.check({ 'is indoors': (r) => r.floor >= 0 })
    const define = () =>
      pipeline('readings', {
        placed: placed.into(delta.table('silver.placed')),
        indoors: other.into(delta.table('silver.indoors')),
      })
    expect(refusal(define)).toEqual({
      code: 'PLAN_INVALID',
      message:
        "Expected all outputs of pipeline 'readings' to lie on one chain of steps, found that 'indoors' goes on with " +
        "check 'is indoors' where 'placed' goes on with derived column 'place'. Share the chain: call .check() and .with() once, " +
        'keep the result in a constant and take the outputs from it; use .select() where an output should have fewer columns.',
    })
  })

  test('when the same steps are written twice', () => {
    const again = topic.check({ 'has a sensor': (r) => r.sensor !== '' })
    const define = () =>
      pipeline('readings', { a: checked.into(delta.table('silver.a')), b: again.into(delta.table('silver.b')) })
    expect(refusal(define).code).toBe('PLAN_INVALID')
  })

  test('when its outputs come from two topics', () => {
    const other = sensorTopic().into(delta.table('bronze.others'))
    expect(refusal(() => pipeline('readings', { bronze, others: other }))).toEqual({
      code: 'PLAN_INVALID',
      message:
        "Expected all outputs of pipeline 'readings' to come from one kafka.topic(…), found 'others' from topic 'readings' " +
        "and 'bronze' from topic 'readings'. Keep the topic in one constant, or write one pipeline a topic.",
    })
  })

  test('when two outputs write one Delta table', () => {
    const define = () =>
      pipeline('readings', {
        a: checked.into(delta.table('silver.readings')),
        b: placed.into(delta.table('silver.readings')),
      })
    expect(refusal(define)).toEqual({
      code: 'NAME_DUPLICATE',
      message:
        "Expected one writer for Delta table 'silver.readings' of pipeline 'readings', found output 'a' and output 'b'. " +
        'Give each its own table.',
    })
  })

  test('when one output writes one Postgres table twice', () => {
    const define = () => pipeline('readings', { daily: daily.into(postgres.table('daily'), postgres.table('daily')) })
    expect(refusal(define).message).toContain("Postgres table 'daily'")
  })

  test("when an output writes the pipeline's own quarantine or late table", () => {
    const quarantine = checked.into(delta.table('quarantine.readings'))
    expect(refusal(() => pipeline('readings', { quarantine })).message).toContain('found the quarantine and output')
    const late = daily.into(delta.table('late.readings'))
    expect(refusal(() => pipeline('readings', { late })).message).toContain('found the late records and output')
  })

  test('when it or an output is not in snake_case', () => {
    expect(refusal(() => pipeline('Readings', { bronze }))).toEqual({
      code: 'NAME_INVALID',
      message:
        "Expected the name of the pipeline in lowercase snake_case, at most 63 characters, found 'Readings'; write 'readings'. " +
        'Athena and Glue fold case, so other names would not survive.',
    })
    expect(refusal(() => pipeline('readings', { 'bronze-readings': bronze })).message).toContain(
      "found 'bronze-readings'; write 'bronze_readings'",
    )
  })

  test('when it has no outputs', () => {
    expect(refusal(() => pipeline('readings', {}))).toEqual({
      code: 'PLAN_INVALID',
      message:
        "Expected at least one output of pipeline 'readings', found none. " +
        "Give one: { bronze: topic.into(delta.table('bronze.readings')) }.",
    })
  })

  test('when an output goes nowhere', () => {
    expect(refusal(() => pipeline('readings', { silver: untyped(checked) }))).toEqual({
      code: 'PLAN_INVALID',
      message:
        "Expected output 'silver' of pipeline 'readings' to be what .into(…) gives, found object. " +
        "End it with a table: .into(delta.table('silver.silver')).",
    })
  })
})
