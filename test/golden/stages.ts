import { commitAccepted } from '#runtime/commit.ts'
import { type LakeStage, lakeStage } from '#runtime/lake.ts'
import { preparer } from '#runtime/prepare.ts'
import { type SqlRowsStage, sqlRowsStage } from '#runtime/rows-to-sql.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { type WindowsStage, windowsStage } from '#runtime/windows.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { PortCalls } from '../support/faulty-ports.ts'
import type { World } from './world.ts'

/** The stages of one process as Lambda sees them: whatever is delivered to them, they apply. */
export class Stages {
  readonly runtime: Runtime
  readonly #world: World
  readonly #lake: LakeStage
  readonly #windows: WindowsStage
  readonly #sql: SqlRowsStage

  constructor(world: World, calls = new PortCalls<World>(world)) {
    this.#world = world
    this.runtime = world.runtime(calls)
    const shared = preparer(world.plan)
    const relieve = async (): Promise<void> => void (await commitAccepted(this.runtime))
    this.#lake = lakeStage(this.runtime, shared, relieve)
    this.#windows = windowsStage(this.runtime, shared, relieve)
    this.#sql = sqlRowsStage(this.runtime, shared)
  }

  /** Delivers up to `count` records from offset `from` on; the offset after the last, or `from` when there was none. */
  async handle(partition: number, from: number, count: number): Promise<number> {
    const batch = await this.#world.topic.read(partition, from, { maxRecords: count, maxBytes: 1e9 })
    if (batch === undefined) return from
    await this.apply(batch)
    return batch.offsets[batch.count - 1]! + 1
  }

  async apply(batch: RecordBatch): Promise<void> {
    await this.lake(batch)
    if (this.#world.plan.outputs.some((output) => output.kind === 'window')) await this.windows(batch)
    await this.#sql.handle([batch])
  }

  lake(batch: RecordBatch): Promise<void> {
    return this.#lake.handle([batch])
  }

  windows(batch: RecordBatch): Promise<void> {
    return this.#windows.handle([batch])
  }

  /** Everything from offset `from` on, in batches. */
  async deliver(partition: number, from: number, batchSize: number): Promise<void> {
    const end = await this.#world.topic.endOffset(partition)
    for (let next = from; next < end; ) next = await this.handle(partition, next, batchSize)
  }
}
