import type { EpochMillis } from '#core/time.ts'
import type { Emit, WindowOutput } from '#plan/plan.ts'
import type { CloseBody } from '#runtime/close-item.ts'
import type { CloseStep } from '#runtime/close-step.ts'
import type { Progress } from '#runtime/progress.ts'
import { type ClosedOutput, endsOfInput } from '#window/chained.ts'

/** By output: open windows with from < end ≤ to are computed as they are now; null where nothing is due. */
export type RunningSpans = readonly (CloseStep['spans'][number] | null)[]

/**
 * What a closer remembers of its last look at open windows: how far every partition was. Nothing of it is stored: a new process looks once
 * more than it needs to, and finds that the rows are published.
 */
export class RunningLooks {
  readonly #looks = new Map<string, string>()

  /** Whether a record was applied since the last look. */
  isNews(output: WindowOutput, applied: string): boolean {
    return this.#looks.get(output.name) !== applied
  }

  /** What was computed of the outputs is published, or was published before. */
  done(outputs: readonly WindowOutput[], spans: RunningSpans, applied: string): void {
    outputs.forEach(({ name }, i) => {
      if (spans[i] !== null) this.#looks.set(name, applied)
    })
  }
}

/** Last applied offset of every partition, as one text. A page changes before the progress that covers it, so none is missed. */
export function appliedText(progress: ReadonlyMap<number, Progress>): string {
  return [...progress].map(([partition, { last }]) => `${partition}:${last.offset}`).join(' ')
}

/**
 * Which windows that are open after a step have running results to come out: those of outputs that are not `final`, when records were
 * applied since the last look and, with `every`, that time has passed. No request.
 */
export function runningSpans(
  outputs: readonly ClosedOutput[],
  body: CloseBody,
  { spans, more }: Pick<CloseStep, 'spans' | 'more'>,
  progress: ReadonlyMap<number, Progress>,
  looks: RunningLooks,
  now: EpochMillis,
): RunningSpans {
  const times = [...progress.values()].flatMap(({ maxEventTime }) => (maxEventTime === null ? [] : [maxEventTime]))
  // While there is more to close, rows that are final in a moment need not come out as running ones.
  if (more || times.length === 0 || outputs.every(({ emit }) => emit === 'final')) return outputs.map(() => null)
  const applied = appliedText(progress)
  const ends = endsOfInput(outputs, Math.max(...times))
  return outputs.map((output, i) => {
    const { to } = spans[i]!
    const isOpen = to === null || ends[i]! > to
    const due = isOpen && isDue(output.emit, body.emitted?.[output.name], now) && looks.isNews(output, applied)
    return due ? { from: to, to: ends[i]! } : null
  })
}

/** A clock that was set back delays nothing. */
function isDue(emit: Emit, before: EpochMillis | undefined, now: EpochMillis): boolean {
  if (emit === 'final') return false
  if (typeof emit === 'string' || before === undefined) return true
  return now >= before + emit.every || now < before
}

/** When running results of each output came out last. */
export function emittedAfter(
  outputs: readonly WindowOutput[],
  body: CloseBody,
  spans: RunningSpans,
  now: EpochMillis,
): Pick<CloseBody, 'emitted'> {
  const news = outputs.flatMap(({ name, emit }, i) =>
    spans[i] === null || typeof emit === 'string' ? [] : [[name, now] as const],
  )
  const emitted = { ...body.emitted, ...Object.fromEntries(news) }
  return Object.keys(emitted).length === 0 ? {} : { emitted }
}
