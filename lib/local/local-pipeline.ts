import { isSluiceError } from '#core/errors.ts'
import type { EpochMillis, Millis } from '#core/time.ts'
import { checkStateIsCurrent, checkTopicHasApplied } from '#local/applied-records.ts'
import { FeedGate } from '#local/feed-gate.ts'
import { Housekeeper, type HousekeeperEvents } from '#local/housekeeper.ts'
import { createTables, type EmbeddedFolders, embeddedRuntime } from '#local/ports.ts'
import { ReadableEnds } from '#local/readable-ends.ts'
import { dealPartitions, inlineTeam, type StageTeam, workerTeam } from '#local/stage-team.ts'
import { type OpenTopic, openTopic, type TopicLocation } from '#local/topics.ts'
import type { Plan } from '#plan/plan.ts'
import type { Clock } from '#ports/clock.ts'
import type { Ids } from '#ports/ids.ts'
import type { TopicWriter } from '#ports/record-source.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import { acceptedItems } from '#runtime/accepted.ts'
import { type FailedResult, loadCloseItem } from '#runtime/close-item.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { stateIdentity } from '#runtime/identity.ts'
import { lakeGroup, progressGroup } from '#runtime/keys.ts'
import { freeLeases } from '#runtime/lease.ts'
import { listProgress, type Progress } from '#runtime/progress.ts'
import { sqlRowOutputs } from '#runtime/rows-to-sql.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { plannedSqlTables } from '#runtime/tables.ts'

export interface LocalPipelineOptions {
  readonly plan: Plan
  /** Module of the plan, for worker threads; null runs the stages in this thread. */
  readonly pipelinePath: string | null
  readonly folders: EmbeddedFolders
  readonly topic: TopicLocation
  readonly batchSize: number
  readonly batchWindow: Millis
  /** Worker threads for the stages; 0 runs them in this thread. */
  readonly workers: number
  readonly commitEvery: Millis
  readonly closeEvery: Millis
  /** Null when the plan has no SQL sink. */
  readonly sql: SqlSink | null
  readonly clock: Clock
  readonly ids: Ids
  readonly events: HousekeeperEvents
}

/** What became of the records so far. read = counted + late + quarantined in the windows stage. */
export interface LocalCounts {
  readonly read: number
  readonly counted: number
  readonly late: number
  readonly partlyLate: number
  readonly quarantined: number
  readonly maxEventTime: EpochMillis | null
}

const CHECKPOINT_EVERY = 50

/** A pipeline on one machine: its topic, the stages of all partitions, and the schedules around them. */
export class LocalPipeline {
  readonly #options: LocalPipelineOptions
  readonly #topic: OpenTopic
  readonly #team: StageTeam
  readonly #housekeeper: Housekeeper
  /** Whoever feeds the topic holds it while the topic is half fed: no window closes meanwhile. */
  readonly gate = new FeedGate()
  readonly runtime: Runtime
  readonly #readableEnds: ReadableEnds
  #finishing = false
  #finished: Promise<void> = Promise.resolve()

