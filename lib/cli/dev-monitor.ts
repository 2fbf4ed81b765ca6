import { addNotable, lastWindow, type ResultRow } from '#cli/dev-results.ts'
import { DevTables, isResultTable } from '#cli/dev-tables.ts'
import type { ClosedWindow, DevEvent, DevView, Notable } from '#cli/dev-view.ts'
import { zoneOf } from '#cli/event-time.ts'
import { failedText } from '#cli/failed-results.ts'
import { type Lag, readLag } from '#cli/partition-lag.ts'
import { heldText, isoTime } from '#cli/text.ts'
import type { EpochMillis } from '#core/time.ts'
import type { HousekeeperEvents } from '#local/housekeeper.ts'
import type { LocalCounts } from '#local/local-pipeline.ts'
import type { ReadableEnds } from '#local/readable-ends.ts'
import type { Session } from '#local/session.ts'
import { isWindowOutput, type Plan } from '#plan/plan.ts'
import type { Clock } from '#ports/clock.ts'
import type { Closed } from '#runtime/close.ts'
import type { Committed } from '#runtime/commit.ts'

/** Rates are over so many samples. */
const SAMPLES = 10
const NOTICES_KEPT = 3

interface Sample {
  readonly at: EpochMillis
  readonly appended: number
  readonly applied: number
}

const NOTHING: LocalCounts = { read: 0, counted: 0, late: 0, partlyLate: 0, quarantined: 0, maxEventTime: null }

/** Watches a pipeline run: by the housekeeper's events, and by a look at the state now and then. */
export class DevMonitor {
  readonly #plan: Plan
  /** What the pipeline is fed with now, in a few words. */
  feed: string
  readonly #clock: Clock
  readonly #onEvent: (event: DevEvent) => void
  readonly #started: EpochMillis
  #session: Session | null = null
  #ends: ReadableEnds | null = null
  #tables: DevTables | null = null
  /** What has been committed is read in order, after the tables' own start. */
  #following: Promise<void> = Promise.resolve()
  #samples: readonly Sample[] = []
  #counts = NOTHING
  #lag: Lag | null = null
  readonly #windows = new Map<string, ClosedWindow>()
  #notable: readonly Notable[] = []
  #notices: readonly string[] = []
  #closes = 0

  constructor(plan: Plan, feed: string, clock: Clock, onEvent: (event: DevEvent) => void) {
    this.#plan = plan
    this.feed = feed
    this.#clock = clock
    this.#onEvent = onEvent
    this.#started = clock.now()
  }

  /** For the session that is about to be opened. */
  get events(): HousekeeperEvents {
    return {
      onCommitted: (commits) => this.#committed(commits),
      onClosed: (closed) => this.#closed(closed),
      onHeld: (held) => {
        for (const one of held) {
          this.#onEvent({ event: 'held', ...one, since: isoTime(one.since) })
          this.#notices = [...this.#notices, heldText(one)].slice(-NOTICES_KEPT)
        }
      },
      onRetry: (stage, error, attempt) => {
        const message = error instanceof Error ? error.message : String(error)
        this.#onEvent({ event: 'retry', stage, attempt, message })
        this.#notices = [...this.#notices, `${stage}: ${message} (attempt ${attempt})`].slice(-NOTICES_KEPT)
      },
    }
  }

  /** Looks at what is there from before, then follows. */
  async attach(session: Session): Promise<void> {
    const tables = new DevTables(session.pipeline.runtime)
    this.#session = session
    this.#ends = session.pipeline.newReadableEnds()
    this.#tables = tables
    this.#following = tables.load((output, rows) => this.#results(output, rows, false))
    await this.#following
    const { plan } = session.pipeline.runtime
    this.#onEvent({ event: 'started', pipeline: plan.name, dataFolder: session.folder.path, feed: this.feed })
    await this.sample()
  }

  /** Says something in the dashboard, and as a line. */
  notice(message: string): void {
    this.#notices = [message]
    this.#onEvent({ event: 'notice', message })
  }

