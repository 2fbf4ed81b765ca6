import { SluiceError } from '#core/errors.ts'
import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'
import type { StoreCall } from './counting-store.ts'

/**
 * What happens to one call:
 * `before`: it fails and has no effect (503, 409); `after`: it has its effect and the answer is lost (a timeout);
 * `false`: a create that succeeds, is sent again below us and reports its own object as somebody else's;
 * `torn`: only the first half of what is written is stored, and the call fails, as no store should let happen;
 * `{ hides }`: a LIST does not show the last ones yet;
 * a function: runs before the call, for what others do meanwhile and for slow answers.
 */
export type Fault = 'before' | 'after' | 'false' | 'torn' | { readonly hides: number } | (() => Promise<void>)

interface PlannedFault {
  readonly call: StoreCall
  readonly path: RegExp
  readonly fault: Fault
}

/** What may happen to a call by chance. */
const CHANCES: Readonly<Record<StoreCall, readonly Fault[]>> = {
  create: ['before', 'after', 'false'],
  put: ['before', 'after'],
  delete: ['before', 'after'],
  get: ['before'],
  head: ['before'],
  list: ['before', { hides: 1 }],
}

/** A store of any kind that misbehaves: as planned, each fault once, in the order in which they were planned for a call; or by chance. */
export class FaultyStore implements ObjectStore {
  readonly uri: string
  private readonly inner: ObjectStore
  private readonly planned: PlannedFault[] = []
  private rate = 0
  private dice: () => number = () => 1

  constructor(inner: ObjectStore) {
    this.inner = inner
    this.uri = inner.uri
  }

  /** The next `times` calls of this kind whose path matches go wrong. */
  plan(call: StoreCall, path: RegExp, fault: Fault, times = 1): this {
    for (let i = 0; i < times; i++) this.planned.push({ call, path, fault })
    return this
  }

  /** From now on every call goes wrong with this probability; `dice` gives numbers in [0, 1). */
  byChance(rate: number, dice: () => number): this {
    this.rate = rate
    this.dice = dice
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
    return this.run('put', path, (torn) => this.inner.put(path, torn ? half(bytes) : bytes))
  }

  async create(path: string, bytes: Uint8Array): Promise<boolean> {
    return this.run('create', path, (torn) => this.inner.create(path, torn ? half(bytes) : bytes))
  }

  delete(path: string): Promise<void> {
    return this.run('delete', path, () => this.inner.delete(path))
  }

  async *list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<ObjectInfo> {
    const fault = this.take('list', prefix)
    if (typeof fault === 'function') await fault()
    else if (typeof fault === 'object') return yield* this.stale(prefix, options, fault.hides)
    else if (fault !== undefined) throw unavailable('list', prefix)
    yield* this.inner.list(prefix, options)
  }

  private async *stale(
    prefix: string,
    options: { readonly startAfter?: string } | undefined,
    hides: number,
  ): AsyncIterable<ObjectInfo> {
    const waiting: ObjectInfo[] = []
    for await (const info of this.inner.list(prefix, options)) {
      waiting.push(info)
      if (waiting.length > hides) yield waiting.shift()!
    }
  }

  private take(call: StoreCall, path: string): Fault | undefined {
    const at = this.planned.findIndex((planned) => planned.call === call && planned.path.test(path))
    if (at >= 0) return this.planned.splice(at, 1)[0]!.fault
    if (this.rate === 0 || this.dice() >= this.rate) return undefined
    const chances = CHANCES[call]
    return chances[Math.floor(this.dice() * chances.length)]
  }

  private async run<T>(call: StoreCall, path: string, act: (torn: boolean) => Promise<T>): Promise<T> {
    const fault = this.take(call, path)
    if (fault === undefined) return act(false)
    if (typeof fault === 'function') {
      await fault()
      return act(false)
    }
    if (fault === 'before') throw unavailable(call, path)
    const result = await act(fault === 'torn')
    if (fault !== 'false') throw unavailable(call, path)
    return (result === true ? false : result) as T
  }
}

function half(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.length >> 1)
}

function unavailable(call: StoreCall, path: string): SluiceError {
  return new SluiceError('STORE_UNAVAILABLE', `${call} ${path}: the store is unavailable (injected)`, {
    retryable: true,
  })
}
