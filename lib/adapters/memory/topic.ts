import { SluiceError } from '#core/errors.ts'
import type { EpochMillis, Millis } from '#core/time.ts'
import type { Clock } from '#ports/clock.ts'
import type { ReadLimits, RecordSource, SourcePosition, TopicWriter } from '#ports/record-source.ts'
import type { RecordHeader } from '#schema/column.ts'
import type { NewRecords, RecordBatch } from '#schema/record-batch.ts'

interface StoredRecord {
  readonly offset: number
  readonly appendTime: EpochMillis
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[] | null
  readonly bytes: number
}

interface Partition {
  readonly records: StoredRecord[]
  readonly positions: Map<string, number>
  nextOffset: number
}

/** A topic in memory, for tests and simulations: its writer and a source in one. */
export class MemoryTopic implements RecordSource, TopicWriter {
  readonly topic: string
  readonly #clock: Clock
  readonly #partitions: Partition[] = []
  readonly #groups = new Map<string, Map<number, number>>()
  readonly #waiting = new Set<() => void>()

  constructor(options: { readonly topic: string; readonly partitions: number; readonly clock: Clock }) {
    this.topic = options.topic
    this.#clock = options.clock
    this.grow(options.partitions)
  }

  get partitions(): number {
    return this.#partitions.length
  }

  async partitionCount(): Promise<number> {
    return this.#partitions.length
  }

  /** Adds partitions up to this number. */
  grow(partitions: number): void {
    while (this.#partitions.length < partitions) {
      this.#partitions.push({ records: [], positions: new Map(), nextOffset: 0 })
    }
    this.#wake()
  }

  /** Leaves a gap of `count` offsets before the next record, as compaction and transactions do. */
  skipOffsets(partition: number, count: number): void {
    this.#partition(partition).nextOffset += count
  }

  async append(partition: number, records: NewRecords, at?: SourcePosition): Promise<void> {
    const stored = this.#partition(partition)
    checkOffset(stored.nextOffset + records.count, this.topic, partition)
    const appendTime = this.#clock.now()
    for (let i = 0; i < records.count; i++) stored.records.push(copied(records, i, stored.nextOffset++, appendTime))
    if (at !== undefined) stored.positions.set(at.source, at.position)
    if (records.count > 0) this.#wake()
  }

  async positions(source: string): Promise<readonly (number | undefined)[]> {
    return this.#partitions.map(({ positions }) => positions.get(source))
  }

  async endOffsets(): Promise<readonly number[]> {
    return this.#partitions.map(({ nextOffset }) => nextOffset)
  }

  async endOffset(partition: number): Promise<number> {
    return this.#partition(partition).nextOffset
  }

  async read(partition: number, from: number, limits: ReadLimits): Promise<RecordBatch | undefined> {
    const { records } = this.#partition(partition)
    const first = firstAtOrAbove(records, from)
    let end = first
    let bytes = 0
    while (end < records.length && end - first < limits.maxRecords) {
      bytes += records[end]!.bytes
      if (bytes > limits.maxBytes && end > first) break
      end++
    }
    return end === first ? undefined : batchOf(this.topic, partition, records.slice(first, end))
  }

  async wait(timeout: Millis, signal?: AbortSignal): Promise<void> {
    const appended = Promise.withResolvers<void>()
    this.#waiting.add(appended.resolve)
    await Promise.race([appended.promise, this.#clock.sleep(timeout, signal)])
    this.#waiting.delete(appended.resolve)
  }

  async committed(group: string): Promise<ReadonlyMap<number, number>> {
    return new Map(this.#groups.get(group))
  }

  async commit(group: string, partition: number, offset: number): Promise<void> {
    const offsets = this.#groups.get(group) ?? new Map<number, number>()
    this.#groups.set(group, offsets.set(partition, offset))
  }

  async close(): Promise<void> {
    this.#wake()
  }

  #partition(partition: number): Partition {
    const stored = this.#partitions[partition]
    if (stored !== undefined) return stored
    throw new RangeError(`topic "${this.topic}" has partitions 0 to ${this.#partitions.length - 1}, not ${partition}`)
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
  }
}

function checkOffset(offset: number, topic: string, partition: number): void {
  if (offset <= Number.MAX_SAFE_INTEGER) return
  throw new SluiceError(
    'OFFSET_TOO_LARGE',
    `partition ${partition} of topic "${topic}": offsets up to 2^53 - 1 can be held exactly, found ${offset}. Start a new topic.`,
  )
}

function copied(records: NewRecords, i: number, offset: number, appendTime: EpochMillis): StoredRecord {
  const { buffer, keyStarts, keyEnds, valueStarts, valueEnds } = records
  const key = keyStarts[i]! < 0 ? null : new Uint8Array(buffer.subarray(keyStarts[i]!, keyEnds[i]!))
  const value = valueStarts[i]! < 0 ? null : new Uint8Array(buffer.subarray(valueStarts[i]!, valueEnds[i]!))
  const list = records.headers === null ? null : records.headers[i]!
  const headers =
    list === null || list.length === 0
      ? null
      : list.map((header) => ({
          name: header.name,
          value: header.value === null ? null : new Uint8Array(header.value),
        }))
  let bytes = (key?.length ?? 0) + (value?.length ?? 0)
  for (const header of headers ?? []) bytes += header.name.length + (header.value?.length ?? 0)
  return { offset, appendTime, key, value, headers, bytes }
}

function firstAtOrAbove(records: readonly StoredRecord[], from: number): number {
  let low = 0
  let high = records.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (records[middle]!.offset >= from) high = middle
    else low = middle + 1
  }
  return low
}

function batchOf(topic: string, partition: number, records: readonly StoredRecord[]): RecordBatch {
  const count = records.length
  let size = 0
  for (const { key, value } of records) size += (key?.length ?? 0) + (value?.length ?? 0)
  const buffer = new Uint8Array(size)
  const keyStarts = new Int32Array(count).fill(-1)
  const keyEnds = new Int32Array(count).fill(-1)
  const valueStarts = new Int32Array(count).fill(-1)
  const valueEnds = new Int32Array(count).fill(-1)
  let at = 0
  for (let i = 0; i < count; i++) {
    const { key, value } = records[i]!
    if (key !== null) {
      buffer.set(key, at)
      keyStarts[i] = at
      at += key.length
      keyEnds[i] = at
    }
    if (value !== null) {
      buffer.set(value, at)
      valueStarts[i] = at
      at += value.length
      valueEnds[i] = at
    }
  }
  return {
    topic,
    partition,
    count,
    offsets: Float64Array.from(records, ({ offset }) => offset),
    timestamps: Float64Array.from(records, ({ appendTime }) => appendTime),
    buffer,
    keyStarts,
    keyEnds,
    valueStarts,
    valueEnds,
    headers: records.some(({ headers }) => headers !== null) ? records.map(({ headers }) => headers) : null,
  }
}
