import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import { type CivilUnit, civilDate, civilDays, daysInMonth, zone } from '#core/zone.ts'

const at = (text: string): number => Date.parse(text)
/** A wall-clock reading as local milliseconds. */
const wall = (text: string): number => Date.parse(`${text}Z`)

describe('offsetAt', () => {
  it.each([
    ['UTC', '2018-06-01T00:00Z', 0],
    ['America/Chicago', '2018-06-01T00:00Z', -5 * HOUR],
    ['America/Chicago', '2018-01-01T00:00Z', -6 * HOUR],
    ['Asia/Kathmandu', '2018-01-01T00:00Z', 5 * HOUR + 45 * MINUTE],
    ['Asia/Kathmandu', '1985-01-01T00:00Z', 5 * HOUR + 30 * MINUTE],
    ['Australia/Lord_Howe', '2018-01-01T00:00Z', 11 * HOUR],
    ['Australia/Lord_Howe', '2018-07-01T00:00Z', 10 * HOUR + 30 * MINUTE],
    ['Pacific/Kiritimati', '2018-07-01T00:00Z', 14 * HOUR],
    ['Pacific/Kiritimati', '1990-07-01T00:00Z', -10 * HOUR],
    ['America/Chicago', '1800-01-01T00:00Z', -(5 * HOUR + 50 * MINUTE + 36_000)],
    ['America/Chicago', '9999-07-01T00:00Z', -5 * HOUR],
    ['+05:30', '2018-01-01T00:00Z', 5 * HOUR + 30 * MINUTE],
  ])('in %s at %s is %d ms', (name, instant, offset) => {
    expect(zone(name).offsetAt(at(instant))).toBe(offset)
  })

  it('changes at the very millisecond of the change', () => {
    const chicago = zone('America/Chicago')
    const change = at('2018-03-11T08:00Z')
    expect(chicago.offsetAt(change - 1)).toBe(-6 * HOUR)
    expect(chicago.offsetAt(change)).toBe(-5 * HOUR)
  })

  it('answers at the ends of what a date can be', () => {
    expect(zone('America/Chicago').offsetAt(8.64e15)).toBe(-5 * HOUR)
    expect(zone('America/Chicago').offsetAt(-8.64e15)).toBe(-(5 * HOUR + 50 * MINUTE + 36_000))
  })

  it('agrees with Intl for any instant and zone, also where changes follow each other closely', () => {
    const names = fc.constantFrom(
      'America/Chicago',
      'Europe/London',
      'Africa/Casablanca',
      'Africa/Cairo',
      'America/Boa_Vista',
      'Australia/Lord_Howe',
      'Pacific/Apia',
      'Europe/Warsaw',
      'Asia/Tehran',
    )
    const instants = fc.integer({ min: at('1880-01-01'), max: at('2060-01-01') })
    fc.assert(
      fc.property(names, instants, (name, instant) => {
        const parts = new Intl.DateTimeFormat('en-US', {
          timeZone: name,
          hourCycle: 'h23',
          year: 'numeric',
          month: 'numeric',
          day: 'numeric',
          hour: 'numeric',
          minute: 'numeric',
          second: 'numeric',
        }).formatToParts(instant)
        const of = (type: string): number => Number(parts.find((part) => part.type === type)?.value)
        const shown = Date.UTC(of('year'), of('month') - 1, of('day'), of('hour'), of('minute'), of('second'))
        const second = Math.floor(instant / 1000) * 1000
        expect(zone(name).offsetAt(instant)).toBe(shown - second)
      }),
      { numRuns: 500 },
    )
  })
})

