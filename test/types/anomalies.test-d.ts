import { describe, expectTypeOf, test } from 'vitest'
import { anomaly, c, delta, h3, type InferRow, kafka, point, postgres, tumbling } from '../../lib/index.ts'

const topic = kafka.topic('readings', {
  schema: { id: c.long(), at: c.timestamp(), sensor: c.string(), north: c.double(), east: c.double() },
  eventTime: 'at',
  outOfOrder: '1 minute',
  partitions: 1,
})
const placed = topic.with({ place: point('north', 'east') }).with({ cell: h3('place', 8) })
const counts = placed
  .groupBy('sensor', 'cell')
  .window(tumbling('1 hour', { grace: '1 day' }))
  .aggregate((a) => ({ n: a.count(), name: a.last('sensor') }))

describe('alerts', () => {
  test('have the group columns, and what every alert has', () => {
    const odd = counts.detect(anomaly.hourOfWeek({ column: 'n', zone: 'UTC' }))
    type Alert = InferRow<typeof odd>
    expectTypeOf<Alert['sensor']>().toEqualTypeOf<string>()
    expectTypeOf<Alert['cell']>().toEqualTypeOf<string | null>()
    expectTypeOf<Alert['observed']>().toEqualTypeOf<number>()
    expectTypeOf<Alert['p_value']>().toEqualTypeOf<number | null>()
    expectTypeOf<Extract<keyof Alert, 'n' | 'name' | 'window_start'>>().toEqualTypeOf<'window_start'>()
    expectTypeOf<Extract<keyof typeof odd, string>>().toEqualTypeOf<'into'>()
    odd.into(delta.table('gold.odd', { clusterBy: ['sensor'] }), postgres.table('odd'))
    // @ts-expect-error not a column of alerts
    odd.into(delta.table('gold.odd', { clusterBy: ['n'] }))
  })

  test('judge numbers among the aggregates', () => {
    // @ts-expect-error text
    counts.detect(anomaly.threshold({ column: 'name', opensAt: 3 }))
    // @ts-expect-error no such column
    counts.detect(anomaly.threshold({ column: 'm', opensAt: 3 }))
    // @ts-expect-error the level is missing
    counts.detect(anomaly.threshold({ column: 'n' }))
    // @ts-expect-error an hour of the week is one of some zone
    counts.detect(anomaly.hourOfWeek({ column: 'n' }))
    const some = counts.where((row) => row.n > 3)
    // @ts-expect-error what is missing from some of the results isn't 0
    some.detect(anomaly.threshold({ column: 'n', opensAt: 3 }))
  })

  test('of cells need points', () => {
    // @ts-expect-error text is no point
    topic.with({ cell: h3('sensor', 8) })
    // @ts-expect-error no such column
    topic.with({ cell: h3('place', 8) })
  })
})
