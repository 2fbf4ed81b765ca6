import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { hashText } from '#core/hash.ts'
import type { WindowOutput, WindowSpec } from '#plan/plan.ts'
import { closeWindows } from '#window/close.ts'
import { Folder } from '#window/fold.ts'
import { encodeGroupKey } from '#window/group-key.ts'
import { type LateEntry, type Page, pageCodec } from '#window/page.ts'
import { sliceLayout } from '#window/slices.ts'
import { windowsContaining, windowsEndingIn } from '#window/windows.ts'
import {
  aggregate,
  allRows,
  columnBatch,
  cumulating,
  FIELDS,
  noFailures,
  sliding,
  TestDictionary,
  tumbling,
  windowOutput,
} from '../unit/window/builders.ts'

const TIME_MIN = -60
const TIME_MAX = 120
const GRACE_MAX = 40

const size = fc.integer({ min: 1, max: 24 }).map((n) => n * 2)
const shift = fc.integer({ min: -4, max: 4 })
const grace = fc.constantFrom(0, 3, GRACE_MAX)
const spec: fc.Arbitrary<WindowSpec> = fc.oneof(
  fc.tuple(size, shift, grace).map(([length, offset, late]) => tumbling(length, { offset, grace: late })),
  fc
    .tuple(size, size, shift, grace)
    .map(([length, every, offset, late]) => sliding(length, every, { offset, grace: late })),
  fc
    .tuple(size, fc.integer({ min: 1, max: 4 }), shift, grace)
    .map(([step, steps, offset, late]) => cumulating(step * steps, step, { offset, grace: late })),
)

const GROUPINGS: readonly (readonly string[])[] = [[], ['kind'], ['kind', 'flag'], ['place', 'whole']]

const outputs: fc.Arbitrary<readonly WindowOutput[]> = fc
  .array(fc.tuple(spec, fc.constantFrom(...GROUPINGS)), { minLength: 1, maxLength: 3 })
  .map((chosen) =>
    chosen.map(([window, groupBy], i) =>
      windowOutput(window, {
        name: `output_${i}`,
        groupBy,
        aggregates: [
          aggregate('count'),
          aggregate('countIf', 'flag'),
          aggregate('sum', 'whole'),
          aggregate('sum', 'real'),
          aggregate('max', 'place', 'string'),
          aggregate('first', 'place', 'string'),
          aggregate('last', 'whole'),
          aggregate('distinct', 'place'),
          { ...aggregate('collect', 'whole'), parameter: 3, where: 'flag' },
        ],
      }),
    ),
  )

const row = fc.record({
  partition: fc.integer({ min: 0, max: 2 }),
  time: fc.integer({ min: TIME_MIN, max: TIME_MAX }),
  kind: fc.option(fc.constantFrom('A', 'B', 'C', '')),
  place: fc.option(fc.constantFrom('x', 'yy', 'é')),
  whole: fc.option(fc.integer({ min: -2, max: 2 })),
  // Eighths: their sums are exact, so that plain addition is an oracle.
  real: fc.option(fc.integer({ min: -80, max: 80 }).map((n) => n / 8)),
  flag: fc.option(fc.boolean()),
})
type TestRow = typeof row extends fc.Arbitrary<infer T> ? T : never

/** A batch: rows of all partitions, and how far the mark moves on before it. */
const batch = fc.record({ rows: fc.array(row, { maxLength: 25 }), advance: fc.integer({ min: 0, max: 30 }) })
type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never

interface Folded {
  readonly pages: readonly Page[]
  readonly late: readonly (LateEntry & { readonly partition: number })[]
  readonly counts: { counted: number; late: number; partlyLate: number }
}

