import { itemBytes } from '#adapters/aws/dynamodb-item.ts'
import type { Bytes } from '#core/time.ts'
import type { FencedItem, ListRange, PutResult, StateStore } from '#ports/state-store.ts'

/** What DynamoDB bills, https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html */
export interface StateUsage {
  /** A started KB of an item, before or after the write, whichever is larger; also where the condition fails. */
  writeUnits: number
  /** A started 4 KB of a consistent read; at least one a request, found or not. */
  readUnits: number
  writes: number
  reads: number
  largestItem: Bytes
}

export const NO_USAGE: StateUsage = { writeUnits: 0, readUnits: 0, writes: 0, reads: 0, largestItem: 0 }

const WRITE_UNIT: Bytes = 1024
const READ_UNIT: Bytes = 4 * 1024
/** As the DynamoDB store writes it: 12 characters of a name, a number in base 36. */
const MARK = 'abcdefghijklmnop'

/** Meters what a store would cost on DynamoDB, by the group of the item: `pages`, `progress`, `lake` … */
export class MeteredState implements StateStore {
  readonly #inner: StateStore
  readonly #sizes = new Map<string, Bytes>()
  #usage = new Map<string, StateUsage>()

  constructor(inner: StateStore) {
    this.#inner = inner
  }

  /** Since the last time, by kind of group. */
  take(): ReadonlyMap<string, StateUsage> {
    const usage = this.#usage
    this.#usage = new Map()
    return usage
  }

  /** As `take`, and goes on. */
  snapshot(): Iterable<StateUsage> {
    return this.#usage.values()
  }

  async get(group: string, id: string): Promise<FencedItem | undefined> {
    const item = await this.#inner.get(group, id)
    this.#read(group, item === undefined ? [] : [item])
    return item
  }

  async put(item: FencedItem, expected: number | null): Promise<PutResult> {
    const result = await this.#inner.put(item, expected)
    const name = `${item.group} ${item.id}`
    const size = itemBytes(item, MARK)
    const usage = this.#of(item.group)
    usage.writes++
    usage.writeUnits += Math.ceil(Math.max(size, this.#sizes.get(name) ?? 0) / WRITE_UNIT)
    usage.largestItem = Math.max(usage.largestItem, size)
    if (result.ok) this.#sizes.set(name, size)
    return result
  }

  async delete(group: string, id: string, expected: number): Promise<boolean> {
    const gone = await this.#inner.delete(group, id, expected)
    const usage = this.#of(group)
    usage.writes++
    usage.writeUnits += Math.max(1, Math.ceil((this.#sizes.get(`${group} ${id}`) ?? 0) / WRITE_UNIT))
    if (gone) this.#sizes.delete(`${group} ${id}`)
    return gone
  }

  async list(group: string, range?: ListRange): Promise<readonly FencedItem[]> {
    const items = await this.#inner.list(group, range)
    this.#read(group, items)
    return items
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #read(group: string, items: readonly FencedItem[]): void {
    const bytes = items.reduce((sum, item) => sum + itemBytes(item, MARK), 0)
    const usage = this.#of(group)
    usage.reads++
    usage.readUnits += Math.max(1, Math.ceil(bytes / READ_UNIT))
  }

  #of(group: string): StateUsage {
    const kind = /\/(pages|leaves|progress|late|dirty|control|leases|lake|identity)/.exec(group)?.[1] ?? group
    const usage = this.#usage.get(kind) ?? { ...NO_USAGE }
    this.#usage.set(kind, usage)
    return usage
  }
}

export function total(usages: Iterable<StateUsage>): StateUsage {
  const sum = { ...NO_USAGE }
  for (const { writeUnits, readUnits, writes, reads, largestItem } of usages) {
    sum.writeUnits += writeUnits
    sum.readUnits += readUnits
    sum.writes += writes
    sum.reads += reads
    sum.largestItem = Math.max(sum.largestItem, largestItem)
  }
  return sum
}