describe('toInstant and instantOf', () => {
  const both = (name: string, local: number) => [zone(name).toInstant(local), zone(name).instantOf(local)]

  it('give the one instant of an ordinary time', () => {
    const instant = at('2018-06-01T05:00Z')
    expect(both('America/Chicago', wall('2018-06-01T00:00'))).toEqual([{ kind: 'one', instant }, instant])
  })

  // Chicago, 2018-03-11   01:59:59 ─┐08:00Z
  //                                 └─ 03:00:00
  it('find no instant for a time that clocks skip', () => {
    expect(both('America/Chicago', wall('2018-03-11T02:30'))).toEqual([
      { kind: 'gap', before: at('2018-03-11T07:30Z'), after: at('2018-03-11T08:30Z') },
      Number.NaN,
    ])
    expect(zone('America/Chicago').instantOf(wall('2018-03-11T01:59:59.999'))).toBe(at('2018-03-11T07:59:59.999Z'))
    expect(zone('America/Chicago').instantOf(wall('2018-03-11T03:00'))).toBe(at('2018-03-11T08:00Z'))
  })

  // Chicago, 2018-11-04   01:00 CDT ── 01:59:59 ─┐07:00Z
  //                       01:00 CST ─────────────┘
  it('find two instants for a time that occurs twice, the earlier first', () => {
    const earlier = at('2018-11-04T06:30Z')
    expect(both('America/Chicago', wall('2018-11-04T01:30'))).toEqual([
      { kind: 'overlap', earlier, later: earlier + HOUR },
      earlier,
    ])
    expect(zone('America/Chicago').instantOf(wall('2018-11-04T02:00'))).toBe(at('2018-11-04T08:00Z'))
  })

  it('know a change of half an hour', () => {
    // Lord Howe: 02:00 → 02:30 on 2018-10-07, 02:00 → 01:30 on 2018-04-01
    const gap = zone('Australia/Lord_Howe').toInstant(wall('2018-10-07T02:15'))
    expect(gap).toEqual({ kind: 'gap', before: at('2018-10-06T15:15Z'), after: at('2018-10-06T15:45Z') })
    expect(zone('Australia/Lord_Howe').instantOf(wall('2018-10-07T02:30'))).toBe(at('2018-10-06T15:30Z'))
    const overlap = zone('Australia/Lord_Howe').toInstant(wall('2018-04-01T01:45'))
    expect(overlap).toEqual({ kind: 'overlap', earlier: at('2018-03-31T14:45Z'), later: at('2018-03-31T15:15Z') })
    expect(zone('Australia/Lord_Howe').toInstant(wall('2018-04-01T01:29'))).toMatchObject({ kind: 'one' })
  })

  it('know the days that were skipped at the date line', () => {
    expect(zone('Pacific/Apia').toInstant(wall('2011-12-30T12:00')).kind).toBe('gap')
    expect(zone('Pacific/Kiritimati').toInstant(wall('1994-12-31T12:00')).kind).toBe('gap')
    expect(zone('Pacific/Kiritimati').instantOf(wall('1995-01-01T00:00'))).toBe(at('1994-12-31T10:00Z'))
  })

  it('invert offsetAt for any instant', () => {
    const names = fc.constantFrom('America/Chicago', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'America/St_Johns')
    const instants = fc.integer({ min: at('0001-01-01'), max: at('9999-12-31') })
    fc.assert(
      fc.property(names, instants, (name, instant) => {
        const here = zone(name)
        const local = instant + here.offsetAt(instant)
        const found = here.toInstant(local)
        expect(found.kind).not.toBe('gap')
        const candidates =
          found.kind === 'one' ? [found.instant] : found.kind === 'gap' ? [] : [found.earlier, found.later]
        expect(candidates).toContain(instant)
        expect(here.instantOf(local)).toBe(candidates[0])
      }),
      { numRuns: 300 },
    )
  })
})

