import type { EpochMillis } from '#core/time.ts'
import { FeedGate } from '#local/feed-gate.ts'
import { Lanes } from '#local/feed-lanes.ts'
import { Pacer } from '#local/feed-pace.ts'
import type { Simulator } from '#local/simulator-crimes.ts'
import type { Clock } from '#ports/clock.ts'
import type { TopicWriter } from '#ports/record-source.ts'
import { RECORD } from '#schema/csv-limits.ts'

export interface SimulatorProgress {
  /** Records that this call has handed to the topic. */
  readonly records: number
  /** Number of the next record. */
  readonly sequence: number
  /** How far the simulation is, in event time. */
  readonly time: EpochMillis
}

export interface FeedSimulatorOptions {
  readonly writer: TopicWriter
  /** Held while the topic is half fed; default: nobody looks. */
  readonly gate?: FeedGate
  readonly simulator: Simulator
  readonly clock: Clock
  /** Seconds of event time a second; the rate follows from it (30 crimes an hour of event time). */
  readonly speed?: number
  /** Records a second: then `speed` counts for nothing. Neither: as fast as they are made. */
  readonly rate?: number
  /** Ends before this record number; default: never. */
  readonly until?: number
  /** Ends the feeding: what was made is appended and the call resolves. */
  readonly signal?: AbortSignal
  /** Every thousand records, and at the end. */
  readonly onProgress?: (progress: SimulatorProgress) => void
}

/** The event loop gets a turn at least so often, for timers and signals. */
const TURN_RECORDS = 1_000

/**
 * Feeds a simulation into a topic, every record once: a later call goes on where the topic ends. The position is the number of
 * records made so far. As with files, the number of partitions must not change in between.
 *
 * @throws whatever the writer throws
 */
export async function feedSimulator(options: FeedSimulatorOptions): Promise<SimulatorProgress> {
  const { writer, simulator, clock, speed, rate, until = Number.POSITIVE_INFINITY, signal, onProgress } = options
  const lanes = await Lanes.open(writer, simulator.source, options.gate ?? new FeedGate())
  const pace = rate !== undefined ? { clock, rate } : speed !== undefined ? { clock, speed } : null
  const pacer = pace === null ? null : new Pacer(pace)
  const flush = (): Promise<void> => lanes.flush()
  const stopped = (): boolean => signal?.aborted === true
  let sequence = lanes.resumeAt
  const progress = (): SimulatorProgress => ({
    records: lanes.records,
    sequence,
    time: simulator.reportTime(sequence),
  })
  try {
    while (sequence < until && !stopped()) {
      const waiting = sequence >= lanes.knownTo ? pacer?.next(simulator.reportTime(sequence), flush, signal) : undefined
      if (waiting !== undefined) await waiting
      if (stopped()) break
      simulator.seek(sequence)
      while (!lanes.offer(simulator, RECORD, sequence + 1)) await lanes.flush()
      sequence++
      if (sequence % TURN_RECORDS === 0) {
        await new Promise((resolve) => setImmediate(resolve))
        lanes.throwFailure()
        onProgress?.(progress())
      }
    }
    await lanes.flush()
  } finally {
    await lanes.settle()
  }
  onProgress?.(progress())
  return progress()
}
