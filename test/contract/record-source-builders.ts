import type { Clock } from '#ports/clock.ts'
import type { RecordHeader } from '#schema/column.ts'
import type { NewRecords, RecordBatch } from '#schema/record-batch.ts'

/** A record as a test writes it and reads it back: text for bytes. */
export interface TextRecord {
  readonly key?: string | null
  readonly value: string | null
  readonly headers?: readonly RecordHeader[] | null
}

/** Records laid out back to back, as a packer does it; `scattered` leaves a byte between any two parts. */
export function newRecords(records: readonly TextRecord[], layout: 'packed' | 'scattered' = 'packed'): NewRecords {
  const count = records.length
  const parts: Buffer[] = []
  let at = 0
  const place = (text: string | null | undefined): readonly [number, number] => {
    if (text === null || text === undefined) return [-1, -1]
    if (layout === 'scattered') {
      parts.push(Buffer.from('~'))
      at++
    }
    const bytes = Buffer.from(text)
    parts.push(bytes)
    at += bytes.length
    return [at - bytes.length, at]
  }
  const keys: (readonly [number, number])[] = []
  const values: (readonly [number, number])[] = []
  for (const { key, value } of records) {
    keys.push(place(key))
    values.push(place(value))
  }
  return {
    count,
    buffer: Buffer.concat(parts),
    keyStarts: Int32Array.from(keys, ([start]) => start),
    keyEnds: Int32Array.from(keys, ([, end]) => end),
    valueStarts: Int32Array.from(values, ([start]) => start),
    valueEnds: Int32Array.from(values, ([, end]) => end),
    headers: records.some(({ headers }) => headers !== undefined)
      ? records.map(({ headers }) => headers ?? null)
      : null,
  }
}

/** `count` records with values `prefix0`, `prefix1` … and no keys. */
export function numbered(prefix: string, count: number): NewRecords {
  return newRecords(Array.from({ length: count }, (_, i) => ({ value: `${prefix}${i}` })))
}

const part = (batch: RecordBatch, start: number, end: number): string | null =>
  start < 0 ? null : Buffer.from(batch.buffer.subarray(start, end)).toString()

export function valuesOf(batch: RecordBatch | undefined): (string | null)[] {
  return Array.from({ length: batch?.count ?? 0 }, (_, i) => part(batch!, batch!.valueStarts[i]!, batch!.valueEnds[i]!))
}

export function keysOf(batch: RecordBatch | undefined): (string | null)[] {
  return Array.from({ length: batch?.count ?? 0 }, (_, i) => part(batch!, batch!.keyStarts[i]!, batch!.keyEnds[i]!))
}

export function offsetsOf(batch: RecordBatch | undefined): number[] {
  return batch === undefined ? [] : [...batch.offsets]
}

/** A clock that stands still until it is moved; whoever sleeps wakes up when the time has come. */
export class ManualClock implements Clock {
  #time: number
  readonly #sleepers = new Set<{ readonly until: number; readonly wake: () => void }>()

  constructor(time = 1_000) {
    this.#time = time
  }

  now(): number {
    return this.#time
  }

  sleep(millis: number, signal?: AbortSignal): Promise<void> {
    if (millis <= 0 || signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const sleeper = { until: this.#time + millis, wake: resolve }
      this.#sleepers.add(sleeper)
      signal?.addEventListener('abort', () => this.#wake(sleeper), { once: true })
    })
  }

  /** How many sleep right now. */
  get sleeping(): number {
    return this.#sleepers.size
  }

  advance(millis: number): void {
    this.#time += millis
    for (const sleeper of [...this.#sleepers]) if (sleeper.until <= this.#time) this.#wake(sleeper)
  }

  #wake(sleeper: { readonly until: number; readonly wake: () => void }): void {
    this.#sleepers.delete(sleeper)
    sleeper.wake()
  }
}

/** A clock on which a sleep takes no time at all: it only moves the hands. */
export class LeapingClock implements Clock {
  time = 1_000

  now(): number {
    return this.time
  }

  async sleep(millis: number, signal?: AbortSignal): Promise<void> {
    await new Promise(setImmediate)
    if (!signal?.aborted) this.time += millis
  }
}
