import { describe, expect, test } from 'vitest'
import { dashboard } from '#cli/dev-dashboard.ts'
import { devDisplay } from '#cli/dev-display.ts'
import type { DevEvent } from '#cli/dev-view.ts'
import { Screen } from '#cli/screen.ts'
import { styleFor } from '#cli/style.ts'
import { width } from '#cli/text.ts'
import { devView } from './dev-view-builder.ts'
import { RecordingTerminal } from './recording-terminal.ts'

const plain = styleFor({ interactive: false, env: {} })
const LAST = 'Ctrl-C stops; the next start goes on from there.'

describe('The dashboard', () => {
  test('shows the pipeline at a glance', () => {
    expect(dashboard(devView(), { columns: 80, rows: 40 }, plain).join('\n')).toBe(`\
sluice · crimes                                                     running 0:42
simulated crimes, a day every 4 seconds · data in .sluice/crimes

in               181/s    applied          180/s    waiting        172
records          7,712    quarantined         29    late             3
event time  Sun 3 Jun 2018 07:00    America/Chicago
watermark   Sat 2 Jun 2018 07:00    closed up to Sat 2 Jun 2018 06:30

table                                rows   version
bronze.crimes                       7,712        41
gold.crime_per_district_day            22         1

crime_per_district_day  Fri 1 Jun 2018                  total_crimes by district
  001: 62  002: 61  003: 60  004: 59  005: 58  006: 57  007: 56  and 15 more

crimes_anomaly
  THEFT 000: 26 total_crimes, Fri 1 Jun 2018 18:00 – 23:00
  THEFT 001: 26 total_crimes, Fri 1 Jun 2018 13:00 – 18:00

quarantine
  not a date: date: "UNKNOWN"  (partition 3, offset 1,234)
  district known  (partition 0, offset 7)

${LAST}`)
  })

  test.each([
    [80, 24],
    [80, 20],
    [120, 50],
    [40, 16],
  ])('fits %i × %i', (columns, rows) => {
    const view = devView({
      tables: Array.from({ length: 20 }, (_, i) => ({ name: `gold.table_${i}`, rows: i, version: i })),
      notices: ['crimes.csv is read. '.repeat(5).trim()],
    })
    const lines = dashboard(view, { columns, rows }, plain)
    const clipped = new RecordingTerminal({ interactive: true, columns, rows })
    new Screen(clipped).draw(lines)
    expect(clipped.output.split('\n').length - 1).toBeLessThan(rows)
    for (const line of clipped.output.split('\n')) {
      expect(width(line.replace('\u001b[K', '').replace('\u001b[J', ''))).toBeLessThanOrEqual(columns)
    }
    if (rows >= 24) expect(lines.at(-1)).toBe(LAST)
  })

  test('names the partition that holds the watermark', () => {
    const lines = dashboard(devView({ holding: [2, 4] }), { columns: 120, rows: 40 }, plain)
    expect(lines).toContainEqual(expect.stringMatching(/^watermark .* 07:00, held back by partition 2, 4 /))
  })

  test('has its sections before there is anything in them', () => {
    const view = devView({
      counts: { read: 0, counted: 0, late: 0, partlyLate: 0, quarantined: 0, maxEventTime: null },
      watermark: null,
      closedUpTo: null,
      windows: [],
      notable: [],
      quarantined: [],
    })
    const lines = dashboard(view, { columns: 80, rows: 24 }, plain)
    expect(lines).toContain('watermark   –    closed up to –')
    expect(lines.at(-1)).toBe(LAST)
  })

  test('lets nothing from the data move the cursor', () => {
    const quarantined = [{ reason: 'malformed', detail: '\u001b[2J\n', partition: 0, offset: 0 }]
    const text = dashboard(devView({ quarantined }), { columns: 80, rows: 40 }, plain).join('\n')
    expect(text).toContain('malformed: \\u{1b}[2J\\n')
    expect(text).not.toContain('\u001b')
  })
})

