import type { FencedItem } from '#ports/state-store.ts'
import { eachLimited } from '#runtime/each-limited.ts'
import {
  decodeNode,
  encodePage,
  encodeSplit,
  type NodePlace,
  type PageLimits,
  PIECES,
  pieceOf,
  piecePlace,
  requireRoom,
  type Split,
  splitOf,
} from '#runtime/page-node.ts'
import type { Runtime } from '#runtime/runtime.ts'
import type { Page, PageCodec } from '#window/page.ts'
import { partsOfPage } from '#window/page-parts.ts'
import type { SliceLayout } from '#window/slices.ts'

/** A page, or a piece of one, and the last source offset folded into it (null: never written). */
export interface LoadedPage {
  readonly fence: number | null
  readonly page: Page
}

/** What is stored at a place: a page, or that it was split. */
export type LoadedNode = LoadedPage | { readonly split: Split }

interface CachedPage {
  readonly fence: number
  readonly body: Uint8Array
  readonly plain: number
  /** Null: it is to be decoded when it is wanted. */
  readonly page: Page | null
}

/** What is kept decoded, by its size before compression: a page takes some ten times as much room in memory. */
const DECODED_BYTES = 1 << 19
/** What is kept as it is stored. */
const ENCODED_BYTES = 4 << 20
const SPLITS_KEPT = 1 << 16
/** Requests of one page at a time. */
export const AT_ONCE = 16

/**
 * The pages of the partitions that this process writes, and their pieces, as they were last stored: a warm stage needs no reads. The least
 * recently used go first, from decoded pages to bytes to nothing.
 *
 * A page whose item gets too large is split in sixteen: by the hashes of the groups' keys, or by time where there is but one group. The
 * pieces are written first, under a name that nobody else knows, then a mark takes the page's place, if it still has the fence that it was
 * read with. So the split is one conditional write like any other; whoever loses it leaves pieces that nobody finds, and they expire.
 */
export class PageTree {
  readonly #runtime: Runtime
  readonly #codec: PageCodec
  readonly #layout: SliceLayout
  readonly #limits: PageLimits
  readonly #pages = new Map<string, CachedPage>()
  readonly #splits = new Map<string, Split>()
  #decoded = 0
  #encoded = 0

  constructor(runtime: Runtime, codec: PageCodec, layout: SliceLayout, limits: PageLimits) {
    this.#runtime = runtime
    this.#codec = codec
    this.#layout = layout
    this.#limits = limits
  }

  /** What is at the place. A page is taken out of the cache: whoever takes it may change it, and gives it back by `store` or `keep`. */
  async take(place: NodePlace): Promise<LoadedNode> {
    const split = this.#splits.get(place.id)
    if (split !== undefined) return { split }
    const cached = this.#remove(place.id)
    if (cached === undefined) return this.#loaded(place, await this.#runtime.state.get(place.group, place.id))
    if (cached.page !== null) return { fence: cached.fence, page: cached.page }
    return this.#decode(place, cached.fence, cached.body)
  }

