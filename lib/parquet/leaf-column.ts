import type { ChunkValues } from './column-chunk.ts'
import type { Leaf } from './leaves.ts'
import type { Entries } from './levels.ts'
import { PAGE_BYTES } from './page-buffer.ts'
import type { Bounds } from './statistics.ts'

/** The values of one leaf in a row group, without nulls: checked as they come, kept as Parquet stores them. */
export interface LeafValues {
  /** How many there are, and about how many bytes they take in a file. */
  readonly count: number
  readonly byteLength: number
  /** @throws SluiceError PARQUET_VALUE_INVALID for what the column can't hold */
  push(value: unknown): void
  /** The first `count` of `values`, of which value i is in row `rows[i]`. */
  pushAll(values: readonly unknown[], rows: Int32Array, count: number): void
  /** What goes into pages; widens the bounds by all values. */
  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'>
  /** Forgets the values. */
  clear(): void
}

/** Entries of a page of lists at most: their levels are bytes too. */
const PAGE_ENTRIES = 131_072

/** One leaf of the row group that is being built: levels (how values hang together) and values. */
export class LeafColumn {
  readonly leaf: Leaf
  readonly values: LeafValues
  count = 0
  #definitions: Int32Array<ArrayBuffer>
  #repetitions: Int32Array<ArrayBuffer>
  #pageEnds: number[] = []
  #pageStart = 0
  #pageBytes = 0

  constructor(leaf: Leaf, values: LeafValues) {
    this.leaf = leaf
    this.values = values
    this.#definitions = new Int32Array(leaf.definitionMax > 0 ? 1024 : 0)
    this.#repetitions = new Int32Array(leaf.repetitionMax > 0 ? 1024 : 0)
  }

  /** An entry without a value: null, or no elements, as `definition` says. */
  pushNull(repetition: number, definition: number): void {
    this.#entry(repetition, definition)
  }

  push(value: unknown, repetition: number): void {
    this.#entry(repetition, this.leaf.definitionMax)
    this.values.push(value)
  }

  /** Values of a flat column, the first `valueCount`, and the definition levels of all `count` rows (null: all have a value). */
  pushFlat(
    values: readonly unknown[],
    rows: Int32Array,
    valueCount: number,
    definitions: Int32Array,
    count: number,
  ): void {
    const at = this.count
    this.count += count
    if (this.leaf.definitionMax > 0) {
      while (this.count > this.#definitions.length) this.#definitions = doubled(this.#definitions)
      const own = this.#definitions
      for (let i = 0; i < count; i++) own[at + i] = definitions[i]!
    }
    this.values.pushAll(values, rows, valueCount)
  }

  #entry(repetition: number, definition: number): void {
    const { definitionMax, repetitionMax } = this.leaf
    const at = this.count++
    if (definitionMax > 0) {
      if (at === this.#definitions.length) this.#definitions = doubled(this.#definitions)
      this.#definitions[at] = definition
    }
    if (repetitionMax > 0) {
      if (repetition === 0) this.#cutPage(at)
      if (at === this.#repetitions.length) this.#repetitions = doubled(this.#repetitions)
      this.#repetitions[at] = repetition
    }
  }

  /** Pages of lists are cut between rows, at `at`, when they are full. */
  #cutPage(at: number): void {
    const bytes = this.values.byteLength
    if (bytes - this.#pageBytes < PAGE_BYTES && at - this.#pageStart < PAGE_ENTRIES) return
    this.#pageEnds.push(at)
    this.#pageStart = at
    this.#pageBytes = bytes
  }

  entries(): Entries {
    const { count } = this
    const values = this.values.count
    const isList = this.leaf.repetitionMax > 0
    if (isList) this.#pageEnds.push(count)
    return {
      count,
      values,
      definitions: values === count ? null : this.#definitions,
      repetitions: isList ? this.#repetitions : null,
      pageEnds: isList ? this.#pageEnds : null,
    }
  }

  clear(): void {
    this.count = 0
    this.values.clear()
    this.#pageEnds = []
    this.#pageStart = 0
    this.#pageBytes = 0
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
