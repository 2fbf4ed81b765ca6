import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Duration, formatDuration, parseDuration } from '#core/duration.ts'
import { SluiceError } from '#core/errors.ts'
import { DAY, HOUR, MINUTE, SECOND } from '#core/time.ts'

const failure = (text: string, options?: Parameters<typeof parseDuration>[1]): SluiceError => {
  try {
    parseDuration(text, options)
  } catch (error) {
    if (error instanceof SluiceError) return error
  }
  throw new Error(`'${text}' was accepted`)
}

describe('A duration', () => {
  test.each<[Duration, number]>([
    ['1 millisecond', 1],
    ['250 milliseconds', 250],
    ['1 second', SECOND],
    ['90 seconds', 90 * SECOND],
    ['30 minutes', 30 * MINUTE],
    ['5 hours', 5 * HOUR],
    ['1 day', DAY],
    ['2 weeks', 14 * DAY],
  ])('%s is that many milliseconds', (text, millis) => {
    expect(parseDuration(text)).toBe(millis)
  })

  test('may be zero where that is allowed', () => {
    expect(parseDuration('0 seconds', { allowZero: true })).toBe(0)
  })

  test.each([
    ['0 seconds', 'it is zero'],
    ['-2 days', 'it is negative'],
    ['-0 days', 'it is negative'],
    ['1.5 hours', "it has a fraction; write '90 minutes'"],
    ['0.0001 seconds', 'it has a fraction; use a smaller unit'],
    ['1 fortnight', "'fortnight' is no unit; units are milliseconds, seconds, minutes, hours, days, weeks"],
    ['1 dayss', "'dayss' is no unit; units are milliseconds, seconds, minutes, hours, days, weeks"],
    ['1day', "it isn't a number, one space and a unit"],
    [' 1 day', "it isn't a number, one space and a unit"],
    ['1  day', "it isn't a number, one space and a unit"],
    ['1e3 days', "it isn't a number, one space and a unit"],
    ['', "it isn't a number, one space and a unit"],
    ['99999999999 weeks', 'it is too long to count in milliseconds'],
  ])("'%s' is refused: %s", (text, fault) => {
    const { code, message } = failure(text)
    expect(code).toBe('DURATION_INVALID')
    expect(message).toBe(
      `Expected a duration such as '30 minutes' (a whole number above zero, and a unit), found '${text}': ${fault}.`,
    )
  })

  test('that is refused says what it is for, and that zero is possible', () => {
    expect(failure('-1 days', { what: 'grace', allowZero: true }).message).toBe(
      "Expected grace to be a duration such as '30 minutes' (a whole number, '0 seconds' for none, and a unit), " +
        "found '-1 days': it is negative.",
    )
  })
})

describe('The text of a duration', () => {
  test.each([
    [0, '0 seconds'],
    [1, '1 millisecond'],
    [1_500, '1500 milliseconds'],
    [90 * MINUTE, '90 minutes'],
    [5 * HOUR, '5 hours'],
    [DAY, '1 day'],
    [14 * DAY, '14 days'],
  ])('%d ms is %s', (millis, text) => {
    expect(formatDuration(millis)).toBe(text)
  })

  test('means the same duration', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 40 }), (millis) => {
        expect(parseDuration(formatDuration(millis), { allowZero: true })).toBe(millis)
      }),
    )
  })
})
