import type { EpochMillis } from '#core/time.ts'
import type { Plan, WindowOutput } from '#plan/plan.ts'
import { lastWindowStarted, type WindowBounds, windowsContaining, windowsEndingIn } from '#window/windows.ts'

/** A window output with the one whose results it is made of, if it is. Windows of results have fixed bounds: an end names a window. */
export interface ClosedOutput extends WindowOutput {
  readonly parent?: ClosedOutput
}

/** Windows with after < end ≤ upTo; from the first there is where `after` is null. */
export interface EndSpan {
  readonly after: EpochMillis | null
  readonly upTo: EpochMillis
}

/** All window outputs of a plan: first those that records are folded into, in the order of `foldedOutputs`; each after its parent. */
export function closedOutputs(plan: Pick<Plan, 'outputs'>): readonly ClosedOutput[] {
  const all = plan.outputs.filter((output): output is WindowOutput => output.kind === 'window')
  const made = new Map<string, ClosedOutput>()
  const make = (output: WindowOutput): ClosedOutput => {
    const known = made.get(output.name)
    if (known !== undefined) return known
    const { source } = output
    const parent = source === undefined ? undefined : make(all.find(({ name }) => name === source.output)!)
    const closed = parent === undefined ? output : { ...output, parent }
    made.set(output.name, closed)
    return closed
  }
  for (const output of all) if (output.source === undefined) make(output)
  for (const output of all) make(output)
  return [...made.values()]
}

const isSame = ({ source }: Pick<WindowOutput, 'source'>): boolean => source?.windows === 'same'

/** The windows that hold the results of a window of the parent: by the millisecond before its end, or that same window. */
export function windowsOfResult(output: ClosedOutput, result: WindowBounds): readonly WindowBounds[] {
  return isSame(output) ? [result] : windowsContaining(output.window, result.end - 1)
}

/** The output's windows in which a record at `t` counts, by the window of records that leads there: that one itself, or of which it is a result. */
export function windowsOfRecord(
  output: ClosedOutput,
  t: EpochMillis,
): readonly { readonly window: WindowBounds; readonly by: WindowBounds }[] {
  const { parent } = output
  if (parent === undefined) return windowsContaining(output.window, t).map((window) => ({ window, by: window }))
  return windowsOfRecord(parent, t).flatMap(({ window: result, by }) =>
    windowsOfResult(output, result).map((window) => ({ window, by })),
  )
}

/** End of the last window that holds results which end at `end`. */
export function lastWindowOfResult(output: Pick<WindowOutput, 'source' | 'window'>, end: EpochMillis): EpochMillis {
  return isSame(output) ? end : lastWindowStarted(output.window, end - 1).end
}

/** The parent's windows whose results lie in windows of these ends. */
export function endsOfParent(output: ClosedOutput, { after, upTo }: EndSpan): EndSpan | null {
  if (after === null || isSame(output)) return { after, upTo }
  for (const { start } of windowsEndingIn(output.window, after, upTo)) return { after: start, upTo }
  return null
}

/** Where the first record can lie that counts in a window which starts at `start`. */
export function firstEventOf(output: ClosedOutput, start: EpochMillis): EpochMillis {
  const { parent } = output
  if (parent === undefined) return start
  if (isSame(output)) return firstEventOf(parent, start)
  for (const first of windowsEndingIn(parent.window, start, Number.POSITIVE_INFINITY)) {
    return firstEventOf(parent, first.start)
  }
  return start
}

type Ending = Pick<ClosedOutput, 'window' | 'source' | 'parent'>

/**
 * End of the last window in which a record up to `t` can count, itself or by its results; of sessions, one that it makes alone. In a gap
 * between windows it is that of the window before.
 */
export function lastEndOf(output: Ending, t: EpochMillis): EpochMillis {
  const { parent, window } = output
  return parent === undefined ? lastWindowStarted(window, t).end : lastWindowOfResult(output, lastEndOf(parent, t))
}

/**
 * What the end of input closes, by output: every window that can hold an event up to `newest`, or a result of one, and no later one than
 * the last of those. Each output has its own bound: a month that ends must not end the hours of its last day.
 */
export function endsOfInput(outputs: readonly Ending[], newest: EpochMillis): readonly EpochMillis[] {
  return outputs.map((output) => lastEndOf(output, newest))
}

/** The same windows, each span once, ascending. */
export function disjointEnds(spans: readonly EndSpan[]): readonly EndSpan[] {
  const start = ({ after }: EndSpan): number => after ?? Number.NEGATIVE_INFINITY
  const merged: EndSpan[] = []
  for (const span of spans.filter((one) => start(one) < one.upTo).sort((a, b) => start(a) - start(b))) {
    const last = merged.at(-1)
    if (last === undefined || start(span) > last.upTo) merged.push(span)
    else merged[merged.length - 1] = { after: last.after, upTo: Math.max(last.upTo, span.upTo) }
  }
  return merged
}

export function isWithinEnds(spans: readonly EndSpan[], end: EpochMillis): boolean {
  return spans.some(({ after, upTo }) => end <= upTo && (after === null || end > after))
}
