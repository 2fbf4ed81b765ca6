import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'

export type StoreCall = 'get' | 'head' | 'put' | 'create' | 'delete' | 'list'

/** Counts the requests that a real store would bill; a LIST counts once a page of 1,000. */
export class CountingStore implements ObjectStore {
  readonly uri: string
  readonly requests: { readonly call: StoreCall; readonly path: string }[] = []
  private readonly inner: ObjectStore

  constructor(inner: ObjectStore) {
    this.inner = inner
    this.uri = inner.uri
  }

  /** Requests since the last reset, as `list t/_delta_log/`. */
  take(): string[] {
    return this.requests.splice(0).map(({ call, path }) => `${call} ${path}`)
  }

  get(path: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    this.requests.push({ call: 'get', path })
    return this.inner.get(path, range)
  }

  head(path: string): Promise<ObjectInfo | undefined> {
    this.requests.push({ call: 'head', path })
    return this.inner.head(path)
  }

  put(path: string, bytes: Uint8Array): Promise<void> {
    this.requests.push({ call: 'put', path })
    return this.inner.put(path, bytes)
  }

  create(path: string, bytes: Uint8Array): Promise<boolean> {
    this.requests.push({ call: 'create', path })
    return this.inner.create(path, bytes)
  }

  delete(path: string): Promise<void> {
    this.requests.push({ call: 'delete', path })
    return this.inner.delete(path)
  }

  async *list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<ObjectInfo> {
    this.requests.push({ call: 'list', path: prefix })
    let given = 0
    for await (const info of this.inner.list(prefix, options)) {
      if (given > 0 && given % 1000 === 0) this.requests.push({ call: 'list', path: prefix })
      given++
      yield info
    }
  }
}
