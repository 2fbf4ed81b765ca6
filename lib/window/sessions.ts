import type { EpochMillis } from '#core/time.ts'
import type { SessionSpec } from '#plan/plan.ts'
import type { Aggregate } from '#window/accumulator.ts'
import type { Page } from '#window/page.ts'
import { mergeStates } from '#window/sliding-merge.ts'
import type { Span } from '#window/span.ts'
import type { WindowBounds } from '#window/windows.ts'

/** One session of one group, as far as the pages tell. */
export interface Session {
  /** From the first event time to the gap after the last one: closing goes by this, whatever `window_end` is. */
  readonly bounds: WindowBounds
  /** The span, then the accumulators of the output's aggregates. */
  readonly states: readonly unknown[]
}

/** Whether a session that ends at `end` is beyond grace. At the gap itself a record may still join, unless it is to split there. */
export function isSettled(spec: SessionSpec, end: EpochMillis, settled: EpochMillis): boolean {
  return spec.atGap === 'join' ? end < settled : end <= settled
}

type States = readonly unknown[]
type GroupMap = ReadonlyMap<string, States>

interface Apart {
  readonly upTo: EpochMillis
  readonly states: States
}

const spanOf = (states: States): Span => states[0] as Span

/**
 * The sessions of one output, by group key, each list ascending. Two slices of a group are neighbours when the first record of one is at
 * most a gap after the last one of the other. Nothing but the slices' spans is needed for that, because a slice is not wider than the gap.
 *
 * Records that came behind sessions beyond grace were kept apart with the time up to which those had ended. They are taken in that
 * order: sessions that had ended by then stay as they are, the others grow. So a session that was published for good never changes.
 *
 * @param only just the sessions of this group
 */
export function sessionsOf(
  spec: SessionSpec,
  output: number,
  pages: readonly Page[],
  aggregates: readonly Aggregate<unknown>[],
  only?: string,
): ReadonlyMap<string, readonly Session[]> {
  const runs = new Map<string, States[]>()
  for (const slice of slicesInOrder(output, pages, aggregates, only)) {
    for (const [key, states] of slice) {
      const own = runs.get(key)
      if (own === undefined) runs.set(key, [states])
      else append(spec, own, states, aggregates)
    }
  }
  const apart = partsApart(output, pages, only)
  const sessions = new Map<string, readonly Session[]>()
  for (const key of new Set([...runs.keys(), ...apart.keys()])) {
    const parts = apart.get(key)
    const own = runs.get(key) ?? []
    const all = parts === undefined ? own : replay(spec, own, parts, aggregates)
    sessions.set(
      key,
      all.map((states) => ({ bounds: boundsOf(spec, states), states })),
    )
  }
  return sessions
}

const boundsOf = (spec: SessionSpec, states: States): WindowBounds => ({
  start: spanOf(states).min,
  end: spanOf(states).max + spec.gap,
})

/** Each slice of all partitions merged, ascending, so that the parts of a group come in order of time. */
function* slicesInOrder(
  output: number,
  pages: readonly Page[],
  aggregates: readonly Aggregate<unknown>[],
  only: string | undefined,
): Generator<GroupMap> {
  const parts = new Map<EpochMillis, GroupMap[]>()
  for (const { slices } of pages) {
    for (const [start, state] of slices) {
      const groups = state[output]
      if (groups === undefined || (only !== undefined && !groups.has(only))) continue
      const own = only === undefined ? groups : new Map([[only, groups.get(only)!]])
      const known = parts.get(start)
      if (known === undefined) parts.set(start, [own])
      else known.push(own)
    }
  }
  for (const start of [...parts.keys()].sort((a, b) => a - b)) {
    const [first, ...rest] = parts.get(start)!
    if (rest.length === 0) {
      yield first!
      continue
    }
    const merged = new Map(first)
    for (const groups of rest) {
      for (const [key, states] of groups) {
        const known = merged.get(key)
        merged.set(key, known === undefined ? states : mergeStates(known, states, aggregates))
      }
    }
    yield merged
  }
}

function partsApart(output: number, pages: readonly Page[], only: string | undefined): ReadonlyMap<string, Apart[]> {
  const found = new Map<string, Apart[]>()
  for (const { lateSlices } of pages) {
    for (const { missedUpTo, state } of lateSlices) {
      for (const [key, states] of state[output] ?? []) {
        if (only !== undefined && key !== only) continue
        const part = { upTo: missedUpTo, states }
        const known = found.get(key)
        if (known === undefined) found.set(key, [part])
        else known.push(part)
      }
    }
  }
  return found
}

/** `next` starts no earlier than the last of `runs`: it goes on with that one, or begins another. */
function append(spec: SessionSpec, runs: States[], next: States, aggregates: readonly Aggregate<unknown>[]): void {
  const last = runs[runs.length - 1]
  const distance = last === undefined ? Number.POSITIVE_INFINITY : spanOf(next).min - spanOf(last).max
  if (distance < spec.gap || (distance === spec.gap && spec.atGap === 'join')) {
    runs[runs.length - 1] = mergeStates(last!, next, aggregates)
  } else {
    runs.push(next)
  }
}

const byStart = (a: States, b: States): number => spanOf(a).min - spanOf(b).min || spanOf(a).max - spanOf(b).max

function replay(
  spec: SessionSpec,
  runs: readonly States[],
  parts: readonly Apart[],
  aggregates: readonly Aggregate<unknown>[],
): readonly States[] {
  const settled: States[] = []
  let open = runs
  for (const [upTo, own] of [...Map.groupBy(parts, (part) => part.upTo)].sort(([a], [b]) => a - b)) {
    const still: States[] = []
    for (const run of open) (isSettled(spec, spanOf(run).max + spec.gap, upTo) ? settled : still).push(run)
    const joined: States[] = []
    for (const next of [...still, ...own.map(({ states }) => states)].sort(byStart))
      append(spec, joined, next, aggregates)
    open = joined
  }
  return [...settled, ...open].sort(byStart)
}
