import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import type { Bounds } from '#runtime/bounds.ts'
import { eachLimited } from '#runtime/each-limited.ts'
import { progressGroup } from '#runtime/keys.ts'
import { type NodePlace, type PageLimits, PIECES, pieceOf, rootPlace, type Split } from '#runtime/page-node.ts'
import { AT_ONCE, type LoadedNode, type LoadedPage, PageTree } from '#runtime/page-tree.ts'
import type { Prepared } from '#runtime/prepare.ts'
import { loadProgress } from '#runtime/progress.ts'
import { readBounds } from '#runtime/raise-bounds.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { pagesNearby } from '#runtime/session-records.ts'
import type { Fields } from '#schema/column.ts'
import type { Folder } from '#window/fold.ts'
import { type LateEntry, type PageCodec, pageCodec } from '#window/page.ts'
import { type SliceLayout, sliceStart } from '#window/slices.ts'
import { lastWindowEnd } from '#window/windows.ts'

/** Rows of one partition that are to be folded. */
export interface RowsToFold {
  readonly partition: number
  readonly prepared: Prepared
  /** Offset of the last record that progress covers, −1 for none. */
  readonly fence: number
  readonly last: { readonly offset: number }
}

interface JudgedRows extends RowsToFold {
  /** Lateness is judged by it: read after the partition's last batch, at least. */
  readonly mark: EpochMillis | null
}

/** `expired`: the item isn't there, and must not be begun. `overtaken`: somebody else has moved the partition's progress. */
type Visited = 'done' | 'expired' | 'overtaken'

/** The rows of a page, or of a piece of one. */
interface Share {
  /** By output, rows whose groups are here, ascending. */
  readonly rows: readonly Int32Array[]
  /** The same rows for every output: nothing was split by the hashes of keys. */
  readonly isWhole: boolean
}

/**
 * Folds rows into pages and their pieces, each a fenced item: what is above its own fence, whatever the others have. A record belongs to a
 * group in each output, and so perhaps to several pieces.
 */
export class PageFolder {
  readonly #runtime: Runtime
  readonly #outputs: readonly WindowOutput[]
  readonly #folder: Folder
  readonly #layout: SliceLayout
  readonly #codec: PageCodec
  readonly #tree: PageTree

  constructor(
    runtime: Runtime,
    outputs: readonly WindowOutput[],
    fields: Fields,
    folder: Folder,
    layout: SliceLayout,
    limits: PageLimits,
  ) {
    this.#runtime = runtime
    this.#outputs = outputs
    this.#folder = folder
    this.#layout = layout
    this.#codec = pageCodec(outputs, fields)
    this.#tree = new PageTree(runtime, this.#codec, layout, limits)
  }

