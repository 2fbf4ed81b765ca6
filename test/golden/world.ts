import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { MemoryTopic } from '#adapters/memory/topic.ts'
import type { EpochMillis, Millis } from '#core/time.ts'
import { Housekeeper } from '#local/housekeeper.ts'
import { createTables } from '#local/ports.ts'
import { StageLoop } from '#local/stage-loop.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import type { Plan } from '#plan/plan.ts'
import type { Clock } from '#ports/clock.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import type { RecordSource } from '#ports/record-source.ts'
import type { StateStore } from '#ports/state-store.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { deliverToSql } from '#runtime/deliver.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { plannedSqlTables } from '#runtime/tables.ts'
import { countingIds, produce, readRun, type TestRecord, type TestRun } from '../../lib/testing/index.ts'
import { faultySource, faultySql, faultyState, faultyStore, PortCalls } from '../support/faulty-ports.ts'
import { MemorySqlSink } from '../support/memory-sql-sink.ts'
import { type Contents, contentsOf, linesOf, without } from '../support/table-rows.ts'

export interface WorldOptions {
  readonly plan: Plan
  readonly partitions: number
  readonly batchSize: number
  /** In place of the memory store's own behaviour. */
  readonly sabotage?: (state: StateStore) => StateStore
}

/** A clock that moves when told to; sleeping takes no time. */
export class StillClock implements Clock {
  #now: EpochMillis

  constructor(now: EpochMillis) {
    this.#now = now
  }

  now(): EpochMillis {
    return this.#now
  }

  advance(by: Millis): void {
    this.#now += by
  }

  async sleep(): Promise<void> {}
}

/** Everything is in the past of this: no event time is in the future. */
const NOW: EpochMillis = Date.UTC(2030, 0, 1)
const LEASE: Millis = 31_000
const TIMINGS = { commitEvery: 1_000, closeEvery: 1_000, checkpointEvery: 4 }

/** What outlives every process: topic, tables, state, database. */
export class World {
  readonly plan: Plan
  readonly batchSize: number
  readonly clock = new StillClock(NOW)
  readonly topic: MemoryTopic
  readonly store: ObjectStore
  readonly state: StateStore
  readonly sql = new MemorySqlSink()
  readonly #ids = countingIds()

  constructor(options: WorldOptions) {
    const { plan, partitions, sabotage = (state) => state } = options
    this.plan = plan
    this.batchSize = options.batchSize
    this.topic = new MemoryTopic({ topic: plan.topic.name, partitions, clock: this.clock })
    this.store = new MemoryObjectStore({ now: () => this.clock.now() })
    this.state = sabotage(new MemoryStateStore())
  }

  feed(records: readonly TestRecord[]): Promise<void> {
    return produce(this.topic, this.plan, records)
  }

  /** The ports of a new process. Leases of an earlier one have run out. */
  runtime(calls = new PortCalls()): Runtime {
    this.clock.advance(LEASE)
    return {
      plan: this.plan,
      fingerprint: fingerprint(this.plan),
      store: faultyStore(this.store, calls),
      state: faultyState(this.state, calls),
      sql: faultySql(this.sql, calls),
      clock: this.clock,
      ids: this.#ids,
    }
  }

  read(): Promise<TestRun> {
    return readRun(this.runtime())
  }

  /** Rows of all tables, those of the database as `sql <table>`. */
  async contents(options: { readonly coordinates: boolean }): Promise<Contents> {
    const tables = contentsOf(this.plan, await this.read(), options)
    const sql = this.sql.tables.map((name) => {
      const rows = this.sql.rows(name).map((row) => without(row, ['revision', 'is_final']))
      return [`sql ${name}`, linesOf(rows)] as const
    })
    return { ...tables, ...Object.fromEntries(sql) }
  }
}

/** One process: stages and housekeeping over ports that may fail. */
export class Process {
  readonly runtime: Runtime
  readonly keeper: Housekeeper
  readonly #world: World
  readonly #source: RecordSource

  constructor(world: World, calls = new PortCalls()) {
    this.#world = world
    this.runtime = world.runtime(calls)
    this.keeper = new Housekeeper(this.runtime, () => world.topic.endOffsets(), TIMINGS, {})
    const last = world.plan.outputs.some((output) => output.kind === 'window') ? 'windows' : 'lake'
    // After each batch, so that closing and folding take turns.
    this.#source = faultySource(world.topic, calls, async (group) => {
      if (group.endsWith(last)) await this.keepHouse()
    })
  }

  /** Creates what isn't there yet. */
  async start(): Promise<this> {
    await this.runtime.sql?.prepare(plannedSqlTables(this.runtime.plan))
    await createTables(this.runtime)
    return this
  }

  /** Applies what the topic holds in these partitions, in all when not given. */
  async drain(partitions = Array.from({ length: this.#world.topic.partitions }, (_, i) => i)): Promise<void> {
    const settings = { batchSize: this.#world.batchSize, batchWindow: 0, partitions, maxAttempts: 1 }
    const relieve = async (): Promise<void> => void (await commitAccepted(this.runtime))
    const ends = await this.#world.topic.endOffsets()
    await new StageLoop(this.runtime, this.#source, settings, { relieve }).drain(
      new Map(partitions.map((partition) => [partition, ends[partition]!])),
      new AbortController().signal,
    )
  }

  /** Commits, closes with the watermark as it is, delivers. */
  async keepHouse(): Promise<void> {
    await this.keeper.commit()
    await this.keeper.close(false)
    await deliverToSql(this.runtime)
  }

  /** Drains, and ends the input. */
  async finish(): Promise<void> {
    await this.drain()
    await this.keeper.finish()
  }
}
