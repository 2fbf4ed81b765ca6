import type { ClosedWindow, DevView, Notable } from '#cli/dev-view.ts'
import { clockTime, elapsed, windowTime } from '#cli/event-time.ts'
import type { Style } from '#cli/style.ts'
import { clip, count, pad, visible, width, wrapped } from '#cli/text.ts'

/** How much of each list is shown, most first. */
const DETAIL = [
  { notable: 5, quarantined: 5, tables: 12 },
  { notable: 3, quarantined: 3, tables: 12 },
  { notable: 2, quarantined: 1, tables: 7 },
  { notable: 1, quarantined: 1, tables: 4 },
]

type Detail = (typeof DETAIL)[number]
type Section = readonly string[]

/** The lines of one frame: as much detail as fits into so many lines, and empty lines between where there is room. */
export function dashboard(
  view: DevView,
  size: { readonly columns: number; readonly rows: number },
  style: Style,
): readonly string[] {
  const room = size.rows - 1
  for (const [i, detail] of DETAIL.entries()) {
    const sections = sectionsOf(view, size.columns, style, detail).filter((section) => section.length > 0)
    const lines = sections.reduce((sum, section) => sum + section.length, 0)
    const gaps = Math.min(sections.length - 1, room - lines)
    // With all the detail there is room for every gap, or there is less detail.
    const wanted = i < 2 ? sections.length - 1 : 0
    if (gaps >= wanted || i === DETAIL.length - 1) return joined(sections, gaps)
  }
  return []
}

/** So many gaps, from the second section on: the title needs one least. */
function joined(sections: readonly Section[], gaps: number): readonly string[] {
  const inner = sections.length - 2
  return sections.flatMap((section, i) => {
    const gap = i === 0 ? false : i === 1 ? gaps > inner : i - 1 <= gaps
    return gap ? ['', ...section] : section
  })
}

function sectionsOf(view: DevView, columns: number, style: Style, detail: Detail): readonly Section[] {
  return [
    header(view, columns, style),
    numbers(view, style),
    tables(view, style, detail),
    ...view.windows.map((window) => closedWindow(window, view.zone, columns, style)),
    notable(view, columns, style, detail),
    quarantined(view, columns, style, detail),
    [
      ...view.notices.slice(-2).flatMap((notice) => wrapped(visible(notice), columns)),
      style.dim('Ctrl-C stops; the next start goes on from there.'),
    ],
  ]
}

/** Both texts in one line, at its ends. */
function ends(left: string, right: string, columns: number, style: Style): string {
  const room = columns - width(right) - 2
  return pad(clip(left, room), room, false) + style.dim(`  ${right}`)
}

function header(view: DevView, columns: number, style: Style): readonly string[] {
  const title = `sluice · ${view.pipeline}`
  const first = ends(title, `running ${elapsed(view.uptime)}`, columns, style)
  return [style.bold(title) + first.slice(title.length), clip(`${view.feed} · data in ${view.dataFolder}`, columns)]
}

function numbers(view: DevView, style: Style): readonly string[] {
  const { counts, watermark, holding, closedUpTo, zone } = view
  const cell = (name: string, value: string): string =>
    `${style.dim(name)} ${value.padStart(10 - Math.max(0, name.length - 11))}`
  const rate = (value: number): string => `${count(Math.round(value))}/s`
  const time = (instant: number | null): string => (instant === null ? '–' : clockTime(instant, zone))
  const held = holding.length === 0 ? '' : `, held back by partition ${holding.join(', ')}`
  return [
    `${cell('in         ', rate(view.inPerSecond))}    ${cell('applied    ', rate(view.appliedPerSecond))}    ${cell('waiting', count(view.lag))}`,
    `${cell('records    ', count(counts.read))}    ${cell('quarantined', count(counts.quarantined))}    ${cell('late   ', count(counts.late))}`,
    `${style.dim('event time')}  ${time(counts.maxEventTime)}    ${style.dim(zone)}`,
    `${style.dim('watermark')}   ${time(watermark)}${held}    ${style.dim('closed up to')} ${time(closedUpTo)}`,
  ]
}

function tables(view: DevView, style: Style, detail: Detail): Section {
  const shown = view.tables.slice(0, detail.tables)
  const names = Math.max(5, ...shown.map(({ name }) => name.length))
  const line = (name: string, rows: string, version: string): string =>
    `${pad(name, names, false)}  ${rows.padStart(12)}  ${version.padStart(8)}`
  const more = view.tables.length - shown.length
  return [
    style.dim(line('table', 'rows', 'version')),
    ...shown.map(({ name, rows, version }) => line(name, count(rows), String(version))),
    ...(more > 0 ? [style.dim(`and ${more} more`)] : []),
  ]
}

function closedWindow(window: ClosedWindow, zone: string, columns: number, style: Style): Section {
  const { output, groups, start, end, measure, groupedBy } = window
  const head = `${output}  ${windowTime(start, end, zone)}`
  const by = groupedBy === '' ? measure : `${measure} by ${groupedBy}`
  const all = groups.map(({ label, value }) => `${visible(label)}: ${count(value)}`)
  return [titled(head, output, by, columns, style), clip(`  ${largest(all, columns - 2)}`, columns)]
}

/** As many as there is room for, and how many more there are. */
function largest(all: readonly string[], room: number): string {
  for (let shown = all.length; shown > 0; shown--) {
    const more = all.length - shown
    const text = [...all.slice(0, shown), ...(more > 0 ? [`and ${more} more`] : [])].join('  ')
    if (width(text) <= room) return text
  }
  return all[0] ?? ''
}

/** A bold name, what follows it, and something dim at the end of the line if there is room. */
function titled(head: string, name: string, right: string, columns: number, style: Style): string {
  if (width(head) + width(right) + 2 > columns) return style.bold(name) + clip(head, columns).slice(name.length)
  return style.bold(name) + ends(head, right, columns, style).slice(name.length)
}

function notable(view: DevView, columns: number, style: Style, detail: Detail): readonly string[] {
  const lines: string[] = []
  for (const output of new Set(view.notable.map((one) => one.output))) {
    const own = view.notable.filter((one) => one.output === output)
    lines.push(
      style.bold(output),
      ...own.slice(0, detail.notable).map((one) => clip(`  ${notableText(one, view.zone)}`, columns)),
    )
  }
  return lines
}

/** THEFT 006: 26 total_crimes, Mon 1 Jan 2001 18:00 – 23:00 */
export function notableText({ label, value, measure, start, end }: Notable, zone: string): string {
  return `${visible(label)}: ${count(value)} ${measure}, ${windowTime(start, end, zone)}`
}

function quarantined(view: DevView, columns: number, style: Style, detail: Detail): readonly string[] {
  if (view.quarantined.length === 0) return []
  const lines = view.quarantined.slice(0, detail.quarantined).map(({ reason, detail: why, partition, offset }) => {
    const place = `partition ${partition}, offset ${count(offset)}`
    return clip(`  ${visible(reason)}${why === null ? '' : `: ${visible(why)}`}  (${place})`, columns)
  })
  return [style.bold('quarantine'), ...lines]
}
