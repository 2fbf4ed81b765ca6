import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import { encodeGroupKey } from '#window/group-key.ts'
import { type LateEntry, type Page, pageCodec } from '#window/page.ts'
import { aggregate, FIELDS, sliding, tumbling, windowOutput } from './builders.ts'

const OUTPUTS = [
  windowOutput(tumbling(DAY), { aggregates: [aggregate('count'), aggregate('max', 'kind')] }),
  windowOutput(sliding(5 * HOUR, 30 * MINUTE), { name: 'anomaly', groupBy: ['kind', 'place'] }),
]
const codec = pageCodec(OUTPUTS, FIELDS)

const LATE: LateEntry = {
  offset: 2 ** 40,
  eventTime: -5,
  output: 1,
  windowsMissed: 10,
  firstStart: -5 * HOUR,
  lastEnd: 30 * MINUTE,
  lateBy: 2 * DAY,
  countedElsewhere: true,
  hash: 2 ** 32 - 1,
}

function pageOf(slices: readonly (readonly [number, readonly (readonly [string, unknown[]])[]])[]): Page {
  const page = codec.empty()
  for (const [start, groups] of slices) page.slices.set(start, [new Map(groups), undefined])
  return page
}

describe('a page', () => {
  it('comes back as it was, with its late entries', () => {
    const page: Page = {
      slices: new Map([
        [
          -HOUR,
          [new Map([[encodeGroupKey(['THEFT']), [3, 'z']]]), new Map([[encodeGroupKey(['THEFT', null]), [2 ** 33]]])],
        ],
        [30 * MINUTE, [undefined, new Map([[encodeGroupKey(['日本', 'x']), [1]]])]],
        [7 * HOUR, [undefined, undefined]],
      ]),
      lateSlices: [
        { start: HOUR, missedUpTo: 2 * HOUR, state: [undefined, new Map([[encodeGroupKey(['日本', 'x']), [1]]])] },
        { start: -HOUR, missedUpTo: 0, state: [new Map([[encodeGroupKey(['ARSON']), [1, null]]]), undefined] },
      ],
      late: [LATE, { ...LATE, offset: 3, output: 0, lateBy: 0, countedElsewhere: false }],
    }
    expect(codec.decode(codec.encode(page))).toEqual(page)
  })

  it('may be empty, or have one slice at the epoch', () => {
    expect(codec.decode(codec.encode(codec.empty()))).toEqual({ slices: new Map(), lateSlices: [], late: [] })
    const one = pageOf([[0, [['sA', [1, null]]]]])
    expect(codec.decode(codec.encode(one))).toEqual(one)
  })

  it('is small: two bytes a count, and each key once', () => {
    const counts = pageCodec([windowOutput(tumbling(HOUR))], FIELDS)
    const page = counts.empty()
    const keys = Array.from({ length: 20 }, (_, i) => encodeGroupKey([`kind ${i}`]))
    for (let hour = 0; hour < 24; hour++) {
      page.slices.set(1_530_000_000_000 + hour * HOUR, [new Map(keys.map((key) => [key, [5]]))])
    }
    // 480 counts of 2 bytes, 24 slices of 2 and the first of them 6 bytes more, 20 keys of about 8 bytes and 1.
    expect(counts.encode(page).length).toBeLessThan(480 * 2 + 24 * 2 + 20 * 9 + 20)
  })

  it('of another version or another number of outputs is refused', () => {
    const bytes = codec.encode(codec.empty())
    bytes[0] = 1
    expect(() => codec.decode(bytes)).toThrow('A page of window state has version 1, expected 3.')
    expect(() => codec.decode(bytes)).toThrow(expect.objectContaining({ code: 'STATE_CORRUPT' }))
    expect(() => pageCodec([OUTPUTS[0]!], FIELDS).decode(codec.encode(codec.empty()))).toThrow(
      'A page of window state has number of outputs 2, expected 1.',
    )
  })

  it('that was cut short is refused, wherever', () => {
    const bytes = codec.encode(pageOf([[HOUR, [['sA', [1, 'z']]]]]))
    for (let length = 0; length < bytes.length; length++) {
      expect(() => codec.decode(bytes.subarray(0, length))).toThrow("Stored state can't be read")
    }
  })

  it('that names a group it does not list is refused', () => {
    const counts = pageCodec([windowOutput(tumbling(HOUR))], FIELDS)
    // version, outputs, no keys, their empty text, one slice, unit 0, at 0, one group: number 4
    const bytes = Uint8Array.from([3, 1, 0, 0, 1, 0, 0, 1, 4, 1, 0])
    expect(() => counts.decode(bytes)).toThrow('A page of window state names a group that it does not list.')
  })
})
