import { expect, describe as suite, test } from 'vitest'
import { describe, mermaid } from '#plan/describe.ts'
import { c, calendar, delta, kafka, pipeline, point, postgres, sliding } from '../../../lib/index.ts'

const topic = kafka.topic('readings', {
  schema: { id: c.long(), taken_at: c.timestamp(), sensor: c.string(), latitude: c.double(), longitude: c.double() },
  eventTime: 'taken_at',
  outOfOrder: '5 minutes',
  key: 'sensor',
})
const rows = topic
  .check({ 'has a "sensor"': (r) => r.sensor !== '' })
  .with({ place: point('latitude', 'longitude'), size: c.int().from((r) => r.sensor.length) })
const plan = pipeline('readings', {
  bronze: topic.into(delta.table('bronze.readings')),
  silver: rows.select('id', 'place').into(postgres.table('readings', { primaryKey: ['id'] })),
  monthly: rows
    .groupBy('sensor')
    .window(calendar('month', { zone: 'Europe/Berlin', grace: '2 days' }))
    .aggregate((a) => ({ total: a.count(), last: a.max('taken_at') }))
    .into(delta.table('gold.monthly', { clusterBy: ['sensor'] })),
  busy: rows
    .groupBy()
    .window(sliding('5 hours', { every: '30 minutes', offset: '10 minutes', grace: '0 seconds' }))
    .aggregate((a) => ({ total: a.count() }))
    .where((r) => r.total > 14)
    .into(delta.table('gold.busy')),
})

suite('The description of a plan', () => {
  test('has a line for the topic, each step, each output and each table, in columns', () => {
    expect(describe(plan).split('\n')).toEqual([
      'pipeline readings',
      '  topic   readings             5 columns; 1 partition; key sensor; event time taken_at, up to 5 minutes out of order',
      '  check   has a "sensor"       or else to quarantine',
      '  derive  place                point(latitude, longitude)',
      '  derive  size                 int from a function',
      '  output  bronze               the records as they came',
      '                               → delta bronze.readings',
      '  output  silver               rows of 2 columns, after size',
      '                               → postgres readings (key id)',
      '  output  monthly              every month in Europe/Berlin by sensor: total = count(), last = max(taken_at); grace 2 days',
      '                               → delta gold.monthly (clustered by sensor)',
      '  output  busy                 5 hours every 30 minutes at 10 minutes: total = count(), some of them; grace 0 seconds',
      '                               → delta gold.busy',
      '  table   quarantine.readings  records that are malformed or fail a check, with the reason',
      '  table   late.readings        records that came after the grace of a window',
    ])
  })

  test('has no late table without windows', () => {
    const bronze = pipeline('readings', { bronze: topic.into(delta.table('bronze.readings')) })
    expect(describe(bronze)).not.toContain('late.readings')
    expect(mermaid(bronze)).not.toContain('late')
  })
})

suite('The flowchart of a plan', () => {
  test('leads from the topic by its steps and outputs to the tables', () => {
    expect(mermaid(plan).split('\n')).toEqual([
      'flowchart LR',
      '  topic[/"topic readings"/]',
      '  topic -. malformed .-> quarantine[("quarantine.readings")]',
      '  topic --> step_1["check: has a #quot;sensor#quot;"]',
      '  step_1 -. fails .-> quarantine',
      '  step_1 --> step_2["place = point(latitude, longitude)"]',
      '  step_2 --> step_3["size = int from a function"]',
      '  topic --> output_bronze["bronze"]',
      '  output_bronze --> delta_bronze_DOT_readings[("delta bronze.readings")]',
      '  step_3 --> output_silver["silver"]',
      '  output_silver --> postgres_readings[("postgres readings")]',
      '  step_3 --> output_monthly["monthly<br/>every month in Europe/Berlin"]',
      '  output_monthly -. late .-> late[("late.readings")]',
      '  output_monthly --> delta_gold_DOT_monthly[("delta gold.monthly")]',
      '  step_3 --> output_busy["busy<br/>5 hours every 30 minutes at 10 minutes"]',
      '  output_busy -. late .-> late[("late.readings")]',
      '  output_busy --> delta_gold_DOT_busy[("delta gold.busy")]',
    ])
  })
})
