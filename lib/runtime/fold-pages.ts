import type { EpochMillis } from '#core/time.ts'
import type { WindowOutput } from '#plan/plan.ts'
import type { Bounds } from '#runtime/bounds.ts'
import { eachLimited } from '#runtime/each-limited.ts'
import { type NodePlace, type PageLimits, PIECES, pieceOf, rootPlace, type Split } from '#runtime/page-node.ts'
import { AT_ONCE, type LoadedPage, PageTree } from '#runtime/page-tree.ts'
import type { Prepared } from '#runtime/prepare.ts'
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
   * Gives back the late verdicts of this batch, old and new. Everything is durable when it resolves.
   *
   * @param known how far windows are closed; null: read for each page
   */
  async fold(unit: RowsToFold, index: number, rows: Int32Array, known: Bounds | null): Promise<readonly LateEntry[]> {
    const found: LateEntry[] = []
    const place = rootPlace(this.#runtime, this.#layout, index, unit.partition)
    const { mark } = known ?? (await readBounds(this.#runtime.state, this.#runtime))
    await this.#visit({ ...unit, mark }, place, { rows: this.#outputs.map(() => rows), isWhole: true }, found)
    return found
  }

  /** The verdicts on the rows if they were judged by this mark: nothing is kept of it. */
  verdictsBy({ prepared, partition }: RowsToFold, rows: Int32Array, mark: EpochMillis): readonly LateEntry[] {
    const page = this.#codec.empty()
    this.#folder.fold(page, prepared.batch, rows, prepared.eventTimes, prepared.offsets, { mark, partition })
    return page.late
  }

  async #visit(rows: JudgedRows, place: NodePlace, share: Share, found: LateEntry[]): Promise<void> {
    let unit = rows
    const { fence: progressFence, last, prepared } = unit
    let loaded = await this.#tree.take(place)
    for (;;) {
      if ('split' in loaded) return this.#visitPieces(unit, place, loaded.split, share, found)
      const { page, fence } = loaded
      const fresh = share.rows.map((rows) => rowsAbove(rows, prepared.offsets, fence ?? -1))
      const isNew = (entry: LateEntry): boolean => entry.offset > progressFence && entry.offset <= last.offset
      if (fresh.every((rows) => rows.length === 0)) {
        this.#tree.keep(place, loaded)
        found.push(...page.late.filter(isNew))
        return
      }
      // Verdicts at or below the progress fence have reached the late table: the page may forget them.
      page.late = page.late.filter((entry) => entry.offset > progressFence)
      const newFence = await this.#foldInto(loaded, unit, { ...share, rows: fresh })
      const verdicts = page.late.filter(isNew)
      const result = await this.#tree.store(place, page, newFence, fence)
      if (result.ok) {
        found.push(...verdicts)
        return
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

  async #visitPieces(
    unit: JudgedRows,
    place: NodePlace,
    split: Split,
    share: Share,
    found: LateEntry[],
  ): Promise<void> {
    const shares = this.#shares(unit, place, split, share)
    const touched = shares.flatMap((own, piece) => (own.rows.some((rows) => rows.length > 0) ? [piece] : []))
    await eachLimited(AT_ONCE, touched, (piece) =>
      this.#visit(unit, this.#tree.piece(place, split, piece), shares[piece]!, found),
    )
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
