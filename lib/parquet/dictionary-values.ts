import type { DictionaryVector } from '#schema/vector.ts'
import { compareBytes } from './byte-order.ts'
import { putBytes } from './byte-values.ts'
import { bitWidth, encodeHybrid, hybridBytesMax } from './hybrid.ts'
import type { RowIndex, ValueSource } from './number-values.ts'
import type { PageBuffer } from './page-buffer.ts'
import { int32Scratch } from './scratch.ts'
import { type Bounds, widenText } from './statistics.ts'

/** A dictionary page is no larger than this: readers hold it as long as its row group. */
const DICTIONARY_PAGE_BYTES = 2 << 20

/** Code of the shared dictionary → 1 + index in the chunk's dictionary page; zero everywhere between calls. */
const remapScratch = int32Scratch()
/** The codes of the chunk's dictionary page, in its order. */
const usedScratch = int32Scratch()
/** Index per value. */
const indexScratch = int32Scratch()

/** The dictionary page of one column chunk, and the index of each of its values. Valid until the next one is made. */
export interface ChunkDictionary {
  /** Number of entries. */
  readonly size: number
  /** Appends the entries to the page, PLAIN. */
  encodeEntries(page: PageBuffer): void
  /** Appends indexes of values: one byte of bit width, then the hybrid encoding. */
  readonly indexes: ValueSource
}

/**
 * The dictionary of the `count` values at `rows`: only the entries they use, in order of appearance, so that a small batch
 * does not carry the strings of a whole topic. Undefined when PLAIN is no larger. Widens the bounds by the distinct entries
 * either way: that is all it takes.
 */
export function chunkDictionary(
  { codes, dictionary }: DictionaryVector,
  rows: RowIndex,
  count: number,
  bounds: Bounds,
): ChunkDictionary | undefined {
  const remap = remapScratch.take(dictionary.size)
  const used = usedScratch.take(Math.min(count, dictionary.size))
  const indexes = indexScratch.take(count)
  let size = 0
  for (let i = 0; i < count; i++) {
    const code = codes[rows[i]!]!
    let index = remap[code]!
    if (index === 0) {
      used[size] = code
      index = ++size
      remap[code] = index
    }
    indexes[i] = index - 1
  }
  for (let i = 0; i < size; i++) remap[used[i]!] = 0

  const entriesBytes = boundEntries(dictionary.bytes, dictionary.starts, used, size, bounds)
  // Every value that repeats an entry saves at least its 4 bytes of length, and every value costs an index.
  const width = bitWidth(size - 1)
  if (entriesBytes > DICTIONARY_PAGE_BYTES || (count * width) / 8 >= (count - size) * 4) return undefined
  return {
    size,
    encodeEntries(page) {
      page.reserve(entriesBytes)
      const { bytes, starts } = dictionary
      for (let i = 0; i < size; i++) {
        const start = starts[used[i]!]!
        page.end = putBytes(page.bytes, page.end, bytes, start, starts[used[i]! + 1]! - start)
      }
    },
    indexes: {
      encode(page, from, to, limit) {
        const until = Math.min(to, from + Math.max(8, Math.floor((limit * 8) / width)))
        page.reserve(1 + hybridBytesMax(until - from, width))
        page.bytes[page.end] = width
        page.end = encodeHybrid(indexes, from, until, width, page.bytes, page.end + 1)
        return until
      },
    },
  }
}

/** Values of a dictionary vector as PLAIN byte arrays, for when a dictionary page does not pay. Leaves the bounds alone. */
export function entriesSource({ codes, dictionary }: DictionaryVector, rows: RowIndex): ValueSource {
  return {
    encode(page, from, to, limit) {
      const { bytes, starts } = dictionary
      const pageEnd = page.start + limit
      let i = from
      for (; i < to && page.end < pageEnd; i++) {
        const code = codes[rows[i]!]!
        const start = starts[code]!
        const length = starts[code + 1]! - start
        page.reserve(4 + length)
        page.end = putBytes(page.bytes, page.end, bytes, start, length)
      }
      return i
    },
  }
}

/** Gives back scratch memory above `lengthMax` elements. */
export function trimDictionaryScratch(lengthMax: number): void {
  remapScratch.trim(lengthMax)
  usedScratch.trim(lengthMax)
  indexScratch.trim(lengthMax)
}

/** Widens the bounds by the entries `used`; returns their size as PLAIN byte arrays. */
function boundEntries(bytes: Uint8Array, starts: Int32Array, used: Int32Array, size: number, bounds: Bounds): number {
  if (size === 0) return 0
  let low = used[0]!
  let high = low
  let total = 4 * size
  for (let i = 0; i < size; i++) {
    const code = used[i]!
    const start = starts[code]!
    const end = starts[code + 1]!
    total += end - start
    if (compareBytes(bytes, start, end, bytes, starts[low]!, starts[low + 1]!) < 0) low = code
    if (compareBytes(bytes, start, end, bytes, starts[high]!, starts[high + 1]!) > 0) high = code
  }
  widenText(bounds, { bytes, start: starts[low]!, end: starts[low + 1]! })
  widenText(bounds, { bytes, start: starts[high]!, end: starts[high + 1]! })
  return total
}
