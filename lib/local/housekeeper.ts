import type { Millis } from '#core/time.ts'
import { type HeldBack, HeldWatermark } from '#local/held-watermark.ts'
import { isWindowOutput } from '#plan/plan.ts'
import { type Closed, type CloseStage, closeStage } from '#runtime/close.ts'
import { type Committed, commitAccepted } from '#runtime/commit.ts'
import { deliverToSql, deliverToTables } from '#runtime/deliver.ts'
import { deliverAlertsToSql } from '#runtime/deliver-alerts.ts'
import { detectAnomalies } from '#runtime/detect.ts'
import { withLease } from '#runtime/lease.ts'
import { openTable } from '#runtime/open-table.ts'
import type { Runtime } from '#runtime/runtime.ts'

export interface HousekeeperSettings {
  readonly commitEvery: Millis
  readonly closeEvery: Millis
  /** A table gets a checkpoint when its last one is so many versions old. */
  readonly checkpointEvery: number
  /** Whether this process feeds the topic and has more to bring; default: no. */
  readonly moreToCome?: () => boolean
  /** How long a partition may hold the watermark back before that is told; default: a minute. */
  readonly heldAfter?: Millis
}

export interface HousekeeperEvents {
  readonly onCommitted?: (commits: readonly Committed[]) => void
  readonly onClosed?: (closed: Closed) => void
  /** Partitions hold the watermark back for long: windows wait for their records. Each is named once, until it has caught up. */
  readonly onHeld?: (held: readonly HeldBack[]) => void
  /** Something failed that will be tried again. */
  readonly onRetry?: (stage: string, error: unknown, attempt: number) => void
}

/** End offset of every partition, as a close wants them; null when the signal aborts while the topic is half fed. */
export type EndOffsets = (
  applied: ReadonlyMap<number, number>,
  signal: AbortSignal,
) => Promise<readonly number[] | null>

const LEASE: Millis = 30_000
const HELD_AFTER: Millis = 60_000

/**
 * What schedules do on AWS: commits accepted files, closes windows, delivers results, writes checkpoints. Each of its loops may
 * fail and is tried again; SQL is a loop of its own, so that a slow database holds up no table.
 */
export class Housekeeper {
  readonly #runtime: Runtime
  readonly #endOffsets: EndOffsets
  readonly #settings: HousekeeperSettings
  readonly #events: HousekeeperEvents
  readonly #close: CloseStage | null
  readonly #held: HeldWatermark
  readonly #stop = new AbortController()
  /** Version of the last checkpoint by table. */
  readonly #checkpoints = new Map<string, number>()
  #loops: readonly Promise<void>[] = []

  constructor(runtime: Runtime, endOffsets: EndOffsets, settings: HousekeeperSettings, events: HousekeeperEvents) {
    this.#runtime = runtime
    this.#endOffsets = endOffsets
    this.#settings = settings
    this.#events = events
    this.#held = new HeldWatermark(settings.heldAfter ?? HELD_AFTER)
    this.#close = runtime.plan.outputs.some(isWindowOutput) ? closeStage(runtime) : null
  }

  start(): void {
    const { commitEvery, closeEvery } = this.#settings
    this.#loops = [
      this.#repeat('commit', commitEvery, () => this.commit()),
      this.#repeat('close', closeEvery, () => this.close()),
      this.#repeat('sql', closeEvery, () => this.deliverSql()),
    ]
  }

  /** Ends the loops after what they have in hand. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await Promise.all(this.#loops)
  }

  async commit(): Promise<void> {
    const commits = await withLease(this.#runtime, 'commit', LEASE, () => commitAccepted(this.#runtime))
    if (commits !== undefined) await this.#committed(commits)
  }

  async close(): Promise<void> {
    await withLease(this.#runtime, 'close', LEASE, () => this.closeNow(false))
  }

  /** Whoever else is at it: a lease only saves work. */
  async closeNow(endOfInput: boolean): Promise<void> {
    if (this.#close === null) return
    const closed = await this.#close.run({
      endOffsets: (applied) => this.#endOffsets(applied, this.#stop.signal),
      endOfInput,
      moreToCome: this.#settings.moreToCome?.() ?? false,
    })
    this.#events.onClosed?.(closed)
    const held = this.#held.look(closed.watermark, this.#runtime.clock.now())
    if (held.length > 0) this.#events.onHeld?.(held)
    await this.#committed(await deliverToTables(this.#runtime))
    await this.#committed(await detectAnomalies(this.#runtime))
  }

  /**
   * The input is over and every record is applied: commits the rest, closes every window that holds data, delivers it all. Asks for
   * no lease: it must be done when it resolves.
   */
  async finish(): Promise<void> {
    await this.#committed(await commitAccepted(this.#runtime))
    await this.closeNow(true)
    await this.deliverSql()
  }

  /** Results, then alerts about them. */
  async deliverSql(): Promise<void> {
    await deliverToSql(this.#runtime)
    await deliverAlertsToSql(this.#runtime)
  }

  async #committed(commits: readonly Committed[]): Promise<void> {
    if (commits.length === 0) return
    this.#events.onCommitted?.(commits)
    for (const { table: name, version } of commits) {
      if (version < (this.#checkpoints.get(name) ?? 0) + this.#settings.checkpointEvery) continue
      const table = await openTable(this.#runtime, name)
      // Others may have written one, a stage that committed by itself may have passed the version at which one was due.
      const last = (await table.lastCheckpoint()) ?? 0
      this.#checkpoints.set(name, last)
      if (version < last + this.#settings.checkpointEvery) continue
      await table.checkpoint()
      this.#checkpoints.set(name, version)
    }
  }

  async #repeat(stage: string, every: Millis, work: () => Promise<void>): Promise<void> {
    const { clock } = this.#runtime
    const { signal } = this.#stop
    let attempt = 0
    await clock.sleep(every, signal)
    while (!signal.aborted) {
      try {
        await work()
        attempt = 0
      } catch (error) {
        attempt++
        this.#events.onRetry?.(stage, error, attempt)
      }
      await clock.sleep(every * Math.min(attempt + 1, 10), signal)
    }
  }
}
