import { describe, expect, test } from 'vitest'
import { DAY } from '#core/time.ts'
import type { DeclaredOutput } from '#dsl/declared-output.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { c, delta, pipeline, point, postgres, tumbling } from '../../../lib/index.ts'
import { refusal } from './refusals.ts'
import { sensorTopic, untyped } from './sensors.ts'

const rows = sensorTopic().check({ 'has a sensor': (r) => r.sensor !== '' })
const daily = tumbling('1 day', { grace: '0 seconds' })
const perSensor = rows.groupBy('sensor').window(daily)

function outputOf(output: DeclaredOutput): WindowOutput {
  const [planned] = pipeline('readings', { daily: output }).outputs
  if (planned?.kind !== 'window') throw new Error('no window output')
  return planned
}

describe('A window output', () => {
  test('is plain data but for its filter', () => {
    const where = (r: { total: number }) => r.total > 14
    const results = perSensor.aggregate((a) => ({ total: a.count(), alarms: a.countIf('alarm') })).where(where)
    expect(outputOf(results.into(delta.table('gold.daily')))).toEqual({
      kind: 'window',
      name: 'daily',
      after: 1,
      groupBy: ['sensor'],
      window: { kind: 'tumbling', size: DAY, offset: 0, grace: 0 },
      aggregates: [
        { name: 'total', function: 'count', column: null, result: { kind: 'long', nullable: false } },
        { name: 'alarms', function: 'countIf', column: 'alarm', result: { kind: 'long', nullable: false } },
      ],
      where,
      emit: 'final',
      fields: [
        { name: 'window_start', column: { kind: 'timestamp', nullable: false } },
        { name: 'window_end', column: { kind: 'timestamp', nullable: false } },
        { name: 'sensor', column: { kind: 'string', nullable: false } },
        { name: 'total', column: { kind: 'long', nullable: false } },
        { name: 'alarms', column: { kind: 'long', nullable: false } },
        { name: 'revision', column: { kind: 'int', nullable: false } },
        { name: 'is_final', column: { kind: 'boolean', nullable: false } },
      ],
      sinks: [{ kind: 'delta', table: 'gold.daily', clusterBy: [] }],
    })
  })

  test('has no filter unless one is given', () => {
    const results = perSensor.aggregate((a) => ({ total: a.count() }))
    expect(outputOf(results.into(delta.table('gold.daily'))).where).toBeNull()
  })

  test('has sums, extremes and means of the kind that holds them, null over nothing', () => {
    const results = perSensor.aggregate((a) => ({
      floors: a.sum('floor'),
      ids: a.sum('id'),
      heat: a.sum('temperature'),
      lowest: a.min('floor'),
      latest: a.max('taken_at'),
      last_room: a.max('room'),
      mean: a.avg('floor'),
    }))
    const { aggregates } = outputOf(results.into(delta.table('gold.daily')))
    expect(aggregates.map(({ function: by, column, result }) => `${by} ${column}: ${result.kind}`)).toEqual([
      'sum floor: long',
      'sum id: long',
      'sum temperature: double',
      'min floor: int',
      'max taken_at: timestamp',
      'max room: string',
      'avg floor: double',
    ])
    expect(aggregates.every(({ result }) => result.nullable)).toBe(true)
  })

  test('keeps the nulls of its group columns', () => {
    const results = rows
      .groupBy('room')
      .window(daily)
      .aggregate((a) => ({ total: a.count() }))
    const { fields } = outputOf(results.into(delta.table('gold.daily')))
    expect(fields.find(({ name }) => name === 'room')?.column).toEqual({ kind: 'string', nullable: true })
  })

  test('may be grouped by nothing', () => {
    const results = rows
      .groupBy()
      .window(daily)
      .aggregate((a) => ({ total: a.count() }))
    const output = outputOf(results.into(delta.table('gold.daily'), postgres.table('daily')))
    expect(output.groupBy).toEqual([])
    expect(output.sinks[1]).toEqual({ kind: 'postgres', table: 'daily', primaryKey: ['window_start'] })
  })
})

describe('A window is refused', () => {
  test.each(['window_start', 'window_end', 'revision', 'is_final'])('when an aggregate is named %s', (name) => {
    expect(refusal(() => perSensor.aggregate((a) => ({ [name]: a.count() })))).toEqual({
      code: 'NAME_DUPLICATE',
      message:
        `Expected a name for the aggregate that the result has not taken, found '${name}', which every window has. ` +
        'Choose another one.',
    })
  })

  test('when an aggregate has the name of a group column', () => {
    const { code, message } = refusal(() => perSensor.aggregate((a) => ({ sensor: a.count() })))
    expect(code).toBe('NAME_DUPLICATE')
    expect(message).toContain("found 'sensor', which is a group column")
  })

  test('when a group column has the name of a column that every window has', () => {
    const revised = rows.with({ revision: c.int().from((r) => r.floor) })
    expect(refusal(() => revised.groupBy('revision'))).toEqual({
      code: 'NAME_DUPLICATE',
      message:
        "Expected a name for the group column that the result has not taken, found 'revision', which every window has. " +
        'Choose another one.',
    })
  })

  test('when an aggregate is not in snake_case', () => {
    const { code, message } = refusal(() => perSensor.aggregate((a) => ({ totalAlarms: a.count() })))
    expect(code).toBe('NAME_INVALID')
    expect(message).toContain("found 'totalAlarms'; write 'total_alarms'")
  })

  test('when it has no aggregates', () => {
    expect(refusal(() => perSensor.aggregate(() => ({})))).toEqual({
      code: 'PLAN_INVALID',
      message:
        'Expected at least one aggregate, found none. Give one, such as .aggregate((a) => ({ total: a.count() })).',
    })
  })

  test('when an aggregate reads a column of a kind that it can not read', () => {
    expect(refusal(() => perSensor.aggregate((a) => ({ total: a.countIf(untyped('floor')) })))).toEqual({
      code: 'COLUMN_KIND_INVALID',
      message: "Expected countIf() of a column that is boolean, found 'floor' of kind int.",
    })
    expect(refusal(() => perSensor.aggregate((a) => ({ total: a.sum(untyped('sensor')) })))).toEqual({
      code: 'COLUMN_KIND_INVALID',
      message: "Expected sum() of a column that is int, long, double, found 'sensor' of kind string.",
    })
    expect(refusal(() => perSensor.aggregate((a) => ({ total: a.min(untyped('raw')) }))).code).toBe(
      'COLUMN_KIND_INVALID',
    )
  })

  test('when an aggregate reads a column that is not there', () => {
    const { code, message } = refusal(() => perSensor.aggregate((a) => ({ mean: a.avg(untyped('heat')) })))
    expect(code).toBe('COLUMN_UNKNOWN')
    expect(message).toContain("as the column of avg(), found 'heat'")
  })

  test('when it is grouped by a column that is not there, or by one twice', () => {
    expect(refusal(() => rows.groupBy(untyped('sensr'))).code).toBe('COLUMN_UNKNOWN')
    expect(refusal(() => rows.groupBy('sensor', 'sensor'))).toEqual({
      code: 'NAME_DUPLICATE',
      message: "Expected each column once as a group column, found 'sensor' twice. Leave one out.",
    })
  })

  test('when it is grouped by a point', () => {
    const placed = rows.with({ place: point('latitude', 'longitude') })
    expect(refusal(() => placed.groupBy(untyped('place')))).toEqual({
      code: 'COLUMN_KIND_INVALID',
      message: "Expected columns of text, numbers, times or booleans in groupBy, found 'place' of kind geo_point.",
    })
  })
})