describe('The screen', () => {
  test('redraws its lines in place with one write', () => {
    const terminal = new RecordingTerminal({ interactive: true })
    const screen = new Screen(terminal)
    screen.draw(['one', 'two'])
    expect(terminal.output).toBe('one\u001b[K\ntwo\u001b[K\n\u001b[J')
    terminal.output = ''
    screen.draw(['three'])
    expect(terminal.output).toBe('\r\u001b[2Athree\u001b[K\n\u001b[J')
  })

  test('starts anew when the terminal has another size', () => {
    const terminal = new RecordingTerminal({ interactive: true })
    const screen = new Screen(terminal)
    screen.draw(['one', 'two'])
    terminal.columns = 2
    terminal.output = ''
    screen.draw(['one', 'two'])
    expect(terminal.output).toBe('\u001b[H\u001b[2Jo…\u001b[K\nt…\u001b[K\n\u001b[J')
  })
})

const notable = devView().notable[0]!
const EVENTS: readonly (readonly [DevEvent, string | null])[] = [
  [{ event: 'started', pipeline: 'p', dataFolder: '/home/me/d', feed: 'f.csv' }, 'p runs on f.csv; data in d'],
  [{ event: 'first rows', table: 'gold.x', rows: 1_022 }, 'first rows in gold.x: 1,022'],
  [{ event: 'window closed', window: devView().windows[0]! }, null],
  [{ event: 'notable', notable }, 'crimes_anomaly: THEFT 000: 26 total_crimes, Fri 1 Jun 2018 18:00 – 23:00'],
  [
    {
      event: 'input read',
      inputs: ['/x/june.csv'],
      fedBefore: [],
      records: 3_000,
      malformed: 2,
      openWindows: { day: 2, hour: 0 },
    },
    'june.csv is read: 3,000 records, 2 of them malformed. Windows still open, in case more follows: 2 of day.',
  ],
  [
    {
      event: 'input read',
      inputs: ['a.csv', 'b.csv'],
      fedBefore: ['a.csv', 'b.csv'],
      records: 0,
      malformed: 0,
      openWindows: { day: 0 },
    },
    'a.csv, b.csv is read: nothing new, its content was fed before. Every window is closed.',
  ],
  [
    { event: 'input read', inputs: ['a.csv'], fedBefore: [], records: 1, malformed: 0, openWindows: null },
    'a.csv is read: 1 records. No window is closed yet.',
  ],
  [{ event: 'notice', message: 'm' }, 'm'],
  [
    { event: 'retry', stage: 'sql', attempt: 3, message: 'gone\naway' },
    'sql: attempt 3 failed and will be repeated: gone\\naway',
  ],
]

describe('Where it is no terminal,', () => {
  test('the numbers are one plain line', () => {
    const terminal = new RecordingTerminal()
    devDisplay(terminal, false).update(devView())
    expect(terminal.output).toBe(
      '0:42 · in 181/s · read 7,712 · waiting 172 · quarantined 29 · late 3 · event time Sun 3 Jun 2018 07:00 · ' +
        'watermark Sat 2 Jun 2018 07:00 · rows: gold.crime_per_district_day 22\n',
    )
  })

  test.each(EVENTS)('%o is the line %s', (event, line) => {
    const terminal = new RecordingTerminal({ workingFolder: '/home/me' })
    devDisplay(terminal, false).event(event, 'America/Chicago')
    expect(terminal.output).toBe(line === null ? '' : `${line}\n`)
  })

  test('everything is a line of JSON if asked for, with ISO times', () => {
    const terminal = new RecordingTerminal()
    const display = devDisplay(terminal, true)
    display.update(devView())
    for (const [event] of EVENTS) display.event(event, 'UTC')
    const [status, ...events] = terminal.lines.map((line) => JSON.parse(line))
    expect(status).toMatchObject({ event: 'status', lag: 172, watermark: '2018-06-02T12:00:00Z', counts: { late: 3 } })
    expect(events.map(({ event }) => event)).toEqual(EVENTS.map(([{ event }]) => event))
    expect(events[3].notable).toMatchObject({ start: '2018-06-01T23:00:00Z', until: '2018-06-02T06:00:00Z' })
  })
})
