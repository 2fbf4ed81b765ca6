import { SluiceError } from '#core/errors.ts'
import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'
import type { RecordSource } from '#ports/record-source.ts'
import type { SqlChange, SqlSink } from '#ports/sql-sink.ts'
import type { StateStore } from '#ports/state-store.ts'

export interface Ports {
  readonly store: ObjectStore
  readonly state: StateStore
  readonly sql: SqlSink
  readonly topic: RecordSource
}

/** `fails`: without effect; `lost`: it has its effect, and the answer is lost. A function runs before the call. */
export type CallFault = 'fails' | 'lost' | (() => Promise<void>)

/** Something that changed what the ports hold; done to other ports it changes them in the same way. */
export type PortWrite<P extends Ports> = (ports: P) => Promise<unknown>

export interface PortCall {
  readonly name: string
  readonly write: boolean
}

/** Through which a process reaches its ports: every call may be watched, held up, or made to go wrong. */
export interface Calls<P extends Ports> {
  readonly ports: P
  read<T>(name: string, act: (ports: P) => Promise<T>): Promise<T>
  write<T>(name: string, act: (ports: P) => Promise<T>): Promise<T>
  /** A write that is no call: it never fails. */
  note<T>(act: (ports: P) => Promise<T>): Promise<T>
}

/** Numbers the calls to all ports of a process from 0, lets one of them go wrong, and keeps what was written for a replay. */
export class PortCalls<P extends Ports> implements Calls<P> {
  readonly calls: PortCall[] = []
  readonly writes: PortWrite<P>[] = []
  /** Runs after each write. */
  onWrite: () => void = () => {}
  readonly #ports: P
  readonly #faults = new Map<number, CallFault>()

  constructor(ports: P) {
    this.#ports = ports
  }

  get ports(): P {
    return this.#ports
  }

  plan(call: number, fault: CallFault): this {
    this.#faults.set(call, fault)
    return this
  }

  /** What is planned and did not happen won't. */
  clear(): void {
    this.#faults.clear()
  }

  read<T>(name: string, act: (ports: P) => Promise<T>): Promise<T> {
    return this.#run({ name, write: false }, () => act(this.#ports))
  }

  write<T>(name: string, act: (ports: P) => Promise<T>): Promise<T> {
    return this.#run({ name, write: true }, () => this.note(act))
  }

  async note<T>(act: (ports: P) => Promise<T>): Promise<T> {
    const result = await act(this.#ports)
    this.writes.push(act)
    this.onWrite()
    return result
  }

  async #run<T>(call: PortCall, act: () => Promise<T>): Promise<T> {
    const number = this.calls.push(call) - 1
    const fault = this.#faults.get(number)
    if (fault === undefined) return act()
    if (typeof fault === 'function') {
      await fault()
      return act()
    }
    if (fault === 'lost') await act()
    throw new SluiceError('STORE_UNAVAILABLE', `call ${number} ${fault} (injected): ${call.name}`, { retryable: true })
  }
}

export function faultyStore<P extends Ports>(calls: Calls<P>): ObjectStore {
  return {
    uri: calls.ports.store.uri,
    get: (path, range) => calls.read(`get ${path}`, ({ store }) => store.get(path, range)),
    head: (path) => calls.read(`head ${path}`, ({ store }) => store.head(path)),
    put: (path, bytes) => calls.write(`put ${path}`, ({ store }) => store.put(path, bytes)),
    create: (path, bytes) => calls.write(`create ${path}`, ({ store }) => store.create(path, bytes)),
    delete: (path) => calls.write(`delete ${path}`, ({ store }) => store.delete(path)),
    async *list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<ObjectInfo> {
      yield* await calls.read(`list ${prefix}`, ({ store }) => all(store.list(prefix, options)))
    },
  }
}

export function faultyState<P extends Ports>(calls: Calls<P>): StateStore {
  return {
    get: (group, id) => calls.read(`state get ${group} ${id}`, ({ state }) => state.get(group, id)),
    put: (item, expected) =>
      calls.write(`state put ${item.group} ${item.id}`, ({ state }) => state.put(item, expected)),
    delete: (group, id, expected) =>
      calls.write(`state delete ${group} ${id}`, ({ state }) => state.delete(group, id, expected)),
    list: (group, range) => calls.read(`state list ${group}`, ({ state }) => state.list(group, range)),
    close: async () => {},
  }
}

export function faultySql<P extends Ports>(calls: Calls<P>): SqlSink {
  return {
    prepare: (tables, owner) => calls.write('sql prepare', ({ sql }) => sql.prepare(tables, owner)),
    fence: (name) => calls.read(`sql fence ${name}`, ({ sql }) => sql.fence(name)),
    apply: async (name, fence, changes) => {
      // Kept, because a write may be done again to other ports.
      const all: SqlChange[] = []
      for await (const change of changes) all.push(change)
      return calls.write(`sql apply ${name} ${fence}`, ({ sql }) => sql.apply(name, fence, all))
    },
    close: async () => {},
  }
}

/** Only `commit` is numbered: what is read of a topic is the same at any time. `onCommitted` runs after each. */
export function faultySource<P extends Ports>(
  calls: Calls<P>,
  onCommitted: (group: string) => Promise<void>,
): RecordSource {
  const { topic: inner } = calls.ports
  return {
    topic: inner.topic,
    partitionCount: () => inner.partitionCount(),
    endOffset: (partition) => inner.endOffset(partition),
    endOffsets: () => inner.endOffsets(),
    read: (partition, from, limits) => inner.read(partition, from, limits),
    wait: (timeout, signal) => inner.wait(timeout, signal),
    committed: (group) => inner.committed(group),
    async commit(group, partition, offset) {
      await calls.write(`commit ${group} ${partition}`, ({ topic }) => topic.commit(group, partition, offset))
      await onCommitted(group)
    },
    close: async () => {},
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}
