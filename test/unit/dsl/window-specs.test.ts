import { describe, expect, test } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import { calendar, cumulating, session, sliding, tumbling } from '../../../lib/index.ts'
import { refusal } from './refusals.ts'
import { untyped } from './sensors.ts'

describe('A cumulating window', () => {
  test('grows in steps that divide its size', () => {
    const spec = cumulating('1 day', { step: '1 hour', offset: '6 hours', grace: '0 seconds' })
    expect(spec).toEqual({ kind: 'cumulating', size: DAY, step: HOUR, offset: 6 * HOUR, grace: 0 })
    expect(refusal(() => cumulating('1 hour', { step: '7 minutes', grace: '0 seconds' }))).toEqual({
      code: 'WINDOW_INVALID',
      message:
        "Expected the size of a cumulating window to be a whole number of steps, found '1 hour' in steps of '7 minutes'. " +
        'Choose a step that divides the size.',
    })
  })
})

describe('A session', () => {
  test('joins records that are a gap apart, and ends a gap after its last one', () => {
    expect(session('30 minutes', { grace: '1 hour' })).toEqual({
      kind: 'session',
      gap: 30 * MINUTE,
      atGap: 'join',
      end: 'gap',
      grace: HOUR,
    })
    expect(session('30 minutes', { grace: '1 hour', atGap: 'split', end: 'last event' })).toMatchObject({
      atGap: 'split',
      end: 'last event',
    })
  })

  test('is refused with a rule that is none', () => {
    expect(refusal(() => session('1 hour', { grace: '0 seconds', atGap: untyped('merge') }))).toEqual({
      code: 'WINDOW_INVALID',
      message: "Expected atGap of a session to be 'join' or 'split', found 'merge'.",
    })
    expect(refusal(() => session('1 hour', { grace: '0 seconds', end: untyped('last') })).message).toBe(
      "Expected end of a session to be 'gap' or 'last event', found 'last'.",
    )
    expect(refusal(() => session('0 seconds', { grace: '0 seconds' })).code).toBe('DURATION_INVALID')
  })
})

describe('A tumbling window', () => {
  test('has a fixed length without a zone', () => {
    // UTC   |00        |00        |00
    //       [   day    )[   day    )
    expect(tumbling('1 day', { grace: '2 days' })).toEqual({ kind: 'tumbling', size: DAY, offset: 0, grace: 2 * DAY })
  })

  test('is a civil day or week with a zone', () => {
    const options = { zone: 'America/Chicago', grace: '0 seconds' } as const
    expect(tumbling('1 day', options)).toEqual({ kind: 'calendar', unit: 'day', zone: 'America/Chicago', grace: 0 })
    expect(tumbling('1 week', options)).toEqual({ kind: 'calendar', unit: 'week', zone: 'America/Chicago', grace: 0 })
  })

  test('may start later than on the hour', () => {
    // UTC   |00:00     |01:00     |02:00
    //          [00:15      )[01:15     )
    expect(tumbling('1 hour', { offset: '15 minutes', grace: '0 seconds' })).toMatchObject({ offset: 15 * MINUTE })
  })

  test('of another length is refused with a zone', () => {
    expect(refusal(() => tumbling('6 hours', { zone: 'America/Chicago', grace: '0 seconds' }))).toEqual({
      code: 'WINDOW_INVALID',
      message:
        "Expected a tumbling window with a zone to be '1 day' or '1 week', found '6 hours' in America/Chicago. " +
        "Leave the zone out for windows of a fixed length, or use calendar('month', { zone, grace }) for longer ones.",
    })
  })

  test('is refused with both a zone and an offset', () => {
    const define = () => tumbling('1 day', { zone: 'UTC', offset: '6 hours', grace: '0 seconds' })
    expect(refusal(define)).toEqual({
      code: 'WINDOW_INVALID',
      message:
        "Expected a tumbling window with a zone to have no offset, found '6 hours': a civil day starts at midnight. " +
        'Leave out the offset or the zone.',
    })
  })

  test('is refused with an offset that is not less than its size', () => {
    expect(refusal(() => tumbling('1 hour', { offset: '90 minutes', grace: '0 seconds' }))).toEqual({
      code: 'WINDOW_INVALID',
      message:
        "Expected the offset of a window to be less than its size, 1 hour, found '90 minutes'. " +
        "Windows repeat at that distance: '30 minutes' gives the same ones.",
    })
    expect(refusal(() => tumbling('1 hour', { offset: '1 hour', grace: '0 seconds' })).code).toBe('WINDOW_INVALID')
  })

  test('is refused in a zone that is not there', () => {
    const define = () => tumbling('1 day', { zone: 'Chicago', grace: '0 seconds' })
    expect(refusal(define)).toMatchObject({ code: 'TIME_ZONE_UNKNOWN' })
  })
})

