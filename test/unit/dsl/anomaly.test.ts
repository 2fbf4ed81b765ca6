import { describe, expect, test } from 'vitest'
import { describe as describePlan, mermaid } from '#plan/describe.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import type { DetectorOutput } from '#plan/plan.ts'
import { assertPlan } from '#plan/validate.ts'
import {
  type Anomaly,
  anomaly,
  c,
  delta,
  h3,
  kafka,
  pipeline,
  point,
  postgres,
  session,
  tumbling,
} from '../../../lib/index.ts'
import { refusal } from './refusals.ts'

const topic = kafka.topic('readings', {
  schema: {
    id: c.long(),
    at: c.timestamp(),
    sensor: c.string(),
    state: c.string(),
    severity: c.string(),
    alarm: c.boolean(),
    value: c.double(),
    latitude: c.double().nullable(),
    longitude: c.double().nullable(),
  },
  eventTime: 'at',
  outOfOrder: '1 minute',
  partitions: 1,
})

const placed = topic.with({ place: point('latitude', 'longitude') }).with({ cell: h3('place', 8) })
const hourly = tumbling('1 hour', { grace: '1 day' })
const counts = placed
  .groupBy('sensor')
  .window(hourly)
  .aggregate((a) => ({ n: a.count(), mean: a.avg('value'), seen: a.last('state') }))
const ZONE = 'Europe/Berlin'

const ruleOf = (rule: Anomaly<'n'>) => {
  const plan = pipeline('readings', { odd: counts.detect(rule).into(delta.table('gold.odd')) })
  return plan.outputs.find((output): output is DetectorOutput => output.kind === 'detector')!.rule
}

describe('A detector in a plan', () => {
  test('judges results that need no table of their own', () => {
    const plan = pipeline('readings', {
      odd: counts.detect(anomaly.threshold({ column: 'n', opensAt: 5 })).into(delta.table('gold.odd')),
    })
    expect(plan.outputs.map(({ name, kind, sinks }) => [name, kind, sinks.length])).toEqual([
      ['odd.input', 'window', 0],
      ['odd', 'detector', 1],
    ])
    expect(plan.outputs[1]).toMatchObject({ of: 'odd.input', column: 'n' })
    expect(assertPlan(plan)).toBe(plan)
  })

  test('shares the results with their tables and with other detectors', () => {
    const plan = pipeline('readings', {
      odd: counts.detect(anomaly.threshold({ column: 'n', opensAt: 5 })).into(delta.table('gold.odd')),
      hourly: counts.into(delta.table('gold.hourly')),
      jumps: counts.detect(anomaly.change({ column: 'n', factor: 2 })).into(delta.table('gold.jumps')),
    })
    expect(plan.outputs.map((output) => (output.kind === 'detector' ? output.of : output.kind))).toEqual([
      'hourly',
      'window',
      'hourly',
    ])
  })

  test('has alerts with the group columns, and the alert as key in a database', () => {
    const plan = pipeline('readings', {
      odd: counts.detect(anomaly.threshold({ column: 'n', opensAt: 5 })).into(postgres.table('odd')),
    })
    const odd = plan.outputs[1] as DetectorOutput
    expect(odd.fields.slice(0, 7).map(({ name }) => name)).toEqual([
      'alert_id',
      'alert_state',
      'severity',
      'window_start',
      'window_end',
      'sensor',
      'detector',
    ])
    expect(odd.sinks).toEqual([{ kind: 'postgres', table: 'odd', primaryKey: ['alert_id'] }])
  })

  test('is no part of what shapes window state', () => {
    const plans = [1, 2].map((opensAt) =>
      pipeline('readings', {
        odd: counts.detect(anomaly.threshold({ column: 'n', opensAt })).into(delta.table('gold.odd')),
      }),
    )
    expect(fingerprint(plans[0]!)).toBe(fingerprint(plans[1]!))
  })

  test('is described, with what it judges', () => {
    const plan = pipeline('readings', {
      odd: counts.detect(anomaly.hourOfWeek({ column: 'n', zone: ZONE })).into(delta.table('gold.odd')),
    })
    const text = describePlan(plan)
    expect(text).toContain('h3(place, 8)')
    expect(text).toContain(
      'alerts: n of odd.input, hour of the week in Europe/Berlin over 8 weeks (4 at least), high, 5 % false alarms, from 3 on',
    )
    expect(mermaid(plan)).toContain('output_odd_DOT_input --> output_odd["odd<br/>hour of the week"]')
  })
})