  /** Looks at the topic's ends and the state: some reads. */
  async sample(): Promise<void> {
    const ends = this.#ends
    if (this.#session === null || ends === null) return
    const { pipeline } = this.#session
    const { state } = pipeline.runtime
    this.#counts = await pipeline.counts()
    this.#lag = await readLag({
      state,
      scope: pipeline.runtime,
      endOffsets: (applied) => ends.of(applied),
      outOfOrder: this.#plan.topic.outOfOrder,
      hasWindows: this.#plan.outputs.some(isWindowOutput),
      now: this.#clock.now(),
    })
    const appended = this.#lag.partitions.reduce((sum, { endOffset }) => sum + endOffset, 0)
    const sample = { at: this.#clock.now(), appended, applied: appended - this.lag }
    this.#samples = [...this.#samples, sample].slice(-SAMPLES)
  }

  /** Records in the topic that some stage has not applied. */
  get lag(): number {
    return (this.#lag?.partitions ?? []).reduce((sum, { lag, lakeLag }) => sum + Math.max(lag, lakeLag), 0)
  }

  /** Resolves when the commits that were told of are taken in. */
  async settled(): Promise<void> {
    await this.#following
    await this.sample()
  }

  get view(): DevView {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)]
    const elapsed = first === undefined || last === undefined ? 0 : (last.at - first.at) / 1000
    const perSecond = (pick: (sample: Sample) => number): number =>
      elapsed === 0 ? 0 : (pick(last!) - pick(first!)) / elapsed
    return {
      pipeline: this.#plan.name,
      dataFolder: this.#session?.folder.path ?? '',
      feed: this.feed,
      zone: zoneOf(this.#plan),
      uptime: this.#clock.now() - this.#started,
      inPerSecond: perSecond(({ appended }) => appended),
      appliedPerSecond: perSecond(({ applied }) => applied),
      counts: this.#counts,
      lag: this.lag,
      watermark: this.#lag?.watermark ?? null,
      holding: (this.#lag?.partitions ?? []).flatMap(({ partition, holdsBack }) => (holdsBack ? [partition] : [])),
      closedUpTo: this.#lag?.closedUpTo ?? null,
      tables: this.#tables?.views ?? [],
      windows: [...this.#windows.values()],
      notable: this.#notable,
      quarantined: this.#tables?.quarantined ?? [],
      notices: this.#notices,
    }
  }

  #committed(commits: readonly Committed[]): void {
    const tables = this.#tables
    if (tables === null) return
    this.#following = this.#following.then(async () => {
      for (const { table, version } of commits) {
        const first = await tables.follow(table, version)
        if (!first || !isResultTable(this.#plan, table)) continue
        this.#onEvent({ event: 'first rows', table, rows: tables.rows(table) })
      }
    })
    // What can't be read now is counted with the next commit.
    this.#following = this.#following.catch(() => {})
  }

  /** How often windows were looked at and closed. */
  get closes(): number {
    return this.#closes
  }

  #closed({ rows, failed }: Closed): void {
    this.#closes++
    if (failed.length > 0)
      this.notice(`${failed.length} rows could not be made, the last: ${failedText(failed.at(-1)!)}`)
    if (rows.length === 0) return
    for (const { name, sinks } of this.#plan.outputs.filter(isWindowOutput)) {
      // Nobody has named it.
      if (sinks.length === 0) continue
      const own = rows.filter((row) => row.output === name && row.final)
      this.#results(name, own, true)
    }
  }

  #results(name: string, rows: readonly ResultRow[], live: boolean): void {
    const output = this.#plan.outputs.filter(isWindowOutput).find((each) => each.name === name)
    if (output === undefined || rows.length === 0) return
    if (output.where !== null) {
      const { all, news } = addNotable(this.#notable, output, rows)
      this.#notable = all
      if (live) for (const notable of news) this.#onEvent({ event: 'notable', notable })
      return
    }
    const window = lastWindow(output, rows)
    const known = this.#windows.get(name)
    if (window === null || (known !== undefined && known.end > window.end)) return
    this.#windows.set(name, window)
    if (live && known?.end !== window.end) this.#onEvent({ event: 'window closed', window })
  }
}
