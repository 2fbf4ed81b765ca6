import { describe, expect, it } from 'vitest'
import { isoDate, isoDateFailure, timestampParser } from '#core/timestamp-format.ts'

/** The instant in ISO form, or why there is none. The text lies in the middle of other bytes. */
function parse(pattern: string, zone: string, text: string): string {
  const bytes = new TextEncoder().encode(`12${text}34`)
  const parser = timestampParser(pattern, zone)
  const instant = parser.parse(bytes, 2, bytes.length - 2)
  return Number.isNaN(instant) ? parser.lastFailure() : new Date(instant).toISOString()
}

describe('iso', () => {
  it.each([
    ['2018-06-01', '2018-06-01T00:00:00.000Z'],
    ['2018-06-01T10:30', '2018-06-01T10:30:00.000Z'],
    ['2018-06-01 10:30:15', '2018-06-01T10:30:15.000Z'],
    ['2018-06-01T10:30:15.1', '2018-06-01T10:30:15.100Z'],
    ['2018-06-01T10:30:15,12', '2018-06-01T10:30:15.120Z'],
    ['2018-06-01T10:30:15.123999999Z', '2018-06-01T10:30:15.123Z'],
    ['2018-06-01T10:30:15+02:00', '2018-06-01T08:30:15.000Z'],
    ['2018-06-01T10:30:15-0530', '2018-06-01T16:00:15.000Z'],
    ['2018-06-01 10:30:15.5+00', '2018-06-01T10:30:15.500Z'],
    ['2020-02-29', '2020-02-29T00:00:00.000Z'],
    ['0001-01-01', '0001-01-01T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    ['1969-12-31T23:59:59.999', '1969-12-31T23:59:59.999Z'],
  ])('reads %s', (text, instant) => {
    expect(parse('iso', 'UTC', text)).toBe(instant)
  })

  it.each([
    '',
    'yesterday',
    '2018-6-1',
    '2018/06/01',
    '20180601',
    '2018-06-01T',
    '2018-06-01T10',
    '2018-06-01T10:30:',
    '2018-06-01T10:30:1',
    '2018-06-01T10:30:15.',
    '2018-06-01T24:00:00',
    '2018-06-01T10:60:00',
    '2018-06-01T10:30:60',
    '2018-06-01T10:30Zz',
    '2018-06-01T10:30+2',
    '2018-06-01T10:30+02:0',
    '2018-06-01Z',
    '-018-06-01',
    '2018-06-01T10:30:15 ',
  ])('takes %j for no date', (text) => {
    expect(parse('iso', 'UTC', text)).toBe('not a date')
  })

  it.each(['2018-02-29', '2018-13-01', '2018-00-10', '2018-04-31T00:00:00Z', '2018-01-00'])('knows no %s', (text) => {
    expect(parse('iso', 'UTC', text)).toBe('no such date')
  })

  it('reads text without an offset in its zone', () => {
    expect(parse('iso', 'America/Chicago', '2018-06-01T00:00:00')).toBe('2018-06-01T05:00:00.000Z')
    expect(parse('iso', 'America/Chicago', '2018-06-01T00:00:00Z')).toBe('2018-06-01T00:00:00.000Z')
    expect(parse('iso', 'America/Chicago', '2018-03-11T02:30')).toBe('no such local time')
    expect(parse('iso', 'America/Chicago', '2018-11-04T01:30')).toBe('2018-11-04T06:30:00.000Z')
  })
})

describe('a pattern', () => {
  const US = 'MM/dd/yyyy hh:mm:ss a'

  it.each([
    [US, '06/01/2018 12:00:00 AM', '2018-06-01T00:00:00.000Z'],
    [US, '06/01/2018 12:00:00 pm', '2018-06-01T12:00:00.000Z'],
    [US, '06/01/2018 01:02:03 Pm', '2018-06-01T13:02:03.000Z'],
    ['M/d/yyyy H:mm', '6/1/2018 9:05', '2018-06-01T09:05:00.000Z'],
    ['M/d/yyyy H:mm', '12/31/2018 23:59', '2018-12-31T23:59:00.000Z'],
    ['d.M.yyyy h:m:s a', '1.6.2018 9:5:7 PM', '2018-06-01T21:05:07.000Z'],
    ["yyyy-MM-dd'T'HH:mm:ss.SSSSSS", '2018-06-01T10:30:15.123999', '2018-06-01T10:30:15.123Z'],
    ['yyyyMMddHHmmssSSS', '20180601103015007', '2018-06-01T10:30:15.007Z'],
    ['yyyy-MM-dd HH:mm:ss.S', '2018-06-01 10:30:15.7', '2018-06-01T10:30:15.700Z'],
    ['yyyy-MM-dd HH:mm:ss.SS', '2018-06-01 10:30:15.07', '2018-06-01T10:30:15.070Z'],
    ["dd 'o''clock' MM ''yyyy", "01 o'clock 06 '2018", '2018-06-01T00:00:00.000Z'],
    ['yyyy年MM月dd日', '2018年06月01日', '2018-06-01T00:00:00.000Z'],
  ])('%s reads %s', (pattern, text, instant) => {
    expect(parse(pattern, 'UTC', text)).toBe(instant)
  })

  it.each([
    [US, '6/01/2018 12:00:00 AM'],
    [US, '06/01/2018 13:00:00 PM'],
    [US, '06/01/2018 00:00:00 AM'],
    [US, '06/01/2018 12:00:00 XM'],
    [US, '06/01/2018 12:00:00 A'],
    [US, '06/01/2018 12:00:00'],
    [US, '06/01/2018 12:00:00 AM '],
    [US, '06/01/2018 12:60:00 AM'],
    [US, ''],
    ['yyyy-MM-dd HH:mm', '2018-06-01 24:00'],
    ['yyyy-MM-dd HH:mm:ss', '2018-06-01 10:00:60'],
  ])('%s takes %j for no date', (pattern, text) => {
    expect(parse(pattern, 'UTC', text)).toBe('not a date')
  })

  it('tells a day that is none from a time that clocks skipped', () => {
    expect(parse(US, 'America/Chicago', '02/30/2018 01:00:00 AM')).toBe('no such date')
    expect(parse(US, 'America/Chicago', '13/01/2018 01:00:00 AM')).toBe('no such date')
    expect(parse(US, 'America/Chicago', '03/11/2018 02:30:00 AM')).toBe('no such local time')
    expect(parse(US, 'America/Chicago', '11/04/2018 01:30:00 AM')).toBe('2018-11-04T06:30:00.000Z')
    expect(parse(US, 'Asia/Kathmandu', '06/01/2018 12:00:00 AM')).toBe('2018-05-31T18:15:00.000Z')
  })

  it('remembers nothing of the text before', () => {
    const parser = timestampParser('M/d/yyyy H:mm', 'UTC')
    const read = (text: string): number => parser.parse(new TextEncoder().encode(text), 0, text.length)
    read('12/31/2018 23:59')
    expect(read('x')).toBeNaN()
    expect(read('1/1/1970 0:00')).toBe(0)
  })

  it.each([
    ['', 'year, month or day is missing'],
    ['yyyy-MM', 'year, month or day is missing'],
    ['yy-MM-dd', "'yy' is not known"],
    ['yyyy-MMM-dd', "'MMM' is not known"],
    ['yyyy-MM-ddTHH:mm', "'T' is not known"],
    ["yyyy-MM-dd'T", 'a quote is not closed'],
    ['yyyy-MM-dd hh:mm', "'hh' (1 to 12) and 'a' (AM or PM) need each other"],
    ['yyyy-MM-dd HH:mm a', "'hh' (1 to 12) and 'a' (AM or PM) need each other"],
    ['yyyy-MM-dd HH hh a', "it has both 'hh' and 'HH'"],
    ['yyyy-MM-dd MM', "'M' stands in it twice"],
    ['yyyy-MM-dd SSSSSSSSSS', "'SSSSSSSSSS' is not known"],
  ])('%j is refused: %s', (pattern, fault) => {
    expect(() => timestampParser(pattern, 'UTC')).toThrow(
      expect.objectContaining({
        code: 'TIMESTAMP_FORMAT_INVALID',
        message: `Expected 'iso' or a timestamp pattern such as 'MM/dd/yyyy hh:mm:ss a', found '${pattern}': ${fault}. Use yyyy MM dd, HH or hh with a, mm, ss, S; put other letters between quotes, like 'T'.`,
      }),
    )
  })

  it('needs a zone that exists', () => {
    expect(() => timestampParser('iso', 'Mars/Base')).toThrow(expect.objectContaining({ code: 'TIME_ZONE_UNKNOWN' }))
  })
})

describe('isoDate', () => {
  it.each([
    ['1970-01-01', 0],
    ['1969-12-31', -1],
    ['2018-06-01', 17_683],
    ['2018-02-29', 'no such date'],
    ['2018-6-01', 'not a date'],
    ['2018-0x-01', 'not a date'],
    ['2018-06-01T00:00', 'not a date'],
  ])('of %s is %s', (text, expected) => {
    const bytes = new TextEncoder().encode(text)
    const days = isoDate(bytes, 0, bytes.length)
    expect(Number.isNaN(days) ? isoDateFailure(bytes, 0, bytes.length) : days).toBe(expected)
  })
})
