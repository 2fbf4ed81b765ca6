import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { DAY, HOUR, MINUTE } from '#core/time.ts'
import { endsOfInput } from '#window/chained.ts'
import { closeWindows } from '#window/close.ts'
import { Folder } from '#window/fold.ts'
import { type Page, pageCodec } from '#window/page.ts'
import { sliceLayout } from '#window/slices.ts'
import { windowsEndingIn } from '#window/windows.ts'
import {
  aggregate,
  allRows,
  columnBatch,
  FIELDS,
  noFailures,
  sliding,
  TestDictionary,
  type TestRow,
  timesOf,
  tumbling,
  windowOutput,
} from './builders.ts'

/** Chicago's crimes of two months and their results as batch queries computed them. Not part of this repository. */
const data = join(import.meta.dirname, '../../../../shared/data')

const OUTPUTS = [
  windowOutput(tumbling(DAY), {
    groupBy: ['place'],
    aggregates: [aggregate('count'), aggregate('countIf', 'flag')],
  }),
  windowOutput(sliding(5 * HOUR, 30 * MINUTE), {
    groupBy: ['kind', 'place'],
    where: (row) => (row.count as number) > 14,
  }),
]

function crimes(file: string): readonly TestRow[] {
  const [header, ...lines] = readFileSync(join(data, 'crimes', file), 'utf8')
    .trimEnd()
    .split('\r\n')
  const names = header!.split(',')
  return lines.map((line) => {
    const cells = line.match(/("[^"]*"|[^,]*)(,|$)/g)!.map((cell) => cell.replace(/,$/, '').replaceAll('"', ''))
    const cell = (name: string): string => cells[names.indexOf(name)]!
    return {
      time: utc(cell('Date')),
      kind: cell('Primary Type'),
      place: cell('District'),
      flag: cell('Domestic') === 'true',
    }
  })
}

function utc(text: string): number {
  const [, month, day, year, hour, minute, second, half] = /(..).(..).(....) (..).(..).(..) (..)/.exec(text)!
  const hours = (Number(hour) % 12) + (half === 'PM' ? 12 : 0)
  return Date.UTC(Number(year), Number(month) - 1, Number(day), hours, Number(minute), Number(second))
}

/** Folds in batches of 1,000, dealt to three partitions, and closes at the end of input. */
function results(rows: readonly TestRow[], output: 0 | 1): readonly string[] {
  const specs = OUTPUTS.map(({ window }) => window)
  const folder = new Folder(OUTPUTS, FIELDS, sliceLayout(specs, DAY))
  const codec = pageCodec(OUTPUTS, FIELDS)
  const pages = new Map<string, Page>()
  const dictionaries = new Map(['kind', 'place'].map((name) => [name, new TestDictionary()]))
  for (let from = 0; from < rows.length; from += 1_000) {
    const own = rows.slice(from, from + 1_000)
    const times = timesOf(own)
    for (const [index, pageRows] of folder.assign(times, allRows(own.length))) {
      const id = `${from % 3}/${index}`
      const page = pages.get(id) ?? codec.empty()
      folder.fold(page, columnBatch(own, { dictionaries }), pageRows, times, times, { mark: null })
      pages.set(id, page)
    }
  }
  const end = endsOfInput(
    specs.map((window) => ({ window })),
    Math.max(...timesOf(rows)),
  )[output]!
  const decoded = [...pages.values()].map((page) => codec.decode(codec.encode(page)))
  const windows = windowsEndingIn(OUTPUTS[output]!.window, Math.min(...timesOf(rows)), end)
  return [...closeWindows(OUTPUTS[output]!, output, FIELDS, decoded, windows, noFailures)].map(
    ({ window, group, values }) => [...values, ...group.map(plain), clock(window.start), clock(window.end)].join(),
  )
}

/** The expected files have districts as numbers. */
const plain = (value: unknown): string => String(value).replace(/^0+/, '')
const clock = (time: number): string => new Date(time).toISOString().slice(0, 19)
const expected = (file: string): readonly string[] =>
  readFileSync(join(data, 'expected', file), 'utf8')
    .trimEnd()
    .split(/\r?\n/)
    .slice(1)
    .sort()

describe.skipIf(!existsSync(data))('the crimes of Chicago', () => {
  it.each(['2018-06', '2018-07'])('in %s, in the order of the file or sorted, give the known results', (month) => {
    const rows = crimes(`crimes_${month}.csv`)
    const sorted = rows.toSorted((a, b) => Number(a.time) - Number(b.time))
    for (const input of [rows, sorted]) {
      expect(results(input, 0).toSorted()).toEqual(expected(`${month}_crime_per_district_day.csv`))
      expect(results(input, 1).toSorted()).toEqual(expected(`${month}_crimes_anomaly.csv`))
    }
  })
})
