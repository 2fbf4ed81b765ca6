import type { FencedItem, StateStore } from '#ports/state-store.ts'
import { pageId } from '#runtime/keys.ts'
import type { Page, PageCodec } from '#window/page.ts'

/** A page of window state and the last source offset folded into it (null: never written). */
export interface LoadedPage {
  readonly fence: number | null
  readonly page: Page
}

/**
 * Pages of the partitions that this process writes, as they were last stored: a warm stage needs no reads. Holds at most
 * `limit` pages a partition, the least recently used go first.
 */
export class PageCache {
  readonly #pages = new Map<number, Map<number, LoadedPage>>()
  readonly #state: StateStore
  readonly #group: string
  readonly #codec: PageCodec
  readonly #limit: number

  constructor(state: StateStore, group: string, codec: PageCodec, limit: number) {
    this.#state = state
    this.#group = group
    this.#codec = codec
    this.#limit = limit
  }

  /** The page, taken out of the cache: whoever takes it may change it, and gives it back by `store`. */
  async take(partition: number, index: number): Promise<LoadedPage> {
    const cached = this.#pages.get(partition)?.get(index)
    if (cached !== undefined) {
      this.#pages.get(partition)!.delete(index)
      return cached
    }
    return this.#decode(await this.#state.get(this.#group, pageId(index, partition)))
  }

  /** Writes the page with a new fence if the stored fence is still `before`; otherwise gives back the stored page. */
  async store(
    partition: number,
    index: number,
    page: Page,
    fence: number,
    before: number | null,
  ): Promise<{ readonly ok: boolean; readonly stored: LoadedPage }> {
    const body = this.#codec.encode(page)
    const result = await this.#state.put({ group: this.#group, id: pageId(index, partition), fence, body }, before)
    if (!result.ok) return { ok: false, stored: this.#decode(result.stored) }
    this.keep(partition, index, { fence, page })
    return { ok: true, stored: { fence, page } }
  }

  /** Puts an unchanged page back. */
  keep(partition: number, index: number, loaded: LoadedPage): void {
    let pages = this.#pages.get(partition)
    if (pages === undefined) {
      pages = new Map()
      this.#pages.set(partition, pages)
    }
    pages.set(index, loaded)
    while (pages.size > this.#limit) pages.delete(pages.keys().next().value!)
  }

  #decode(item: FencedItem | undefined): LoadedPage {
    if (item === undefined) return { fence: null, page: this.#codec.empty() }
    return { fence: item.fence, page: this.#codec.decode(item.body) }
  }
}
