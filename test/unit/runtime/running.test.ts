import { describe, expect, it } from 'vitest'
import { MINUTE, SECOND } from '#core/time.ts'
import { closeStage } from '#runtime/close.ts'
import { deliverToSql, deliverToTables } from '#runtime/deliver.ts'
import type { WindowRow } from '#runtime/results.ts'
import { c, delta, type EmitOption, kafka, pipeline, session, sliding, tumbling } from '../../../lib/index.ts'
import { CountingState } from '../../support/counting-state.ts'
import { WindowRun } from '../../support/window-run.ts'
import { rowsIn } from './builders.ts'

const clicks = kafka.topic('clicks', {
  schema: { at: c.timestamp(), user: c.string() },
  eventTime: 'at',
  outOfOrder: '1000 days',
  partitions: 2,
})
const byUser = clicks.groupBy('user')
const ten = tumbling('10 minutes', { grace: '1 hour' })

const planOf = (emit: EmitOption, window = ten, most = 100) =>
  pipeline('clicks', {
    counts: byUser
      .window(window)
      .aggregate((a) => ({ clicks: a.count() }))
      .where((row) => row.clicks <= most)
      .emit(emit)
      .into(delta.table('gold.counts')),
  })

const click = (minute: number, user = 'a') => ({ at: minute * MINUTE, user })
const seen = (rows: readonly WindowRow[]): readonly string[] =>
  rows.map(({ start, end, group, values, revision, final, running }) => {
    const state = final ? '' : running === true ? ', running' : ', withdrawn'
    return `${group[0]} ${start / MINUTE}–${end / MINUTE}: ${values[0]}, revision ${revision}${state}`
  })

describe('running results', () => {
  //      0    5    10   15   20
  //   a  ●    ●    |    ·    |
  //   b       ●    |  ●      |
  it('come out while the window is open, once for each change, and as final when it closes', async () => {
    const run = await WindowRun.start(planOf('change'), 2)
    await run.feed([click(0), click(5, 'b')])
    expect(seen(await run.watermark(1 * MINUTE))).toEqual([
      'a 0–10: 1, revision 0, running',
      'b 0–10: 1, revision 0, running',
    ])
    expect(await run.watermark(2 * MINUTE)).toEqual([])
    await run.feed([click(6), click(13, 'b')], 1)
    expect(seen(await run.watermark(3 * MINUTE))).toEqual([
      'a 0–10: 2, revision 1, running',
      'b 10–20: 1, revision 0, running',
    ])
    expect(seen(await run.watermark(10 * MINUTE))).toEqual(['a 0–10: 2, revision 2', 'b 0–10: 1, revision 1'])
    await run.feed([click(4)])
    expect(seen(await run.watermark(11 * MINUTE))).toEqual(['a 0–10: 3, revision 3'])
  })

  it('that do not pass the condition any more are withdrawn, and never come out as final', async () => {
    const run = await WindowRun.start(planOf('change', ten, 2))
    await run.feed([click(0), click(1)])
    await run.watermark(1 * MINUTE)
    await run.feed([click(2)])
    expect(seen(await run.watermark(2 * MINUTE))).toEqual(['a 0–10: 2, revision 1, withdrawn'])
    expect(seen(await run.watermark(10 * MINUTE))).toEqual([])
    await run.feed([click(0, 'b'), click(1, 'b'), click(12, 'b')])
    await run.watermark(11 * MINUTE)
    await run.feed([click(13, 'b'), click(14, 'b')])
    expect(seen(await run.watermark(20 * MINUTE))).toEqual(['b 10–20: 1, revision 1, withdrawn'])
  })

  it('of sessions move with their end: what was published of a shorter one is withdrawn', async () => {
    const run = await WindowRun.start(planOf('change', session('10 minutes', { grace: '0 seconds' })))
    await run.feed([click(0), click(15)])
    expect(seen(await run.watermark(1 * MINUTE))).toEqual([
      'a 0–10: 1, revision 0, running',
      'a 15–25: 1, revision 0, running',
    ])
    await run.feed([click(8)])
    expect(seen(await run.watermark(2 * MINUTE))).toEqual([
      'a 0–10: 1, revision 1, withdrawn',
      'a 15–25: 1, revision 1, withdrawn',
      'a 0–25: 3, revision 2, running',
    ])
    expect(seen(await run.watermark(25 * MINUTE))).toEqual(['a 0–25: 3, revision 3'])
  })

  it('every so often wait for that time on the clock, whatever the event times are', async () => {
    const run = await WindowRun.start(planOf({ every: '10 seconds' }))
    await run.feed([click(0)])
    expect(seen(await run.watermark(1 * MINUTE))).toEqual(['a 0–10: 1, revision 0, running'])
    await run.feed([click(0)])
    expect(await run.watermark(1 * MINUTE + 9 * SECOND)).toEqual([])
    run.restart()
    expect(await run.watermark(1 * MINUTE + 9 * SECOND)).toEqual([])
    expect(seen(await run.watermark(1 * MINUTE + 10 * SECOND))).toEqual(['a 0–10: 2, revision 1, running'])
    expect(await run.watermark(2 * MINUTE)).toEqual([])
  })

  it('every so often do not wait for a clock that was set back', async () => {
    const run = await WindowRun.start(planOf({ every: '10 minutes' }))
    await run.feed([click(0)])
    await run.watermark(9 * MINUTE)
    await run.feed([click(0)])
    expect(await run.watermark(9 * MINUTE + 1)).toEqual([])
    expect(seen(await run.watermark(1 * MINUTE))).toEqual(['a 0–10: 2, revision 1, running'])
  })

  it('are the same for a process that remembers nothing of them', async () => {
    const run = await WindowRun.start(
      planOf('change', sliding('10 minutes', { every: '5 minutes', grace: '0 seconds' })),
    )
    await run.feed([click(1), click(6)])
    expect(seen(await run.watermark(1 * MINUTE))).toHaveLength(3)
    run.restart()
    expect(await run.watermark(2 * MINUTE)).toEqual([])
  })

  it('take one row a window and group in the table, and are final there when input ends', async () => {
    const run = await WindowRun.start(planOf('complete'))
    await run.feed([click(0), click(12)])
    await run.watermark(1 * MINUTE)
    await deliverToTables(run.runtime)
    await run.feed([click(1)])
    await run.watermark(2 * MINUTE)
    await deliverToTables(run.runtime)
    const inTable = async () =>
      (await rowsIn(run.runtime, 'gold.counts')).map((row) => [row['clicks'], row['revision'], row['is_final']])
    expect(await inTable()).toEqual([
      [1, 0, false],
      [2, 1, false],
    ])
    await run.endOfInput()
    await deliverToTables(run.runtime)
    await deliverToSql(run.runtime)
    expect((await inTable()).sort()).toEqual([
      [1, 1, true],
      [2, 2, true],
    ])
  })
})

