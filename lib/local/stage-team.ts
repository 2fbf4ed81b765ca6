import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type ErrorCode, SluiceError } from '#core/errors.ts'
import { StageLoop, type StageLoopEvents, type StageLoopSettings } from '#local/stage-loop.ts'
import type { FromStageWorker, StageWorkerData, ToStageWorker } from '#local/stage-worker.ts'
import type { RecordSource } from '#ports/record-source.ts'
import type { Runtime } from '#runtime/runtime.ts'

/** The stages of all partitions, in this thread or dealt to worker threads. */
export interface StageTeam {
  /** Resolves when every stage takes records. */
  readonly ready: Promise<void>
  /** Rejects when a stage can't go on; never resolves. */
  readonly failure: Promise<never>
  /** Resolves with true when everything below the end offsets has been handled by every stage; false if stopped before. */
  drain(endOffsets: ReadonlyMap<number, number>): Promise<boolean>
  /** Ends after the batches in hand. */
  stop(): Promise<void>
}

export function inlineTeam(
  runtime: Runtime,
  source: RecordSource,
  settings: StageLoopSettings,
  events: StageLoopEvents,
): StageTeam {
  const loop = new StageLoop(runtime, source, settings, events)
  const { promise: failure, reject } = Promise.withResolvers<never>()
  failure.catch(() => {})
  let stopped = false
  let current = new AbortController()
  let running: Promise<unknown> = loop.run(current.signal).catch(reject)
  const interrupt = async (): Promise<void> => {
    current.abort()
    await running
  }
  return {
    ready: Promise.resolve(),
    failure,
    async drain(endOffsets) {
      await interrupt()
      if (stopped) return false
      current = new AbortController()
      const draining = loop.drain(endOffsets, current.signal)
      running = draining.catch(reject)
      return Promise.race([draining, failure])
    },
    async stop() {
      stopped = true
      await interrupt()
    },
  }
}

/** Partition p goes to worker p mod n. */
export function dealPartitions(partitions: number, workers: number): readonly (readonly number[])[] {
  return Array.from({ length: workers }, (_, worker) =>
    Array.from({ length: partitions }, (__, partition) => partition).filter((p) => p % workers === worker),
  )
}

const YOUNG_GENERATION_MB = 16

export function workerTeam(workers: readonly StageWorkerData[], events: Pick<StageLoopEvents, 'onRetry'>): StageTeam {
  const { promise: failure, reject } = Promise.withResolvers<never>()
  failure.catch(() => {})
  const members = workers.map((data) => startWorker(data, events, reject))
  return {
    ready: Promise.race([Promise.all(members.map((member) => member.ready)).then(() => {}), failure]),
    failure,
    async drain(endOffsets) {
      const drained = await Promise.race([Promise.all(members.map((member) => member.drain(endOffsets))), failure])
      return drained.every((reached) => reached)
    },
    async stop() {
      await Promise.all(members.map((member) => member.stop()))
    },
  }
}

interface Member {
  readonly ready: Promise<void>
  drain(endOffsets: ReadonlyMap<number, number>): Promise<boolean>
  stop(): Promise<void>
}

function startWorker(
  data: StageWorkerData,
  events: Pick<StageLoopEvents, 'onRetry'>,
  fail: (error: unknown) => void,
): Member {
  const file = new URL(`./stage-worker${extname(import.meta.url)}`, import.meta.url)
  const worker = new Worker(file, {
    workerData: data,
    // Named, not inherited: only then does the thread read NODE_OPTIONS, by which a clone finds 'sluice'.
    env: process.env,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_GENERATION_MB },
  })
  const ready = Promise.withResolvers<void>()
  let drained = Promise.withResolvers<boolean>()
  const ended = Promise.withResolvers<void>()
  worker.on('message', (message: FromStageWorker) => {
    if (message.kind === 'ready') ready.resolve()
    else if (message.kind === 'drained') drained.resolve(true)
    else if (message.kind === 'retry') events.onRetry?.(message.stage, new Error(message.message), message.attempt)
    else fail(failureOf(message))
  })
  worker.on('error', fail)
  let stopping = false
  worker.on('exit', (code) => {
    if (!stopping)
      fail(new Error(`A thread of the stages ended by itself, with code ${code}. Start again: nothing is lost.`))
    ended.resolve()
    drained.resolve(false)
  })
  const send = (message: ToStageWorker): void => worker.postMessage(message)
  return {
    ready: ready.promise,
    drain(endOffsets) {
      drained = Promise.withResolvers<boolean>()
      send({ kind: 'drain', endOffsets })
      return drained.promise
    },
    async stop() {
      stopping = true
      send({ kind: 'stop' })
      await ended.promise
    },
  }
}

function failureOf({ code, message }: { readonly code: string | null; readonly message: string }): Error {
  return code === null ? new Error(message) : new SluiceError(code as ErrorCode, message)
}
