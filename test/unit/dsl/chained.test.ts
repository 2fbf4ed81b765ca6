import { describe, expect, test } from 'vitest'
import { SECOND } from '#core/time.ts'
import { describe as describePlan, mermaid } from '#plan/describe.ts'
import { fingerprint, planShape } from '#plan/fingerprint.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { cumulating, delta, pipeline, postgres, session, sliding, tumbling } from '../../../lib/index.ts'
import { refusal } from './refusals.ts'
import { sensorTopic, untyped } from './sensors.ts'

const hourly = tumbling('1 hour', { grace: '10 minutes' })
const counts = sensorTopic()
  .groupBy('sensor')
  .window(hourly)
  .aggregate((a) => ({ readings: a.count() }))
const daily = tumbling('1 day', { grace: '10 minutes' })
const busiest = counts
  .groupBy()
  .window(daily)
  .aggregate((a) => ({ top: a.max('readings') }))

const refused = (define: () => unknown): readonly [string, string] => {
  const { code, message } = refusal(define)
  return [code, message]
}

const windowsOf = (outputs: Parameters<typeof pipeline>[1]) =>
  pipeline('readings', outputs).outputs as readonly WindowOutput[]

describe('Results in other windows', () => {
  test('name the output that they are made of', () => {
    const [first, second] = windowsOf({
      busiest: busiest.into(delta.table('gold.busiest')),
      counts: counts.into(delta.table('gold.counts')),
    })
    expect(first).toMatchObject({ name: 'busiest', source: { output: 'counts', windows: 'own' }, groupBy: [] })
    expect(first!.fields.map(({ name }) => name)).toEqual(['window_start', 'window_end', 'top', 'revision', 'is_final'])
    expect(second).toMatchObject({ name: 'counts', sinks: [{ table: 'gold.counts' }] })
    expect(second!.source).toBeUndefined()
  })

  test('keep results that go nowhere else as an output without tables, once for all that need it', () => {
    const same = counts.groupBy().aggregate((a) => ({ sensors: a.distinct('sensor'), n: a.count() }))
    const outputs = windowsOf({
      busiest: busiest.into(delta.table('gold.busiest')),
      sensors: same.into(postgres.table('sensors')),
    })
    expect(outputs.map(({ name, source, sinks }) => [name, source, sinks.length])).toEqual([
      ['busiest.input', undefined, 0],
      ['busiest', { output: 'busiest.input', windows: 'own' }, 1],
      ['sensors', { output: 'busiest.input', windows: 'same' }, 1],
    ])
    expect(outputs[2]!.window).toEqual(hourly)
    expect(outputs[2]!.sinks).toEqual([{ kind: 'postgres', table: 'sensors', primaryKey: ['window_start'] }])
  })

  test('may be those of a filter, and be grouped again', () => {
    const many = counts.where((row) => row.readings > 3)
    const perDay = many
      .groupBy('sensor')
      .window(daily)
      .aggregate((a) => ({ hours: a.count() }))
    const outputs = windowsOf({
      best: perDay
        .groupBy()
        .aggregate((a) => ({ hours: a.max('hours') }))
        .into(delta.table('gold.best')),
    })
    expect(outputs.map(({ name, source, where }) => [name, source?.output, where !== null])).toEqual([
      ['best.input.input', undefined, true],
      ['best.input', 'best.input.input', false],
      ['best', 'best.input', false],
    ])
  })

  test('refuse sessions, a grace that would lose corrections, and names that a result has', () => {
    const visits = sensorTopic()
      .groupBy('sensor')
      .window(session('5 minutes', { grace: '0 seconds' }))
      .aggregate((a) => ({ n: a.count() }))
    expect(refused(() => visits.groupBy())).toEqual([
      'WINDOW_INVALID',
      'Expected results of windows with fixed bounds to be grouped again, in windows with fixed bounds, found results of sessions: ' +
        'their bounds change as records come. Use tumbling, sliding, cumulating or calendar windows.',
    ])
    expect(refused(() => counts.groupBy().window(session('5 minutes', { grace: '1 day' })))[1]).toContain(
      'found sessions of results',
    )
    expect(
      refused(() => counts.groupBy().window(cumulating('1 day', { step: '2 hours', grace: '9 minutes' }))),
    ).toEqual([
      'WINDOW_INVALID',
      'Expected the grace of windows over results to be at least theirs, 10 minutes, found 9 minutes: corrections of the results would be ' +
        "lost. Write grace: '10 minutes'.",
    ])
    expect(refused(() => counts.groupBy(untyped('window_end')))[0]).toBe('NAME_DUPLICATE')
    expect(refused(() => counts.groupBy(untyped('floor')))[0]).toBe('COLUMN_UNKNOWN')
    expect(refused(() => counts.groupBy().aggregate((a) => ({ x: a.sum(untyped('sensor')) })))[0]).toBe(
      'COLUMN_KIND_INVALID',
    )
  })

  test('are in the description, the flowchart and the fingerprint', () => {
    const plan = pipeline('readings', { busiest: busiest.emit('change').into(delta.table('gold.busiest')) })
    const text = describePlan(plan)
    expect(text).toContain('every 1 hour by sensor: readings = count(); grace 10 minutes')
    expect(text).toContain(
      'every 1 day of results of busiest.input: top = max(readings); grace 10 minutes; running results',
    )
    expect(text).toContain('→ only other windows')
    const chart = mermaid(plan).split('\n')
    expect(chart).toContain('  output_busiest_DOT_input --> output_busiest["busiest<br/>every 1 day"]')
    expect(chart.filter((line) => line.includes('late'))).toHaveLength(1)
    expect(planShape(plan)['window of busiest: made of']).toBe('results of busiest.input')
    expect(Object.keys(planShape(plan))).not.toContain('column readings')
    const other = pipeline('readings', {
      busiest: counts
        .groupBy()
        .aggregate((a) => ({ top: a.max('readings') }))
        .into(delta.table('gold.busiest')),
    })
    expect(fingerprint(other)).not.toBe(fingerprint(plan))
  })
})

describe('When results come out', () => {
  const results = sensorTopic()
    .groupBy('sensor')
    .window(sliding('1 hour', { every: '10 minutes', grace: '0 seconds' }))
    .aggregate((a) => ({ readings: a.count() }))
  const planned = (emit: Parameters<typeof results.emit>[0]) =>
    pipeline('readings', { counts: results.emit(emit).into(delta.table('gold.counts')) })

  test('is in the plan, with a duration in milliseconds', () => {
    expect(
      ['final', 'change', 'complete', { every: '10 seconds' }].map(
        (emit) =>
          windowsOf({
            counts: results.emit(emit as 'final').into(delta.table('gold.counts')),
          })[0]!.emit,
      ),
    ).toEqual(['final', 'change', 'complete', { every: 10 * SECOND }])
  })

  test('is refused where there is no such way, or no such duration', () => {
    expect(refused(() => results.emit(untyped('always')))).toEqual([
      'PLAN_INVALID',
      `Expected .emit() to be given 'final', 'change', 'complete' or { every: '10 seconds' }, found "always".`,
    ])
    expect(refused(() => results.emit({ every: untyped('10') }))[0]).toBe('DURATION_INVALID')
  })

  test('is no part of what window state means', () => {
    expect(fingerprint(planned('complete'))).toBe(fingerprint(planned('final')))
    expect(describePlan(planned({ every: '1 hour' }))).toContain('; running results every 1 hour')
    expect(describePlan(planned('complete'))).toContain('; running results, the whole table each time')
  })
})