  /**
   * Gives back the late verdicts of this batch, old and new; null when somebody else has applied some of it meanwhile. Everything is durable
   * when it resolves.
   *
   * @param known how far windows are closed; null: read for each page
   */
  async fold(
    unit: RowsToFold,
    index: number,
    rows: Int32Array,
    known: Bounds | null,
  ): Promise<readonly LateEntry[] | null> {
    const found: LateEntry[] = []
    const place = rootPlace(this.#runtime, this.#layout, index, unit.partition)
    const { mark } = known ?? (await readBounds(this.#runtime.state, this.#runtime))
    const share = { rows: this.#outputs.map(() => rows), isWhole: true }
    return (await this.#visit({ ...unit, mark }, place, share, found, true)) === 'overtaken' ? null : found
  }

  /** @param mayBegin whether an item that isn't there may be written: a piece only if the page that it belongs to stays */
  async #visit(
    rows: JudgedRows,
    place: NodePlace,
    share: Share,
    found: LateEntry[],
    mayBegin: boolean,
  ): Promise<Visited> {
    let unit = rows
    const { fence: progressFence, last, prepared } = unit
    let loaded = await this.#tree.take(place)
    for (;;) {
      if ('split' in loaded) {
        const visited = await this.#visitPieces(unit, place, loaded.split, share, found)
        if (typeof visited === 'string') return visited
        loaded = visited
        continue
      }
      const { page, fence } = loaded
      if (fence === null && !mayBegin) return 'expired'
      const fresh = share.rows.map((rows) => rowsAbove(rows, prepared.offsets, fence ?? -1))
      const isNew = (entry: LateEntry): boolean => entry.offset > progressFence && entry.offset <= last.offset
      if (fresh.every((rows) => rows.length === 0)) {
        this.#tree.keep(place, { page, fence })
        found.push(...page.late.filter(isNew))
        return 'done'
      }
      if (this.#mayJoin(unit, fresh)) {
        // Begun first, so that it can't come and go again while progress is read.
        if (fence === null) {
          const begun = await this.#tree.store(place, page, progressFence, null)
          loaded = begun.ok ? await this.#tree.take(place) : begun.stored
          continue
        }
        if (await this.#isOvertaken(unit)) return 'overtaken'
      }
      // Verdicts at or below the progress fence have reached the late table: the page may forget them.
      page.late = page.late.filter((entry) => entry.offset > progressFence)
      const newFence = await this.#foldInto(loaded, unit, { ...share, rows: fresh })
      const verdicts = page.late.filter(isNew)
      const result = await this.#tree.store(place, page, newFence, fence)
      if (result.ok) {
        found.push(...verdicts)
        return 'done'
      }
      loaded = result.stored
      // Somebody else writes this partition too, perhaps since long ago.
      const { mark } = await readBounds(this.#runtime.state, this.#runtime)
      unit = { ...unit, mark }
    }
  }

  /** The new fence: the last offset that was folded. */
  async #foldInto({ page }: LoadedPage, { prepared, partition, mark }: JudgedRows, share: Share): Promise<number> {
    const { batch, eventTimes, offsets } = prepared
    let newest = -1
    for (const [output, rows] of share.rows.entries()) {
      if (rows.length === 0) continue
      newest = Math.max(newest, offsets[rows.at(-1)!]!)
      const outputs = share.isWhole ? this.#outputs.map((_, i) => i) : [output]
      const nearby = await pagesNearby(
        { runtime: this.#runtime, codec: this.#codec, layout: this.#layout, outputs: this.#outputs },
        this.#folder,
        outputs,
        { rows, eventTimes, batch },
        mark,
      )
      const only = share.isWhole ? {} : { only: output }
      this.#folder.fold(page, batch, rows, eventTimes, offsets, { mark, partition, nearby, ...only })
      if (share.isWhole) break
    }
    return newest
  }

  /** What became of the visit, or what is stored at the place by now: the page has expired, and its pieces with it. */
  async #visitPieces(
    unit: JudgedRows,
    place: NodePlace,
    split: Split,
    share: Share,
    found: LateEntry[],
  ): Promise<Visited | LoadedNode> {
    const shares = this.#shares(unit, place, split, share)
    const own: LateEntry[] = []
    let pieces = shares.flatMap((own, piece) => (own.rows.some((rows) => rows.length > 0) ? [piece] : []))
    for (let isHeld = false; pieces.length > 0; isHeld = true) {
      const expired: number[] = []
      let isOvertaken = false
      await eachLimited(AT_ONCE, pieces, async (piece) => {
        const visited = await this.#visit(unit, this.#tree.piece(place, split, piece), shares[piece]!, own, isHeld)
        if (visited === 'overtaken') isOvertaken = true
        if (visited === 'expired') expired.push(piece)
      })
      if (isOvertaken) return 'overtaken'
      // What would be written under a page that is gone, nobody would find.
      const stored = expired.length === 0 ? null : await this.#tree.hold(place, split, unit.last.offset)
      if (stored !== null) return stored
      pieces = expired
    }
    found.push(...own)
    return 'done'
  }

  /**
   * Whether rows may join sessions of other pages although they would be late alone. To a poller that was overtaken their page may have
   * expired, with the verdict that they were late.
   */
  #mayJoin({ prepared, mark }: JudgedRows, rows: readonly Int32Array[]): boolean {
    if (mark === null) return false
    return this.#outputs.some(({ window }, output) => {
      if (window.kind !== 'session') return false
      const behind = mark - window.gap - window.grace
      return rows[output]!.some((row) => prepared.eventTimes[row]! <= behind)
    })
  }

  /** Asked when the page was read: what has expired by then, progress covers. One read. */
  async #isOvertaken({ partition, fence }: RowsToFold): Promise<boolean> {
    const { progress } = await loadProgress(this.#runtime.state, progressGroup(this.#runtime), partition)
    return (progress?.last.offset ?? -1) !== fence
  }

  #shares({ prepared }: RowsToFold, place: NodePlace, split: Split, { rows, isWhole }: Share): readonly Share[] {
    const { batch, eventTimes } = prepared
    const partOf = pieceOf(place, this.#layout, split.by)
    if (split.by === 'time' && isWhole) {
      return dealt(rows[0]!, (i) => partOf(0, eventTimes[rows[0]![i]!]!)).map((own) => {
        return { rows: rows.map(() => own), isWhole }
      })
    }
    const byOutput = rows.map((own, output) => {
      if (split.by === 'time') return dealt(own, (i) => partOf(0, eventTimes[own[i]!]!))
      const hashes = own.length === 0 ? [] : this.#folder.hashesOf(output, batch, own)
      return dealt(own, (i) => partOf(hashes[i]!, 0))
    })
    return Array.from({ length: PIECES }, (_, piece) => {
      return { rows: byOutput.map((pieces) => pieces[piece]!), isWhole: false }
    })
  }
}

/** The rows by their piece, each list in their order. */
function dealt(rows: Int32Array, pieceAt: (position: number) => number): readonly Int32Array[] {
  const pieces = new Uint8Array(rows.length)
  const counts = new Int32Array(PIECES)
  for (let i = 0; i < rows.length; i++) {
    pieces[i] = pieceAt(i)
    counts[pieces[i]!]!++
  }
  const lists = Array.from(counts, (count) => new Int32Array(count))
  const filled = new Int32Array(PIECES)
  for (let i = 0; i < rows.length; i++) lists[pieces[i]!]![filled[pieces[i]!]!++] = rows[i]!
  return lists
}

function rowsAbove(rows: Int32Array, offsets: Float64Array, fence: number): Int32Array {
  let first = 0
  while (first < rows.length && offsets[rows[first]!]! <= fence) first++
  return rows.subarray(first)
}

/**
 * The verdicts on the records of a batch, each with whether its record is counted anywhere. A piece of a page knows its own groups alone;
 * but a record counts in every output whose windows have it and that has no verdict, or one that leaves it some windows.
 */
export function verdictsOf(
  outputs: readonly WindowOutput[],
  layout: SliceLayout,
  found: readonly LateEntry[],
): readonly LateEntry[] {
  if (found.length === 0) return found
  const verdicts: LateEntry[] = []
  for (const own of Map.groupBy(found, ({ offset }) => offset).values()) {
    const judged = new Set(own.map(({ output }) => output))
    const slice = sliceStart(layout, own[0]!.eventTime)
    const counted =
      own.some(({ countedElsewhere }) => countedElsewhere) ||
      outputs.some(({ window }, output) => !judged.has(output) && lastWindowEnd(window, slice) !== null)
    for (const entry of own)
      verdicts.push(entry.countedElsewhere === counted ? entry : { ...entry, countedElsewhere: counted })
  }
  return verdicts
}
