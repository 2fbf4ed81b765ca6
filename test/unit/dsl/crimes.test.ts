import { describe, expect, test } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import type { CheckStep, Row } from '#plan/plan.ts'
import { assertPlan } from '#plan/validate.ts'
import crimes from '../../../pipelines/crimes.ts'

const crime = (changed: Row = {}): Row => ({ district: '011', latitude: 41.88, longitude: -87.63, ...changed })
const failed = (row: Row): readonly string[] =>
  crimes.steps.filter((step): step is CheckStep => step.kind === 'check' && !step.test(row)).map(({ name }) => name)

describe('The crimes pipeline', () => {
  test('is a plan', () => {
    expect(assertPlan(crimes)).toBe(crimes)
  })

  test("has the portal's 22 columns", () => {
    expect(crimes.topic.fields.map(({ name }) => name).join(' ')).toBe(
      'id case_number date block iucr primary_type description location_description arrest domestic beat district ward ' +
        'community_area fbi_code x_coordinate y_coordinate year updated_on latitude longitude location',
    )
  })

  test('reads dates by the clocks of Chicago', () => {
    const date = crimes.topic.fields.find(({ name }) => name === crimes.topic.eventTime)
    expect(date?.column.format).toEqual({ pattern: 'MM/dd/yyyy hh:mm:ss a', zone: 'America/Chicago' })
  })

  test('keeps crimes with and without coordinates', () => {
    expect(failed(crime())).toEqual([])
    expect(failed(crime({ latitude: null, longitude: null }))).toEqual([])
  })

  test('keeps no crime of an unknown district, and none from far away', () => {
    expect(failed(crime({ district: '' }))).toEqual(['district known'])
    expect(failed(crime({ latitude: 36.62, longitude: -91.69 }))).toEqual(['in or near Chicago'])
  })

  test('counts crimes a day and district, and finds more than 14 of a type in 5 hours', () => {
    const [, , perDay, anomaly] = crimes.outputs
    expect(perDay).toMatchObject({
      name: 'crime_per_district_day',
      groupBy: ['district'],
      window: { kind: 'calendar', unit: 'day', zone: 'America/Chicago', grace: 2 * DAY },
      where: null,
    })
    expect(anomaly).toMatchObject({
      name: 'crimes_anomaly',
      groupBy: ['primary_type', 'district'],
      window: { kind: 'sliding', size: 5 * HOUR, every: 30 * MINUTE, offset: 0, grace: 2 * DAY },
    })
    const where = anomaly?.kind === 'window' ? anomaly.where : null
    expect([14, 15].map((total_crimes) => where?.({ total_crimes }))).toEqual([false, true])
  })

  test('finds what is unusual for the hour of the week, and hot spots, in windows without tables of their own', () => {
    const detectors = crimes.outputs.flatMap((output) => (output.kind === 'detector' ? [output] : []))
    expect(detectors.map(({ name, of, column, rule }) => [name, of, column, rule.kind])).toEqual([
      ['unusual_hours', 'unusual_hours.input', 'total_crimes', 'hourOfWeek'],
      ['hot_spots', 'hot_spots.input', 'total_crimes', 'hotSpots'],
    ])
    expect(detectors.map(({ rule }) => rule)).toMatchObject([
      { zone: 'America/Chicago', weeks: 8, minWeeks: 4, falseAlarms: 0.05 },
      { zone: 'America/Chicago', against: 'history', rings: 1 },
    ])
  })

  test('writes bronze, silver and gold, and gold and alerts to Postgres too', () => {
    expect(crimes.outputs.flatMap(({ sinks }) => sinks.map(({ kind, table }) => `${kind} ${table}`))).toEqual([
      'delta bronze.crimes',
      'delta silver.crimes',
      'delta gold.crime_per_district_day',
      'postgres crime_per_district_day',
      'delta gold.crimes_anomaly',
      'postgres crimes_anomaly',
      'delta gold.unusual_hours',
      'postgres unusual_hours',
      'delta gold.hot_spots',
      'postgres hot_spots',
    ])
  })
})
