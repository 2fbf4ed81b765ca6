import type { FencedItem, ListRange, PutResult, StateStore } from '#ports/state-store.ts'

export type StateCall = 'get' | 'put' | 'delete' | 'list'

/** Counts the requests to a state store. */
export class CountingState implements StateStore {
  readonly #inner: StateStore
  #calls: Partial<Record<StateCall, number>> = {}

  constructor(inner: StateStore) {
    this.#inner = inner
  }

  /** Requests since the last time, by call; what was not called is missing. */
  take(): Readonly<Partial<Record<StateCall, number>>> {
    const calls = this.#calls
    this.#calls = {}
    return calls
  }

  get(group: string, id: string): Promise<FencedItem | undefined> {
    this.#count('get')
    return this.#inner.get(group, id)
  }

  put(item: FencedItem, expected: number | null): Promise<PutResult> {
    this.#count('put')
    return this.#inner.put(item, expected)
  }

  delete(group: string, id: string, expected: number): Promise<boolean> {
    this.#count('delete')
    return this.#inner.delete(group, id, expected)
  }

  list(group: string, range?: ListRange): Promise<readonly FencedItem[]> {
    this.#count('list')
    return this.#inner.list(group, range)
  }

  close(): Promise<void> {
    return this.#inner.close()
  }

  #count(call: StateCall): void {
    this.#calls[call] = (this.#calls[call] ?? 0) + 1
  }
}
