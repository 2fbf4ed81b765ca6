import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import { pageIndex, sliceLayout, sliceStart } from '#window/slices.ts'
import { calendar, cumulating, session, sliding, tumbling } from './builders.ts'

describe('sliceLayout', () => {
  it('cuts slices as wide as the greatest common divisor of all sizes, slides and offsets', () => {
    expect(sliceLayout([tumbling(DAY), sliding(5 * HOUR, 30 * MINUTE)], 0).width).toBe(30 * MINUTE)
    expect(sliceLayout([sliding(10, 3)], 0).width).toBe(1)
    expect(sliceLayout([tumbling(HOUR, { offset: 20 * MINUTE })], 0).width).toBe(20 * MINUTE)
    expect(sliceLayout([tumbling(HOUR, { offset: -20 * MINUTE })], 0).width).toBe(20 * MINUTE)
    expect(sliceLayout([tumbling(30 * DAY)], 0).width).toBe(30 * DAY)
    expect(sliceLayout([sliding(6 * HOUR, 2 * HOUR, { offset: HOUR })], 0).width).toBe(HOUR)
    expect(sliceLayout([cumulating(DAY, 6 * HOUR)], 0).width).toBe(6 * HOUR)
    expect(sliceLayout([cumulating(DAY, 6 * HOUR, { offset: 4 * HOUR })], 0).width).toBe(2 * HOUR)
    expect(sliceLayout([session(90), tumbling(60)], 0).width).toBe(30)
  })

  it('cuts quarters of an hour, or finer, where a calendar window is involved', () => {
    expect(sliceLayout([calendar('month')], 0).width).toBe(15 * MINUTE)
    expect(sliceLayout([calendar('day'), tumbling(HOUR)], 0).width).toBe(15 * MINUTE)
    expect(sliceLayout([calendar('day'), tumbling(10 * MINUTE)], 0).width).toBe(5 * MINUTE)
  })

  it('cuts days where there are no windows', () => {
    expect(sliceLayout([], 0)).toEqual({ width: DAY, span: DAY })
  })

  it('makes a page as long as the disorder, in whole slices, at least one slice and at most a day', () => {
    const hours = [tumbling(HOUR)]
    expect(sliceLayout(hours, 90 * MINUTE).span).toBe(2 * HOUR)
    expect(sliceLayout(hours, 0).span).toBe(HOUR)
    expect(sliceLayout(hours, 3 * DAY).span).toBe(DAY)
    expect(sliceLayout([tumbling(7 * HOUR)], 3 * DAY).span).toBe(21 * HOUR)
    expect(sliceLayout([tumbling(7 * DAY)], DAY).span).toBe(7 * DAY)
  })
})

describe('slices and pages', () => {
  //       -2 h      -1 h       0        1 h       2 h
  // slices ┼─────────┼─────────┼─────────┼─────────┼
  // pages  ├── −1 ─────────────┼── 0 ──────────────┼─
  it('round down before 1970 too', () => {
    const layout = sliceLayout([tumbling(HOUR)], 2 * HOUR)
    expect(sliceStart(layout, -1)).toBe(-HOUR)
    expect(sliceStart(layout, HOUR - 1)).toBe(0)
    expect(pageIndex(layout, -1)).toBe(-1)
    expect(pageIndex(layout, -2 * HOUR)).toBe(-1)
    expect(pageIndex(layout, 2 * HOUR)).toBe(1)
  })
})
