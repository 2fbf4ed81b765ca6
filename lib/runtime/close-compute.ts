import type { EpochMillis } from '#core/time.ts'
import { isDetector, type WindowOutput } from '#plan/plan.ts'
import { highest } from '#runtime/bounds.ts'
import { chainedWork, isChained } from '#runtime/close-chained.ts'
import type { CloseBody, CloseItem, FailedResult } from '#runtime/close-item.ts'
import { pageBuckets, pageRange, sliceStartsOf, windowsWithData } from '#runtime/close-pages.ts'
import type { RunningSpans } from '#runtime/close-running.ts'
import {
  closeSessions,
  isRemembered,
  isSessionOutput,
  type SessionOutput,
  type SessionStep,
  sessionRanges,
  standsStill,
} from '#runtime/close-sessions.ts'
import { type CloseStep, neededRange } from '#runtime/close-step.ts'
import type { Closer, OutputWork } from '#runtime/close-work.ts'
import type { DirtyWindow } from '#runtime/dirty.ts'
import { ALL_HASHES } from '#runtime/hash-range.ts'
import {
  isBeyondGrace,
  PublishedReader,
  type PublishedResult,
  PublishedWriter,
  type Wanted,
  windowId,
} from '#runtime/published.ts'
import type { StoredRow } from '#runtime/result-object.ts'
import { revise, type WindowRow, windowRow } from '#runtime/results.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { closeWindows, type FailedGroup } from '#window/close.ts'
import type { Page } from '#window/page.ts'
import type { WindowBounds } from '#window/windows.ts'

/** Rows of a close that are kept in memory for who looks on: all are in the result. */
const ROWS_SHOWN = 10_000
/** Failed groups that are remembered. */
export const FAILED_KEPT = 100

export interface Computed {
  /** The result that was written; null when there is no row. */
  readonly result: PublishedResult | null
  /** The first of its rows. */
  readonly rows: readonly WindowRow[]
  readonly rowCount: number
  readonly open: CloseBody['open']
  /** The last of them. */
  readonly failed: readonly FailedResult[]
  /** Of those that had failed before, by `failedKey`: they were computed anew. */
  readonly anew: ReadonlySet<string>
  /** When the first open session ends; endless for none. */
  readonly due: EpochMillis
}

/**
 * Computes what a step closes and writes it as a result: groups by the hashes of their keys, so that only the groups of one piece of
 * the pages are in memory, however many there are.
 */
export async function compute(
  closer: Closer,
  item: CloseItem,
  dirty: readonly DirtyWindow[],
  step: CloseStep,
  running: RunningSpans,
  settled: EpochMillis,
): Promise<Computed> {
  const { runtime, outputs } = closer
  const { body } = item
  const again = dirty.flatMap((entry) => publishedOf(outputs[entry.output]!, entry, body))
  const { spans } = step
  const judged = new Set(runtime.plan.outputs.filter(isDetector).map(({ of }) => of))
  const works = outputs.flatMap((output, index): OutputWork | readonly OutputWork[] => {
    // Results that only others are made of are made there.
    const isRead = output.sinks.length > 0 || judged.has(output.name)
    if (!isRead && outputs.some(({ parent }) => parent === output)) return []
    if (isChained(output)) return chainedWork(closer, output, body, step, running, again)
    const own = again.filter((entry) => entry.output === index)
    if (!isSessionOutput(output)) return windowWork(closer, output, index, body, spans[index]!, running[index]!, own)
    return sessionWork(closer, output, index, { body, ...spans[index]!, running: running[index]!, settled }, own)
  })
  const ranges = works.flatMap((work) => work.ranges)
  const collected = new Collected(runtime, item, outputs)
  const reader = await PublishedReader.open(runtime, outputs, body.published, wantedBy(works))
  for await (const { hashes, pages } of pageBuckets(closer, ranges)) {
    const before = Map.groupBy(await reader.take(hashes), ({ output }) => output)
    for (const work of works) {
      const rows = work.rowsOf(pages, before.get(work.output.name) ?? [], (failed) =>
        collected.fail(work.output, failed),
      )
      await collected.add(hashes, rows)
    }
  }
  for (const { output, finish } of works) {
    if (finish !== undefined)
      await collected.add(
        ALL_HASHES,
        finish((failed) => collected.fail(output, failed)),
      )
  }
  return collected.finish(works)
}

