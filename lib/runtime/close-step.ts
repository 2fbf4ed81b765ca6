import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import { highest } from '#runtime/bounds.ts'
import type { CloseBody } from '#runtime/close-item.ts'
import { firstPage, type PageRange, pageRange } from '#runtime/close-pages.ts'
import { earliestOpen, isSessionOutput } from '#runtime/close-sessions.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { type ClosedOutput, firstEventOf } from '#window/chained.ts'
import type { SliceLayout } from '#window/slices.ts'
import { windowsEndingIn } from '#window/windows.ts'

/** At most so many page spans are closed in one step, so that catching up needs no more memory than keeping up. */
const SPANS_PER_STEP = 16

/** What could be closed now. */
export interface CloseGoal {
  /** By the watermark, for every output; null while nothing is known. */
  readonly mark: EpochMillis | null
  /** By output, because input has ended; null where it has not. */
  readonly ended: readonly EpochMillis[] | null
}

/** What one step closes. */
export interface CloseStep {
  readonly mark: EpochMillis | null
  /** By output: windows with from < end ≤ to are computed for the first time. */
  readonly spans: readonly { readonly from: EpochMillis | null; readonly to: EpochMillis | null }[]
  /** There is more to close after it. */
  readonly more: boolean
}

/** What is published of an output: by the mark, or because input had ended. */
const publishedIn = (body: CloseBody, { name }: WindowOutput): EpochMillis | null =>
  highest(body.upTo, body.ended[name] ?? null)

/** A step that closes nothing new: what is dirty is computed again. */
export function standStill(outputs: readonly ClosedOutput[], body: CloseBody): CloseStep {
  const spans = outputs.map((output) => ({ from: publishedIn(body, output), to: publishedIn(body, output) }))
  return { mark: body.upTo, spans, more: false }
}

/**
 * The next step towards the goal: what the watermark closes and, once the mark is there, what the end of input does. Up to a
 * bounded distance from the next page that has anything to close, over all that is empty before it. Null when no window is left
 * to close.
 */
export async function nextStep(
  runtime: Runtime,
  outputs: readonly ClosedOutput[],
  layout: SliceLayout,
  body: CloseBody,
  goal: CloseGoal,
): Promise<CloseStep | null> {
  const raised = await nextMark(runtime, outputs, layout, body, goal.mark)
  const mark = raised ?? body.upTo
  const spans = outputs.map((output) => {
    const from = publishedIn(body, output)
    return { from, to: highest(from, raised) }
  })
  if (raised !== null && raised < goal.mark!) return { mark, spans, more: true }
  const ended = goal.ended === null ? null : await upToEnd(runtime, outputs, layout, body, spans, goal.ended)
  if (ended !== null) return { mark, ...ended }
  return raised === null ? null : { mark, spans, more: false }
}

/** The same spans, longer; null when all of them reach the end of input. */
async function upToEnd(
  runtime: Runtime,
  outputs: readonly ClosedOutput[],
  layout: SliceLayout,
  body: CloseBody,
  spans: CloseStep['spans'],
  ended: readonly EpochMillis[],
): Promise<Pick<CloseStep, 'spans' | 'more'> | null> {
  const left = outputs.flatMap((output, i) => {
    const { to } = spans[i]!
    return to !== null && to >= ended[i]! ? [] : [{ output, from: to, to: ended[i]! }]
  })
  if (left.length === 0) return null
  const { first, distance } = await reachable(runtime, layout, body, left)
  const longer = spans.map(({ from, to }, i) => {
    const limit = Math.max(first, to ?? Number.NEGATIVE_INFINITY) + distance
    return { from, to: highest(to, Math.min(ended[i]!, limit)) }
  })
  return { spans: longer, more: longer.some(({ to }, i) => to! < ended[i]!) }
}

/** How far the mark may rise in one step; null when no window ends between what is closed and the goal. */
async function nextMark(
  runtime: Runtime,
  outputs: readonly ClosedOutput[],
  layout: SliceLayout,
  body: CloseBody,
  goal: EpochMillis | null,
): Promise<EpochMillis | null> {
  const { upTo } = body
  if (goal === null || (upTo !== null && goal <= upTo)) return null
  const spans = outputs.map((output) => ({ output, from: upTo, to: goal }))
  if (upTo !== null && spans.every((span) => firstStart(body, span) === undefined)) return null
  const { first, distance } = await reachable(runtime, layout, body, spans)
  return Math.min(goal, Math.max(first, upTo ?? Number.NEGATIVE_INFINITY) + distance)
}

interface Span {
  readonly output: ClosedOutput
  readonly from: EpochMillis | null
  readonly to: EpochMillis
}

/** Start of the first page that any of the spans' windows needs (endlessly late for none), and how far from there one step may go. */
async function reachable(
  runtime: Runtime,
  layout: SliceLayout,
  body: CloseBody,
  spans: readonly Span[],
): Promise<{ readonly first: number; readonly distance: number }> {
  const distance = SPANS_PER_STEP * layout.span
  const ranges = spans.flatMap((span) => neededRange(layout, body, span) ?? [])
  if (ranges.length === 0) return { first: Number.POSITIVE_INFINITY, distance }
  const from = ranges.some((range) => range.from === null) ? null : Math.min(...ranges.map((range) => range.from!))
  const first = await firstPage(runtime, { from, to: Math.max(...ranges.map(({ to }) => to)) })
  return { first: first === null ? Number.POSITIVE_INFINITY : first * layout.span, distance }
}

/** The pages of the windows with from < end ≤ to; undefined when there are no such windows. */
export function neededRange(layout: SliceLayout, body: CloseBody, span: Span): PageRange | undefined {
  if (span.from === null) return pageRange(layout, null, span.to)
  const start = firstStart(body, span)
  return start === undefined ? undefined : pageRange(layout, start, span.to)
}

/** Where the first window with from < end ≤ to starts, or what it is made of, or a session that may end there. */
function firstStart(body: CloseBody, { output, from, to }: Span): EpochMillis | undefined {
  if (from === null) return undefined
  if (isSessionOutput(output)) return earliestOpen(output, body, from)!
  for (const { start } of windowsEndingIn(output.window, from, to)) return firstEventOf(output, start)
  return undefined
}
