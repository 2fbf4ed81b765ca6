import { type EndOffsets, Housekeeper } from '#local/housekeeper.ts'
import { closeStage } from '#runtime/close.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { deliverToSql, deliverToTables } from '#runtime/deliver.ts'
import { lakeStage } from '#runtime/lake.ts'
import type { PageLimits } from '#runtime/page-node.ts'
import { preparer } from '#runtime/prepare.ts'
import { sqlRowsStage } from '#runtime/rows-to-sql.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { windowsStage } from '#runtime/windows.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import type { World } from '../golden/world.ts'
import type { Consumer, Fault, Part, Task } from './steps.ts'
import { Turnstile } from './turnstile.ts'

/** What a process works with. A sabotage puts something else in its place. */
export interface Equipment {
  readonly runtime: Runtime
  readonly endOffsets: EndOffsets
  /** Called when a task begins, with the last offset by partition that it is to apply. */
  readonly begins?: (last: ReadonlyMap<number, number>) => void
}

export type Sabotage = (own: Equipment) => Equipment

interface Stage {
  handle(payload: readonly RecordBatch[]): Promise<void>
}

const TIMINGS = { commitEvery: 1_000, closeEvery: 1_000, checkpointEvery: 4 }
const ALL = { maxRecords: 10_000, maxBytes: 1e9 }

/**
 * One process: the stages behind event-source mappings, and the housekeeping, over ports that it reaches through a turnstile. It is warm:
 * what a stage keeps in memory it keeps from task to task.
 */
export class SimulatedProcess {
  readonly name: string
  readonly gate: Turnstile<World>
  /** Errors that ended a task, latest last. */
  readonly errors: unknown[] = []
  readonly #equipment: Equipment
  readonly #stages: Readonly<Record<Consumer, Stage>>
  readonly #keeper: Housekeeper
  #task: Promise<void> | null = null

  constructor(name: string, world: World, sabotage: Sabotage, limits: PageLimits) {
    this.name = name
    this.gate = new Turnstile(world)
    const endOffsets = () => this.gate.read('end offsets', ({ topic }) => topic.endOffsets())
    this.#equipment = sabotage({ runtime: world.runtime(this.gate), endOffsets })
    const { runtime } = this.#equipment
    const shared = preparer(world.plan)
    const relieve = async (): Promise<void> => void (await commitAccepted(runtime))
    this.#stages = {
      lake: lakeStage(runtime, shared, relieve),
      windows: windowsStage(runtime, shared, relieve, limits),
      rows: sqlRowsStage(runtime, shared),
    }
    this.#keeper = new Housekeeper(runtime, this.#equipment.endOffsets, TIMINGS, {})
  }

  get isBusy(): boolean {
    return this.#task !== null
  }

  /** Begins a task and stands still after so many calls. */
  async start(task: Task, calls: number, fault: Fault | null): Promise<void> {
    const ended = this.#do(task)
      .catch((error: unknown) => void this.errors.push(error))
      .finally(() => {
        this.#task = null
      })
    this.#task = ended
    await this.goOn(calls, fault)
  }

  async goOn(calls: number, fault: Fault | null): Promise<void> {
    if (this.#task !== null) await Promise.race([this.#task, this.gate.open(calls, fault)])
  }

  async #do(task: Task): Promise<void> {
    if (task.do !== 'deliver') this.#equipment.begins?.(new Map())
    switch (task.do) {
      case 'deliver':
        return this.#deliver(task.to, task.parts)
      case 'commit': {
        if (task.leased) return this.#keeper.commit()
        await commitAccepted(this.#equipment.runtime)
        return
      }
      case 'close':
        return task.leased ? this.#keeper.close() : this.#keeper.closeNow(false)
      case 'close all': {
        const { endOffsets, runtime } = this.#equipment
        const none = new AbortController().signal
        await closeStage(runtime).run({ endOffsets: (applied) => endOffsets(applied, none), endOfInput: true })
        return
      }
      case 'deliver results to tables': {
        await deliverToTables(this.#equipment.runtime)
        return
      }
      case 'deliver results to sql':
        return deliverToSql(this.#equipment.runtime)
    }
  }

  /** As an event-source mapping does: one payload, and its offsets are committed when all of it is durable. */
  async #deliver(to: Consumer, parts: readonly Part[]): Promise<void> {
    const { topic } = this.gate.ports
    const committed = await topic.committed(to)
    const payload: RecordBatch[] = []
    for (const { partition, back, size } of parts) {
      if (partition >= topic.partitions) continue
      const from = Math.max(0, (committed.get(partition) ?? 0) - back)
      const batch = await topic.read(partition, from, { ...ALL, maxRecords: size })
      if (batch !== undefined) payload.push(batch)
    }
    const lasts = payload.map(({ partition, offsets, count }) => [partition, offsets[count - 1]!] as const)
    this.#equipment.begins?.(new Map(lasts))
    if (payload.length === 0) return
    await this.#stages[to].handle(payload)
    for (const [partition, last] of lasts) {
      // A poller that the partition was taken from can't take back what its successor has committed.
      await this.gate.write(`commit ${to} ${partition}`, async (ports) => {
        const known = (await ports.topic.committed(to)).get(partition) ?? 0
        if (known <= last) await ports.topic.commit(to, partition, last + 1)
      })
    }
  }
}
