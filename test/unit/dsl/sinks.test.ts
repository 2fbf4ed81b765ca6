import { describe, expect, test } from 'vitest'
import { c, type DeclaredOutput, delta, pipeline, point, postgres, tumbling } from '../../../lib/index.ts'
import { refusal } from './refusals.ts'
import { sensorTopic, untyped } from './sensors.ts'

const topic = sensorTopic()
const rows = topic.with({ place: point('latitude', 'longitude') })
const daily = rows
  .groupBy('sensor')
  .window(tumbling('1 day', { grace: '0 seconds' }))
  .aggregate((a) => ({ total: a.count() }))

const sinksOf = (output: DeclaredOutput) => pipeline('readings', { output }).outputs[0]?.sinks

describe('A Delta table', () => {
  test('can be clustered by columns of the output', () => {
    const table = delta.table('silver.readings', { clusterBy: ['sensor', 'taken_at'] })
    expect(sinksOf(rows.into(table))).toEqual([
      { kind: 'delta', table: 'silver.readings', clusterBy: ['sensor', 'taken_at'] },
    ])
  })

  test.each(['readings', 'silver.', '.readings', 'lake.silver.readings', ''])(
    "is refused under the name '%s', which is not layer.table",
    (name) => {
      expect(refusal(() => delta.table(name))).toEqual({
        code: 'NAME_INVALID',
        message: `Expected the name of a Delta table as layer.table, such as 'silver.crimes', found '${name}'.`,
      })
    },
  )

  test.each([
    ['silver.Readings', "Delta table 'silver.Readings' after the dot", 'Readings', "; write 'readings'"],
    ['Silver.readings', "the layer of Delta table 'Silver.readings'", 'Silver', "; write 'silver'"],
    ['silver.2018', "Delta table 'silver.2018' after the dot", '2018', ''],
  ])("is refused under the name '%s', which is not in snake_case", (name, what, part, advice) => {
    expect(refusal(() => delta.table(name))).toEqual({
      code: 'NAME_INVALID',
      message:
        `Expected the name of ${what} in lowercase snake_case, at most 63 characters, found '${part}'${advice}. ` +
        'Athena and Glue fold case, so other names would not survive.',
    })
  })

  test('is refused when it is clustered by what is no column, by a point, or by one column twice', () => {
    const table = (clusterBy: readonly string[]) => delta.table('silver.readings', { clusterBy: untyped(clusterBy) })
    expect(refusal(() => rows.into(table(['sensr']))).code).toBe('COLUMN_UNKNOWN')
    expect(refusal(() => rows.into(table(['place'])))).toEqual({
      code: 'COLUMN_KIND_INVALID',
      message:
        "Expected clusterBy of silver.readings to name columns of text, numbers, times or booleans, found 'place' of kind geo_point.",
    })
    expect(refusal(() => table(['sensor', 'sensor'])).code).toBe('NAME_DUPLICATE')
  })
})

