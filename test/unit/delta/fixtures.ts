import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import type { AddFile } from '#delta/actions.ts'
import { type DeltaDeps, DeltaTable } from '#delta/table.ts'
import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import type { Fields } from '#schema/column.ts'
import type { ColumnBatch, Vector } from '#schema/vector.ts'

/** 2026-03-01T00:00:00Z. */
export const START = Date.UTC(2026, 2, 1)

/** Moves only when it is told to, or slept on. */
export class ManualClock implements Clock {
  time = START
  readonly sleeps: number[] = []
  now(): number {
    return this.time
  }
  async sleep(millis: number): Promise<void> {
    this.sleeps.push(millis)
    this.time += Math.ceil(millis)
  }
}

export function countedIds(prefix = 'id'): Ids {
  let next = 0
  return { next: () => `${prefix}-${String(next++).padStart(4, '0')}` }
}

export const FIELDS: Fields = [
  { name: 'id', column: { kind: 'long', nullable: false } },
  { name: 'district', column: { kind: 'string', nullable: true } },
]

export interface Lake {
  readonly clock: ManualClock
  readonly memory: MemoryObjectStore
  /** Deps on the plain store, with ids of their own. */
  deps(store?: ObjectStore, name?: string): DeltaDeps
}

export function lake(): Lake {
  const clock = new ManualClock()
  const memory = new MemoryObjectStore({ now: () => clock.time })
  return { clock, memory, deps: (store = memory, name = 'id') => ({ store, clock, ids: countedIds(name) }) }
}

export const TABLE = 'silver/crimes'
export const LOG = `${TABLE}/_delta_log`

export function createTable(deps: DeltaDeps, fields: Fields = FIELDS): Promise<DeltaTable> {
  return DeltaTable.openOrCreate(deps, TABLE, { fields })
}

/** An add of a file that nobody reads. */
export function addOf(path: string, rows = 1): AddFile {
  return {
    path,
    size: 100,
    modificationTime: START,
    dataChange: true,
    partitionValues: {},
    stats: JSON.stringify({ numRecords: rows, minValues: {}, maxValues: {}, nullCount: {} }),
  }
}

/** One append of one file, and one transaction if given. */
export async function append(
  table: DeltaTable,
  path: string,
  txn?: readonly [appId: string, version: number],
): Promise<number> {
  const { version } = await table.appendState()
  const txns = txn === undefined ? [] : [{ appId: txn[0], version: txn[1] }]
  return (await table.commit({ readVersion: version, adds: [addOf(path)], txns })).version
}

/** Rows of FIELDS as columns. */
export function batchOf(rows: readonly (readonly [id: number, district: string | null])[]): ColumnBatch {
  const text = new TextEncoder()
  const parts = rows.map(([, district]) => text.encode(district ?? ''))
  const buffer = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  const starts = new Int32Array(rows.length)
  const ends = new Int32Array(rows.length)
  let at = 0
  for (const [i, part] of parts.entries()) {
    starts[i] = at
    buffer.set(part, at)
    at += part.length
    ends[i] = at
  }
  const vectors: Vector[] = [
    { kind: 'number', valid: null, values: Float64Array.from(rows, ([id]) => id) },
    { kind: 'slices', valid: Uint8Array.from(rows, ([, d]) => (d === null ? 0 : 1)), buffer, starts, ends },
  ]
  return { fields: FIELDS, rows: rows.length, vectors }
}

export async function textAt(store: ObjectStore, path: string): Promise<string> {
  return new TextDecoder().decode(await store.get(path))
}

export async function putText(store: ObjectStore, path: string, text: string): Promise<void> {
  await store.put(path, new TextEncoder().encode(text))
}

export async function pathsOf(store: ObjectStore, prefix: string): Promise<string[]> {
  const paths: string[] = []
  for await (const { path } of store.list(prefix)) paths.push(path.slice(prefix.length))
  return paths
}

export const versionName = (version: number): string => String(version).padStart(20, '0')

/** Commits as another engine would: any actions, no checksum. */
export async function foreignCommit(store: ObjectStore, version: number, actions: readonly object[]): Promise<void> {
  const info = {
    commitInfo: { timestamp: START, operation: 'WRITE', engineInfo: 'other', txnId: `foreign-${version}` },
  }
  const body = [info, ...actions].map((action) => JSON.stringify(action)).join('\n')
  if (!(await store.create(`${LOG}/${versionName(version)}.json`, new TextEncoder().encode(body)))) {
    throw new Error(`version ${version} is taken`)
  }
}

export const commitPath = (version: number): string => `${LOG}/${versionName(version)}.json`
export const checkpointPath = (version: number): string => `${LOG}/${versionName(version)}.checkpoint.parquet`

/** Versions 1 … count, one file `<version>.parquet` and one transaction each, a second apart; checkpoints where asked. */
export async function tableOf(count: number, ...checkpoints: readonly number[]) {
  const { deps, memory, clock } = lake()
  const table = await createTable(deps())
  for (let version = 1; version <= count; version++) {
    clock.time += 1000
    await append(table, `${version}.parquet`, ['app', version])
    if (checkpoints.includes(version)) await table.checkpoint()
  }
  return { deps, memory, clock, table }
}

export async function deleteCommits(memory: MemoryObjectStore, from: number, to: number): Promise<void> {
  for (let version = from; version <= to; version++) await memory.delete(commitPath(version))
}

export const filesUpTo = (count: number): string[] => Array.from({ length: count }, (_, at) => `${at + 1}.parquet`)
