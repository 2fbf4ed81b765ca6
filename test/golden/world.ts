import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { MemoryTopic } from '#adapters/memory/topic.ts'
import type { EpochMillis, Millis } from '#core/time.ts'
import { Housekeeper } from '#local/housekeeper.ts'
import { createTables } from '#local/ports.ts'
import { StageLoop } from '#local/stage-loop.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import type { Plan } from '#plan/plan.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import type { RecordSource } from '#ports/record-source.ts'
import type { StateStore } from '#ports/state-store.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { stateIdentity } from '#runtime/identity.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { plannedSqlTables } from '#runtime/tables.ts'
import { RecordPacker } from '#schema/record-packer.ts'
import { produce, readRun, type TestRecord, type TestRun } from '../../lib/testing/index.ts'
import { type Calls, faultySource, faultySql, faultyState, faultyStore, PortCalls } from '../support/faulty-ports.ts'
import { MemorySqlSink } from '../support/memory-sql-sink.ts'
import { StillClock } from '../support/still-clock.ts'
import { type Contents, contentsOf, linesOf, without } from '../support/table-rows.ts'

export interface WorldOptions {
  readonly plan: Plan
  readonly partitions: number
  readonly batchSize: number
  /** What the clock shows at first. By default everything is in the past of it. */
  readonly now?: EpochMillis
}

/** Everything is in the past of this: no event time is in the future. */
const NOW: EpochMillis = Date.UTC(2030, 0, 1)
const LEASE: Millis = 31_000
const TIMINGS = { commitEvery: 1_000, closeEvery: 1_000, checkpointEvery: 4 }

/** What outlives every process: topic, tables, state, database. */
export class World {
  readonly plan: Plan
  readonly batchSize: number
  readonly clock: StillClock
  topic: MemoryTopic
  readonly store: ObjectStore
  readonly state: StateStore
  readonly sql = new MemorySqlSink()
  /** How many ids were given away. */
  ids = 0

  constructor(options: WorldOptions) {
    const { plan, partitions } = options
    this.plan = plan
    this.batchSize = options.batchSize
    this.clock = new StillClock(options.now ?? NOW)
    this.topic = new MemoryTopic({ topic: plan.topic.name, partitions, clock: this.clock })
    this.store = new MemoryObjectStore({ now: () => this.clock.now() })
    this.state = new MemoryStateStore()
  }

  feed(records: readonly TestRecord[]): Promise<void> {
    return produce(this.topic, this.plan, records)
  }

  async feedTo(partition: number, record: Readonly<Record<string, unknown>>): Promise<void> {
    const value = new TextEncoder().encode(JSON.stringify(record))
    const packer = new RecordPacker()
    packer.add(null, 0, 0, value, 0, value.length)
    await this.topic.append(partition, packer.take())
  }

  /** Deletes the topic and creates another one of its name, without records. */
  recreateTopic(): void {
    const { topic, partitions } = this.topic
    this.topic = new MemoryTopic({ topic, partitions, clock: this.clock })
  }

  process(): Promise<Process> {
    return new Process(this).start()
  }

  /** The ports of a new process. */
  runtime(calls: Calls<World>): Runtime {
    return {
      plan: this.plan,
      fingerprint: fingerprint(this.plan),
      store: faultyStore(calls),
      state: faultyState(calls),
      sql: faultySql(calls),
      clock: this.clock,
      ids: { next: () => `00000000-0000-4000-8000-${String(++this.ids).padStart(12, '0')}` },
    }
  }

  read(): Promise<TestRun> {
    return readRun(this.runtime(new PortCalls<World>(this)))
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

/** A stage that fails so often in a row ends its process. */
const ATTEMPTS = 2

/** One process: stages and housekeeping over ports that may fail. */
export class Process {
  readonly runtime: Runtime
  readonly keeper: Housekeeper
  readonly #world: World
  readonly #source: RecordSource

  constructor(world: World, calls: Calls<World> = new PortCalls(world)) {
    this.#world = world
    // Leases of an earlier one have run out.
    world.clock.advance(LEASE)
    this.runtime = world.runtime(calls)
    this.keeper = new Housekeeper(this.runtime, () => world.topic.endOffsets(), TIMINGS, {})
    const last = world.plan.outputs.some((output) => output.kind === 'window') ? 'windows' : 'lake'
    let commits = 0
    // Between batches, so that closing and folding take turns.
    this.#source = faultySource(calls, async (group) => {
      if (group.endsWith(last) && commits++ % world.topic.partitions === 0) await this.keepHouse()
    })
  }

  /** Creates what isn't there yet. */
  async start(): Promise<this> {
    await this.runtime.sql?.prepare(plannedSqlTables(this.runtime.plan), await stateIdentity(this.runtime))
    await createTables(this.runtime)
    return this
  }

  /** Applies what the topic holds in these partitions, in all when not given. */
  async drain(partitions = Array.from({ length: this.#world.topic.partitions }, (_, i) => i)): Promise<void> {
    const settings = { batchSize: this.#world.batchSize, batchWindow: 0, partitions, maxAttempts: ATTEMPTS }
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
    await this.keeper.closeNow(false)
    await this.keeper.deliverSql()
  }

  /** Drains, and ends the input. */
  async finish(): Promise<void> {
    await this.drain()
    await this.keeper.finish()
  }
}
