import type { EpochMillis } from '#core/time.ts'
import { createTables } from '#local/ports.ts'
import type { Plan } from '#plan/plan.ts'
import { type CloseStage, closeStage } from '#runtime/close.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { preparer } from '#runtime/prepare.ts'
import type { WindowRow } from '#runtime/results.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { type WindowsStage, windowsStage } from '#runtime/windows.ts'
import { readRun, testWorld } from '../../lib/testing/index.ts'
import { recordsOf } from './json-records.ts'

/** Append time of all records: later than any event time that a case has. */
const APPENDED: EpochMillis = Date.UTC(2100, 0, 1)

export type JsonRow = Readonly<Record<string, unknown>>

/**
 * The windows stage and the close stage over memory adapters, one call at a time: rows go in when a case says so, and the watermark
 * stands where it says. Its way of setting the watermark is the clock of a topic that is caught up, so the plan's `outOfOrder` must be
 * longer than the case lets the watermark lag.
 */
export class WindowRun {
  #runtime: Runtime
  readonly #offsets: number[]
  #stage: WindowsStage
  #closer: CloseStage
  #newest: EpochMillis | null = null
  #now: EpochMillis = APPENDED

  private constructor(runtime: Runtime, partitions: number) {
    this.#runtime = { ...runtime, clock: { now: () => this.#now, sleep: async () => {} } }
    this.#offsets = new Array<number>(partitions).fill(0)
    this.#stage = this.#newStage()
    this.#closer = closeStage(this.#runtime)
  }

  static async start(plan: Plan, partitions = 1): Promise<WindowRun> {
    const { runtime } = testWorld(plan, { partitions, now: APPENDED })
    await createTables(runtime)
    return new WindowRun(runtime, partitions)
  }

  /** Applies rows as one batch; their event times are epoch milliseconds. */
  async feed(rows: readonly JsonRow[], partition = 0): Promise<void> {
    if (rows.length === 0) return
    const from = this.#offsets[partition]!
    const records = {
      ...recordsOf(rows.map((row) => JSON.stringify(row))),
      topic: this.#runtime.plan.topic.name,
      partition,
      offsets: Float64Array.from(rows, (_, i) => from + i),
      timestamps: new Float64Array(rows.length).fill(APPENDED),
    }
    this.#offsets[partition] = from + rows.length
    for (const row of rows) {
      const time = row[this.#runtime.plan.topic.eventTime] as EpochMillis | null
      if (time !== null) this.#newest = Math.max(this.#newest ?? time, time)
    }
    await this.#stage.handle([records])
  }

  /** Closes what a watermark closes. It has no effect below those of before, nor before the first row. */
  async watermark(at: EpochMillis): Promise<readonly WindowRow[]> {
    if (this.#newest === null) return []
    const lag = this.#runtime.plan.topic.outOfOrder
    this.#now = APPENDED + Math.max(0, at - this.#newest + lag)
    return this.#close(false)
  }

  /** The newest event time so far, or null. */
  get newest(): EpochMillis | null {
    return this.#newest
  }

  endOfInput(): Promise<readonly WindowRow[]> {
    return this.#close(true)
  }

  /** Drops everything in memory: what follows reads the stored state. */
  restart(): void {
    this.#stage = this.#newStage()
    this.#closer = closeStage(this.#runtime)
  }

  /** Goes on with another definition on the same state. */
  become(plan: Plan): void {
    this.#runtime = { ...this.#runtime, plan }
    this.restart()
  }

  async late(): Promise<readonly JsonRow[]> {
    await commitAccepted(this.#runtime)
    return (await readRun(this.#runtime)).rows(`late.${this.#runtime.plan.name}`)
  }

  get runtime(): Runtime {
    return this.#runtime
  }

  #newStage(): WindowsStage {
    return windowsStage(this.#runtime, preparer(this.#runtime.plan), async () => {})
  }

  async #close(endOfInput: boolean): Promise<readonly WindowRow[]> {
    const endOffsets = async (): Promise<readonly number[]> => this.#offsets
    const { rows } = await this.#closer.run({ endOffsets, endOfInput })
    // A warm stage may judge one more batch by the close before this one (decision 0020). A case means the watermark that it has set.
    this.#stage = this.#newStage()
    return rows
  }
}
