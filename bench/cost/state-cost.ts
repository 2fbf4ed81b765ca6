import { MemoryObjectStore } from '#adapters/memory/object-store.ts'
import { MemoryStateStore } from '#adapters/memory/state-store.ts'
import { partitionFor } from '#core/hash.ts'
import { DAY, type EpochMillis, MINUTE, type Millis } from '#core/time.ts'
import { Housekeeper } from '#local/housekeeper.ts'
import { createTables } from '#local/ports.ts'
import { crimeSimulator } from '#local/simulator.ts'
import { fingerprint } from '#plan/fingerprint.ts'
import { commitAccepted } from '#runtime/commit.ts'
import { lakeStage } from '#runtime/lake.ts'
import { preparer } from '#runtime/prepare.ts'
import type { Runtime } from '#runtime/runtime.ts'
import { windowsStage } from '#runtime/windows.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { RecordPacker } from '#schema/record-packer.ts'
import { countingIds } from '../../lib/testing/index.ts'
import crimes from '../../pipelines/crimes.ts'
import { MeteredState, type StateUsage, total } from '../../test/support/metered-state.ts'
import { StillClock } from '../../test/support/still-clock.ts'

export interface CostSettings {
  /** Events a second. */
  readonly rate: number
  /** How long is measured, after a day of records that fills the windows. */
  readonly duration: Millis
  /** Records of that day, at most: with more there are no new groups, only higher counts. */
  readonly warmUp: number
  /** An event source mapping's batching window. */
  readonly batchWindow: Millis
}

export interface StateCost {
  readonly events: number
  /** Payloads of one partition that were handled. */
  readonly batches: number
  /** Reads that the stages made for these batches; the schedules' own are not among them. */
  readonly batchReads: number
  readonly usage: ReadonlyMap<string, StateUsage>
  readonly total: StateUsage
}

const COMMIT_EVERY: Millis = 5_000
const CLOSE_EVERY: Millis = MINUTE
const BATCH_MAX = 10_000
/** An invocation takes 6 MiB of JSON, in which a crime is about this large: its value in base64, and what is around it. */
const PAYLOAD_MAX = Math.floor((6 << 20) / 1_050)
const START: EpochMillis = Date.UTC(2026, 4, 4, 17)

/** The crimes pipeline as it runs on AWS, in simulated time: real stages and schedules, memory for DynamoDB and S3. */
class CostRun {
  readonly #clock = new StillClock(START - DAY)
  readonly #state = new MeteredState(new MemoryStateStore())
  readonly #simulator = crimeSimulator({ seed: 1, start: START })
  readonly #offsets = new Array<number>(crimes.topic.partitions).fill(0)
  readonly #runtime: Runtime
  readonly #windows
  readonly #lake
  readonly #keeper: Housekeeper
  #made = 0
  #committed = 0
  #closed = 0
  batches = 0
  batchReads = 0

