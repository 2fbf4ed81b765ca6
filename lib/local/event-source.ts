import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { Bytes, EpochMillis, Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'
import type { RecordSource } from '#ports/record-source.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { PayloadBuilder } from './event-source-payload.ts'
import { checkSettings, type MappingSettings, PAYLOAD_MAX } from './event-source-settings.ts'

export type { MappingSettings } from './event-source-settings.ts'

/** One batch per partition. When it rejects, nothing is committed and the same payload is delivered again. */
export type Handler = (payload: readonly RecordBatch[], signal: AbortSignal) => Promise<void>

export interface MappingDependencies {
  readonly source: RecordSource
  readonly clock: Clock
  /** A delivery failed and will be tried again; `attempt` counts from 1. */
  readonly onRetry?: (error: unknown, attempt: number) => void
}

const FIRST_BACKOFF: Millis = 100
const LONGEST_BACKOFF: Millis = 30_000
const IDLE_WAIT: Millis = 1_000
/** How often a mapping looks for new partitions. */
const PARTITIONS_EVERY: Millis = 30_000

const NEVER_ABORTED = new AbortController().signal

/**
 * Delivers a topic to a handler as Lambda's Kafka event-source mapping does: at least once, in order per partition, several
 * partitions in a payload, synchronously, offsets committed after success only.
 */
export class EventSourceMapping {
  readonly #source: RecordSource
  readonly #clock: Clock
  readonly #onRetry: ((error: unknown, attempt: number) => void) | undefined
  readonly #settings: MappingSettings
  readonly #handler: Handler
  /** Next offset to deliver of each partition; who was served longest ago comes first. */
  #positions: Map<number, number> | undefined
  #partitionsSeenAt: EpochMillis = 0
  /** A payload that has been taken from the source and not yet been handled. */
  #undelivered: readonly RecordBatch[] | undefined
  /** Since when a payload that isn't full waits for more, and how many records it had when last looked at. */
  #filling: { readonly since: EpochMillis; readonly count: number } | undefined
  #polling = false

  /** @throws SluiceError PLAN_INVALID for settings that AWS refuses */
  constructor(deps: MappingDependencies, settings: MappingSettings, handler: Handler) {
    checkSettings(settings)
    this.#source = deps.source
    this.#clock = deps.clock
    this.#onRetry = deps.onRetry
    this.#settings = settings
    this.#handler = handler
  }

  /**
   * Delivers at most one payload; false when there was nothing, or less than a batch whose window is still open (`flush`: no
   * more is coming, so that no window is). Never waits.
   * Rejects with what the handler or the source rejected with.
   */
  pollOnce(signal: AbortSignal = NEVER_ABORTED, flush = false): Promise<boolean> {
    return this.#poll(signal, flush)
  }

  /**
   * Polls until aborted, then resolves after the payload in hand. A failed delivery is repeated with exponential backoff for
   * ever (on-demand mode); only a SluiceError that isn't retryable stops the mapping: it rejects.
   */
  async run(signal: AbortSignal): Promise<void> {
    await this.#repeat(signal, async () => {
      if (await this.#poll(signal, false)) return 'again'
      await this.#wait(signal, () => this.#poll(signal, false))
      return 'again'
    })
  }

  /**
   * Delivers until everything below the end offsets (of this poller's partitions) has been handled. Windows don't delay it: no
   * more is coming. Repeats failed deliveries like `run`; rejects with the signal's reason when it is aborted before the end.
   */
  async drain(endOffsets: ReadonlyMap<number, number>, signal: AbortSignal = NEVER_ABORTED): Promise<void> {
    let started = false
    await this.#repeat(signal, async () => {
      await this.#refreshPartitions(!started)
      started = true
      if (this.#isAt(endOffsets)) return 'done'
      const reachable = await this.#reaches(endOffsets)
      if (await this.#poll(signal, true)) return 'again'
      // Where the source says that it has more but gives nothing, only a gap is left (a transaction's end, compaction).
      if (reachable) return 'done'
      await this.#wait(signal, () => this.#poll(signal, true))
      return 'again'
    })
    signal.throwIfAborted()
  }

  /** How many offsets of each partition haven't been handled. */
  async lag(): Promise<ReadonlyMap<number, number>> {
    const positions = await this.#refreshPartitions(false)
    const lags = new Map<number, number>()
    for (const [partition, position] of [...positions].sort(([a], [b]) => a - b)) {
      lags.set(partition, Math.max(0, (await this.#source.endOffset(partition)) - position))
    }
    return lags
  }

  async #poll(signal: AbortSignal, flush: boolean): Promise<boolean> {
    if (this.#polling) throw new Error('one poll of an event-source mapping at a time')
    this.#polling = true
    try {
      this.#undelivered ??= await this.#nextPayload(flush)
      const payload = this.#undelivered
      if (payload === undefined || signal.aborted) return false
      await this.#handler(payload, signal)
      for (const batch of payload) await this.#commit(batch)
      this.#undelivered = undefined
      return true
    } finally {
      this.#polling = false
    }
  }

  async #commit(batch: RecordBatch): Promise<void> {
    const { partition } = batch
    const next = batch.offsets[batch.count - 1]! + 1
    await this.#source.commit(this.#settings.group, partition, next)
    // To the back of the queue.
    this.#positions!.delete(partition)
    this.#positions!.set(partition, next)
  }

  async #nextPayload(flush: boolean): Promise<readonly RecordBatch[] | undefined> {
    const positions = await this.#refreshPartitions(false)
    const { batchSize, batchWindow, maxPayload = PAYLOAD_MAX } = this.#settings
    const patient = batchWindow > 0 && !flush
    if (patient && !(await this.#isWorthReading(positions))) return undefined
    const payload = new PayloadBuilder(batchSize, maxPayload)
    for (const [partition, position] of positions) {
      const batch = await this.#source.read(partition, position, payload.room)
      if (batch === undefined) continue
      checkOrder(batch, position)
      payload.add(batch)
      if (payload.full) break
    }
    if (payload.count === 0) {
      this.#filling = undefined
      return undefined
    }
    const now = this.#clock.now()
    const since = this.#filling?.since ?? now
    const waits = patient && !payload.full && now < since + batchWindow
    if (waits && !(await this.#leavesSomeForLackOfRoom(payload, maxPayload))) {
      this.#filling = { since, count: payload.count }
      return undefined
    }
    this.#filling = undefined
    return payload.batches
  }

  /** While a payload waits to fill up, it is read anew only when its window ends, or it may be full, or has doubled. */
  async #isWorthReading(positions: ReadonlyMap<number, number>): Promise<boolean> {
    const filling = this.#filling
    if (filling === undefined || this.#clock.now() >= filling.since + this.#settings.batchWindow) return true
    let available = 0
    for (const [partition, position] of positions) available += (await this.#source.endOffset(partition)) - position
    return available >= Math.min(this.#settings.batchSize, filling.count * 2)
  }

  /** Whether a payload stays well below its size only because the next record is a large one. */
  async #leavesSomeForLackOfRoom(payload: PayloadBuilder, maxPayload: Bytes): Promise<boolean> {
    if (payload.bytes < maxPayload / 2) return false
    for (const { partition, count, offsets } of payload.batches) {
      if ((await this.#source.endOffset(partition)) > offsets[count - 1]! + 1) return true
    }
    return false
  }

  /** Learns the positions at first, later those of new partitions. */
  async #refreshPartitions(now: boolean): Promise<ReadonlyMap<number, number>> {
    const time = this.#clock.now()
    const due = now || time >= this.#partitionsSeenAt + PARTITIONS_EVERY
    if (this.#positions !== undefined && !due) return this.#positions
    const count = await this.#source.partitionCount()
    this.#positions = await this.#positionsOf(count)
    this.#partitionsSeenAt = time
    return this.#positions
  }

  async #positionsOf(partitionCount: number): Promise<Map<number, number>> {
    const { group, partitions, startingPosition } = this.#settings
    const mine = partitions ?? Array.from({ length: partitionCount }, (_, partition) => partition)
    const missing = mine.find((partition) => partition >= partitionCount)
    if (missing !== undefined) {
      throw new SluiceError(
        'TOPIC_PARTITIONS_MISMATCH',
        `Expected topic "${this.#source.topic}" to have partition ${missing}, found partitions 0 to ${partitionCount - 1}. ` +
          'Deal this poller partitions that exist, or add partitions to the topic.',
      )
    }
    const known = this.#positions
    const unknown = mine.filter((partition) => known?.has(partition) !== true)
    if (known !== undefined && unknown.length === 0) return known
    const committed = await this.#source.committed(group)
    const positions = new Map(known)
    for (const partition of unknown) {
      let position = committed.get(partition)
      if (position === undefined && known === undefined && startingPosition === 'LATEST') {
        position = await this.#source.endOffset(partition)
        // Kept: or what comes before the first success would be passed over by a restart.
        await this.#source.commit(group, partition, position)
      }
      positions.set(partition, position ?? 0)
    }
    return positions
  }

  /** Whether the source has everything below these offsets by now. */
  async #reaches(endOffsets: ReadonlyMap<number, number>): Promise<boolean> {
    for (const partition of this.#positions!.keys()) {
      if ((await this.#source.endOffset(partition)) < (endOffsets.get(partition) ?? 0)) return false
    }
    return true
  }

  #isAt(endOffsets: ReadonlyMap<number, number>): boolean {
    for (const [partition, position] of this.#positions!) if (position < (endOffsets.get(partition) ?? 0)) return false
    return true
  }

  /** Waits for records. Looks once more after it has begun to wait, so that none slips in between. */
  async #wait(signal: AbortSignal, lookAgain: () => Promise<boolean>): Promise<void> {
    const found = new AbortController()
    const end = (): void => found.abort()
    signal.addEventListener('abort', end, { once: true })
    try {
      const filling = this.#filling
      const left = filling === undefined ? IDLE_WAIT : filling.since + this.#settings.batchWindow - this.#clock.now()
      const waiting = this.#source.wait(Math.max(0, Math.min(IDLE_WAIT, left)), found.signal)
      if (signal.aborted || (await lookAgain())) return
      await waiting
    } finally {
      signal.removeEventListener('abort', end)
      found.abort()
    }
  }

  async #repeat(signal: AbortSignal, step: () => Promise<'again' | 'done'>): Promise<void> {
    let attempt = 0
    while (!signal.aborted) {
      try {
        if ((await step()) === 'done') return
        attempt = 0
      } catch (error) {
        if (signal.aborted) return
        if (isSluiceError(error) && !error.retryable) throw error
        attempt++
        this.#onRetry?.(error, attempt)
        await this.#clock.sleep(Math.min(LONGEST_BACKOFF, FIRST_BACKOFF * 2 ** (attempt - 1)), signal)
      }
    }
  }
}

function checkOrder(batch: RecordBatch, position: number): void {
  const { topic, partition, count, offsets } = batch
  let previous = position - 1
  for (let i = 0; i < count; i++) {
    const offset = offsets[i]!
    if (offset <= previous) {
      throw new SluiceError(
        'OFFSETS_DESCEND',
        `Expected the offsets of partition ${partition} of topic "${topic}" to ascend, found ${offset} after ${previous}. ` +
          'Use a source that keeps the order of a partition (no share groups).',
      )
    }
    previous = offset
  }
}