describe('The primary key of a Postgres table', () => {
  test('is the group columns and window_start for results of windows', () => {
    expect(sinksOf(daily.into(postgres.table('daily')))).toEqual([
      { kind: 'postgres', table: 'daily', primaryKey: ['sensor', 'window_start'] },
    ])
  })

  test('may have another order and window_end', () => {
    const primaryKey = ['window_start', 'window_end', 'sensor'] as const
    expect(sinksOf(daily.into(postgres.table('daily', { primaryKey })))).toMatchObject([{ primaryKey }])
  })

  test('must be given for rows', () => {
    expect(refusal(() => rows.into(postgres.table('readings')))).toEqual({
      code: 'PRIMARY_KEY_INVALID',
      message:
        "Expected a primaryKey for Postgres table 'readings', found none: rows are upserted by it. " +
        "Name the columns that tell rows apart: postgres.table('readings', { primaryKey: ['id'] }).",
    })
    expect(refusal(() => rows.into(postgres.table('readings', { primaryKey: [] }))).code).toBe('PRIMARY_KEY_INVALID')
    expect(sinksOf(rows.into(postgres.table('readings', { primaryKey: ['id'] })))).toMatchObject([
      { primaryKey: ['id'] },
    ])
  })

  test.each([
    ['room', 'nullable string'],
    ['place', 'nullable geo_point'],
    ['raw', 'binary'],
  ])('is refused with %s, of kind %s', (name, kind) => {
    const table = postgres.table('readings', { primaryKey: untyped(['id', name]) })
    expect(refusal(() => rows.into(table))).toEqual({
      code: 'PRIMARY_KEY_INVALID',
      message:
        "Expected the primary key of Postgres table 'readings' to have columns that are never null, and neither points nor bytes, " +
        `found '${name}' of kind ${kind}. Derive a column that always has a value with .with(), and use that.`,
    })
  })

  test('is refused by default where a group column may be null', () => {
    const perRoom = rows
      .groupBy('room')
      .window(tumbling('1 day', { grace: '0 seconds' }))
      .aggregate((a) => ({ total: a.count() }))
    const { code, message } = refusal(() => perRoom.into(postgres.table('rooms')))
    expect(code).toBe('PRIMARY_KEY_INVALID')
    expect(message).toContain("found 'room' of kind nullable string")
  })

  test('is refused when it would lose results of windows, or keep those that were corrected', () => {
    const into = (primaryKey: readonly string[]) => () =>
      daily.into(postgres.table('daily', { primaryKey: untyped(primaryKey) }))
    expect(refusal(into(['sensor']))).toEqual({
      code: 'PRIMARY_KEY_INVALID',
      message:
        "Expected the primary key of Postgres table 'daily' to be the group columns and window_start (sensor, window_start), " +
        'found sensor: without window_start results would overwrite each other. Leave primaryKey out.',
    })
    expect(refusal(into(['sensor', 'window_start', 'revision'])).message).toContain(
      'with revision corrected results would stay beside their corrections',
    )
  })

  test('is refused when it names what is no column', () => {
    const table = postgres.table('readings', { primaryKey: untyped(['idd']) })
    const { code, message } = refusal(() => rows.into(table))
    expect(code).toBe('COLUMN_UNKNOWN')
    expect(message).toContain("as primaryKey of readings, found 'idd'")
  })
})

describe('A Postgres table', () => {
  test('takes points, which are two columns there', () => {
    expect(() => rows.into(postgres.table('readings', { primaryKey: ['id'] }))).not.toThrow()
  })

  test('is refused when one of the two has the name of another column', () => {
    const clash = rows.with({ place_latitude: c.double().from((r) => r.latitude) })
    expect(refusal(() => clash.into(postgres.table('readings', { primaryKey: ['id'] })))).toEqual({
      code: 'SINK_COLUMN_UNSUPPORTED',
      message:
        "Expected room for column 'place_latitude' in Postgres table 'readings', which holds point 'place' as two numbers, " +
        "found another column of that name. Rename 'place', or leave it out with .select().",
    })
  })

  test('is refused when the name of one of the two would be cut', () => {
    const name = 'p'.repeat(60)
    const long = topic.with({ [name]: point('latitude', 'longitude') })
    const { code, message } = refusal(() => long.into(postgres.table('readings', { primaryKey: untyped(['id']) })))
    expect(code).toBe('SINK_COLUMN_UNSUPPORTED')
    expect(message).toContain('found a name longer than 63 characters')
  })

  test('is refused for the records as they came', () => {
    expect(refusal(() => topic.into(untyped(postgres.table('readings'))))).toEqual({
      code: 'SINK_COLUMN_UNSUPPORTED',
      message:
        "Expected a topic's own records to go into Delta tables, found Postgres table 'readings': it can't hold column 'headers'. " +
        "Write decoded rows instead: topic.select(…).into(postgres.table('readings', { primaryKey: […] })).",
    })
  })

  test('is refused under a name that is not in snake_case', () => {
    const { code, message } = refusal(() => postgres.table('public.readings'))
    expect(code).toBe('NAME_INVALID')
    expect(message).toContain("found 'public.readings'; write 'public_readings'")
  })
})

describe('An output', () => {
  test('is refused without a table', () => {
    const { into } = rows as unknown as { into: () => DeclaredOutput }
    expect(refusal(into)).toEqual({
      code: 'PLAN_INVALID',
      message: "Expected at least one table in .into(…), found none. Give one, such as delta.table('silver.crimes').",
    })
  })
})