describe('civil units', () => {
  const starts = (name: string, unit: CivilUnit, from: string, count: number): string[] => {
    const here = zone(name)
    let start = here.startOfCivil(unit, at(from))
    return Array.from({ length: count }, () => {
      const text = new Date(start).toISOString()
      start = here.nextCivil(unit, start)
      return text
    })
  }

  it('have days of 23 and of 25 hours where clocks change', () => {
    expect(starts('America/Chicago', 'day', '2018-03-11T12:00Z', 2)).toEqual([
      '2018-03-11T06:00:00.000Z',
      '2018-03-12T05:00:00.000Z',
    ])
    expect(starts('America/Chicago', 'day', '2018-11-04T12:00Z', 2)).toEqual([
      '2018-11-04T05:00:00.000Z',
      '2018-11-05T06:00:00.000Z',
    ])
  })

  it('start at the end of the gap on a day whose midnight is skipped', () => {
    // São Paulo, 2018-11-04: 00:00 → 01:00
    expect(starts('America/Sao_Paulo', 'day', '2018-11-04T12:00Z', 2)).toEqual([
      '2018-11-04T03:00:00.000Z',
      '2018-11-05T02:00:00.000Z',
    ])
  })

  it('pass over a day that never was', () => {
    expect(starts('Pacific/Apia', 'day', '2011-12-30T00:00Z', 3)).toEqual([
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
      '2011-12-31T10:00:00.000Z',
    ])
  })

  it('weeks start on Monday, months, quarters and years on their first day', () => {
    const start = (unit: CivilUnit, instant: string, name = 'America/Chicago'): string =>
      new Date(zone(name).startOfCivil(unit, at(instant))).toISOString()
    expect(start('week', '2018-06-03T12:00Z')).toBe('2018-05-28T05:00:00.000Z')
    expect(start('week', '2018-06-04T12:00Z')).toBe('2018-06-04T05:00:00.000Z')
    expect(start('week', '1969-12-30T12:00Z', 'UTC')).toBe('1969-12-29T00:00:00.000Z')
    expect(start('month', '2018-07-01T04:59Z')).toBe('2018-06-01T05:00:00.000Z')
    expect(start('quarter', '2018-12-31T12:00Z')).toBe('2018-10-01T05:00:00.000Z')
    expect(start('year', '2018-12-31T12:00Z')).toBe('2018-01-01T06:00:00.000Z')
    expect(new Date(zone('UTC').nextCivil('month', at('2018-12-01'))).toISOString()).toBe('2019-01-01T00:00:00.000Z')
    expect(new Date(zone('UTC').nextCivil('quarter', at('2018-10-01'))).toISOString()).toBe('2019-01-01T00:00:00.000Z')
    expect(new Date(zone('UTC').nextCivil('year', at('2018-01-01'))).toISOString()).toBe('2019-01-01T00:00:00.000Z')
  })

  it('hold every instant in exactly one unit, also where clocks go back over midnight', () => {
    // St. John's went back at 00:01 until 2006: the day before shows again for 59 minutes
    const names = fc.constantFrom('America/St_Johns', 'America/Sao_Paulo', 'Pacific/Apia', 'America/Havana', 'UTC')
    const units = fc.constantFrom<CivilUnit>('day', 'week', 'month', 'quarter', 'year')
    const near = fc
      .constantFrom(at('2004-10-31T02:31Z'), at('2018-11-04T03:00Z'), at('2011-12-30T10:00Z'), at('2018-11-04T05:00Z'))
      .chain((change) => fc.integer({ min: change - DAY, max: change + DAY }))
    fc.assert(
      fc.property(names, units, near, (name, unit, instant) => {
        const here = zone(name)
        const start = here.startOfCivil(unit, instant)
        const next = here.nextCivil(unit, start)
        expect(start).toBeLessThanOrEqual(instant)
        expect(next).toBeGreaterThan(instant)
        expect(here.startOfCivil(unit, start)).toBe(start)
        expect(here.startOfCivil(unit, next)).toBe(next)
        expect(here.startOfCivil(unit, next - 1)).toBe(start)
      }),
      { numRuns: 1000 },
    )
  })

  it('startOfDay is the start of the civil day', () => {
    expect(zone('Asia/Kathmandu').startOfDay(at('2018-06-01T18:14Z'))).toBe(at('2018-05-31T18:15Z'))
    expect(zone('Asia/Kathmandu').startOfDay(at('2018-06-01T18:15Z'))).toBe(at('2018-06-01T18:15Z'))
  })
})

describe('zone', () => {
  it('names what it does not know', () => {
    expect(() => zone('America/Chicagoo')).toThrow(
      "Expected an IANA time zone such as 'America/Chicago' or 'UTC', found 'America/Chicagoo'. Check its spelling.",
    )
    expect(() => zone('')).toThrow(expect.objectContaining({ code: 'TIME_ZONE_UNKNOWN' }))
  })

  it('is the same object for the same name', () => {
    expect(zone('Europe/Rome')).toBe(zone('Europe/Rome'))
  })
})

describe('the civil calendar', () => {
  it('agrees with Date for every date it knows', () => {
    fc.assert(
      fc.property(fc.integer({ min: -100_000_000, max: 100_000_000 }), (days) => {
        const { year, month, day } = civilDate(days)
        const date = new Date(days * DAY)
        expect([year, month, day]).toEqual([date.getUTCFullYear(), date.getUTCMonth() + 1, date.getUTCDate()])
        expect(civilDays(year, month, day)).toBe(days)
      }),
    )
  })

  it('knows leap years', () => {
    expect([1900, 2000, 2018, 2020].map((year) => daysInMonth(year, 2))).toEqual([28, 29, 28, 29])
    expect([1, 4, 12].map((month) => daysInMonth(2018, month))).toEqual([31, 30, 31])
  })
})