  constructor() {
    const clock = this.#clock
    const store = new MemoryObjectStore({ now: () => clock.now() })
    const parts = { plan: crimes, fingerprint: fingerprint(crimes), ids: countingIds(), sql: null }
    this.#runtime = { ...parts, store, state: this.#state, clock }
    const shared = preparer(crimes)
    const relieve = async (): Promise<void> => void (await commitAccepted(this.#runtime))
    this.#windows = windowsStage(this.#runtime, shared, relieve)
    this.#lake = lakeStage(this.#runtime, shared, relieve)
    const settings = { commitEvery: COMMIT_EVERY, closeEvery: CLOSE_EVERY, checkpointEvery: 100 }
    this.#keeper = new Housekeeper(this.#runtime, async () => this.#offsets, settings, {})
  }

  start(): Promise<void> {
    return createTables(this.#runtime)
  }

  /** What was used since the last time. */
  take(): ReadonlyMap<string, StateUsage> {
    return this.#state.take()
  }

  /** `events` records, evenly over `duration`, a payload each batching window. */
  async live(events: number, duration: Millis, batchWindow: Millis): Promise<void> {
    const end = this.#clock.now() + duration
    const first = this.#made
    const began = this.#clock.now()
    while (this.#clock.now() < end) {
      this.#clock.advance(Math.min(batchWindow, end - this.#clock.now()))
      const due = first + Math.floor((events * (this.#clock.now() - began)) / duration)
      while (this.#made < due) await this.#deliver(Math.min(due - this.#made, BATCH_MAX, PAYLOAD_MAX))
      await this.keepHouse()
    }
  }

  /** What is due of the schedules. */
  async keepHouse(): Promise<void> {
    const now = this.#clock.now()
    if (now >= this.#committed + COMMIT_EVERY) {
      this.#committed = now
      await this.#keeper.commit()
    }
    if (now >= this.#closed + CLOSE_EVERY) {
      this.#closed = now
      await this.#keeper.close()
    }
  }

  async #deliver(count: number): Promise<void> {
    const payload = this.#payload(count)
    const reads = total(this.#state.snapshot()).reads
    await this.#lake.handle(payload)
    await this.#windows.handle(payload)
    this.batches += payload.length
    this.batchReads += total(this.#state.snapshot()).reads - reads
  }

  /** The next records of the simulator, as if they were reported now: as late as in the simulation. */
  #payload(count: number): readonly RecordBatch[] {
    const packers = this.#offsets.map(() => new RecordPacker())
    const encoder = new TextEncoder()
    const now = this.#clock.now()
    for (let i = 0; i < count; i++) {
      const sequence = this.#made++
      this.#simulator.seek(sequence)
      const delay = this.#simulator.reportTime(sequence) - this.#simulator.eventTime
      const record = JSON.parse(this.#simulator.json(sequence)) as Record<string, unknown>
      if (Number.isFinite(delay)) record['date'] = portalTime(now - delay)
      const value = encoder.encode(JSON.stringify(record))
      const key = encoder.encode(String(record['district']))
      const partition = partitionFor(key, 0, key.length, packers.length)
      packers[partition]!.add(key, 0, key.length, value, 0, value.length)
    }
    return packers.flatMap((packer, partition) => {
      if (packer.count === 0) return []
      const from = this.#offsets[partition]!
      this.#offsets[partition] = from + packer.count
      const offsets = Float64Array.from({ length: packer.count }, (_, i) => from + i)
      const timestamps = new Float64Array(packer.count).fill(now)
      return [{ topic: crimes.topic.name, partition, ...packer.take(), offsets, timestamps }]
    })
  }
}

/** As the city's portal writes it, in Chicago's summer time. */
function portalTime(time: EpochMillis): string {
  const at = new Date(time - 5 * 60 * MINUTE)
  const two = (value: number): string => String(value).padStart(2, '0')
  const hours = at.getUTCHours()
  const day = `${two(at.getUTCMonth() + 1)}/${two(at.getUTCDate())}/${at.getUTCFullYear()}`
  return `${day} ${two(hours % 12 || 12)}:${two(at.getUTCMinutes())}:${two(at.getUTCSeconds())} ${hours < 12 ? 'AM' : 'PM'}`
}

/** The cost of a stream in which the windows of the last day are full. */
export async function stateCost({ rate, duration, warmUp, batchWindow }: CostSettings): Promise<StateCost> {
  const run = new CostRun()
  await run.start()
  await run.live(Math.min(warmUp, (rate * DAY) / 1000), DAY, 10 * MINUTE)
  run.take()
  run.batches = 0
  run.batchReads = 0
  const events = Math.round((rate * duration) / 1000)
  await run.live(events, duration, batchWindow)
  const usage = run.take()
  return { events, batches: run.batches, batchReads: run.batchReads, usage, total: total(usage.values()) }
}

/** What a month of a pipeline costs that nothing happens to: a schedule looks every minute. */
export async function idleUsage(minutes: number): Promise<StateUsage> {
  const run = new CostRun()
  await run.start()
  await run.live(2_000, DAY, 10 * MINUTE)
  run.take()
  await run.live(0, minutes * MINUTE, MINUTE)
  return total(run.take().values())
}
