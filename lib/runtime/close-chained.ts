import { computedFields } from '#plan/plan.ts'
import { highest } from '#runtime/bounds.ts'
import type { CloseBody } from '#runtime/close-item.ts'
import { sliceStartsOf, windowsWithData } from '#runtime/close-pages.ts'
import type { RunningSpans } from '#runtime/close-running.ts'
import { type CloseStep, neededRange } from '#runtime/close-step.ts'
import type { Closer, OutputWork } from '#runtime/close-work.ts'
import type { DirtyWindow } from '#runtime/dirty.ts'
import { windowId } from '#runtime/published.ts'
import type { StoredRow } from '#runtime/result-object.ts'
import { revise } from '#runtime/results.ts'
import {
  type ClosedOutput,
  disjointEnds,
  type EndSpan,
  endsOfParent,
  isWithinEnds,
  lastWindowOfResult,
} from '#window/chained.ts'
import { closeWindows, type FailedGroup, type ResultRow } from '#window/close.ts'
import type { Page } from '#window/page.ts'
import { ResultFold } from '#window/result-fold.ts'

export type ChainedOutput = ClosedOutput & { readonly parent: ClosedOutput }

export const isChained = (output: ClosedOutput): output is ChainedOutput => output.parent !== undefined

type OnFailure = (failed: FailedGroup) => void

/**
 * Windows over results: made of the results as they are now, from the same pages. So a correction of a result corrects what is made of
 * it, and nothing is stored in between. In memory are the groups of the windows that are computed.
 */
export function chainedWork(
  closer: Closer,
  output: ChainedOutput,
  body: CloseBody,
  { spans }: CloseStep,
  running: RunningSpans,
  dirty: readonly DirtyWindow[],
): OutputWork {
  const index = closer.outputs.indexOf(output)
  const span = spans[index]!
  const open = running[index]
  const again = changedEnds(closer, output, body, spans, dirty)
  const ends = disjointEnds([...again, ...(open?.to == null ? [] : [{ after: open.from, upTo: open.to }])])
  const results = new Results(closer, output, ends)
  const published: StoredRow[] = []
  const closed = span.to ?? Number.NEGATIVE_INFINITY
  return {
    output,
    ranges: ends.flatMap(
      ({ after, upTo }) => neededRange(closer.layout, body, { output, from: after, to: upTo }) ?? [],
    ),
    wants: ({ end }) => isWithinEnds(ends, end),
    mayWant: (first, last) =>
      ends.some(({ after, upTo }) => first <= upTo && last > (after ?? Number.NEGATIVE_INFINITY)),
    rowsOf(pages, before, onFailure) {
      results.take(pages, onFailure)
      published.push(...before)
      return []
    },
    finish(onFailure) {
      // What can't be made of an open window yet is told of when the window closes.
      const rows = [...results.rows((failed) => (failed.window.end > closed ? undefined : onFailure(failed)))]
      const windows = new Map(published.map(({ start, end }) => [windowId({ start, end }), { start, end }]))
      return revise(output, rows, [...windows.values()], published, closed)
    },
    open: () => ({ start: null, due: Number.POSITIVE_INFINITY }),
  }
}

/**
 * Windows whose rows may change in a step: those that it closes, and published ones in which a result changes or comes new (input had
 * ended before it came). Not those that are forgotten.
 */
function changedEnds(
  closer: Closer,
  output: ClosedOutput,
  body: CloseBody,
  spans: CloseStep['spans'],
  dirty: readonly DirtyWindow[],
): readonly EndSpan[] {
  const index = closer.outputs.indexOf(output)
  const { from, to } = spans[index]!
  const news: readonly EndSpan[] = to === null || (from !== null && from >= to) ? [] : [{ after: from, upTo: to }]
  if (!isChained(output)) {
    const own = dirty.filter((entry) => entry.output === index)
    return [
      ...own.map(({ window: { start, end }, all }) => ({ after: all === true ? start : end - 1, upTo: end })),
      ...news,
    ]
  }
  if (from === null) return news
  const forgotten = body.settled === null ? null : body.settled - output.window.grace
  const again = changedEnds(closer, output.parent, body, spans, dirty).map(({ after, upTo }): EndSpan => {
    return { after: highest(after, forgotten), upTo: Math.min(from, lastWindowOfResult(output, upTo)) }
  })
  return [...again, ...news]
}

/** Results in windows of some ends, computed piece by piece of the pages. */
class Results {
  readonly #closer: Closer
  readonly #parent: ClosedOutput
  readonly #fold: ResultFold
  readonly #ends: readonly EndSpan[]
  /** Null where the parent is made of records. */
  readonly #inner: Results | null

  constructor(closer: Closer, output: ChainedOutput, ends: readonly EndSpan[]) {
    const { parent } = output
    this.#closer = closer
    this.#parent = parent
    const index = closer.outputs.indexOf(output)
    this.#fold = new ResultFold(output, index, computedFields(parent), ({ end }) => isWithinEnds(ends, end))
    this.#ends = disjointEnds(ends.flatMap((span) => endsOfParent(output, span) ?? []))
    this.#inner = isChained(parent) ? new Results(closer, parent, this.#ends) : null
  }

  take(pages: readonly Page[], onFailure: OnFailure): void {
    if (this.#inner !== null) {
      this.#inner.take(pages, onFailure)
      return
    }
    const { outputs, fields } = this.#closer
    const parent = this.#parent
    const index = outputs.indexOf(parent)
    const starts = sliceStartsOf(pages, index)
    const windows = this.#ends.flatMap(({ after, upTo }) => [...windowsWithData(parent.window, starts, after, upTo)])
    for (const row of closeWindows(parent, index, fields, pages, windows, this.#told(onFailure))) this.#fold.add(row)
  }

  *rows(onFailure: OnFailure): Iterable<ResultRow> {
    for (const row of this.#inner?.rows(this.#told(onFailure)) ?? []) this.#fold.add(row)
    yield* this.#fold.rows(onFailure)
  }

  /** Results that are published themselves tell of their own failures. */
  #told(onFailure: OnFailure): OnFailure {
    if (this.#parent.sinks.length > 0) return () => {}
    return ({ reason, ...place }) => onFailure({ ...place, reason: `a result that it is made of: ${reason}` })
  }
}
