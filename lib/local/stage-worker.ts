import { parentPort, workerData } from 'node:worker_threads'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { isSluiceError } from '#core/errors.ts'
import { loadPipeline } from '#local/pipeline-module.ts'
import { type EmbeddedFolders, embeddedRuntime } from '#local/ports.ts'
import { StageLoop, type StageLoopSettings } from '#local/stage-loop.ts'
import { openSource, type TopicLocation } from '#local/topics.ts'
import { commitAccepted } from '#runtime/commit.ts'

/** What a worker thread needs to run the stages of its partitions: everything else it opens itself. */
export interface StageWorkerData {
  readonly pipelinePath: string
  readonly folders: EmbeddedFolders
  readonly topic: TopicLocation
  readonly settings: StageLoopSettings
}

export type ToStageWorker =
  | { readonly kind: 'drain'; readonly endOffsets: ReadonlyMap<number, number> }
  | { readonly kind: 'stop' }

export type FromStageWorker =
  | { readonly kind: 'ready' }
  | { readonly kind: 'drained' }
  | { readonly kind: 'retry'; readonly stage: string; readonly message: string; readonly attempt: number }
  | { readonly kind: 'failed'; readonly code: string | null; readonly message: string }

async function main(data: StageWorkerData): Promise<void> {
  const port = parentPort!
  const say = (message: FromStageWorker): void => port.postMessage(message)
  const stop = new AbortController()
  let drain: ReadonlyMap<number, number> | null = null
  let interrupt = new AbortController()
  port.on('message', (message: ToStageWorker) => {
    if (message.kind === 'drain') drain = message.endOffsets
    else stop.abort()
    interrupt.abort()
  })
  const plan = await loadPipeline(data.pipelinePath)
  const runtime = await embeddedRuntime(plan, data.folders, { clock: systemClock, ids: randomIds, sql: null })
  const source = await openSource(data.topic, systemClock)
  const loop = new StageLoop(runtime, source, data.settings, {
    relieve: async () => void (await commitAccepted(runtime)),
    onRetry: (stage, error, attempt) => say({ kind: 'retry', stage, message: messageOf(error), attempt }),
  })
  say({ kind: 'ready' })
  while (!stop.signal.aborted) {
    if (drain === null) {
      await loop.run(interrupt.signal)
      interrupt = new AbortController()
      continue
    }
    const drained = await loop.drain(drain, stop.signal)
    drain = null
    if (drained) say({ kind: 'drained' })
  }
  await source.close()
  await runtime.state.close()
  port.close()
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

try {
  await main(workerData as StageWorkerData)
} catch (error) {
  const failure: FromStageWorker = {
    kind: 'failed',
    code: isSluiceError(error) ? error.code : null,
    message: messageOf(error),
  }
  parentPort!.postMessage(failure)
  // Else the listener for messages keeps the thread alive, and whoever stops the team waits for its end.
  parentPort!.close()
}
