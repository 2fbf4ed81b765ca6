import { describe, expect, test } from 'vitest'
import type { DeclaredOutput } from '#dsl/declared-output.ts'
import { fieldsAfter, type Plan } from '#plan/plan.ts'
import { c, delta, pipeline, point } from '../../../lib/index.ts'
import { refusal } from './refusals.ts'
import { sensorTopic, untyped } from './sensors.ts'

const topic = sensorTopic()
const table = delta.table('silver.readings')
const planOf = (output: DeclaredOutput): Plan => pipeline('readings', { silver: output })

describe('Steps', () => {
  test('are one a check and one a derived column, in the order they are written', () => {
    const rows = topic
      .check({ 'has a sensor': (r) => r.sensor !== '', 'is indoors': (r) => r.floor >= 0 })
      .with({
        place: point('latitude', 'longitude'),
        fahrenheit: c.double().from((r) => (r.temperature ?? 0) * 1.8 + 32),
      })
      .check({ 'is no fire': (r) => r.fahrenheit < 451 })
    expect(planOf(rows.into(table)).steps).toEqual([
      { kind: 'check', name: 'has a sensor', test: expect.any(Function) },
      { kind: 'check', name: 'is indoors', test: expect.any(Function) },
      {
        kind: 'derive',
        name: 'place',
        column: { kind: 'geo_point', nullable: true },
        from: { kind: 'point', latitude: 'latitude', longitude: 'longitude' },
      },
      {
        kind: 'derive',
        name: 'fahrenheit',
        column: { kind: 'double', nullable: false },
        from: { kind: 'function', compute: expect.any(Function) },
      },
      { kind: 'check', name: 'is no fire', test: expect.any(Function) },
    ])
  })

  test('leave what they were called on as it was', () => {
    const checked = topic.check({ 'has a sensor': (r) => r.sensor !== '' })
    checked.check({ 'is indoors': (r) => r.floor >= 0 })
    expect(planOf(checked.into(table)).steps).toHaveLength(1)
  })

  test('call no function of the user', () => {
    const never = () => {
      throw new Error('called while the pipeline was defined')
    }
    const rows = topic.check({ never }).with({ nothing: c.double().from(never) })
    expect(planOf(rows.into(table)).steps).toHaveLength(2)
  })

  test('make a point that is never null from columns that are never null', () => {
    const rows = topic.with({ place: point('latitude', 'floor') })
    expect(planOf(rows.into(table)).steps[0]).toMatchObject({ column: { kind: 'geo_point', nullable: false } })
  })
})

describe('An output of rows', () => {
  test('has all columns after the steps before it', () => {
    const plan = planOf(topic.with({ place: point('latitude', 'longitude') }).into(table))
    expect(plan.outputs[0]).toMatchObject({ kind: 'rows', name: 'silver', after: 1, fields: fieldsAfter(plan, 1) })
    expect(fieldsAfter(plan, 1).at(-1)?.name).toBe('place')
  })

  test('has the selected columns in the order they were named, after the same steps', () => {
    const rows = topic.check({ 'has a sensor': (r) => r.sensor !== '' }).select('room', 'id')
    const [output] = planOf(rows.into(table)).outputs
    expect(output).toMatchObject({ kind: 'rows', after: 1 })
    expect(output?.kind === 'rows' && output.fields.map(({ name }) => name)).toEqual(['room', 'id'])
  })

  test('may be the topic before any step', () => {
    expect(planOf(topic.select('id', 'sensor').into(table)).outputs[0]).toMatchObject({ kind: 'rows', after: 0 })
  })

  test('is the records themselves when the topic goes into a table', () => {
    expect(planOf(topic.into(table)).outputs).toEqual([
      { kind: 'raw', name: 'silver', sinks: [{ kind: 'delta', table: 'silver.readings', clusterBy: [] }] },
    ])
  })
})

describe('A step is refused', () => {
  test('when two checks have one name', () => {
    const rows = topic.check({ 'is indoors': (r) => r.floor >= 0 })
    expect(refusal(() => rows.check({ 'is indoors': (r) => r.floor > 0 }))).toEqual({
      code: 'NAME_DUPLICATE',
      message:
        "Expected checks as { 'district known': (r) => r.district !== '' }, each with a name of its own, " +
        "found a second check 'is indoors'.",
    })
  })

  test.each<[string, unknown, string]>([
    ['a check has no name', { ' ': () => true }, 'found one without a name.'],
    ['a check is no function', { 'is indoors': true }, "found 'is indoors' without a function."],
  ])('when %s', (_, checks, fault) => {
    const { code, message } = refusal(() => topic.check(untyped(checks)))
    expect(code).toBe('PLAN_INVALID')
    expect(message).toContain(fault)
  })

  test('when a derived column has the name of another', () => {
    const rows = topic.with({ place: point('latitude', 'longitude') })
    expect(refusal(() => rows.with(untyped({ place: point('latitude', 'longitude') })))).toEqual({
      code: 'NAME_DUPLICATE',
      message:
        "Expected a new name for a derived column, found 'place', which the rows already have. Choose another one.",
    })
  })

  test('when a derived column is not in snake_case', () => {
    const { code, message } = refusal(() => topic.with({ Place: point('latitude', 'longitude') }))
    expect(code).toBe('NAME_INVALID')
    expect(message).toContain("found 'Place'; write 'place'")
  })

  test('when a point is made of text', () => {
    expect(refusal(() => topic.with({ place: untyped(point('latitude', 'sensor')) }))).toEqual({
      code: 'COLUMN_KIND_INVALID',
      message:
        "Expected the coordinates of point 'place' in int, long or double columns, found 'sensor' of kind string.",
    })
  })

  test('when a point is made of a column that is not there', () => {
    const { code, message } = refusal(() => topic.with({ place: untyped(point('lat', 'longitude')) }))
    expect(code).toBe('COLUMN_UNKNOWN')
    expect(message).toContain("as a coordinate of point 'place', found 'lat'")
  })

  test('when a derived column has no type', () => {
    const { code, message } = refusal(() => topic.with({ heat: untyped(() => 1) }))
    expect(code).toBe('PLAN_INVALID')
    expect(message).toBe(
      "Expected point(…), h3(…) or c.….from((r) => …) as derived column 'heat', found something else. " +
        'Say what type it has: { heat: c.double().from((r) => …) }.',
    )
  })

  test('when a selected column is not there, comes twice, or none is named', () => {
    expect(refusal(() => topic.select(untyped('idd'))).code).toBe('COLUMN_UNKNOWN')
    expect(refusal(() => topic.select('id', 'id'))).toEqual({
      code: 'NAME_DUPLICATE',
      message: "Expected each column once as a selected column, found 'id' twice. Leave one out.",
    })
    expect(refusal(() => topic.select())).toEqual({
      code: 'PLAN_INVALID',
      message: "Expected at least one column in .select(…), found none. Name one, such as .select('id').",
    })
  })
})