  private constructor(
    options: LocalPipelineOptions,
    runtime: Runtime,
    topic: OpenTopic,
    partitions: number,
    consumer: string,
  ) {
    this.#options = options
    this.#topic = topic
    this.#readableEnds = new ReadableEnds(topic.source)
    this.runtime = runtime
    this.#team = startTeam(options, runtime, topic, partitions, consumer)
    const { commitEvery, closeEvery, events } = options
    const settings = {
      commitEvery,
      closeEvery,
      checkpointEvery: CHECKPOINT_EVERY,
      moreToCome: () => this.gate.moreToCome,
    }
    this.#housekeeper = new Housekeeper(
      runtime,
      (applied, signal) => this.#settledEndOffsets(applied, signal),
      settings,
      events,
    )
    this.#housekeeper.start()
  }

  /** @throws SluiceError of the topic, the state, the tables; SQL_TABLE_TAKEN before any record is read or fed */
  static async start(options: LocalPipelineOptions): Promise<LocalPipeline> {
    const { plan, folders, clock, ids, sql } = options
    const runtime = await embeddedRuntime(plan, folders, { clock, ids, sql })
    await prepareSql(runtime)
    const topic = await openTopic(options.topic, clock)
    await checkTopicHasApplied(runtime, topic.source)
    if (options.topic.kind === 'embedded') await checkStateIsCurrent(runtime, topic.source, folders.state)
    await createTables(runtime)
    await freeLeases(runtime)
    const consumer = options.topic.kind === 'kafka' ? await stateIdentity(runtime) : ''
    const pipeline = new LocalPipeline(options, runtime, topic, await topic.source.partitionCount(), consumer)
    try {
      await pipeline.#team.ready
    } catch (error) {
      await pipeline.stop()
      throw error
    }
    return pipeline
  }

  get writer(): TopicWriter {
    return this.#topic.writer
  }

  /** Rejects when a stage can't go on. */
  get failure(): Promise<never> {
    return this.#team.failure
  }

  endOffsets(): Promise<readonly number[]> {
    return this.#topic.source.endOffsets()
  }

  /** For whoever shows how far the pipeline is. */
  newReadableEnds(): ReadableEnds {
    return new ReadableEnds(this.#topic.source)
  }

  async #settledEndOffsets(
    applied: ReadonlyMap<number, number>,
    signal: AbortSignal,
  ): Promise<readonly number[] | null> {
    return this.#finishing || (await this.gate.passage(signal)) ? this.#readableEnds.of(applied) : null
  }

  /**
   * The input is over: applies what the topic holds, closes every window that holds data, delivers everything. Stopped before
   * the last record is applied, it closes nothing: what is left would be late.
   */
  finish(): Promise<void> {
    this.#finished = this.#finishAll()
    return this.#finished
  }

  async #finishAll(): Promise<void> {
    const ends = await this.endOffsets()
    if (!(await this.#team.drain(new Map(ends.map((end, partition) => [partition, end]))))) return
    await this.#housekeeper.stop()
    this.#finishing = true
    await this.#housekeeper.finish()
  }

  /** Ends the stages after the batches in hand and commits what they have accepted. Only `stop` may follow. */
  async settle(): Promise<void> {
    await this.#team.stop()
    await this.#housekeeper.stop()
    await this.#housekeeper.commit()
  }

  /** Ends after what is in hand, a `finish` among it; the next start goes on from there. */
  async stop(): Promise<void> {
    await this.#team.stop()
    await this.#housekeeper.stop()
    await this.#finished.catch(() => {})
    await this.#topic.close()
    await this.#options.sql?.close()
    await this.runtime.state.close()
  }

  async progress(): Promise<ReadonlyMap<number, Progress>> {
    return listProgress(this.runtime.state, progressGroup(this.runtime))
  }

  /** Rows of closed windows that could not be made, the latest hundred. One read. */
  async failedResults(): Promise<readonly FailedResult[]> {
    return (await loadCloseItem(this.runtime)).body.failed
  }

  async counts(): Promise<LocalCounts> {
    return totalCounts(this.runtime, [...(await this.progress()).values()])
  }
}

/** A database that is away holds up nothing but its own deliveries: they ask again for the tables before they write. */
async function prepareSql(runtime: Runtime): Promise<void> {
  try {
    await runtime.sql?.prepare(plannedSqlTables(runtime.plan), await stateIdentity(runtime))
  } catch (error) {
    if (!isSluiceError(error) || !error.retryable) throw error
  }
}

/** Sums over partitions; of the lake stage where the plan has no windows. */
export async function totalCounts(runtime: Runtime, progress: readonly Progress[]): Promise<LocalCounts> {
  const sum = (pick: (one: Progress) => number): number => progress.reduce((total, one) => total + pick(one), 0)
  if (runtime.plan.outputs.some((output) => output.kind === 'window')) {
    const times = progress.flatMap(({ maxEventTime }) => (maxEventTime === null ? [] : [maxEventTime]))
    return {
      read: sum((one) => one.read),
      counted: sum((one) => one.counted),
      late: sum((one) => one.late),
      partlyLate: sum((one) => one.partlyLate),
      quarantined: sum((one) => one.quarantined),
      maxEventTime: times.length === 0 ? null : Math.max(...times),
    }
  }
  const items = [...(await acceptedItems(runtime.state, lakeGroup(runtime)).list()).values()]
  const read = items.reduce((total, item) => total + (item.body?.read ?? 0), 0)
  const quarantined = items.reduce((total, item) => total + (item.body?.quarantined ?? 0), 0)
  return { read, counted: read - quarantined, late: 0, partlyLate: 0, quarantined, maxEventTime: null }
}

function startTeam(
  options: LocalPipelineOptions,
  runtime: Runtime,
  topic: OpenTopic,
  partitions: number,
  consumer: string,
): StageTeam {
  const { batchSize, batchWindow, events, pipelinePath } = options
  // Rows that go to SQL need the one connection of this thread.
  const workers = pipelinePath === null || sqlRowOutputs(runtime).length > 0 ? 0 : options.workers
  const settings = { batchSize, batchWindow, consumer }
  const retry = events.onRetry === undefined ? {} : { onRetry: events.onRetry }
  if (workers === 0) {
    const relieve = async (): Promise<void> => void (await commitAccepted(runtime))
    return inlineTeam(runtime, topic.source, settings, { ...retry, relieve })
  }
  const hands = dealPartitions(partitions, Math.min(workers, partitions)).map((dealt) => ({
    pipelinePath: pipelinePath!,
    folders: { lake: options.folders.lake, state: options.folders.state },
    topic: options.topic,
    settings: { ...settings, partitions: dealt },
  }))
  return workerTeam(hands, retry)
}
