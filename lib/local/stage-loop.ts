import { isSluiceError } from '#core/errors.ts'
import type { Millis } from '#core/time.ts'
import { EventSourceMapping, type Handler } from '#local/event-source.ts'
import { isWindowOutput } from '#plan/plan.ts'
import type { RecordSource } from '#ports/record-source.ts'
import type { Relieve } from '#runtime/accepted.ts'
import { lakeGroup } from '#runtime/keys.ts'
import { type LakeStage, lakeStage } from '#runtime/lake.ts'
import { preparer } from '#runtime/prepare.ts'
import { sqlRowOutputs, sqlRowsStage } from '#runtime/rows-to-sql.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { windowsStage } from '#runtime/windows.ts'

export interface StageLoopSettings {
  readonly batchSize: number
  readonly batchWindow: Millis
  /** Partitions dealt to this loop; without, all of the topic, also those that are added to it. */
  readonly partitions?: readonly number[]
  /** Names the consumer groups on a broker that other state stores read from too. */
  readonly consumer?: string
  /** A stage that fails so often in a row ends the loop; default: never for faults that may pass, 5 for programming errors. */
  readonly maxAttempts?: number
}

export interface StageLoopEvents {
  /** A batch failed and will be delivered again. */
  readonly onRetry?: (stage: string, error: unknown, attempt: number) => void
  /** An accepted item is full: commit, so that it can be trimmed. */
  readonly relieve: Relieve
}

/** One consumer: a stage behind its own event-source mapping and consumer group. */
interface Consumer {
  readonly stage: string
  readonly mapping: EventSourceMapping
  attempts: number
  /** Not before this time, after a failure. */
  retryAt: number
}

const FIRST_BACKOFF: Millis = 100
const LONGEST_BACKOFF: Millis = 10_000
const IDLE_WAIT: Millis = 250
const ONE_RECORD = { maxRecords: 1, maxBytes: 1 }
/** An error that no port explains is a fault of the program: tried a few times, then reported. */
const UNEXPLAINED_ATTEMPTS = 5

/** The consumer group by which a stage reads the topic; `consumer` tells those of several state stores apart. */
export const consumerGroup = (runtime: Runtime, stage: string, consumer = ''): string =>
  `${lakeGroup(runtime)}/${stage}${consumer === '' ? '' : `/${consumer}`}`.replaceAll('/', '.')

/**
 * The stages of one thread. Each is a consumer of its own, with its own offsets; they are driven in turn over the same
 * partitions, so that a batch is fetched and decoded once for all of them. One that fails is tried again later and holds up
 * nobody else.
 */
export class StageLoop {
  readonly #runtime: Runtime
  readonly #source: RecordSource
  readonly #consumers: readonly Consumer[]
  readonly #events: StageLoopEvents
  readonly #maxAttempts: number | undefined

  constructor(runtime: Runtime, source: RecordSource, settings: StageLoopSettings, events: StageLoopEvents) {
    this.#runtime = runtime
    this.#source = source
    this.#events = events
    this.#maxAttempts = settings.maxAttempts
    const shared = preparer(runtime.plan)
    const lake: LakeStage = lakeStage(runtime, shared, events.relieve)
    const stages: [string, Handler][] = [['lake', (payload) => lake.handle(payload)]]
    if (runtime.plan.outputs.some(isWindowOutput)) {
      const windows = windowsStage(runtime, shared, events.relieve)
      stages.push(['windows', (payload) => windows.handle(payload)])
    }
    if (sqlRowOutputs(runtime).length > 0) {
      const rows = sqlRowsStage(runtime, shared)
      stages.push(['sql', (payload) => rows.handle(payload)])
    }
    this.#consumers = stages.map(([stage, handler]) => {
      const group = consumerGroup(runtime, stage, settings.consumer)
      const mapping = new EventSourceMapping({ source, clock: runtime.clock }, { group, ...settings }, handler)
      return { stage, mapping, attempts: 0, retryAt: 0 }
    })
  }

  /** Runs until aborted. Rejects only for errors that no retry can mend. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      if (!(await this.#round(signal, false))) await this.#source.wait(IDLE_WAIT, signal)
    }
  }

  /** Handles everything below the end offsets (by partition) in every stage; false when it was aborted before. */
  async drain(endOffsets: ReadonlyMap<number, number>, signal: AbortSignal): Promise<boolean> {
    let idle = false
    while (!(await this.#hasReached(endOffsets, idle))) {
      if (signal.aborted) return false
      idle = !(await this.#round(signal, true))
      if (idle) await this.#source.wait(IDLE_WAIT, signal)
    }
    return true
  }

  /** Not where the source can't tell just now. */
  async #hasReached(endOffsets: ReadonlyMap<number, number>, idle: boolean): Promise<boolean> {
    try {
      for (const { mapping } of this.#consumers) {
        if (!(await this.#isAt(endOffsets, mapping, idle))) return false
      }
      return true
    } catch (error) {
      if (isSluiceError(error) && error.retryable) return false
      throw error
    }
  }

  async #isAt(endOffsets: ReadonlyMap<number, number>, mapping: EventSourceMapping, idle: boolean): Promise<boolean> {
    const ends = new Map<number, number>()
    // Before the lags: what is appended meanwhile must not pass for handled.
    for (const partition of endOffsets.keys()) ends.set(partition, await this.#source.endOffset(partition))
    for (const [partition, lag] of await mapping.lag()) {
      const wanted = endOffsets.get(partition) ?? 0
      const end = ends.get(partition) ?? 0
      if (end - lag >= wanted) continue
      // A gap that nothing follows (a transaction's end, compaction) is nothing to handle.
      const gap = idle && end >= wanted && (await this.#source.read(partition, end - lag, ONE_RECORD)) === undefined
      if (!gap) return false
    }
    return true
  }

  /** One payload for each consumer that has one; false when nobody had. */
  async #round(signal: AbortSignal, flush: boolean): Promise<boolean> {
    let delivered = false
    for (const consumer of this.#consumers) {
      if (consumer.retryAt > this.#runtime.clock.now()) continue
      delivered = (await this.#poll(consumer, signal, flush)) || delivered
    }
    return delivered
  }

  async #poll(consumer: Consumer, signal: AbortSignal, flush: boolean): Promise<boolean> {
    try {
      const delivered = await consumer.mapping.pollOnce(signal, flush)
      consumer.attempts = 0
      return delivered
    } catch (error) {
      if (isSluiceError(error) && !error.retryable) throw error
      consumer.attempts++
      const limit = this.#maxAttempts ?? (isSluiceError(error) ? Number.POSITIVE_INFINITY : UNEXPLAINED_ATTEMPTS)
      if (consumer.attempts >= limit) throw error
      const backoff = Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** consumer.attempts)
      consumer.retryAt = this.#runtime.clock.now() + backoff
      this.#events.onRetry?.(consumer.stage, error, consumer.attempts)
      return false
    }
  }
}
