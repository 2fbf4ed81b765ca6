import { relative } from 'node:path'
import { zone } from '#core/zone.ts'
import type { HeldBack } from '#local/held-watermark.ts'

/** 23913 → 23,913. */
export function count(value: number): string {
  return value.toLocaleString('en-US')
}

/** Characters that a text takes in a terminal; wide ones count as one. */
export function width(text: string): number {
  let length = 0
  for (const _ of text) length++
  return length
}

/** The text, or its beginning and an ellipsis. */
export function clip(text: string, max: number): string {
  if (text.length <= max || width(text) <= max) return text
  return `${[...text].slice(0, Math.max(0, max - 1)).join('')}…`
}

/** The text in lines that are no longer than `max` but for words that are. */
export function wrapped(text: string, max: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ')) {
    const longer = `${lines.at(-1)} ${word}`
    if (lines.length > 0 && width(longer) <= max) lines[lines.length - 1] = longer
    else lines.push(word)
  }
  return lines
}

const CONTROLS = /[\p{Cc}\p{Zl}\p{Zp}]/gu
const NAMED: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

/** On one line, and harmless: what would move the cursor or end the line becomes visible. */
export function visible(text: string): string {
  return text.replace(CONTROLS, (char) => NAMED[char] ?? `\\u{${char.codePointAt(0)!.toString(16)}}`)
}

export function pad(text: string, to: number, right: boolean): string {
  const space = ' '.repeat(Math.max(0, to - width(text)))
  return right ? space + text : text + space
}

/** Columns padded to their widest cell, two spaces between, a newline after each row. `right` names the right-aligned columns. */
export function alignTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
): string {
  const widths = header.map((title, i) => Math.max(width(title), ...rows.map((row) => width(row[i] ?? ''))))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, i) => pad(cell, widths[i]!, right.includes(i)))
      .join('  ')
      .trimEnd()
  return [header, ...rows].map((cells) => `${line(cells)}\n`).join('')
}

/** 2018-06-01T05:00:00Z, or 2018-06-01T00:00:00-05:00 in a zone; milliseconds only where there are any. */
export function isoTime(instant: number, zoneName = 'UTC'): string {
  const offset = zone(zoneName).offsetAt(instant)
  const local = new Date(instant + offset)
  if (Number.isNaN(local.getTime())) return String(instant)
  const text = local.toISOString().replace('.000Z', 'Z')
  if (zoneName === 'UTC') return text
  const minutes = Math.round(Math.abs(offset) / 60_000)
  const two = (value: number): string => String(value).padStart(2, '0')
  return `${text.slice(0, -1)}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

/** 1,234 B, 12.3 kB, 4.5 MB. */
export function size(bytes: number): string {
  if (bytes < 10_000) return `${count(bytes)} B`
  const [scale, unit] = bytes < 1e6 ? [1e3, 'kB'] : bytes < 1e9 ? [1e6, 'MB'] : [1e9, 'GB']
  return `${(bytes / scale).toFixed(1)} ${unit}`
}

/** The path from the working folder if it lies in there, else as it is. */
export function shownPath(path: string, workingFolder: string): string {
  const short = relative(workingFolder, path)
  return short === '' || short.startsWith('..') ? path : short
}

/** Tells of a partition because of which windows stay open. */
export function heldText({ partition, lag, since }: HeldBack): string {
  return `partition ${partition} has held the watermark back since ${isoTime(since)}: ${count(lag)} records wait, and no window closes`
}
