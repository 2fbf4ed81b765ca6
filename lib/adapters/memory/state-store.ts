import type { FencedItem, ListRange, PutResult, StateStore } from '#ports/state-store.ts'

/** Items in memory, for tests and simulations. Bodies are copied on the way in and out. */
export class MemoryStateStore implements StateStore {
  readonly #groups = new Map<string, Map<string, FencedItem>>()

  async get(group: string, id: string): Promise<FencedItem | undefined> {
    return copied(this.#groups.get(group)?.get(id))
  }

  async put(item: FencedItem, expected: number | null): Promise<PutResult> {
    if (!Number.isSafeInteger(item.fence))
      throw new RangeError(`a fence is a whole number below 2^53, not ${item.fence}`)
    if (expected !== null && item.fence < expected) {
      throw new RangeError(`a fence never moves back: from ${expected} to ${item.fence} for ${item.group} ${item.id}`)
    }
    const items = this.#groups.get(item.group) ?? new Map<string, FencedItem>()
    const stored = items.get(item.id)
    if ((stored?.fence ?? null) !== expected) return { ok: false, stored: copied(stored) }
    this.#groups.set(item.group, items.set(item.id, copied(item)!))
    return { ok: true }
  }

  async delete(group: string, id: string, expected: number): Promise<boolean> {
    const stored = this.#groups.get(group)?.get(id)
    if (stored === undefined) return true
    return stored.fence === expected && this.#groups.get(group)!.delete(id)
  }

  async list(group: string, range: ListRange = {}): Promise<readonly FencedItem[]> {
    const from = range.from === undefined ? undefined : Buffer.from(range.from)
    const to = range.to === undefined ? undefined : Buffer.from(range.to)
    return [...(this.#groups.get(group)?.values() ?? [])]
      .map((item) => ({ item, bytes: Buffer.from(item.id) }))
      .filter(
        ({ bytes }) => (from === undefined || from.compare(bytes) <= 0) && (to === undefined || bytes.compare(to) < 0),
      )
      .sort((a, b) => a.bytes.compare(b.bytes))
      .slice(0, range.limit)
      .map(({ item }) => copied(item)!)
  }

  async close(): Promise<void> {}
}

function copied(item: FencedItem | undefined): FencedItem | undefined {
  if (item === undefined) return undefined
  const { group, id, fence, body } = item
  return { group, id, fence, body: new Uint8Array(body) }
}