function wantedBy(works: readonly OutputWork[]): Wanted {
  const byName = new Map(works.map((work) => [work.output.name, work]))
  return {
    range: (output, { first, last }) => byName.get(output)?.mayWant(first, last) ?? false,
    window: (output, bounds) => byName.get(output)?.wants(bounds) ?? false,
  }
}

type Span = CloseStep['spans'][number]

const NOTHING_NEW: Span = { from: null, to: null }

function windowWork(
  { fields, layout }: Closer,
  output: WindowOutput,
  index: number,
  body: CloseBody,
  span: Span,
  running: Span | null,
  dirty: readonly DirtyWindow[],
): OutputWork {
  const named = dirty.flatMap(({ window, all }) => (all === true ? [] : [window]))
  const unnamed = dirty.flatMap(({ window, all }) => (all === true ? [{ from: window.start, to: window.end }] : []))
  const ids = new Set(named.map(windowId))
  const news = [span, running ?? NOTHING_NEW]
  const isNew = ({ from, to }: Span): boolean => to !== null && (from === null || from < to)
  // Windows that close now may have been published while they were open; of an output that was always final there are no such rows.
  const isRunning = news.some(isNew)
  const from = span.from ?? Number.NEGATIVE_INFINITY
  const ranges = [...unnamed, ...news].flatMap(({ from, to }) =>
    isNew({ from, to }) ? (neededRange(layout, body, { output, from, to: to! }) ?? []) : [],
  )
  const windowsIn = (pages: readonly Page[], of: Span): readonly WindowBounds[] =>
    isNew(of) ? [...windowsWithData(output.window, sliceStartsOf(pages, index), of.from, of.to!)] : []
  const reopenedIn = (pages: readonly Page[]): readonly WindowBounds[] => {
    const others = unnamed.flatMap((of) => windowsIn(pages, of).filter((window) => !ids.has(windowId(window))))
    return [...named, ...others].sort((a, b) => a.end - b.end)
  }
  return {
    output,
    ranges: [...named.map(({ start, end }) => pageRange(layout, start, end)), ...ranges],
    wants: (bounds) =>
      ids.has(windowId(bounds)) ||
      (isRunning && bounds.end > from) ||
      unnamed.some((of) => bounds.end > of.from && bounds.end <= of.to),
    mayWant: (first, last) =>
      named.some(({ end }) => end >= first && end <= last) ||
      (isRunning && last > from) ||
      unnamed.some((of) => last > of.from && first <= of.to),
    rowsOf(pages, before, onFailure) {
      const windows = [...reopenedIn(pages), ...windowsIn(pages, span)]
      const unfinished = windowsIn(pages, running ?? NOTHING_NEW)
      const computed = [
        ...closeWindows(output, index, fields, pages, windows, onFailure),
        // What can't be made of an open window yet is told of when the window closes.
        ...closeWindows(output, index, fields, pages, unfinished, () => {}),
      ]
      return revise(output, computed, [...windows, ...unfinished], before, span.to ?? Number.NEGATIVE_INFINITY)
    },
    open: () => ({ start: null, due: Number.POSITIVE_INFINITY }),
  }
}

function sessionWork(
  { fields, layout }: Closer,
  output: SessionOutput,
  index: number,
  step: SessionStep,
  dirty: readonly DirtyWindow[],
): OutputWork {
  const { body } = step
  const stands = standsStill(step, dirty)
  let start = stands ? (body.open[output.name] ?? null) : null
  let due = stands && start !== null ? start : Number.POSITIVE_INFINITY
  // What this step settles may still be named as dirty, and is compared with what was published of it.
  const settled = body.settled ?? Number.NEGATIVE_INFINITY
  const wants = (end: EpochMillis): boolean => !stands && isRemembered(output, end, body.open, settled)
  return {
    output,
    ranges: sessionRanges(output, layout, step, dirty),
    wants: ({ end }) => wants(end),
    mayWant: (_, last) => wants(last),
    rowsOf(pages, before, onFailure) {
      if (stands) return []
      const closed = closeSessions(output, index, fields, pages, step, dirty, before, onFailure)
      if (closed.open !== null) start = Math.min(start ?? closed.open, closed.open)
      due = Math.min(due, closed.due)
      return closed.rows
    },
    open: () => ({ start, due }),
  }
}