describe('A sliding window', () => {
  test('has a size and a distance to the next one', () => {
    // [00:00                      05:00)
    //     [00:30                      05:30)
    const spec = sliding('5 hours', { every: '30 minutes', grace: '2 days' })
    expect(spec).toEqual({ kind: 'sliding', size: 5 * HOUR, every: 30 * MINUTE, offset: 0, grace: 2 * DAY })
  })

  test('may leave gaps, and start inside them', () => {
    // UTC  |00         09   10        |00         09   10
    //                  [    )                     [    )
    const spec = sliding('1 hour', { every: '1 day', offset: '9 hours', grace: '0 seconds' })
    expect(spec).toMatchObject({ size: HOUR, every: DAY, offset: 9 * HOUR })
  })

  test('is refused with an offset that is not less than every', () => {
    const define = () => sliding('5 hours', { every: '30 minutes', offset: '45 minutes', grace: '0 seconds' })
    expect(refusal(define)).toMatchObject({
      code: 'WINDOW_INVALID',
      message: expect.stringContaining("less than every, 30 minutes, found '45 minutes'"),
    })
  })
})

describe('A calendar window', () => {
  test.each(['day', 'week', 'month', 'quarter', 'year'] as const)('may be a %s', (unit) => {
    const spec = calendar(unit, { zone: 'Europe/Berlin', grace: '1 hour' })
    expect(spec).toEqual({ kind: 'calendar', unit, zone: 'Europe/Berlin', grace: HOUR })
  })

  test('is refused for another unit', () => {
    expect(refusal(() => calendar(untyped('decade'), { zone: 'UTC', grace: '0 seconds' }))).toEqual({
      code: 'WINDOW_INVALID',
      message: "Expected one of day, week, month, quarter, year as a calendar window, found 'decade'.",
    })
  })
})

describe('The durations of a window are refused', () => {
  test.each([
    ['a grace below zero', () => tumbling('1 day', { grace: '-1 days' }), 'Expected grace to be a duration such as'],
    ['no size', () => tumbling('0 days', { grace: '0 seconds' }), 'Expected the size of a tumbling window to be'],
    [
      'a size with a fraction',
      () => sliding('1.5 hours', { every: '30 minutes', grace: '0 seconds' }),
      "found '1.5 hours': it has a fraction; write '90 minutes'.",
    ],
    [
      'no distance',
      () => sliding('1 hour', { every: '0 minutes', grace: '0 seconds' }),
      "Expected every to be a duration such as '30 minutes' (a whole number above zero, and a unit), found '0 minutes': it is zero.",
    ],
    [
      'an unknown unit',
      () => tumbling(untyped('1 fortnight'), { grace: '0 seconds' }),
      "found '1 fortnight': 'fortnight' is no unit",
    ],
  ])('for %s', (_, define, text) => {
    const { code, message } = refusal(define)
    expect(code).toBe('DURATION_INVALID')
    expect(message).toContain(text)
  })
})
