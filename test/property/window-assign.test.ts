import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import { sliceLayout, sliceStart } from '#window/slices.ts'
import { lastWindowEnd, windowsContaining, windowsEndingIn } from '#window/windows.ts'
import { calendar, cumulating, sliding, tumbling } from '../unit/window/builders.ts'

const small = fc.integer({ min: 1, max: 40 })
const offset = fc.integer({ min: -50, max: 50 })

/** Windows of a few units. */
const hops: fc.Arbitrary<WindowSpec> = fc.oneof(
  fc.tuple(small, offset).map(([size, shift]) => tumbling(size, { offset: shift })),
  fc.tuple(small, small, offset).map(([size, every, shift]) => sliding(size, every, { offset: shift })),
  fc
    .tuple(small, fc.integer({ min: 1, max: 5 }), offset)
    .map(([step, steps, shift]) => cumulating(step * steps, step, { offset: shift })),
)

const civil: fc.Arbitrary<WindowSpec> = fc
  .tuple(
    fc.constantFrom('day', 'week', 'month', 'quarter', 'year'),
    fc.constantFrom('America/Chicago', 'Europe/London', 'Asia/Kathmandu', 'Australia/Lord_Howe', 'UTC'),
  )
  .map(([unit, zone]) => calendar(unit as 'day', zone))

const time = fc.integer({ min: -500, max: 500 })
const instant = fc.integer({ min: Date.parse('2000-01-01'), max: Date.parse('2035-01-01') })

describe('an event', () => {
  it('is in exactly the windows whose bounds contain it, found one by one', () => {
    fc.assert(
      fc.property(hops, time, (spec, t) => {
        if (spec.kind === 'calendar' || spec.kind === 'session') return
        const every = spec.kind === 'sliding' ? spec.every : spec.size
        const step = spec.kind === 'cumulating' ? spec.step : spec.size
        const all = Array.from({ length: 2_001 }, (_, i) => spec.offset + (i - 1_000) * every)
          .flatMap((start) =>
            Array.from({ length: spec.size / step }, (_, i) => ({ start, end: start + (i + 1) * step })),
          )
          .filter(({ start, end }) => start <= t && t < end)
        expect(windowsContaining(spec, t)).toEqual(all)
        expect(lastWindowEnd(spec, t)).toBe(all.at(-1)?.end ?? null)
      }),
    )
  })

  it('is in exactly one calendar window, which starts and ends at a civil midnight', () => {
    fc.assert(
      fc.property(civil, instant, (spec, t) => {
        if (spec.kind !== 'calendar') return
        const windows = windowsContaining(spec, t)
        expect(windows).toHaveLength(1)
        const { start, end } = windows[0]!
        expect(start <= t && t < end).toBe(true)
        const clock = new Intl.DateTimeFormat('en-GB', { timeZone: spec.zone, timeStyle: 'medium' })
        expect([clock.format(start), clock.format(end)]).toEqual(['00:00:00', '00:00:00'])
        expect(lastWindowEnd(spec, t)).toBe(end)
      }),
    )
  })
})

describe('calendar windows of any time', () => {
  const zones = [
    'Asia/Kolkata',
    'Asia/Kathmandu',
    'Australia/Adelaide',
    'Australia/Lord_Howe',
    'America/St_Johns',
    'Pacific/Apia',
    'Pacific/Chatham',
    'Africa/Monrovia',
    'America/Sao_Paulo',
  ]
  const units = ['day', 'week', 'month', 'quarter', 'year'] as const
  const anyTime = fc.integer({ min: Date.parse('-001000-01-01T00:00Z'), max: Date.parse('9000-01-01T00:00Z') })

  it('follow each other without gaps, in half-hour zones, far back and far ahead', () => {
    fc.assert(
      fc.property(fc.constantFrom(...units), fc.constantFrom(...zones), anyTime, (unit, zone, t) => {
        const spec = calendar(unit, zone)
        const [window] = windowsContaining(spec, t)
        expect(window!.start <= t && t < window!.end).toBe(true)
        const [next] = windowsContaining(spec, window!.end)
        const [before] = windowsContaining(spec, window!.start - 1)
        expect(next!.start).toBe(window!.end)
        expect(before!.end).toBe(window!.start)
        expect([...windowsEndingIn(spec, window!.start, next!.end)]).toEqual([window, next])
      }),
    )
  })

  it('start where slices do since 1972', () => {
    const since = fc.integer({ min: Date.parse('1972-06-01'), max: Date.parse('3000-01-01') })
    fc.assert(
      fc.property(fc.constantFrom(...units), fc.constantFrom(...zones), since, (unit, zone, t) => {
        const { end } = windowsContaining(calendar(unit, zone), t)[0]!
        expect(end % (15 * MINUTE)).toBe(0)
      }),
    )
  })
})

describe('windows that end in a range', () => {
  it('are those that contain some event and end there, ascending', () => {
    fc.assert(
      fc.property(hops, time, fc.integer({ min: 0, max: 150 }), (spec, after, length) => {
        const upTo = after + length
        const ends = new Set<number>()
        for (let t = after - 50; t <= upTo; t++) for (const { end } of windowsContaining(spec, t)) ends.add(end)
        const expected = [...ends].filter((end) => end > after && end <= upTo).sort((a, b) => a - b)
        expect([...windowsEndingIn(spec, after, upTo)].map(({ end }) => end)).toEqual(expected)
      }),
    )
  })
})

describe('a slice', () => {
  it('lies in the same windows from its first instant to its last', () => {
    fc.assert(
      fc.property(fc.array(hops, { minLength: 1, maxLength: 3 }), time, (specs, t) => {
        const layout = sliceLayout(specs, 7)
        const start = sliceStart(layout, t)
        expect(start <= t && t < start + layout.width).toBe(true)
        for (const spec of specs) {
          expect(windowsContaining(spec, start)).toEqual(windowsContaining(spec, t))
          expect(windowsContaining(spec, start + layout.width - 1)).toEqual(windowsContaining(spec, t))
        }
      }),
    )
  })

  it('of a quarter of an hour lies in one civil day, week, month, quarter and year', () => {
    fc.assert(
      fc.property(civil, instant, (spec, t) => {
        const layout = sliceLayout([spec, sliding(5 * HOUR, 30 * MINUTE)], DAY)
        const start = sliceStart(layout, t)
        expect(windowsContaining(spec, start)).toEqual(windowsContaining(spec, start + layout.width - 1))
      }),
    )
  })
})

describe('windows', () => {
  it('start and end where slices do, and pages where slices do', () => {
    fc.assert(
      fc.property(
        fc.array(hops, { minLength: 1, maxLength: 3 }),
        time,
        fc.integer({ min: 0, max: 99 }),
        (specs, t, ooo) => {
          const layout = sliceLayout(specs, ooo)
          expect(layout.span % layout.width).toBe(0)
          for (const { start, end } of specs.flatMap((spec) => windowsContaining(spec, t))) {
            expect(sliceStart(layout, start)).toBe(start)
            expect(sliceStart(layout, end)).toBe(end)
          }
        },
      ),
    )
  })
})