  /**
   * Writes the page with a new fence if the stored fence is still `before`, in pieces if it is too large; otherwise gives back what is
   * stored.
   *
   * @throws SluiceError STATE_ITEM_FULL for what is too large and can't be split
   */
  async store(
    place: NodePlace,
    page: Page,
    fence: number,
    before: number | null,
  ): Promise<{ readonly ok: true } | { readonly ok: false; readonly stored: LoadedNode }> {
    const encoded = encodePage(page, this.#codec)
    const { split, splitPlain } = this.#limits
    const isLarge = encoded.body.length > split || encoded.plain > splitPlain
    const by = isLarge ? splitOf(page, place, this.#layout) : null
    if (by !== null) return this.#storeSplit(place, page, by, fence, before)
    requireRoom(encoded.body, place, this.#limits)
    const { group, id } = place
    const result = await this.#runtime.state.put({ group, id, fence, body: encoded.body }, before)
    if (!result.ok) return { ok: false, stored: this.#loaded(place, result.stored) }
    this.#add(id, { fence, ...encoded, page })
    return { ok: true }
  }

  /** Puts an unchanged page back. */
  keep({ id }: NodePlace, { fence, page }: LoadedPage): void {
    if (fence === null) return
    const encoded = encodePage(page, this.#codec)
    this.#add(id, { fence, ...encoded, page })
  }

  /**
   * Keeps a page that was split from expiring with its pieces until progress covers `fence`: some of them have, and are to be written anew.
   * Null when it is held; otherwise what is stored there by now. One read, one write.
   */
  async hold(place: NodePlace, split: Split, fence: number): Promise<LoadedNode | null> {
    const { group, id } = place
    const { state } = this.#runtime
    let item = await state.get(group, id)
    for (;;) {
      this.#splits.delete(id)
      const stored = this.#loaded(place, item)
      if (item === undefined || !('split' in stored) || stored.split.name !== split.name) return stored
      if (item.fence >= fence) return null
      const result = await state.put({ group, id, fence, body: item.body }, item.fence)
      if (result.ok) return null
      item = result.stored
    }
  }

  /** Place of a piece. */
  piece(place: NodePlace, split: Split, piece: number): NodePlace {
    return piecePlace(this.#runtime, place, this.#layout, split, piece)
  }

  async #storeSplit(place: NodePlace, page: Page, by: Split['by'], fence: number, before: number | null) {
    const { ids, state } = this.#runtime
    const split: Split = { by, name: ids.next() }
    const parts = partsOfPage(page, PIECES, pieceOf(place, this.#layout, by))
    // Empty ones too: a piece that is missing has expired, or is not yet there for a reader who must not look at it.
    await eachLimited(AT_ONCE, parts, async (part, number) => {
      const result = await this.store(this.piece(place, split, number), part, fence, null)
      if (!result.ok) throw new RangeError(`somebody else has pieces named ${split.name}`)
    })
    const { group, id } = place
    const result = await state.put({ group, id, fence, body: encodeSplit(split) }, before)
    if (!result.ok) return { ok: false as const, stored: this.#loaded(place, result.stored) }
    this.#remember(id, split)
    return { ok: true as const }
  }

  #loaded(place: NodePlace, item: FencedItem | undefined): LoadedNode {
    if (item === undefined) return { fence: null, page: this.#codec.empty() }
    return this.#decode(place, item.fence, item.body)
  }

  #decode({ id }: NodePlace, fence: number, body: Uint8Array): LoadedNode {
    const node = decodeNode(body, this.#codec)
    if ('page' in node) return { fence, page: node.page }
    this.#remember(id, node.split)
    return node
  }

  #remember(id: string, split: Split): void {
    this.#splits.set(id, split)
    if (this.#splits.size > SPLITS_KEPT) this.#splits.delete(this.#splits.keys().next().value!)
  }

  #add(id: string, cached: CachedPage): void {
    this.#remove(id)
    this.#pages.set(id, cached)
    this.#decoded += cached.plain
    this.#encoded += cached.body.length
    if (this.#decoded > DECODED_BYTES || this.#encoded > ENCODED_BYTES) this.#shrink()
  }

  #remove(id: string): CachedPage | undefined {
    const cached = this.#pages.get(id)
    if (cached === undefined) return undefined
    this.#pages.delete(id)
    this.#encoded -= cached.body.length
    if (cached.page !== null) this.#decoded -= cached.plain
    return cached
  }

  /** By a quarter at once, so that it is not gone through for each page. */
  #shrink(): void {
    for (const [id, cached] of this.#pages) {
      if (this.#encoded > ENCODED_BYTES * 0.75) this.#remove(id)
      else if (this.#decoded <= DECODED_BYTES * 0.75) return
      else if (cached.page !== null) {
        this.#pages.set(id, { ...cached, page: null })
        this.#decoded -= cached.plain
      }
    }
  }
}