/** Folds batch by batch; every page goes through its bytes each time. Offsets count up within a partition. */
function foldAll(
  plan: readonly WindowOutput[],
  ooo: number,
  marked: readonly { mark: number | null; rows: readonly TestRow[] }[],
): Folded {
  const layout = sliceLayout(
    plan.map(({ window }) => window),
    ooo,
  )
  const folder = new Folder(plan, FIELDS, layout)
  const codec = pageCodec(plan, FIELDS)
  const stored = new Map<string, Uint8Array>()
  const next = [0, 0, 0]
  const counts = { counted: 0, late: 0, partlyLate: 0 }
  const dictionaries = new Map(['kind', 'place'].map((name) => [name, new TestDictionary()]))
  marked.forEach(({ mark, rows }, number) => {
    for (const partition of [0, 1, 2]) {
      const own = rows.filter((one) => one.partition === partition)
      const times = Float64Array.from(own, ({ time }) => time)
      const offsets = Float64Array.from(own, () => next[partition]!++)
      const vectors = columnBatch(own, number % 2 === 0 ? { dictionaries } : { slices: ['kind', 'place'] })
      for (const [index, pageRows] of folder.assign(times, allRows(own.length))) {
        const id = `${partition}/${index}`
        const bytes = stored.get(id)
        const page = bytes === undefined ? codec.empty() : codec.decode(bytes)
        const more = folder.fold(page, vectors, pageRows, times, offsets, { mark, partition })
        counts.counted += more.counted
        counts.late += more.late
        counts.partlyLate += more.partlyLate
        stored.set(id, codec.encode(page))
      }
    }
  })
  const decoded = [...stored].map(([id, bytes]) => ({ partition: Number(id[0]), page: codec.decode(bytes) }))
  return {
    pages: decoded.map(({ page }) => page),
    late: decoded.flatMap(({ partition, page }) => page.late.map((entry) => ({ ...entry, partition }))),
    counts,
  }
}

type MarkedRows = { readonly mark: number | null; readonly rows: readonly TestRow[] }

/** What SQL would say: the rows of each window, grouped, without those that came when it was beyond grace. */
function recompute(output: WindowOutput, marked: readonly MarkedRows[]): readonly unknown[] {
  const judged = marked.flatMap(({ mark, rows }) => rows.map((one) => ({ one, mark: mark ?? TIME_MIN })))
  const cells = judged.flatMap(({ one, mark }) =>
    windowsContaining(output.window, one.time)
      .filter(({ end }) => end + output.window.grace > mark)
      .map((window) => ({
        one,
        window,
        key: encodeGroupKey(output.groupBy.map((name) => one[name as keyof TestRow])),
      })),
  )
  const groups = Map.groupBy(cells, ({ window, key }) => JSON.stringify([window.end, window.start, key]))
  const sum = (values: readonly (number | null)[]): number | null => {
    const known = values.filter((value) => value !== null)
    return known.length === 0 ? null : known.reduce((total, value) => total + value, 0) + 0
  }
  const results = [...groups.values()].map((group) => {
    const members = group.map(({ one }) => one)
    const places = members.flatMap(({ place }) => (place === null ? [] : [place])).sort()
    return {
      window: group[0]!.window,
      key: group[0]!.key,
      values: [
        members.length,
        members.filter(({ flag }) => flag === true).length,
        sum(members.map(({ whole }) => whole)),
        sum(members.map(({ real }) => real)),
        places.at(-1) ?? null,
        ...inPlace(members),
      ],
    }
  })
  return results.sort((a, b) => a.window.end - b.window.end || (a.key < b.key ? -1 : 1))
}

/** What goes by event time, partition and offset. The rows of a partition come by offset. */
function inPlace(members: readonly TestRow[]): readonly unknown[] {
  const ordered = members.toSorted((a, b) => a.time - b.time || a.partition - b.partition)
  const places = ordered.flatMap(({ place }) => place ?? [])
  const flagged = ordered.flatMap(({ whole, flag }) => (flag === true ? (whole ?? []) : []))
  return [
    places[0] ?? null,
    ordered.flatMap(({ whole }) => whole ?? []).at(-1) ?? null,
    new Set(places).size,
    flagged.length === 0
      ? null
      : JSON.stringify({ values: flagged.slice(0, 3), left_out: Math.max(0, flagged.length - 3) }),
  ]
}