/** What of it is published; of a span of windows the part that is. */
function publishedOf(output: WindowOutput, dirty: DirtyWindow, body: CloseBody): readonly DirtyWindow[] {
  if (dirty.all !== true || isSessionOutput(output)) return isPublished(output, dirty.window, body) ? [dirty] : []
  const published = highest(body.upTo, body.ended[output.name] ?? null) ?? Number.NEGATIVE_INFINITY
  const start = Math.max(dirty.window.start, (body.settled ?? Number.NEGATIVE_INFINITY) - output.window.grace)
  const end = Math.min(dirty.window.end, published)
  return start < end ? [{ ...dirty, window: { start, end } }] : []
}

/**
 * Published before, and not yet forgotten. A window that is forgotten was named by a poller that had been overtaken: its records are
 * counted long since, and what is left of its pages would give another row.
 */
function isPublished(output: WindowOutput, { end }: WindowBounds, { upTo, ended, settled }: CloseBody): boolean {
  // What sessions they are in remains to be seen.
  if (output.window.kind === 'session') return true
  const published = highest(upTo, ended[output.name] ?? null)
  return published !== null && end <= published && (settled === null || !isBeyondGrace(output, end, settled))
}

export const failedKey = ({
  output,
  start,
  end,
  group,
}: Pick<WindowRow, 'output' | 'start' | 'end' | 'group'>): string => JSON.stringify([output, start, end, group])

/** Takes the rows of a step as they are computed. */
class Collected {
  readonly #writer: PublishedWriter
  /** Those that had failed before. */
  readonly #before: ReadonlySet<string>
  readonly #anew = new Set<string>()
  readonly #shown: WindowRow[] = []
  #failed: FailedResult[] = []
  #count = 0

  constructor(runtime: Runtime, { seq, body }: CloseItem, outputs: readonly WindowOutput[]) {
    this.#writer = new PublishedWriter(runtime, seq + 1, outputs)
    this.#before = new Set(body.failed.map(failedKey))
  }

  async add(hashes: Parameters<PublishedWriter['add']>[0], rows: readonly StoredRow[]): Promise<void> {
    for (const stored of rows) {
      if (stored.state === 'remembered') continue
      this.#count++
      if (this.#shown.length >= ROWS_SHOWN && this.#before.size === 0) continue
      const row = windowRow(stored)!
      if (this.#shown.length < ROWS_SHOWN) this.#shown.push(row)
      if (this.#before.has(failedKey(row))) this.#anew.add(failedKey(row))
    }
    await this.#writer.add(hashes, rows)
  }

  fail({ name }: WindowOutput, { window, group, reason }: FailedGroup): void {
    const failed = { output: name, start: window.start, end: window.end, group, reason }
    if (this.#before.has(failedKey(failed))) this.#anew.add(failedKey(failed))
    this.#failed.push(failed)
    if (this.#failed.length > FAILED_KEPT * 2) this.#failed = this.#failed.slice(-FAILED_KEPT)
  }

  async finish(works: readonly OutputWork[]): Promise<Computed> {
    const open: Record<string, EpochMillis> = {}
    let due = Number.POSITIVE_INFINITY
    for (const work of works) {
      const own = work.open()
      if (own.start !== null) open[work.output.name] = own.start
      due = Math.min(due, own.due)
    }
    return {
      result: await this.#writer.finish(),
      rows: this.#shown,
      rowCount: this.#count,
      open,
      failed: this.#failed.slice(-FAILED_KEPT),
      anew: this.#anew,
      due,
    }
  }
}
