import type { ChunkValues } from './column-chunk.ts'
import type { RunRows } from './invalid-value.ts'
import type { LeafValues } from './leaf-column.ts'
import { fixedSource } from './number-values.ts'
import type { Bounds } from './statistics.ts'

const FIRST_VALUES = 1024

/** Values of `width` bytes each, end to end as a file has them, with their bounds. A kind of value says how it is stored. */
export abstract class FixedValues implements LeafValues {
  count = 0
  protected readonly name: string
  protected readonly width: number
  /** The same memory, with room for as many values as were asked for. */
  protected bytes = new Uint8Array(0)
  protected ints = new Int32Array(0)
  protected floats = new Float32Array(0)
  protected doubles = new Float64Array(0)

  constructor(name: string, width: number) {
    this.name = name
    this.width = width
  }

  get byteLength(): number {
    return this.count * this.width
  }

  abstract pushAll(values: readonly unknown[], rows: RunRows, count: number): void

  /** Widens the bounds by all values. */
  protected abstract bound(bounds: Bounds): void

  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    this.bound(bounds)
    return { source: fixedSource(this.bytes, this.width) }
  }

  clear(): void {
    this.count = 0
  }

  /** Makes room for so many values more. */
  protected reserve(values: number): void {
    const needed = (this.count + values) * this.width
    if (needed <= this.bytes.length) return
    const length = Math.max(needed, this.bytes.length * 2, FIRST_VALUES * this.width)
    const grown = new Uint8Array((length + 7) & ~7)
    grown.set(this.bytes.subarray(0, this.byteLength))
    this.bytes = grown
    this.ints = new Int32Array(grown.buffer)
    this.floats = new Float32Array(grown.buffer)
    this.doubles = new Float64Array(grown.buffer)
  }
}