describe('A rule has sensible levels where none are given:', () => {
  const alerting = { side: 'high', opensAfter: 1, resolvesAfter: 1 }
  const weekly = { zone: ZONE, weeks: 8, minWeeks: 4 }

  test.each([
    [anomaly.threshold({ column: 'n', opensAt: 5 }), { kind: 'threshold', opensAt: 5, resolvesAt: 5, atLeast: 0 }],
    [anomaly.change({ column: 'n', factor: 3 }), { kind: 'change', back: 1, opensAt: 3, resolvesAt: 2, floor: 1 }],
    [
      anomaly.hourOfWeek({ column: 'n', zone: ZONE }),
      { kind: 'hourOfWeek', ...weekly, falseAlarms: 0.05, resolvesAt: 0.1, atLeast: 3 },
    ],
    [
      anomaly.median({ column: 'n', zone: ZONE }),
      { kind: 'median', ...weekly, opensAt: 4, resolvesAt: 2, floor: null },
    ],
    [anomaly.cusum({ column: 'n', zone: ZONE }), { kind: 'cusum', ...weekly, slack: 0.5, opensAt: 5, resolvesAt: 1 }],
  ])('%o', (rule, wanted) => {
    expect(ruleOf(rule)).toMatchObject({ ...alerting, ...wanted })
  })

  test('hot spots are held against the area, or against their own weeks', () => {
    const cells = placed
      .groupBy('cell')
      .window(hourly)
      .aggregate((a) => ({ n: a.count() }))
    const rules = [
      anomaly.hotSpots({ column: 'n' }),
      anomaly.hotSpots({ column: 'n', against: { zone: ZONE, weeks: 4 } }),
    ]
    const plan = pipeline('readings', {
      hot: cells.detect(rules[0]!).into(delta.table('gold.hot')),
      hotter: cells.detect(rules[1]!).into(delta.table('gold.hotter')),
    })
    expect(plan.outputs.flatMap((output) => (output.kind === 'detector' ? [output.rule] : []))).toMatchObject([
      { against: 'area', rings: 1, atLeast: 5 },
      { against: 'history', zone: ZONE, weeks: 4, minWeeks: 2 },
    ])
  })
})

