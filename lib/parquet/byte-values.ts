import type { SlicesVector } from '#schema/vector.ts'
import { compareBytes } from './byte-order.ts'
import type { RowIndex, ValueSource } from './number-values.ts'
import type { PageBuffer } from './page-buffer.ts'
import { type Bounds, widenText } from './statistics.ts'

/** Below this many bytes a loop copies faster than `TypedArray.set`, which needs a view of the source. */
const COPY_LOOP_MAX = 40

/** Slices of a buffer as PLAIN byte arrays: a little-endian 32-bit length and the bytes, copied straight over. */
export function slicesSource(
  vector: Pick<SlicesVector, 'buffer' | 'starts' | 'ends'>,
  rows: RowIndex,
  bounds: Bounds | null,
): ValueSource {
  return {
    encode(page, from, to, limit) {
      const until = putSlices(page, vector, rows, from, to, limit)
      if (bounds !== null) boundSlices(vector, rows, from, until, bounds)
      return until
    },
  }
}

function putSlices(
  page: PageBuffer,
  { buffer, starts, ends }: Pick<SlicesVector, 'buffer' | 'starts' | 'ends'>,
  rows: RowIndex,
  from: number,
  to: number,
  limit: number,
): number {
  const pageEnd = page.start + limit
  let out = page.bytes
  let at = page.end
  let i = from
  while (i < to && at < pageEnd) {
    const row = rows[i]!
    const start = starts[row]!
    const length = ends[row]! - start
    if (at + 4 + length > out.length) {
      page.end = at
      page.reserve(4 + length)
      out = page.bytes
    }
    at = putBytes(out, at, buffer, start, length)
    i++
  }
  page.end = at
  return i
}

/** One PLAIN byte array; returns where it ended. */
export function putBytes(out: Uint8Array, at: number, source: Uint8Array, start: number, length: number): number {
  out[at] = length
  out[at + 1] = length >>> 8
  out[at + 2] = length >>> 16
  out[at + 3] = length >>> 24
  const bytesAt = at + 4
  if (length <= COPY_LOOP_MAX) {
    for (let k = 0; k < length; k++) out[bytesAt + k] = source[start + k]!
  } else {
    out.set(source.subarray(start, start + length), bytesAt)
  }
  return bytesAt + length
}

/**
 * Widens the bounds by the texts of rows[from, to). Nearly every value lies strictly between the bounds by its first four
 * bytes alone; only the others are compared in full.
 */
export function boundSlices(
  { buffer, starts, ends }: Pick<SlicesVector, 'buffer' | 'starts' | 'ends'>,
  rows: RowIndex,
  from: number,
  to: number,
  bounds: Bounds,
): void {
  if (from >= to) return
  let low = rows[from]!
  let high = low
  let lowKey = prefixKey(buffer, starts[low]!, ends[low]!)
  let highKey = lowKey
  for (let i = from + 1; i < to; i++) {
    const row = rows[i]!
    const start = starts[row]!
    const end = ends[row]!
    const key = prefixKey(buffer, start, end)
    if (key <= lowKey && (key < lowKey || compareBytes(buffer, start, end, buffer, starts[low]!, ends[low]!) < 0)) {
      low = row
      lowKey = key
    }
    if (key >= highKey && (key > highKey || compareBytes(buffer, start, end, buffer, starts[high]!, ends[high]!) > 0)) {
      high = row
      highKey = key
    }
  }
  widenText(bounds, { bytes: buffer, start: starts[low]!, end: ends[low]! })
  widenText(bounds, { bytes: buffer, start: starts[high]!, end: ends[high]! })
}

/** The first four bytes as an unsigned number; bytes that are not there count as 0. */
function prefixKey(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length >= 4) {
    return ((bytes[start]! << 24) | (bytes[start + 1]! << 16) | (bytes[start + 2]! << 8) | bytes[start + 3]!) >>> 0
  }
  let key = 0
  for (let k = 0; k < 4; k++) key = (key << 8) | (k < length ? bytes[start + k]! : 0)
  return key >>> 0
}
