import type { Bytes } from '#core/time.ts'
import type { ReadLimits } from '#ports/record-source.ts'
import type { RecordHeader } from '#schema/column.ts'
import type { RecordBatch, RecordPlaces, RecordTimes } from '#schema/record-batch.ts'
import { readHeaders } from './record-headers.ts'

/** What one or more fetches brought: bytes, and where in them each record's parts lie. */
export interface Chunk extends RecordPlaces, RecordTimes {
  readonly buffer: Uint8Array
  readonly count: number
  /** Where the headers begin (their number, then each); −1 for a record without any. */
  readonly headerStarts: Int32Array
  /** Keys, values and headers up to each record, itself not included; one entry more than records. */
  readonly bytesBefore: Float64Array
  /** The first offset that it says nothing about: from here on is fetched next. */
  readonly next: number
  /** As it lies in the log. */
  readonly largestBatch: Bytes
}

export function emptyChunk(count: number, buffer: Uint8Array, next: number, largestBatch: Bytes): Chunk {
  return {
    buffer,
    count,
    offsets: new Float64Array(count),
    timestamps: new Float64Array(count),
    keyStarts: new Int32Array(count),
    keyEnds: new Int32Array(count),
    valueStarts: new Int32Array(count),
    valueEnds: new Int32Array(count),
    headerStarts: new Int32Array(count),
    bytesBefore: new Float64Array(count + 1),
    next,
    largestBatch,
  }
}

/** Index of the first record with an offset ≥ `from`; `count` when there is none. */
export function firstAtOrAbove({ offsets, count }: Chunk, from: number): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (offsets[middle]! >= from) high = middle
    else low = middle + 1
  }
  return low
}

export interface Slice {
  readonly start: number
  readonly end: number
  /** True when the limits ended it, false when the chunk did. */
  readonly full: boolean
}

/** The records from the first offset ≥ `from` that the limits allow: at least one, if there is one. */
export function sliceOf(chunk: Chunk, from: number, { maxRecords, maxBytes }: ReadLimits): Slice {
  const { bytesBefore, count } = chunk
  const start = firstAtOrAbove(chunk, from)
  const last = Math.min(count, start + Math.max(1, maxRecords))
  const bytesMax: Bytes = bytesBefore[start]! + maxBytes
  let end = start
  while (end < last && (end === start || bytesBefore[end + 1]! <= bytesMax)) end++
  return { start, end, full: end > start && (end - start >= maxRecords || end < count) }
}

/** The records of a slice: views of the chunk, no copy. */
export function batchOf(topic: string, partition: number, chunk: Chunk, { start, end }: Slice): RecordBatch {
  return {
    topic,
    partition,
    count: end - start,
    offsets: chunk.offsets.subarray(start, end),
    timestamps: chunk.timestamps.subarray(start, end),
    buffer: chunk.buffer,
    keyStarts: chunk.keyStarts.subarray(start, end),
    keyEnds: chunk.keyEnds.subarray(start, end),
    valueStarts: chunk.valueStarts.subarray(start, end),
    valueEnds: chunk.valueEnds.subarray(start, end),
    headers: headersOf(chunk, start, end),
  }
}

function headersOf(chunk: Chunk, start: number, end: number): readonly (readonly RecordHeader[] | null)[] | null {
  let all: (readonly RecordHeader[] | null)[] | null = null
  for (let i = start; i < end; i++) {
    const headers = readHeaders(chunk.buffer, chunk.headerStarts[i]!)
    if (headers === null) continue
    all ??= new Array<null>(end - start).fill(null)
    all[i - start] = headers
  }
  return all
}

/** The records of the first chunk from `start` on, and those of the second, which follow them. Copies both. */
export function joinedChunks(first: Chunk, start: number, second: Chunk): Chunk {
  if (start === first.count) return second
  const base = start === 0 ? 0 : Math.max(0, first.keyEnds[start - 1]!, first.valueEnds[start - 1]!)
  const size = first.buffer.length - base
  const buffer = new Uint8Array(size + second.buffer.length)
  buffer.set(first.buffer.subarray(base))
  buffer.set(second.buffer, size)
  const count = first.count - start
  const largestBatch = Math.max(first.largestBatch, second.largestBatch)
  const chunk = emptyChunk(count + second.count, buffer, second.next, largestBatch)
  for (const name of ['offsets', 'timestamps'] as const) {
    chunk[name].set(first[name].subarray(start))
    chunk[name].set(second[name], count)
  }
  for (const name of ['keyStarts', 'keyEnds', 'valueStarts', 'valueEnds', 'headerStarts'] as const) {
    move(first[name], start, chunk[name], 0, -base)
    move(second[name], 0, chunk[name], count, size)
  }
  const before = first.bytesBefore[start]!
  for (let i = 0; i <= count; i++) chunk.bytesBefore[i] = first.bytesBefore[start + i]! - before
  for (let i = 1; i <= second.count; i++) {
    chunk.bytesBefore[count + i] = chunk.bytesBefore[count]! + second.bytesBefore[i]!
  }
  return chunk
}

function move(from: Int32Array, start: number, to: Int32Array, at: number, by: number): void {
  for (let i = start; i < from.length; i++) to[at++] = from[i]! < 0 ? -1 : from[i]! + by
}