describe('A detector is refused', () => {
  test.each([
    [
      () => anomaly.threshold({ column: 'n', opensAt: Number.NaN }),
      'Expected opensAt of a detector to be a number, found NaN.',
    ],
    [
      () => anomaly.threshold({ column: 'n', opensAt: 5, resolvesAt: 6 }),
      'Expected resolvesAt of a detector to be a number up to 5, found 6.',
    ],
    [
      () => anomaly.change({ column: 'n', factor: 1 }),
      'Expected factor of a detector to be a number above 1, found 1.',
    ],
    [
      () => anomaly.hourOfWeek({ column: 'n', zone: ZONE, weeks: 4, minWeeks: 5 }),
      'Expected minWeeks of a detector to be a whole number from 2 up to 4, found 5.',
    ],
    [
      () => anomaly.hourOfWeek({ column: 'n', zone: ZONE, falseAlarms: 5 }),
      'Expected falseAlarms of a detector to be a number above 0 up to 1, found 5.',
    ],
    [
      () => anomaly.change({ column: 'n', factor: 2, side: 'up' as 'high' }),
      "Expected side of a detector to be 'high', 'low' or 'both', found 'up'.",
    ],
    [
      () => counts.detect('n' as unknown as Anomaly<'n'>),
      "Expected .detect() to be given a rule, such as anomaly.threshold({ column: 'total', opensAt: 15 }), found something else.",
    ],
  ])('when %s', (work, message) => {
    expect(refusal(work)).toMatchObject({ code: 'PLAN_INVALID', message })
  })

  const threshold = anomaly.threshold({ column: 'n', opensAt: 5 })

  test('on a column that is no number, or none of the results', () => {
    const text = anomaly.threshold({ column: 'seen', opensAt: 5 }) as unknown as Anomaly<'n'>
    expect(refusal(() => counts.detect(text))).toMatchObject({
      code: 'COLUMN_KIND_INVALID',
      message: "Expected the column of a detector to be int, long or double, found 'seen' of kind string.",
    })
    const unknown = anomaly.threshold({ column: 'm', opensAt: 5 }) as unknown as Anomaly<'n'>
    expect(refusal(() => counts.detect(unknown)).code).toBe('COLUMN_UNKNOWN')
  })

  test('when it needs counts and gets a mean', () => {
    expect(refusal(() => counts.detect(anomaly.hourOfWeek({ column: 'mean', zone: ZONE })))).toMatchObject({
      code: 'COLUMN_KIND_INVALID',
      message:
        "Expected hourOfWeek to judge a count, found 'mean', which is avg(…). Use anomaly.median for other values.",
    })
  })

  test('on sessions', () => {
    const sessions = placed
      .groupBy('sensor')
      .window(session('5 minutes', { grace: '1 hour' }))
      .aggregate((a) => ({ n: a.count() }))
    expect(refusal(() => sessions.detect(threshold))).toMatchObject({
      code: 'WINDOW_INVALID',
      message: expect.stringContaining('Expected a detector to judge windows with fixed bounds, found sessions'),
    })
  })

  test.each([
    [tumbling('5 hours', { grace: '1 hour' }), "windows that don't"],
    [tumbling('1 minute', { grace: '1 hour' }), 'windows every 1 minute'],
  ])('by the hour of the week on windows that have none', (window, found) => {
    const odd = placed
      .groupBy('sensor')
      .window(window)
      .aggregate((a) => ({ n: a.count() }))
    expect(refusal(() => odd.detect(anomaly.hourOfWeek({ column: 'n', zone: ZONE })))).toMatchObject({
      code: 'WINDOW_INVALID',
      message: expect.stringContaining(`not more often than every 5 minutes, found ${found}.`),
    })
    expect(() => odd.detect(threshold)).not.toThrow()
  })

  test('on groups whose names alerts have themselves', () => {
    const taken = placed
      .groupBy('severity')
      .window(hourly)
      .aggregate((a) => ({ n: a.count() }))
    expect(refusal(() => taken.detect(threshold))).toMatchObject({
      code: 'NAME_DUPLICATE',
      message:
        "Expected group columns with names that alerts leave free, found 'severity', which is a column of every alert. " +
        'Derive it under another name with .with(), and group by that.',
    })
  })

  test('for hot spots of what are no cells', () => {
    const two = placed
      .groupBy('cell', 'sensor')
      .window(hourly)
      .aggregate((a) => ({ n: a.count() }))
    expect(refusal(() => two.detect(anomaly.hotSpots({ column: 'n' })))).toMatchObject({
      code: 'PLAN_INVALID',
      message: expect.stringContaining('grouped by one column of cells, found 2 group columns'),
    })
  })
})

describe('A cell', () => {
  test('is a step of the plan', () => {
    const plan = pipeline('readings', { placed: placed.into(delta.table('silver.placed')) })
    expect(plan.steps[1]).toEqual({
      kind: 'derive',
      name: 'cell',
      column: { kind: 'string', nullable: true },
      from: { kind: 'cell', point: 'place', resolution: 8 },
    })
  })

  test.each([
    [() => placed.with({ other: h3('sensor' as 'place', 8) }), 'COLUMN_KIND_INVALID', "found 'sensor' of kind string"],
    [() => placed.with({ other: h3('place', 16) }), 'PLAN_INVALID', 'a whole number from 0 to 15, found 16'],
  ])('is refused where there is no point, or no such resolution', (work, code, message) => {
    expect(refusal(work)).toMatchObject({ code, message: expect.stringContaining(message) })
  })
})
