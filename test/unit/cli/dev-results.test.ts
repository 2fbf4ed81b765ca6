import { describe, expect, test } from 'vitest'
import { addNotable, lastWindow, openWindows, type ResultRow } from '#cli/dev-results.ts'
import type { Notable } from '#cli/dev-view.ts'
import { isWindowOutput } from '#plan/plan.ts'
import crimes from '../../../pipelines/crimes.ts'

const day = Date.UTC(2018, 5, 1, 5)
const hour = 3_600_000
const [perDay, anomalies] = crimes.outputs.filter(isWindowOutput)

const row = (from: number, hours: number, group: readonly unknown[], value: number): ResultRow => ({
  start: day + from * hour,
  end: day + (from + hours) * hour,
  group,
  values: [value],
})

describe('The last window', () => {
  test('is the one that ends last, its largest groups first', () => {
    const rows = [row(0, 24, ['001'], 9), row(24, 24, ['002'], 3), row(24, 24, ['003'], 5)]
    expect(lastWindow(perDay!, rows)).toEqual({
      output: 'crime_per_district_day',
      start: day + 24 * hour,
      end: day + 48 * hour,
      groupedBy: 'district',
      measure: 'total_crimes',
      groups: [
        { label: '003', value: 5 },
        { label: '002', value: 3 },
      ],
    })
  })

  test('is none without rows', () => {
    expect(lastWindow(perDay!, [])).toBeNull()
  })
})

describe('Rows that pass a condition', () => {
  const theft = ['THEFT', '006']

  // hours     0    1    2    3    4    5    6    7         20   …   25
  // windows   |------- 16 -------|                          |-- 15 --|
  //                |------- 26 -------|
  //                     |------- 18 -------|
  test('of one group are one thing while their windows overlap, shown at its peak', () => {
    const rows = [row(0, 5, theft, 16), row(1, 5, theft, 26), row(2, 5, theft, 18), row(20, 5, theft, 15)]
    const { all, news } = addNotable([], anomalies!, rows)
    expect(all.map(({ label, value, start, until }) => [label, value, start, until])).toEqual([
      ['THEFT 006', 15, day + 20 * hour, day + 25 * hour],
      ['THEFT 006', 26, day + hour, day + 7 * hour],
    ])
    expect(news.map(({ value }) => value)).toEqual([15])
  })

  test('go on with what is known, and are no news then', () => {
    const first = addNotable([], anomalies!, [row(0, 5, theft, 16), row(0, 5, ['THEFT', '001'], 20)])
    expect(first.news).toHaveLength(2)
    const second = addNotable(first.all, anomalies!, [row(1, 5, theft, 17)])
    expect(second.news).toEqual([])
    expect(second.all.map(({ value }: Notable) => value)).toEqual([17, 20])
  })

  test('are kept up to twenty', () => {
    const rows = Array.from({ length: 30 }, (_, i) => row(10 * i, 5, theft, 15))
    const { all } = addNotable([], anomalies!, rows)
    expect(all).toHaveLength(20)
    expect(all[0]!.start).toBe(day + 290 * hour)
  })
})

describe('Windows that are open', () => {
  test('are those after the mark that may hold what came last', () => {
    expect(openWindows(crimes, day + 24 * hour, day + 47 * hour)).toEqual({
      crime_per_district_day: 1,
      crimes_anomaly: 56,
    })
  })

  test('are none when the mark has passed them all', () => {
    expect(openWindows(crimes, day + 72 * hour, day + 47 * hour)).toEqual({
      crime_per_district_day: 0,
      crimes_anomaly: 0,
    })
  })

  test('are not known before anything is closed', () => {
    expect(openWindows(crimes, null, day)).toBeNull()
  })
})
