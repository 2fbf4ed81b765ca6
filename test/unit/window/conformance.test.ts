import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { EpochMillis } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import { closeWindows } from '#window/close.ts'
import { Folder } from '#window/fold.ts'
import { decodeGroupKey } from '#window/group-key.ts'
import { pageCodec } from '#window/page.ts'
import { windowsContaining, windowsEndingIn } from '#window/windows.ts'
import {
  aggregate,
  allRows,
  calendar,
  columnBatch,
  FIELDS,
  noFailures,
  sliding,
  timesOf,
  tumbling,
  windowOutput,
} from './builders.ts'

/** Cases from other projects' own tests, with their answers. They are not part of this repository. */
const folder = join(import.meta.dirname, '../../../../shared/fixtures/windows')
const read = <T>(name: string): T => JSON.parse(readFileSync(join(folder, name), 'utf8')) as T

interface WindowCase {
  readonly kind: string
  readonly sizeMs: number
  readonly slideMs?: number
  readonly offsetMs?: number
}

function specOf({ kind, sizeMs, slideMs, offsetMs }: WindowCase, grace = 0): WindowSpec {
  const options = { offset: offsetMs ?? 0, grace }
  return kind === 'tumbling' ? tumbling(sizeMs, options) : sliding(sizeMs, slideMs!, options)
}

const isHop = ({ window }: { readonly window: WindowCase }): boolean => ['tumbling', 'sliding'].includes(window.kind)
const utc = (text: string): EpochMillis => Date.parse(`${text.replace(' ', 'T')}Z`)

describe.skipIf(!existsSync(folder))('as in other engines', () => {
  it("Flink's assigners", () => {
    const { cases } = read<{
      cases: readonly { window: WindowCase | null; ts: number; windows: readonly (readonly [number, number])[] }[]
    }>('flink-window-assigners.json')
    let checked = 0
    for (const { window, ts, windows } of cases) {
      if (window === null || window === undefined || !isHop({ window })) continue
      const expected = windows.map(([start, end]) => ({ start, end })).sort((a, b) => a.start - b.start)
      expect(windowsContaining(specOf(window), ts)).toEqual(expected)
      checked++
    }
    expect(checked).toBeGreaterThan(10)
  })

  it("Bytewax's sliding windows, with slides that do not divide the size, gaps and negative indexes", () => {
    const { cases } = read<{
      cases: readonly {
        sizeMs: number
        slideMs: number
        alignToMs: number
        ts: number
        windowIndexes: readonly number[]
      }[]
    }>('bytewax-sliding-assign.json')
    expect(cases.length).toBeGreaterThan(10)
    for (const { sizeMs, slideMs, alignToMs, ts, windowIndexes } of cases) {
      const starts = windowsContaining(sliding(sizeMs, slideMs, { offset: alignToMs }), ts).map(({ start }) => start)
      expect(starts).toEqual(windowIndexes.map((index) => alignToMs + index * slideMs))
    }
  })

  it.each(['risingwave-time-window.json', 'calcite-window-tvf.json'])('the rows and windows of %s', (name) => {
    const { cases } = read<{
      cases: readonly { window: WindowCase; columns: readonly string[]; expect: readonly (readonly string[])[] }[]
    }>(name)
    let checked = 0
    for (const { window, columns, expect: rows } of cases) {
      const time = columns.find((column) => column === 'created_at' || column === 'ROWTIME')
      const bounds = ['window_start', 'window_end'].map((column) => columns.indexOf(column))
      if (!isHop({ window }) || time === undefined || bounds.includes(-1)) continue
      const byTime = Map.groupBy(rows, (row) => row[columns.indexOf(time)]!)
      for (const [text, own] of byTime) {
        const expected = own.map((row) => ({ start: utc(row[bounds[0]!]!), end: utc(row[bounds[1]!]!) }))
        expect(windowsContaining(specOf(window), utc(text))).toEqual(expected.sort((a, b) => a.start - b.start))
        checked++
      }
    }
    expect(checked).toBeGreaterThan(5)
  })

  it("Proton's days, weeks and months", () => {
    const { cases } = read<{
      cases: readonly {
        unit: string
        input: { rows: readonly (readonly [number, number, string])[] }
        expect: readonly (readonly [number, number, string, string])[]
      }[]
    }>('proton-calendar-windows.json')
    for (const { unit, input, expect: rows } of cases) {
      const spec = calendar(unit.split(' ')[0] as 'day', 'UTC')
      for (const [id, sum, start, end] of rows) {
        const inside = input.rows.filter(([own, , text]) => {
          const [window] = windowsContaining(spec, utc(text))
          return own === id && window!.start === utc(start) && window!.end === utc(end)
        })
        expect(inside.reduce((total, [, value]) => total + value, 0)).toBe(sum)
      }
    }
  })
})

interface OperatorCase {
  readonly id: string
  readonly window: WindowCase
  readonly trigger: string
  readonly allowedLatenessMs: number
  readonly steps: readonly {
    readonly element?: { readonly key: string; readonly value: number; readonly ts: number }
    readonly watermark?: number
  }[]
  readonly expect: readonly { readonly key: string; readonly sum: number; readonly ts: number }[]
  readonly expectLateSideOutput: readonly { readonly key: string; readonly value: number; readonly ts: number }[]
}

/** Element by element; Flink's watermark w closes windows with end − 1 ≤ w. */
function replay({ window, allowedLatenessMs, steps }: OperatorCase) {
  const output = windowOutput(specOf(window, allowedLatenessMs), { aggregates: [aggregate('sum', 'whole', 'long')] })
  const fold = new Folder([output], FIELDS, { width: 1000, span: 1_000_000 })
  const page = pageCodec([output], FIELDS).empty()
  const results: unknown[] = []
  let mark = -1
  steps.forEach(({ element, watermark }, step) => {
    if (element !== undefined) {
      const rows = [{ time: element.ts, kind: element.key, whole: element.value }]
      fold.fold(page, columnBatch(rows), allRows(1), timesOf(rows), Float64Array.of(step), { mark })
    }
    if (watermark === undefined) return
    const windows = windowsEndingIn(output.window, mark, watermark + 1)
    for (const row of closeWindows(output, 0, FIELDS, [page], windows, noFailures)) {
      results.push({ key: decodeGroupKey(row.key)[0], sum: row.values[0], ts: row.window.end - 1 })
    }
    mark = watermark + 1
  })
  const late = page.late.filter(({ countedElsewhere }) => !countedElsewhere).map(({ offset }) => steps[offset]!.element)
  return { results, late }
}

describe.skipIf(!existsSync(folder))("Flink's window operator", () => {
  const cases = existsSync(folder)
    ? read<{ cases: readonly OperatorCase[] }>('flink-window-operator.json').cases.filter(isHop)
    : []

  it.each(cases)('$id: what is late', (one) => {
    expect(replay(one).late).toEqual(one.expectLateSideOutput)
  })

  it.each(cases.filter(({ trigger }) => trigger === 'eventTime'))('$id: what comes out', (one) => {
    const order = (rows: readonly unknown[]): readonly string[] => rows.map((row) => JSON.stringify(row)).sort()
    expect(order(replay(one).results)).toEqual(order(one.expect.map(({ key, sum, ts }) => ({ key, sum, ts }))))
  })
})
