import type { EpochMillis } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import { ALL_HASHES, type HashRange } from '#runtime/hash-range.ts'
import { pageGroup, pageIdPrefix, parsePageId } from '#runtime/keys.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { type ClosedOutput, lastEndOf } from '#window/chained.ts'
import type { Page, PageCodec } from '#window/page.ts'
import type { SliceLayout } from '#window/slices.ts'
import { lastWindowEnd, type WindowBounds, windowsContaining, windowsEndingIn } from '#window/windows.ts'

/** Half-open ranges of event time, as page indexes: from ≤ index < to. `from` null: from the first page there is. */
export interface PageRange {
  readonly from: number | null
  readonly to: number
}

export function pageRange(layout: SliceLayout, start: EpochMillis | null, end: EpochMillis): PageRange {
  return {
    from: start === null ? null : Math.floor(start / layout.span),
    to: Math.floor((end - 1) / layout.span) + 1,
  }
}

/** Decodes each page of the ranges once. One LIST a disjoint range. */
export async function loadPages(
  runtime: Runtime,
  codec: PageCodec,
  ranges: readonly PageRange[],
): Promise<readonly Page[]> {
  const pages: Page[] = []
  for (const { from, to } of disjoint(ranges)) {
    const range = { ...(from === null ? {} : { from: pageIdPrefix(from) }), to: pageIdPrefix(to) }
    for (const item of await runtime.state.list(pageGroup(runtime), range)) pages.push(codec.decode(item.body))
  }
  return pages
}

/** What the pages of some ranges hold of the groups whose keys have these hashes. */
export interface PageBucket {
  readonly hashes: HashRange
  readonly pages: readonly Page[]
}

/** The pages of the ranges, piece by piece, from the lowest hashes to the highest. */
export async function* pageBuckets(
  runtime: Runtime,
  codec: PageCodec,
  ranges: readonly PageRange[],
): AsyncGenerator<PageBucket> {
  if (ranges.length > 0) yield { hashes: ALL_HASHES, pages: await loadPages(runtime, codec, ranges) }
}

/** Number of the first page in the range; null for none. One LIST of one item. */
export async function firstPage(runtime: Runtime, { from, to }: PageRange): Promise<number | null> {
  const range = { ...(from === null ? {} : { from: pageIdPrefix(from) }), to: pageIdPrefix(to), limit: 1 }
  const [first] = await runtime.state.list(pageGroup(runtime), range)
  return first === undefined ? null : parsePageId(first.id).index
}

function disjoint(ranges: readonly PageRange[]): readonly PageRange[] {
  const start = (range: PageRange): number => range.from ?? Number.NEGATIVE_INFINITY
  const merged: PageRange[] = []
  for (const range of ranges.toSorted((a, b) => start(a) - start(b))) {
    const last = merged.at(-1)
    if (last !== undefined && start(range) <= last.to) {
      merged[merged.length - 1] = { from: last.from, to: Math.max(last.to, range.to) }
    } else {
      merged.push(range)
    }
  }
  return merged
}

/** Windows with after < end ≤ upTo that contain at least one of the slices, ascending by end: empty years cost nothing. */
export function* windowsWithData(
  spec: WindowSpec,
  sliceStarts: readonly EpochMillis[],
  after: EpochMillis | null,
  upTo: EpochMillis,
): Generator<WindowBounds> {
  let cursor = after ?? Number.NEGATIVE_INFINITY
  for (const start of sliceStarts) {
    const last = lastWindowEnd(spec, start)
    if (last === null || last <= cursor) continue
    const from = Math.max(cursor, windowsContaining(spec, start)[0]!.end - 1)
    const to = Math.min(last, upTo)
    if (to > from) yield* windowsEndingIn(spec, from, to)
    cursor = Math.max(cursor, to)
  }
}

/** Starts of the slices in which the output has state, ascending, each once. */
export function sliceStartsOf(pages: readonly Page[], outputIndex: number): readonly EpochMillis[] {
  const starts = new Set<EpochMillis>()
  for (const page of pages) {
    for (const [start, slice] of page.slices) if (slice[outputIndex] !== undefined) starts.add(start)
    for (const { start, state } of page.lateSlices) if (state[outputIndex] !== undefined) starts.add(start)
  }
  return [...starts].sort((a, b) => a - b)
}

/**
 * Deletes the pages that no window can need again at `upTo`: all their windows are beyond grace, and everything folded into
 * them is covered by progress (else a redelivery would find no fence and judge its records again). Sessions need what is at or after
 * `keepFrom`.
 */
export async function expirePages(
  runtime: Runtime,
  outputs: readonly ClosedOutput[],
  layout: SliceLayout,
  upTo: EpochMillis,
  applied: ReadonlyMap<number, number>,
  keepFrom: EpochMillis = Number.POSITIVE_INFINITY,
): Promise<number> {
  let index = Math.floor(Math.min(upTo, keepFrom) / layout.span)
  const needed = (at: number): boolean =>
    (at + 1) * layout.span > keepFrom ||
    outputs.some((output) => {
      const { window } = output
      if (window.kind === 'session') return false
      const lastSlice = (at + 1) * layout.span - layout.width
      return (lastEndOf(output, lastSlice) ?? lastSlice) + window.grace > upTo
    })
  while (needed(index)) index--
  let expired = 0
  for (const item of await runtime.state.list(pageGroup(runtime), { to: pageIdPrefix(index + 1) })) {
    const { partition } = parsePageId(item.id)
    if (item.fence > (applied.get(partition) ?? -1)) continue
    if (await runtime.state.delete(item.group, item.id, item.fence)) expired++
  }
  return expired
}
