import { describe, expect, it } from 'vitest'
import { MINUTE } from '#core/time.ts'
import { describe as describePlan } from '#plan/describe.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import { pageGroup } from '#runtime/keys.ts'
import type { WindowRow } from '#runtime/results.ts'
import { c, delta, kafka, pipeline, postgres, session } from '../../../lib/index.ts'
import { WindowRun } from '../../support/window-run.ts'

const clicks = kafka.topic('clicks', {
  schema: { at: c.timestamp(), user: c.string() },
  eventTime: 'at',
  outOfOrder: '1000 days',
  partitions: 2,
})

type Options = Parameters<typeof session>[1]

function planOf(options: Partial<Options> = {}, atLeast = 1) {
  const visits = clicks
    .groupBy('user')
    .window(session('10 minutes', { grace: '0 seconds', ...options }))
    .aggregate((a) => ({ clicks: a.count() }))
    .where((row) => row.clicks >= atLeast)
  return pipeline('clicks', { visits: visits.into(delta.table('gold.visits'), postgres.table('visits')) })
}

const click = (minute: number, user = 'a') => ({ at: minute * MINUTE, user })
const seen = (rows: readonly WindowRow[]): readonly string[] =>
  rows.map(({ start, end, group, values, revision, final }) => {
    return `${group[0]} ${start / MINUTE}–${end / MINUTE}: ${values[0]}, revision ${revision}${final ? '' : ', withdrawn'}`
  })

describe('a session', () => {
  //    0    5    10   15   20   25   30
  //  a ●    ●         ●    ·    |            ends at 25
  //  b      ●    ·    ●              |       b's second is exactly a gap after its first
  it('closes when the watermark reaches its end, group by group', async () => {
    const run = await WindowRun.start(planOf(), 2)
    await run.feed([click(0), click(5), click(5, 'b')], 0)
    await run.feed([click(15), click(15, 'b')], 1)
    expect(await run.watermark(25 * MINUTE - 1)).toEqual([])
    expect(seen(await run.watermark(25 * MINUTE))).toEqual(['a 0–25: 3, revision 0', 'b 5–25: 2, revision 0'])
    expect(await run.watermark(60 * MINUTE)).toEqual([])
  })

  it('is two where records exactly a gap apart split, and ends with its last event where that is asked for', async () => {
    const run = await WindowRun.start(planOf({ atGap: 'split', end: 'last event' }), 2)
    await run.feed([click(0), click(10), click(11)])
    expect(seen(await run.watermark(10 * MINUTE))).toEqual(['a 0–0: 1, revision 0'])
    expect(seen(await run.endOfInput())).toEqual(['a 10–11: 2, revision 0'])
  })

  //    0         10        20        30        40
  //    ●···      :         ●···      :             two sessions, published
  //              ●  late                           one: their rows are withdrawn
  it('joins two that were published when a record comes between them within grace', async () => {
    const run = await WindowRun.start(planOf({ grace: '1 hour' }), 2)
    await run.feed([click(0), click(20), click(20, 'b')])
    expect(seen(await run.watermark(40 * MINUTE))).toEqual([
      'a 0–10: 1, revision 0',
      'a 20–30: 1, revision 0',
      'b 20–30: 1, revision 0',
    ])
    run.restart()
    await run.feed([click(10)], 1)
    expect(seen(await run.watermark(41 * MINUTE))).toEqual([
      'a 0–10: 1, revision 1, withdrawn',
      'a 20–30: 1, revision 1, withdrawn',
      'a 0–30: 3, revision 2',
    ])
    await run.feed([click(15)], 0)
    expect(seen(await run.watermark(42 * MINUTE))).toEqual(['a 0–30: 4, revision 3'])
    expect(await run.late()).toEqual([])
  })

  it('that was published goes on when a record in time comes exactly a gap after its end', async () => {
    const run = await WindowRun.start(planOf(), 2)
    await run.feed([click(0)])
    expect(seen(await run.watermark(10 * MINUTE))).toEqual(['a 0–10: 1, revision 0'])
    await run.feed([click(10)])
    expect(seen(await run.watermark(20 * MINUTE))).toEqual([
      'a 0–10: 1, revision 1, withdrawn',
      'a 0–20: 2, revision 2',
    ])
  })

  //    0         10        20     watermark
  //    ●         |  ✕ late
  //              ● late by itself, but part of the session that is still open
  //                    ●
  it('beyond grace takes no more records; one that is still open takes those that are late by themselves', async () => {
    const run = await WindowRun.start(planOf(), 2)
    await run.feed([click(0), click(22)])
    expect(seen(await run.watermark(24 * MINUTE))).toEqual(['a 0–10: 1, revision 0'])
    await run.feed([click(3), click(13)], 1)
    expect(seen(await run.endOfInput())).toEqual(['a 13–32: 2, revision 0'])
    expect(await run.late()).toMatchObject([
      {
        partition: 1,
        offset: 0,
        windows_missed: 1,
        first_window_start: 3 * MINUTE,
        last_window_end: 13 * MINUTE,
        late_by_ms: 11 * MINUTE,
        counted_elsewhere: false,
      },
    ])
  })

  it('that where refuses is remembered all the same: it may join one that where takes', async () => {
    const run = await WindowRun.start(planOf({ grace: '1 hour' }, 3), 2)
    await run.feed([click(0), click(20)])
    expect(await run.watermark(40 * MINUTE)).toEqual([])
    await run.feed([click(10)])
    expect(seen(await run.watermark(41 * MINUTE))).toEqual(['a 0–30: 3, revision 0'])
  })

  it('that goes on for days keeps its pages, and no others are kept', async () => {
    const run = await WindowRun.start(planOf(), 2)
    const { runtime } = run
    for (let minute = 0; minute < 5 * 1440; minute += 9) {
      await run.feed([click(minute), ...(minute % 90 === 0 ? [click(minute, `user ${minute}`)] : [])])
      if (minute % 720 === 0) await run.watermark(minute * MINUTE)
    }
    expect(await runtime.state.list(pageGroup(runtime))).toHaveLength(5)
    const rows = await run.watermark(6 * 1440 * MINUTE)
    expect(seen(rows.filter(({ group }) => group[0] === 'a'))).toEqual(['a 0–7201: 800, revision 0'])
    await run.feed([click(7 * 1440)])
    await run.watermark(8 * 1440 * MINUTE)
    await run.watermark(9 * 1440 * MINUTE)
    expect((await runtime.state.list(pageGroup(runtime))).length).toBeLessThanOrEqual(1)
  })
})

describe('a plan with sessions', () => {
  it('says so, keys them by their start, and has state of its own for each rule', () => {
    const plans = [planOf(), planOf({ atGap: 'split' }), planOf({ end: 'last event' }), planOf({ grace: '1 hour' })]
    expect(describePlan(plans[0]!)).toContain('sessions with gaps up to 10 minutes by user: clicks = count()')
    expect(plans[0]!.outputs[0]!.sinks[1]).toMatchObject({ primaryKey: ['user', 'window_start'] })
    expect(new Set(plans.map(fingerprint)).size).toBe(4)
  })
})
