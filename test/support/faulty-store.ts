import { SluiceError } from '#core/errors.ts'
import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'
import type { StoreCall } from './counting-store.ts'

/**
 * What happens to one call:
 * `before`: it fails and has no effect (503, 409); `after`: it has its effect and the answer is lost (a timeout);
 * `false`: a create that succeeds, is sent again below us and reports its own object as somebody else's;
 * a function: runs before the call, for what others do meanwhile.
 */
export type Fault = 'before' | 'after' | 'false' | (() => Promise<void>)

interface PlannedFault {
  readonly call: StoreCall
  readonly path: RegExp
  readonly fault: Fault
}

/** An object store that misbehaves as planned, each fault once, in the order in which they were planned for a call. */
export class FaultyStore implements ObjectStore {
  readonly uri: string
  private readonly inner: ObjectStore
  private readonly planned: PlannedFault[] = []

  constructor(inner: ObjectStore) {
    this.inner = inner
    this.uri = inner.uri
  }

  /** The next `times` calls of this kind whose path matches go wrong. */
  plan(call: StoreCall, path: RegExp, fault: Fault, times = 1): this {
    for (let i = 0; i < times; i++) this.planned.push({ call, path, fault })
    return this
  }

  /** Faults that nobody ran into. */
  get left(): number {
    return this.planned.length
  }

  get(path: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    return this.run('get', path, () => this.inner.get(path, range))
  }

  head(path: string): Promise<ObjectInfo | undefined> {
    return this.run('head', path, () => this.inner.head(path))
  }

  put(path: string, bytes: Uint8Array): Promise<void> {
    return this.run('put', path, () => this.inner.put(path, bytes))
  }

  async create(path: string, bytes: Uint8Array): Promise<boolean> {
    return this.run('create', path, () => this.inner.create(path, bytes))
  }

  delete(path: string): Promise<void> {
    return this.run('delete', path, () => this.inner.delete(path))
  }

  async *list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<ObjectInfo> {
    await this.run('list', prefix, async () => undefined)
    yield* this.inner.list(prefix, options)
  }

  private async run<T>(call: StoreCall, path: string, act: () => Promise<T>): Promise<T> {
    const at = this.planned.findIndex((planned) => planned.call === call && planned.path.test(path))
    if (at < 0) return act()
    const [{ fault } = { fault: 'before' as Fault }] = this.planned.splice(at, 1)
    if (typeof fault === 'function') {
      await fault()
      return act()
    }
    if (fault === 'before') throw unavailable(call, path)
    const result = await act()
    if (fault === 'after') throw unavailable(call, path)
    return (result === true ? false : result) as T
  }
}

function unavailable(call: StoreCall, path: string): SluiceError {
  return new SluiceError('STORE_UNAVAILABLE', `${call} ${path}: the store is unavailable (injected)`, {
    retryable: true,
  })
}
