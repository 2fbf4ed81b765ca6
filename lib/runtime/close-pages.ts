import type { EpochMillis } from '#core/time.ts'
import type { WindowSpec } from '#plan/plan.ts'
import type { FencedItem } from '#ports/state-store.ts'
import { eachLimited } from '#runtime/each-limited.ts'
import { ALL_HASHES, type HashRange, isWithin } from '#runtime/hash-range.ts'
import { leafGroup, pageGroup, pageIdPrefix, parsePageId } from '#runtime/keys.ts'
import {
  decodeNode,
  digitRange,
  type NodePlace,
  type PageNode,
  PIECES,
  piecePlace,
  rootPlace,
  type Split,
} from '#runtime/page-node.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { type ClosedOutput, lastEndOf } from '#window/chained.ts'
import type { Page, PageCodec } from '#window/page.ts'
import { partsOfPage } from '#window/page-parts.ts'
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

/** What it takes to read pages. */
export interface PagesOf {
  readonly runtime: Runtime
  readonly codec: PageCodec
  readonly layout: SliceLayout
}

/** An item as it was read. */
interface ReadNode {
  readonly place: NodePlace
  readonly node: PageNode
}

interface ReadSplit {
  readonly place: NodePlace
  readonly split: Split
}

/** The pages of the ranges, each once. One LIST a disjoint range. */
async function readRoots(
  { runtime, codec, layout }: PagesOf,
  ranges: readonly PageRange[],
): Promise<readonly ReadNode[]> {
  const nodes: ReadNode[] = []
  for (const { from, to } of disjoint(ranges)) {
    const range = { ...(from === null ? {} : { from: pageIdPrefix(from) }), to: pageIdPrefix(to) }
    for (const { id, body } of await runtime.state.list(pageGroup(runtime), range)) {
      const { index, partition } = parsePageId(id)
      nodes.push({ place: rootPlace(runtime, layout, index, partition), node: decodeNode(body, codec) })
    }
  }
  return nodes
}

/** A piece of a split page; undefined when it has expired. One GET. */
async function readPiece(
  { runtime, codec, layout }: PagesOf,
  { place, split }: ReadSplit,
  piece: number,
): Promise<readonly ReadNode[]> {
  const own = piecePlace(runtime, place, layout, split, piece)
  const item = await runtime.state.get(own.group, own.id)
  return item === undefined ? [] : [{ place: own, node: decodeNode(item.body, codec) }]
}

const NUMBERS = Array.from({ length: PIECES }, (_, piece) => piece)

/** What is there, and which pages were split by the hashes of keys. What was split by time is put together again. */
async function unfold(
  of: PagesOf,
  nodes: readonly ReadNode[],
): Promise<{ readonly pages: readonly Page[]; readonly splits: readonly ReadSplit[] }> {
  const pages: Page[] = []
  const splits: ReadSplit[] = []
  const left = [...nodes]
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    const { place, node } = next
    if ('page' in node) pages.push(node.page)
    else if (node.split.by === 'hash') splits.push({ place, split: node.split })
    else {
      const { split } = node
      const pieces = await Promise.all(NUMBERS.map((piece) => readPiece(of, { place, split }, piece)))
      left.push(...pieces.flat())
    }
  }
  return { pages, splits }
}

/** The pages of the ranges, or of those that were split the pieces which may hold groups with these hashes. One GET a piece. */
export async function loadPages(
  of: PagesOf,
  ranges: readonly PageRange[],
  hashes: ReadonlySet<number>,
): Promise<readonly Page[]> {
  const found: Page[] = []
  let nodes = await readRoots(of, ranges)
  while (nodes.length > 0) {
    const { pages, splits } = await unfold(of, nodes)
    found.push(...pages)
    const wanted = splits.flatMap((read) => {
      const pieces = NUMBERS.filter((piece) =>
        [...hashes].some((hash) => isWithin(hash, digitRange(read.place.hashes, piece))),
      )
      return pieces.map((piece) => readPiece(of, read, piece))
    })
    nodes = (await Promise.all(wanted)).flat()
  }
  return found
}

/** What the pages of some ranges hold of the groups whose keys have these hashes. */
export interface PageBucket {
  readonly hashes: HashRange
  readonly pages: readonly Page[]
}

/**
 * The pages of the ranges: as they are, where none was split, or else the pieces of all of them that have the same hashes, from the lowest
 * hashes to the highest. A page is read before its pieces, so they are all there. One LIST a range, one GET a piece.
 */
export async function* pageBuckets(of: PagesOf, ranges: readonly PageRange[]): AsyncGenerator<PageBucket> {
  if (ranges.length > 0) yield* bucketsOf(of, await readRoots(of, ranges), [], ALL_HASHES)
}

/** @param whole pages that were not split as far as the others: of them, too, only groups with these hashes are left */
async function* bucketsOf(
  of: PagesOf,
  nodes: readonly ReadNode[],
  whole: readonly Page[],
  hashes: HashRange,
): AsyncGenerator<PageBucket> {
  const { pages, splits } = await unfold(of, nodes)
  const all = [...whole, ...pages]
  if (splits.length === 0) {
    yield { hashes, pages: all }
    return
  }
  const partOf = (hash: number): number => Math.floor(((hash - hashes.from) * PIECES) / (hashes.to - hashes.from))
  const parts = all.map((page) => partsOfPage(page, PIECES, partOf))
  for (const piece of NUMBERS) {
    const read = await Promise.all(splits.map((split) => readPiece(of, split, piece)))
    const own = parts.map((pieces) => pieces[piece]!)
    yield* bucketsOf(of, read.flat(), own, digitRange(hashes, piece))
  }
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
      return Math.max(lastSlice, lastEndOf(output, lastSlice)) + window.grace > upTo
    })
  while (needed(index)) index--
  const { state } = runtime
  const roots = await state.list(pageGroup(runtime), { to: pageIdPrefix(index + 1) })
  if (roots.length === 0) return 0
  // Pieces first, and those that nobody finds with them: as long as a page is there, so are the records of its pieces that progress
  // does not cover.
  const isCovered = ({ id, fence }: FencedItem): boolean => fence <= (applied.get(parsePageId(id).partition) ?? -1)
  const kept = new Set<string>()
  for (let from: string | undefined; ; ) {
    const range = { ...(from === undefined ? {} : { from }), to: pageIdPrefix(index + 1), limit: EXPIRED_AT_ONCE }
    const pieces = await state.list(leafGroup(runtime), range)
    await eachLimited(EXPIRED_LANES, pieces, async (item) => {
      if (!isCovered(item) || !(await state.delete(item.group, item.id, item.fence))) kept.add(rootIdOf(item.id))
    })
    if (pieces.length < EXPIRED_AT_ONCE) break
    from = `${pieces.at(-1)!.id}\u0000`
  }
  let expired = 0
  for (const item of roots) {
    if (!isCovered(item) || kept.has(item.id)) continue
    if (await state.delete(item.group, item.id, item.fence)) expired++
  }
  return expired
}

/** Pieces are some KB each. */
const EXPIRED_AT_ONCE = 256
const EXPIRED_LANES = 16

const rootIdOf = (id: string): string => id.split('/').slice(0, 2).join('/')
