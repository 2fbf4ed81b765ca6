import { putText, roomFor, roomForInts, UNIT_BYTES_MAX } from '#schema/text-arena.ts'
import { boundSlices } from './byte-values.ts'
import type { ValueSource } from './number-values.ts'
import { ascending } from './scratch.ts'
import type { Bounds } from './statistics.ts'

/** Bytes of the length before each value. */
const LENGTH_BYTES = 4

/** Texts or bytes as pages hold them, PLAIN: each with its length before it, so that a page is one copy. */
export class PlainBytes {
  count = 0
  byteLength = 0
  #bytes = new Uint8Array(4096)
  /** Where each value starts, behind its length, and ends. */
  #starts = new Int32Array(1024)
  #ends = new Int32Array(1024)

  /** False, and nothing is added, for text that is not well-formed. */
  addText(text: string): boolean {
    this.#bytes = roomFor(this.#bytes, this.byteLength, LENGTH_BYTES + text.length * UNIT_BYTES_MAX)
    const end = putText(text, this.#bytes, this.byteLength + LENGTH_BYTES)
    if (end >= 0) this.#end(end)
    return end >= 0
  }

  add(source: Uint8Array, start: number, end: number): void {
    const at = this.byteLength + LENGTH_BYTES
    this.#bytes = roomFor(this.#bytes, this.byteLength, LENGTH_BYTES + end - start)
    this.#bytes.set(source.subarray(start, end), at)
    this.#end(at + end - start)
  }

  #end(end: number): void {
    const lengthAt = this.byteLength
    const length = end - lengthAt - LENGTH_BYTES
    const bytes = this.#bytes
    bytes[lengthAt] = length
    bytes[lengthAt + 1] = length >>> 8
    bytes[lengthAt + 2] = length >>> 16
    bytes[lengthAt + 3] = length >>> 24
    this.byteLength = end
    if (this.count === this.#starts.length) {
      this.#starts = roomForInts(this.#starts, this.count + 1)
      this.#ends = roomForInts(this.#ends, this.count + 1)
    }
    this.#starts[this.count] = lengthAt + LENGTH_BYTES
    this.#ends[this.count++] = end
  }

  /** @param bounds widened by all texts; null for bytes that are none */
  source(bounds: Bounds | null): ValueSource {
    const [bytes, starts, ends] = [this.#bytes, this.#starts, this.#ends]
    if (bounds !== null) boundSlices({ buffer: bytes, starts, ends }, ascending(this.count), 0, this.count, bounds)
    return {
      encode(page, from, to, limit) {
        if (from >= to) return to
        const start = starts[from]! - LENGTH_BYTES
        let until = from + 1
        while (until < to && ends[until - 1]! - start < limit) until++
        const end = ends[until - 1]!
        page.reserve(end - start)
        page.bytes.set(bytes.subarray(start, end), page.end)
        page.end += end - start
        return until
      },
    }
  }

  clear(): void {
    this.count = 0
    this.byteLength = 0
  }
}
