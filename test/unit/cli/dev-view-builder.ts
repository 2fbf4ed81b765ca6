import type { DevView } from '#cli/dev-view.ts'

/** A pipeline that has run for a while. */
export function devView(part: Partial<DevView> = {}): DevView {
  const day = Date.UTC(2018, 5, 1, 5)
  const hour = 3_600_000
  return {
    pipeline: 'crimes',
    dataFolder: '.sluice/crimes',
    feed: 'simulated crimes, a day every 4 seconds',
    zone: 'America/Chicago',
    uptime: 42_000,
    inPerSecond: 181.4,
    appliedPerSecond: 179.6,
    counts: { read: 7_712, counted: 7_680, late: 3, partlyLate: 0, quarantined: 29, maxEventTime: day + 55 * hour },
    lag: 172,
    watermark: day + 31 * hour,
    holding: [],
    closedUpTo: day + 30.5 * hour,
    tables: [
      { name: 'bronze.crimes', rows: 7_712, version: 41 },
      { name: 'gold.crime_per_district_day', rows: 22, version: 1 },
    ],
    windows: [
      {
        output: 'crime_per_district_day',
        start: day,
        end: day + 24 * hour,
        groupedBy: 'district',
        measure: 'total_crimes',
        groups: Array.from({ length: 22 }, (_, i) => ({ label: String(i + 1).padStart(3, '0'), value: 62 - i })),
      },
    ],
    notable: [18, 13].map((from, i) => ({
      output: 'crimes_anomaly',
      label: `THEFT 00${i}`,
      measure: 'total_crimes',
      value: 26,
      start: day + from * hour,
      end: day + (from + 5) * hour,
      until: day + (from + 7) * hour,
    })),
    quarantined: [
      { reason: 'not a date', detail: 'date: "UNKNOWN"', partition: 3, offset: 1_234 },
      { reason: 'district known', detail: null, partition: 0, offset: 7 },
    ],
    notices: [],
    ...part,
  }
}
