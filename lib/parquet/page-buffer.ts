/** A data page is closed when its values reach this size: 1 MiB, the default of parquet-java and Arrow. */
export const PAGE_BYTES = 1 << 20

/** A buffer that grew beyond this is given back after the call. */
const KEEP_BYTES = 16 << 20

/**
 * One page while it is built. Its values start at a multiple of 8, so that numbers are stored through typed arrays; the
 * levels, known only when the values are in, are put right before them. Reused from page to page.
 */
export class PageBuffer {
  bytes = new Uint8Array(0)
  ints = new Int32Array(0)
  floats = new Float32Array(0)
  doubles = new Float64Array(0)
  /** Where the values start, and end so far. */
  start = 0
  end = 0

  /** Empties the page, with room for `levelBytesMax` bytes of levels before the values. */
  begin(levelBytesMax: number): void {
    this.start = (levelBytesMax + 7) & ~7
    this.end = this.start
    this.reserve(0)
  }

  /** Makes room for `size` more bytes after `end`. May replace `bytes` and its views. */
  reserve(size: number): void {
    const needed = this.end + size
    if (needed <= this.bytes.length) return
    const capacity = Math.max(PAGE_BYTES + (PAGE_BYTES >> 2), (Math.ceil(needed * 1.25) + 7) & ~7)
    const grown = new Uint8Array(capacity)
    grown.set(this.bytes.subarray(0, this.end))
    this.bytes = grown
    this.ints = new Int32Array(grown.buffer)
    this.floats = new Float32Array(grown.buffer)
    this.doubles = new Float64Array(grown.buffer)
  }

  /** The page's body: `levels` and then the values. A view, valid until the next `begin`. */
  body(levels: Uint8Array): Uint8Array {
    const from = this.start - levels.length
    this.bytes.set(levels, from)
    return this.bytes.subarray(from, this.end)
  }

  trim(): void {
    if (this.bytes.length <= KEEP_BYTES) return
    this.bytes = new Uint8Array(0)
    this.ints = new Int32Array(0)
    this.floats = new Float32Array(0)
    this.doubles = new Float64Array(0)
    this.start = 0
    this.end = 0
  }
}
