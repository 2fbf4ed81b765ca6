import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import { endsOfInput } from '#window/chained.ts'
import { type PartitionProgress, readWatermark } from '#window/watermark.ts'
import { at, calendar, sliding, tumbling } from './builders.ts'

/** Everything appended is read, unless `unread` says otherwise. Event times are append times, unless said otherwise. */
function partition(
  number: number,
  maxEventTime: number | null,
  options: { read?: number; unread?: number; appended?: number | null } = {},
): PartitionProgress {
  const read = options.read ?? 10
  return {
    partition: number,
    offset: read - 1,
    endOffset: read + (options.unread ?? 0),
    maxEventTime,
    maxEventAppendTime: options.appended === undefined ? maxEventTime : options.appended,
  }
}

const NEVER_READ: Partial<PartitionProgress> = { offset: -1, maxEventTime: null, maxEventAppendTime: null }
const OUT_OF_ORDER = 10 * MINUTE

describe('while partitions have unread records', () => {
  //            11:00        11:50  12:00
  //   0  ────────┼────────────┼──────●····        max event time 12:00, more to read
  //   1  ────────┼────────────●··                 max event time 11:50, more to read
  //   W                  ▲ 11:40
  it('the watermark is the least of their largest event times, less the disorder', () => {
    const reading = readWatermark(
      [partition(0, at('12:00'), { unread: 5 }), partition(1, at('11:50'), { unread: 5 })],
      OUT_OF_ORDER,
      at('12:01'),
    )
    expect(reading.watermark).toBe(at('11:40'))
    expect(reading.holding).toEqual([])
    expect(reading.partitions).toEqual([
      { partition: 0, state: 'live', watermark: at('11:50'), lag: 5 },
      { partition: 1, state: 'live', watermark: at('11:40'), lag: 5 },
    ])
  })

  //   0  ───────────────────────────●····         12:00, more to read
  //   1  ──────●|                                 09:00, caught up: its next record is bound by the topic's 12:00
  it('a partition that is caught up leaves the minimum', () => {
    const reading = readWatermark(
      [partition(0, at('12:00'), { unread: 5 }), partition(1, at('09:00'))],
      OUT_OF_ORDER,
      at('15:00'),
    )
    expect(reading.watermark).toBe(at('11:50'))
    expect(reading.partitions[1]).toEqual({ partition: 1, state: 'caught up', watermark: at('08:50'), lag: 0 })
    expect(reading.holding).toEqual([])
  })

  //   0  ───────────────────────────●|            12:00, caught up
  //   1  ──────●·······                           09:00, 7 to read: holds
  //   2  ────────●···                             10:00, 3 to read: lags, but does not hold
  it('a partition that lags holds the watermark back, and is named', () => {
    const reading = readWatermark(
      [partition(0, at('12:00')), partition(1, at('09:00'), { unread: 7 }), partition(2, at('10:00'), { unread: 3 })],
      OUT_OF_ORDER,
      at('15:00'),
    )
    expect(reading.watermark).toBe(at('08:50'))
    expect(reading.holding).toEqual([1])
    expect(reading.partitions.map(({ state }) => state)).toEqual(['caught up', 'lagging', 'lagging'])
  })

  it('a partition that was never read holds the watermark at nothing', () => {
    const reading = readWatermark(
      [partition(0, at('12:00')), { ...partition(1, null, { unread: 7 }), ...NEVER_READ }],
      OUT_OF_ORDER,
      at('15:00'),
    )
    expect(reading.watermark).toBeNull()
    expect(reading.holding).toEqual([1])
    expect(reading.partitions[1]).toEqual({ partition: 1, state: 'lagging', watermark: null, lag: 17 })
  })

  it('so does one of which nothing had an event time yet', () => {
    const reading = readWatermark(
      [partition(0, at('12:00')), partition(1, null, { unread: 1 })],
      OUT_OF_ORDER,
      at('15:00'),
    )
    expect(reading.watermark).toBeNull()
    expect(reading.holding).toEqual([1])
  })

  it('it lags, also where no other partition says how far the topic is, or that is before 1970', () => {
    const neverRead = { ...partition(1, null, { unread: 7 }), ...NEVER_READ }
    const alone = readWatermark([neverRead], OUT_OF_ORDER, at('15:00'))
    expect(alone).toMatchObject({ watermark: null, holding: [1], partitions: [{ state: 'lagging' }] })
    const long = Date.parse('1950-06-01T12:00:00Z')
    const old = readWatermark([partition(0, long), neverRead], OUT_OF_ORDER, at('15:00'))
    expect(old).toMatchObject({ watermark: null, holding: [1], partitions: [{}, { state: 'lagging' }] })
  })

  it('an empty partition has no say', () => {
    const empty: PartitionProgress = { ...partition(1, null), ...NEVER_READ, endOffset: 0 }
    const reading = readWatermark([partition(0, at('12:00'), { unread: 1 }), empty], OUT_OF_ORDER, at('15:00'))
    expect(reading.watermark).toBe(at('11:50'))
    expect(reading.partitions[1]).toEqual({ partition: 1, state: 'empty', watermark: null, lag: 0 })
  })
})

