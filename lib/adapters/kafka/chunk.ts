import type { Bytes } from '#core/time.ts'
import type { ReadLimits } from '#ports/record-source.ts'
import type { RecordHeader } from '#schema/column.ts'
import type { RecordBatch } from '#schema/record-batch.ts'
import { readHeaders } from './record-headers.ts'

/** What one or more fetches brought: bytes, and where in them each record's parts lie. */
export interface Chunk {
  readonly buffer: Uint8Array
  readonly count: number
  readonly offsets: Float64Array
  readonly timestamps: Float64Array
  readonly keyStarts: Int32Array
  readonly keyEnds: Int32Array
  readonly valueStarts: Int32Array
  readonly valueEnds: Int32Array
  /** Where the headers begin (their number, then each); −1 for a record without any. */
  readonly headerStarts: Int32Array
  /** Keys, values and headers up to each record, itself not included; one entry more than records. */
  readonly bytesBefore: Float64Array
  /** The first offset that it says nothing about: from here on is fetched next. */
  readonly next: number
}

export function emptyChunk(count: number, buffer: Uint8Array, next: number): Chunk {
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

/** Two chunks as one: the second follows the first. Copies both. */
export function joinedChunks(first: Chunk, second: Chunk): Chunk {
  const size = first.buffer.length
  const buffer = new Uint8Array(size + second.buffer.length)
  buffer.set(first.buffer)
  buffer.set(second.buffer, size)
  const chunk = emptyChunk(first.count + second.count, buffer, second.next)
  const at = first.count
  for (const name of ['offsets', 'timestamps'] as const) {
    chunk[name].set(first[name])
    chunk[name].set(second[name], at)
  }
  for (const name of ['keyStarts', 'keyEnds', 'valueStarts', 'valueEnds', 'headerStarts'] as const) {
    chunk[name].set(first[name])
    for (let i = 0; i < second.count; i++) {
      const position = second[name][i]!
      chunk[name][at + i] = position < 0 ? -1 : position + size
    }
  }
  chunk.bytesBefore.set(first.bytesBefore)
  const before = first.bytesBefore[at]!
  for (let i = 1; i <= second.count; i++) chunk.bytesBefore[at + i] = before + second.bytesBefore[i]!
  return chunk
}
