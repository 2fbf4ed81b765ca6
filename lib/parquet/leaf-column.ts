import { BLOCK_ROWS } from '#schema/row-block.ts'
import { roomForInts } from '#schema/text-arena.ts'
import type { ChunkValues } from './column-chunk.ts'
import type { RunRows } from './invalid-value.ts'
import type { Leaf } from './leaves.ts'
import type { Entries } from './levels.ts'
import { PAGE_BYTES } from './page-buffer.ts'
import type { Bounds } from './statistics.ts'

/** The values of one leaf in a row group, without nulls: checked as they come, kept as Parquet stores them. */
export interface LeafValues {
  /** How many there are, and about how many bytes they take in a file. */
  readonly count: number
  readonly byteLength: number
  /**
   * Takes the first `count` of `values`.
   *
   * @throws SluiceError PARQUET_VALUE_INVALID for what the column can't hold, null above all
   */
  pushAll(values: readonly unknown[], rows: RunRows, count: number): void
  /** What goes into pages; widens the bounds by all values. */
  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'>
  /** Forgets the values. */
  clear(): void
}

/** Entries of a page of lists at most: their levels are bytes too. */
const PAGE_ENTRIES = 131_072

/** Values of lists and structs that are handed on at once. */
const RUN = 64

/** Reused from column to column: writing rows is synchronous. */
const present = { values: new Array<unknown>(BLOCK_ROWS).fill(null), rows: new Int32Array(BLOCK_ROWS) }

/** Lets go of the values that the last block held on to. */
export function releasePresent(): void {
  present.values.fill(null)
}

/** One leaf of the row group that is being built: levels (how values hang together) and values. */
export class LeafColumn {
  readonly leaf: Leaf
  readonly values: LeafValues
  count = 0
  #definitions = new Int32Array(0)
  #repetitions = new Int32Array(0)
  #pageEnds: number[] = []
  #pageStart = 0
  #pageBytes = 0
  /** Values that came one by one, and their rows. */
  readonly #run: unknown[] = []
  readonly #runRows = new Int32Array(RUN)

  constructor(leaf: Leaf, values: LeafValues) {
    this.leaf = leaf
    this.values = values
  }

  /** An entry without a value: null, or no elements, as `definition` says. */
  pushNull(repetition: number, definition: number): void {
    this.#entry(repetition, definition)
  }

  push(value: unknown, repetition: number, row: number): void {
    this.#entry(repetition, this.leaf.definitionMax)
    this.#runRows[this.#run.length] = row
    this.#run.push(value)
    if (this.#run.length === RUN) this.flush()
  }

  /** After values that came one by one. @throws SluiceError PARQUET_VALUE_INVALID */
  flush(): void {
    if (this.#run.length === 0) return
    this.values.pushAll(this.#run, this.#runRows, this.#run.length)
    this.#run.length = 0
  }

  /** A flat column of rows from `firstRow` on: the first `count` of a block's values. @throws SluiceError PARQUET_VALUE_INVALID */
  pushFlat(values: readonly unknown[], count: number, firstRow: number): void {
    const at = this.count
    this.count += count
    if (this.leaf.definitionMax === 0) {
      this.values.pushAll(values, firstRow, count)
      return
    }
    this.#definitions = roomForInts(this.#definitions, this.count)
    const definitions = this.#definitions
    const { values: some, rows } = present
    let found = 0
    for (let i = 0; i < count; i++) {
      const value = values[i]
      definitions[at + i] = value === null ? 0 : 1
      if (value === null) continue
      rows[found] = firstRow + i
      some[found++] = value
    }
    if (found === count) this.values.pushAll(values, firstRow, count)
    else this.values.pushAll(some, rows, found)
  }

  #entry(repetition: number, definition: number): void {
    const { definitionMax, repetitionMax } = this.leaf
    const at = this.count++
    if (definitionMax > 0) {
      if (at === this.#definitions.length) this.#definitions = roomForInts(this.#definitions, at + 1)
      this.#definitions[at] = definition
    }
    if (repetitionMax > 0) {
      if (repetition === 0) this.#cutPage(at)
      if (at === this.#repetitions.length) this.#repetitions = roomForInts(this.#repetitions, at + 1)
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
