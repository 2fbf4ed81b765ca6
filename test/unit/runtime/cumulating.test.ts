import { expect, it } from 'vitest'
import { HOUR, MINUTE } from '#core/time.ts'
import { c, cumulating, delta, kafka, pipeline, postgres } from '../../../lib/index.ts'
import { WindowRun } from '../../support/window-run.ts'

const visits = kafka.topic('visits', {
  schema: { at: c.timestamp(), page: c.string() },
  eventTime: 'at',
  outOfOrder: '1 day',
})

const today = visits
  .groupBy('page')
  .window(cumulating('4 hours', { step: '1 hour', grace: '3 hours' }))
  .aggregate((a) => ({ visits: a.count() }))
const plan = pipeline('visits', { today: today.into(delta.table('gold.today'), postgres.table('today')) })

const visit = (minutes: number) => ({ at: minutes * MINUTE, page: 'home' })

//   00    01    02    03    04    05
//   ├─────┼─────┼─────┼─────┼─────┤
//     ①     ②    watermark          ③ belongs into the first hour, and comes when two windows of the period are closed
it('cumulating windows are corrected one by one: those that start together are told apart by their ends', async () => {
  const run = await WindowRun.start(plan)
  const seen = (rows: Awaited<ReturnType<typeof run.watermark>>) =>
    rows.map(({ start, end, values, revision }) => `${start / HOUR}–${end / HOUR}: ${values[0]}, revision ${revision}`)
  await run.feed([visit(10), visit(70)])
  expect(seen(await run.watermark(2 * HOUR))).toEqual(['0–1: 1, revision 0', '0–2: 2, revision 0'])
  await run.feed([visit(20)])
  expect(seen(await run.watermark(3 * HOUR))).toEqual([
    '0–1: 2, revision 1',
    '0–2: 3, revision 1',
    '0–3: 3, revision 0',
  ])
  expect(seen(await run.endOfInput())).toEqual(['0–4: 3, revision 0'])
  expect(plan.outputs[0]!.sinks[1]).toMatchObject({ primaryKey: ['page', 'window_start', 'window_end'] })
})
