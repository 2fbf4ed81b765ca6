import { SluiceError } from '#core/errors.ts'
import type { EpochMillis } from '#core/time.ts'
import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'

interface StoredObject {
  readonly key: Buffer
  readonly bytes: Uint8Array
  readonly modified: EpochMillis
}

export interface MemoryObjectStoreOptions {
  /** Gives the time of modification; the machine's clock by default. */
  readonly now?: () => EpochMillis
  /** For messages. */
  readonly name?: string
}

/** Objects in this process's memory: for tests, and for looking at a pipeline without a disk. Bytes are copied in and out. */
export class MemoryObjectStore implements ObjectStore {
  readonly uri: string
  private readonly objects = new Map<string, StoredObject>()
  private readonly now: () => EpochMillis
  /** Paths in byte order, or null after a path came or went. */
  private ordered: readonly string[] | null = null

  constructor(options: MemoryObjectStoreOptions = {}) {
    this.uri = `memory://${options.name ?? 'store'}`
    this.now = options.now ?? Date.now
  }

  async get(path: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    const object = this.objects.get(path)
    if (object === undefined) {
      throw new SluiceError('OBJECT_NOT_FOUND', `Expected an object at ${this.uri}/${path}, found none.`, {
        details: { path },
      })
    }
    return range === undefined ? object.bytes.slice() : object.bytes.slice(range.start, range.end)
  }

  async head(path: string): Promise<ObjectInfo | undefined> {
    const object = this.objects.get(path)
    return object === undefined ? undefined : { path, size: object.bytes.length, modified: object.modified }
  }

  async put(path: string, bytes: Uint8Array): Promise<void> {
    this.store(path, bytes)
  }

  async create(path: string, bytes: Uint8Array): Promise<boolean> {
    if (this.objects.has(path)) return false
    this.store(path, bytes)
    return true
  }

  async delete(path: string): Promise<void> {
    if (this.objects.delete(path)) this.ordered = null
  }

  async *list(prefix: string, options: { readonly startAfter?: string } = {}): AsyncIterable<ObjectInfo> {
    const after = options.startAfter === undefined ? null : Buffer.from(options.startAfter)
    this.ordered ??= [...this.objects].sort(([, a], [, b]) => Buffer.compare(a.key, b.key)).map(([path]) => path)
    for (const path of this.ordered) {
      if (!path.startsWith(prefix)) continue
      const object = this.objects.get(path)
      if (object === undefined || (after !== null && Buffer.compare(object.key, after) <= 0)) continue
      yield { path, size: object.bytes.length, modified: object.modified }
    }
  }

  private store(path: string, bytes: Uint8Array): void {
    const known = this.objects.get(path)
    if (known === undefined) this.ordered = null
    this.objects.set(path, { key: known?.key ?? Buffer.from(path), bytes: bytes.slice(), modified: this.now() })
  }
}
