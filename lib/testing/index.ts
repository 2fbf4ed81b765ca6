/**
 * Tests of pipelines: the real stages over memory adapters, no files, no clock but the one you give.
 *
 * ```ts
 * const run = await testPipeline(pipeline, { records: [{ id: 1, date: '06/01/2018 03:00:00 PM', … }] })
 * run.rows('gold.crime_per_district_day')
 * ```
 */

import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { MemoryTopic } from '#adapters/memory/topic.ts'
import { partitionFor } from '#core/hash.ts'
import type { EpochMillis } from '#core/time.ts'
import { DeltaTable } from '#delta/table.ts'
import { Housekeeper } from '#local/housekeeper.ts'
import { type LocalCounts, totalCounts } from '#local/local-pipeline.ts'
import { createTables } from '#local/ports.ts'
import { StageLoop } from '#local/stage-loop.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import type { Plan } from '#plan/plan.ts'
import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import type { StateStore } from '#ports/state-store.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { progressGroup } from '#runtime/keys.ts'
import { listProgress } from '#runtime/progress.ts'
import { type Runtime, tablePath } from '#runtime/runtime.ts'
import { plannedTables } from '#runtime/tables.ts'
import { RecordPacker } from '#schema/record-packer.ts'

/** A record as a producer would send it: the value as an object (sent as JSON), or the value's text as it is. */
export type TestRecord = Readonly<Record<string, unknown>> | string | null

export interface TestOptions {
  readonly records: readonly TestRecord[]
  /** Default: the plan's. */
  readonly partitions?: number
  /** Default 500. */
  readonly batchSize?: number
  /** Append time of all records, and the only time there is. Default 2030-01-01. */
  readonly now?: EpochMillis
}

export interface TestRun {
  readonly counts: LocalCounts
  /** Rows of a table (`layer.name`), in no order that means anything; timestamps as epoch milliseconds. */
  rows(table: string): readonly Readonly<Record<string, unknown>>[]
  readonly tables: readonly string[]
}

/** Produces the records, applies them all, closes every window, and reads the tables. */
export async function testPipeline(plan: Plan, options: TestOptions): Promise<TestRun> {
  const world = testWorld(plan, options)
  await createTables(world.runtime)
  await produce(world.topic, plan, options.records)
  await drainWorld(world, options.batchSize ?? 500)
  return readRun(world.runtime)
}

/** The parts of a test run; a test of Sluice itself swaps some for faulty ones. */
export interface TestWorld {
  readonly runtime: Runtime
  readonly topic: MemoryTopic
}

export interface TestPorts {
  readonly store?: ObjectStore
  readonly state?: StateStore
  readonly sql?: SqlSink
}

const NEW_YEAR_2030 = 1_893_456_000_000

export function testWorld(
  plan: Plan,
  options: { readonly partitions?: number; readonly now?: EpochMillis } = {},
  ports: TestPorts = {},
): TestWorld {
  const clock = standingClock(options.now ?? NEW_YEAR_2030)
  const runtime: Runtime = {
    plan,
    fingerprint: fingerprint(plan),
    store: ports.store ?? new MemoryObjectStore({ now: clock.now }),
    state: ports.state ?? new MemoryStateStore(),
    sql: ports.sql ?? null,
    clock,
    ids: countingIds(),
  }
  const partitions = options.partitions ?? plan.topic.partitions
  return { runtime, topic: new MemoryTopic({ topic: plan.topic.name, partitions, clock }) }
}

/** A clock that stands still: sleeping takes no time. */
export function standingClock(now: EpochMillis): Clock {
  return { now: () => now, sleep: () => Promise.resolve() }
}

/** Ids 00000000-0000-4000-8000-000000000001 and so on. */
export function countingIds(): Ids {
  let last = 0
  return { next: () => `00000000-0000-4000-8000-${String(++last).padStart(12, '0')}` }
}

/** Sends each record to the partition of its key, in order. */
export async function produce(topic: MemoryTopic, plan: Plan, records: readonly TestRecord[]): Promise<void> {
  const packers = Array.from({ length: topic.partitions }, () => new RecordPacker())
  const encoder = new TextEncoder()
  for (const record of records) {
    const value = record === null ? null : encoder.encode(typeof record === 'string' ? record : JSON.stringify(record))
    const keyText = keyOf(plan, record)
    const key = keyText === null ? null : encoder.encode(keyText)
    const hashed = key ?? value ?? new Uint8Array(0)
    const packer = packers[partitionFor(hashed, 0, hashed.length, packers.length)]!
    packer.add(key, 0, key?.length ?? 0, value, 0, value?.length ?? 0)
  }
  for (const [partition, packer] of packers.entries()) {
    if (packer.count > 0) await topic.append(partition, packer.take())
  }
}

function keyOf(plan: Plan, record: TestRecord): string | null {
  if (plan.topic.key === null || record === null || typeof record === 'string') return null
  const key = record[plan.topic.key] ?? null
  return key === null ? null : String(key)
}

/** Applies what the topic holds and closes every window that holds data. Rejects where a port fails. */
export async function drainWorld({ runtime, topic }: TestWorld, batchSize: number): Promise<void> {
  const partitions = Array.from({ length: topic.partitions }, (_, partition) => partition)
  const settings = { batchSize, batchWindow: 0, partitions, maxAttempts: 1 }
  const loop = new StageLoop(runtime, topic, settings, { relieve: async () => void (await commitAccepted(runtime)) })
  const ends = await Promise.all(partitions.map((partition) => topic.endOffset(partition)))
  await loop.drain(new Map(ends.entries()), new AbortController().signal)
  const timings = { commitEvery: 1_000, closeEvery: 1_000, checkpointEvery: 50 }
  await new Housekeeper(runtime, async () => ends, timings, {}).finish()
}

/** Reads every table of the plan. */
export async function readRun(runtime: Runtime): Promise<TestRun> {
  const tables = new Map<string, readonly Readonly<Record<string, unknown>>[]>()
  for (const { name } of plannedTables(runtime.plan)) {
    const snapshot = await (await DeltaTable.open(runtime, tablePath(name))).snapshot()
    const rows: Record<string, unknown>[] = []
    for await (const batch of snapshot.rows()) rows.push(...batch)
    tables.set(name, rows)
  }
  const progress = await listProgress(runtime.state, progressGroup(runtime))
  return {
    counts: await totalCounts(runtime, [...progress.values()]),
    tables: [...tables.keys()],
    rows(table) {
      const rows = tables.get(table)
      if (rows === undefined) throw new Error(`There is no table ${table}; tables: ${[...tables.keys()].join(', ')}`)
      return rows
    },
  }
}
