import { basename } from 'node:path'
import { dashboard, notableText } from '#cli/dev-dashboard.ts'
import type { DevEvent, DevView } from '#cli/dev-view.ts'
import { clockTime, elapsed } from '#cli/event-time.ts'
import { nothingNew } from '#cli/progress.ts'
import { Screen } from '#cli/screen.ts'
import { styleFor } from '#cli/style.ts'
import type { Terminal } from '#cli/terminal.ts'
import { count, heldText, isoTime, shownPath, visible } from '#cli/text.ts'

/** Shows a pipeline that runs. */
export interface DevDisplay {
  /** How often it wants to see the pipeline. */
  readonly every: number
  /** It shows events as lines of their own. */
  readonly tells: boolean
  update(view: DevView): void
  event(event: DevEvent, zone: string): void
}

/** A dashboard on a terminal; elsewhere plain lines, or JSON lines. */
export function devDisplay(terminal: Terminal, asJson: boolean): DevDisplay {
  if (asJson) return jsonDisplay(terminal)
  return terminal.interactive ? dashboardDisplay(terminal) : plainDisplay(terminal)
}

function dashboardDisplay(terminal: Terminal): DevDisplay {
  const screen = new Screen(terminal)
  const style = styleFor(terminal)
  return {
    every: 500,
    tells: false,
    update(view) {
      const dataFolder = shownPath(view.dataFolder, terminal.workingFolder)
      screen.draw(dashboard({ ...view, dataFolder }, terminal, style))
    },
    event() {},
  }
}

/** The lines are for people: what happens often is left to the line of numbers. */
function plainDisplay(terminal: Terminal): DevDisplay {
  return {
    every: 5_000,
    tells: true,
    update: (view) => terminal.out(`${statusLine(view)}\n`),
    event(event, zone) {
      const line = eventLine(event, zone, terminal.workingFolder)
      if (line !== null) terminal.out(`${line}\n`)
    },
  }
}

function statusLine(view: DevView): string {
  const { counts, watermark, holding, zone, tables } = view
  const held = holding.length === 0 ? '' : ` (held back by partition ${holding.join(', ')})`
  const results = tables
    .filter(({ name }) => name.startsWith('gold.'))
    .map(({ name, rows }) => `${name} ${count(rows)}`)
  const time = (instant: number | null): string => (instant === null ? '–' : clockTime(instant, zone))
  return [
    elapsed(view.uptime),
    `in ${count(Math.round(view.inPerSecond))}/s`,
    `read ${count(counts.read)}`,
    `waiting ${count(view.lag)}`,
    `quarantined ${count(counts.quarantined)}`,
    `late ${count(counts.late)}`,
    `event time ${time(counts.maxEventTime)}`,
    `watermark ${time(watermark)}${held}`,
    ...(results.length === 0 ? [] : [`rows: ${results.join(', ')}`]),
  ].join(' · ')
}

/** Null for what is shown in the dashboard and as JSON only. */
function eventLine(event: DevEvent, zone: string, workingFolder: string): string | null {
  switch (event.event) {
    case 'started':
      return `${event.pipeline} runs on ${event.feed}; data in ${shownPath(event.dataFolder, workingFolder)}`
    case 'first rows':
      return `first rows in ${event.table}: ${count(event.rows)}`
    case 'window closed':
      return null
    case 'notable':
      return `${event.notable.output}: ${notableText(event.notable, zone)}`
    case 'input read':
      return inputText(event)
    case 'notice':
      return event.message
    case 'held':
      return heldText({ ...event, since: Date.parse(event.since) })
    case 'retry':
      return `${event.stage}: attempt ${event.attempt} failed and will be repeated: ${visible(event.message)}`
  }
}

/** What became of the input, and what is still open. */
export function inputText(event: Extract<DevEvent, { event: 'input read' }>): string {
  const { inputs, fedBefore, records, malformed, openWindows } = event
  const names = inputs.map((path) => basename(path)).join(', ')
  const bad = malformed === 0 ? '' : `, ${count(malformed)} of them malformed`
  const old = fedBefore.map((path) => `; ${nothingNew(basename(path))}`).join('')
  const all = fedBefore.length === inputs.length
  const fed = all ? 'nothing new, its content was fed before' : `${count(records)} records${bad}${old}`
  if (openWindows === null) return `${names} is read: ${fed}. No window is closed yet.`
  const open = Object.entries(openWindows).filter(([, windows]) => windows > 0)
  if (open.length === 0) return `${names} is read: ${fed}. Every window is closed.`
  const windows = open.map(([output, number]) => `${count(number)} of ${output}`).join(', ')
  return `${names} is read: ${fed}. Windows still open, in case more follows: ${windows}.`
}

function jsonDisplay(terminal: Terminal): DevDisplay {
  const write = (line: object): void => terminal.out(`${JSON.stringify(line)}\n`)
  return {
    every: 5_000,
    tells: true,
    update(view) {
      const time = (instant: number | null): string | null => (instant === null ? null : isoTime(instant))
      const { counts, windows, notable, quarantined, notices, zone, ...rest } = view
      write({
        event: 'status',
        ...rest,
        counts: { ...counts, maxEventTime: time(counts.maxEventTime) },
        watermark: time(view.watermark),
        closedUpTo: time(view.closedUpTo),
      })
    },
    event(event) {
      if (event.event === 'window closed') write({ ...event, window: withTimes(event.window) })
      else if (event.event === 'notable') write({ ...event, notable: withTimes(event.notable) })
      else write(event)
    },
  }
}

function withTimes<T extends { readonly start: number; readonly end: number; readonly until?: number }>(
  one: T,
): object {
  const until = one.until === undefined ? {} : { until: isoTime(one.until) }
  return { ...one, start: isoTime(one.start), end: isoTime(one.end), ...until }
}