describe('an output whose rows come out in another way than before', () => {
  const table = async (run: WindowRun) =>
    (await rowsIn(run.runtime, 'gold.counts'))
      .map((row) => `${Number(row['window_start']) / MINUTE}: ${row['clicks']} r${row['revision']} ${row['is_final']}`)
      .sort()

  it('goes on with its state and its revisions, and its table is written anew once', async () => {
    const run = await WindowRun.start(planOf('final'))
    await run.feed([click(0), click(1), click(12)])
    await run.watermark(10 * MINUTE)
    await run.feed([click(2)])
    await run.watermark(11 * MINUTE)
    await deliverToTables(run.runtime)
    expect(await table(run)).toEqual(['0: 2 r0 true', '0: 3 r1 true'])

    run.become(planOf('change'))
    await run.feed([click(13), click(3)])
    await run.watermark(12 * MINUTE)
    await deliverToTables(run.runtime)
    expect(await table(run)).toEqual(['0: 4 r2 true', '10: 2 r0 false'])

    run.become(planOf('final'))
    await run.feed([click(14)])
    await run.watermark(13 * MINUTE)
    await deliverToTables(run.runtime)
    expect(await table(run)).toEqual(['0: 4 r2 true', '10: 2 r0 false'])
    await run.watermark(20 * MINUTE)
    await deliverToTables(run.runtime)
    expect(await table(run)).toEqual(['0: 4 r2 true', '10: 2 r0 false', '10: 3 r1 true'])
  })
})

describe('looking for running results', () => {
  const counted = async (emit: EmitOption): Promise<unknown> => {
    const run = await WindowRun.start(planOf(emit))
    await run.feed([click(0)])
    await run.watermark(1 * MINUTE)
    const state = new CountingState(run.runtime.state)
    const closer = closeStage({ ...run.runtime, state })
    const close = () => closer.run({ endOffsets: async () => [1, 0], endOfInput: false })
    await close()
    state.take()
    await close()
    return state.take()
  }

  it('costs nothing as long as no record is applied, and nothing at all where results are final', async () => {
    expect(await counted('change')).toEqual(await counted('final'))
    expect(await counted('final')).toEqual({ get: 2, list: 2 })
  })
})
