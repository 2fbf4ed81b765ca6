import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { reopenedWindows } from '#runtime/reopened.ts'
import type { LateEntry } from '#window/page.ts'
import { sliceLayout } from '#window/slices.ts'
import { at, sliding, tumbling, windowOutput } from '../window/builders.ts'

/** Rows at these times, with offsets from 100 on. */
function reopened(
  outputs: readonly WindowOutput[],
  times: readonly string[],
  published: string | readonly (string | null)[],
  late: readonly Pick<LateEntry, 'offset' | 'output' | 'lastEnd'>[] = [],
) {
  const layout = sliceLayout(
    outputs.map(({ window }) => window),
    DAY,
  )
  const rows = {
    rows: Int32Array.from(times, (_, i) => i),
    eventTimes: Float64Array.from(times, (time) => at(time)),
    offsets: Float64Array.from(times, (_, i) => 100 + i),
  }
  const verdict = { eventTime: 0, windowsMissed: 1, firstStart: 0, lateBy: 0, countedElsewhere: true, hash: 0 }
  const entries = late.map((entry) => ({ ...verdict, ...entry }))
  const bounds = outputs.map((_, i) => (typeof published === 'string' ? published : published[i]!))
  const upTo = bounds.map((bound) => (bound === null ? null : at(bound)))
  return reopenedWindows(outputs, layout, rows, upTo, entries).map(
    ({ output, window }) => `${output} ${window.start / HOUR}–${window.end / HOUR}`,
  )
}

describe('windows to publish again', () => {
  //   2 h every 30 min, published up to 13:00, rows at ●
  //        10:30   11:00   11:30   12:00   12:30   13:00
  //          ├───────────────────────────────┤
  //                  ├───────────────────────────────┤
  //                          ├──────────────────────────… open
  //                              ●11:50   ●12:20  ●12:10      ●13:10
  it('are those that are closed and hold a row, each once, ascending, per output', () => {
    const outputs = [
      windowOutput(sliding(2 * HOUR, 30 * MINUTE)),
      windowOutput(tumbling(HOUR, { grace: DAY }), { name: 'hourly' }),
    ]
    expect(reopened(outputs, ['12:20', '11:50', '12:10', '13:10'], '13:00')).toEqual([
      '0 10–12',
      '0 10.5–12.5',
      '0 11–13',
      '1 11–12',
      '1 12–13',
    ])
  })

  it('are judged by how far their own output is published', () => {
    const outputs = [windowOutput(tumbling(HOUR)), windowOutput(tumbling(2 * HOUR), { name: 'two' })]
    expect(reopened(outputs, ['00:40'], ['01:00', null])).toEqual(['0 0–1'])
    expect(reopened(outputs, ['00:40'], [null, '02:00'])).toEqual(['1 0–2'])
    expect(reopened(outputs, ['00:40'], [null, null])).toEqual([])
  })

  it('do not include those that end after what is published', () => {
    const hourly = [windowOutput(tumbling(HOUR))]
    expect(reopened(hourly, ['00:40'], '00:59')).toEqual([])
    expect(reopened(hourly, ['00:40'], '01:00')).toEqual(['0 0–1'])
  })

  it('do not include those that the row missed, but those that another row of the slice did not', () => {
    const outputs = [windowOutput(sliding(2 * HOUR, HOUR, { grace: HOUR }))]
    const missed = { offset: 100, output: 0, lastEnd: at('13:00') }
    expect(reopened(outputs, ['12:20'], '14:00', [missed])).toEqual(['0 12–14'])
    expect(reopened(outputs, ['12:20', '12:20'], '14:00', [missed])).toEqual(['0 11–13', '0 12–14'])
  })
})
