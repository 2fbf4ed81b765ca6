import { SluiceError } from '#core/errors.ts'
import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'
import type { ReadLimits, RecordSource } from '#ports/record-source.ts'
import type { SqlChange, SqlSink, SqlTable } from '#ports/sql-sink.ts'
import type { FencedItem, PutResult, StateStore } from '#ports/state-store.ts'
import type { RecordBatch } from '#schema/record-batch.ts'

/** What a call does: `write` may have had its effect when its answer is lost. */
export interface PortCall {
  readonly name: string
  readonly write: boolean
}

/**
 * `crash before` and `crash after`: the process ends before or after the call has its effect, so every later call fails too;
 * `lost`: the call has its effect, its answer is lost, and the process lives on. A function runs before the call.
 */
export type CallFault = 'crash before' | 'crash after' | 'lost' | (() => Promise<void>)

/** Numbers the calls of all ports it is given to, from 0, and lets one of them go wrong. */
export class PortCalls {
  readonly calls: PortCall[] = []
  #at = -1
  #fault: CallFault = 'crash before'
  #dead = false

  /** Call number `at` goes wrong, counted from now. */
  plan(at: number, fault: CallFault): void {
    this.#at = this.calls.length + at
    this.#fault = fault
  }

  /** The process with these ports has ended. */
  get dead(): boolean {
    return this.#dead
  }

  /** @throws SluiceError STORE_UNAVAILABLE, retryable */
  async run<T>(name: string, write: boolean, act: () => Promise<T>): Promise<T> {
    if (this.#dead) throw injected('crashed already', name)
    const number = this.calls.length
    this.calls.push({ name, write })
    if (number !== this.#at) return act()
    const fault = this.#fault
    if (typeof fault === 'function') {
      await fault()
      return act()
    }
    if (fault !== 'crash before') await act()
    this.#dead = fault !== 'lost'
    throw injected(`${fault} call ${number}`, name)
  }
}

function injected(what: string, name: string): SluiceError {
  return new SluiceError('STORE_UNAVAILABLE', `${what}: ${name}`, { retryable: true })
}

export function faultyStore(inner: ObjectStore, calls: PortCalls): ObjectStore {
  return {
    uri: inner.uri,
    get: (path, range) => calls.run(`get ${path}`, false, () => inner.get(path, range)),
    head: (path) => calls.run(`head ${path}`, false, () => inner.head(path)),
    put: (path, bytes) => calls.run(`put ${path}`, true, () => inner.put(path, bytes)),
    create: (path, bytes) => calls.run(`create ${path}`, true, () => inner.create(path, bytes)),
    delete: (path) => calls.run(`delete ${path}`, true, () => inner.delete(path)),
    async *list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<ObjectInfo> {
      const found: ObjectInfo[] = []
      await calls.run(`list ${prefix}`, false, async () => {
        for await (const info of inner.list(prefix, options)) found.push(info)
      })
      yield* found
    },
  }
}

export function faultyState(inner: StateStore, calls: PortCalls): StateStore {
  return {
    get: (group, id) => calls.run(`state get ${group} ${id}`, false, () => inner.get(group, id)),
    put: (item: FencedItem, expected: number | null): Promise<PutResult> =>
      calls.run(`state put ${item.group} ${item.id}`, true, () => inner.put(item, expected)),
    delete: (group, id, expected) =>
      calls.run(`state delete ${group} ${id}`, true, () => inner.delete(group, id, expected)),
    list: (group, range) => calls.run(`state list ${group}`, false, () => inner.list(group, range)),
    close: () => inner.close(),
  }
}

/** Only `commit` is numbered; `onCommitted` runs after each that succeeded, unnumbered calls in it included. */
export function faultySource(
  inner: RecordSource,
  calls: PortCalls,
  onCommitted: (group: string) => Promise<void> = async () => {},
): RecordSource {
  return {
    topic: inner.topic,
    partitionCount: () => inner.partitionCount(),
    endOffset: (partition) => inner.endOffset(partition),
    endOffsets: () => inner.endOffsets(),
    read: (partition: number, from: number, limits: ReadLimits): Promise<RecordBatch | undefined> =>
      inner.read(partition, from, limits),
    wait: (timeout, signal) => inner.wait(timeout, signal),
    committed: (group) => inner.committed(group),
    async commit(group, partition, offset) {
      await calls.run(`commit ${group} ${partition} ${offset}`, true, () => inner.commit(group, partition, offset))
      await onCommitted(group)
    },
    close: () => inner.close(),
  }
}

export function faultySql(inner: SqlSink, calls: PortCalls): SqlSink {
  return {
    prepare: (tables: readonly SqlTable[]) => calls.run('sql prepare', true, () => inner.prepare(tables)),
    fence: (name) => calls.run(`sql fence ${name}`, false, () => inner.fence(name)),
    apply: (name: string, fence: number, changes: readonly SqlChange[]) =>
      calls.run(`sql apply ${name} ${fence}`, true, () => inner.apply(name, fence, changes)),
    close: () => inner.close(),
  }
}