describe('when all partitions are caught up', () => {
  //   event time   ──────────●| 20:00                 live: appended as it happened
  //   clock        ──────────────────────● 22:00
  //   W                                ▲ 21:50
  it('a live watermark follows the clock, so the last window of the evening closes', () => {
    const reading = readWatermark([partition(0, at('20:00')), partition(1, at('19:00'))], OUT_OF_ORDER, at('22:00'))
    expect(reading.watermark).toBe(at('21:50'))
    expect(reading.holding).toEqual([])
  })

  //   event time   ●| 2018-06-30 23:50   appended 2026-11-20 10:00:00, now 10:00:30
  it('a replayed watermark moves a second a second, so July may follow June', () => {
    const event = Date.parse('2018-06-30T23:50:00Z')
    const appended = Date.parse('2026-11-20T10:00:00Z')
    const reading = readWatermark([partition(0, event, { appended })], OUT_OF_ORDER, appended + 30_000)
    expect(reading.watermark).toBe(event + 30_000 - OUT_OF_ORDER)
  })

  it('the partition that has come furthest counts', () => {
    const reading = readWatermark(
      [partition(0, at('20:00'), { appended: at('21:00') }), partition(1, at('19:30'), { appended: at('20:00') })],
      OUT_OF_ORDER,
      at('22:00'),
    )
    // 20:00 + 1 h against 19:30 + 2 h
    expect(reading.watermark).toBe(at('21:20'))
  })

  it('a clock behind the broker takes nothing away', () => {
    expect(readWatermark([partition(0, at('20:00'))], OUT_OF_ORDER, at('19:00')).watermark).toBe(at('19:50'))
    expect(readWatermark([partition(0, at('20:00'), { appended: null })], OUT_OF_ORDER, at('23:00')).watermark).toBe(
      at('19:50'),
    )
  })

  it('and none had an event time, there is no watermark', () => {
    expect(readWatermark([partition(0, null)], OUT_OF_ORDER, at('22:00')).watermark).toBeNull()
    expect(readWatermark([], OUT_OF_ORDER, at('22:00'))).toEqual({ watermark: null, holding: [], partitions: [] })
  })

  it('progress that is newer than the end offset counts as caught up', () => {
    const ahead: PartitionProgress = { ...partition(0, at('20:00')), endOffset: 8 }
    expect(readWatermark([ahead], OUT_OF_ORDER, at('20:00')).partitions[0]).toMatchObject({
      state: 'caught up',
      lag: 0,
    })
  })
})

const endOfInput = (specs: readonly WindowSpec[], newest: number) =>
  endsOfInput(
    specs.map((window) => ({ window })),
    newest,
  )

describe('endsOfInput', () => {
  //   June 30                                      July 1
  //   day      ├────────────────────────────────────┤
  //   5 h / 30'                       23:30 ├──────────────┤ 04:30
  //   hour                               23:00 ├────┤ 24:00
  //                                       23:50 ●
  it('close every window that the last event is in, each output by itself', () => {
    const specs = [tumbling(DAY), sliding(5 * HOUR, 30 * MINUTE), tumbling(HOUR)]
    expect(endOfInput(specs, at('23:50'))).toEqual([at('24:00'), at('28:30'), at('24:00')])
    const month = endOfInput([calendar('month', 'UTC')], Date.parse('2018-06-30T23:50:00Z'))
    expect(month).toEqual([Date.parse('2018-07-01T00:00:00Z')])
  })

  //   0   2            10  12
  //   ├───┤            ├───┤       ● 15
  it('close the window before a gap when the last event lies in the gap', () => {
    expect(endOfInput([sliding(2, 10)], 15)).toEqual([12])
  })
})