const FOREVER_OPEN = -10_000

function closeAll(plan: readonly WindowOutput[], pages: readonly Page[]): readonly unknown[] {
  return plan.map((output, index) =>
    [...closeWindows(output, index, FIELDS, pages, windowsEndingIn(output.window, FOREVER_OPEN, 400), noFailures)].map(
      ({ window, key, values }) => ({ window, key, values }),
    ),
  )
}

describe('folding batches and closing windows', () => {
  it('gives what a query over all rows would give, however they were split', () => {
    fc.assert(
      fc.property(outputs, fc.array(batch, { maxLength: 6 }), fc.integer({ min: 0, max: 60 }), (plan, batches, ooo) => {
        const unmarked = batches.map(({ rows }) => ({ mark: null, rows }))
        const { pages, counts } = foldAll(plan, ooo, unmarked)
        expect(counts).toEqual({ counted: batches.flatMap(({ rows }) => rows).length, late: 0, partlyLate: 0 })
        expect(closeAll(plan, pages)).toEqual(plan.map((output) => recompute(output, unmarked)))
      }),
      { numRuns: 150 },
    )
  })

  it('with marks in between reports exactly the windows that were missed: they count none of those rows, and all others do, whenever they are computed', () => {
    fc.assert(
      fc.property(outputs, fc.array(batch, { maxLength: 6 }), fc.integer({ min: 0, max: 60 }), (plan, batches, ooo) => {
        const marked = withMarks(batches)
        const { pages, late, counts } = foldAll(plan, ooo, marked)
        const expected = judgeEach(plan, marked)
        const order = (a: { partition: number; offset: number; output: number }, b: typeof a): number =>
          a.partition - b.partition || a.offset - b.offset || a.output - b.output
        expect([...late].sort(order)).toEqual(expected.late.sort(order))
        expect(counts).toEqual(expected.counts)
        expect(closeAll(plan, pages)).toEqual(plan.map((output) => recompute(output, marked)))
      }),
      { numRuns: 150 },
    )
  })
})

function withMarks(batches: readonly Batch[]): readonly { mark: number; rows: readonly TestRow[] }[] {
  let mark = TIME_MIN
  return batches.map(({ rows, advance }) => {
    mark += advance
    return { mark, rows }
  })
}

/** Lateness row by row and window by window, as the definition has it. */
function judgeEach(plan: readonly WindowOutput[], marked: readonly { mark: number; rows: readonly TestRow[] }[]) {
  const next = [0, 0, 0]
  const counts = { counted: 0, late: 0, partlyLate: 0 }
  const late: (LateEntry & { readonly partition: number })[] = []
  for (const { mark, rows } of marked) {
    for (const row of rows) {
      const { partition, time } = row
      const offset = next[partition]!++
      const windows = plan.map(({ window }) => windowsContaining(window, time))
      const missed = windows.map((own, output) => own.filter(({ end }) => end + plan[output]!.window.grace <= mark))
      const counted = windows.some((own, output) => own.length > missed[output]!.length)
      const isLate = !counted && windows.some((own) => own.length > 0)
      if (isLate) counts.late++
      else counts.counted++
      if (!isLate && missed.some((own) => own.length > 0)) counts.partlyLate++
      missed.forEach((own, output) => {
        if (own.length === 0) return
        const lastEnd = own.at(-1)!.end
        late.push({
          partition,
          offset,
          eventTime: time,
          output,
          windowsMissed: own.length,
          firstStart: own[0]!.start,
          lastEnd,
          lateBy: mark - lastEnd,
          countedElsewhere: counted,
          hash: hashText(
            encodeGroupKey(
              plan[output]!.groupBy.map(
                (name) => (row as Readonly<Record<string, string | number | boolean | null>>)[name] ?? null,
              ),
            ),
          ),
        })
      })
    }
  }
  return { late, counts }
}
