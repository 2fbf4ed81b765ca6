import { roomForInts, TextArena } from '#schema/text-arena.ts'
import type { ChunkValues } from './column-chunk.ts'
import { chunkDictionary, entriesSource } from './dictionary-values.ts'
import { invalidInRun, type RunRows } from './invalid-value.ts'
import type { LeafValues } from './leaf-column.ts'
import { PlainBytes } from './plain-bytes.ts'
import { ascending } from './scratch.ts'
import type { Bounds } from './statistics.ts'

/**
 * After so many values of a row group its dictionary is given up if more than this share of them were new: a text that is there once in
 * the first thousands may well come back in the next, so that the bar is lowered as their number grows.
 */
const JUDGED: readonly (readonly [values: number, share: number])[] = [
  [65_536, 0.5],
  [16_384, 0.85],
  [2_048, 0.97],
]
/** A dictionary with more than this is forgotten with its row group. */
const DICTIONARY_MAX = 65_536
const DICTIONARY_BYTES_MAX = 4 << 20

/**
 * Strings: a code each as long as they repeat, so that what repeats is encoded once; UTF-8 end to end from the row group on in which
 * most of them are new. The dictionary stays from row group to row group: a chunk has only what it uses of it.
 */
export class TextValues implements LeafValues {
  count = 0
  byteLength = 0
  readonly #name: string
  #codes = new Int32Array(0)
  #known = new Map<string, number>()
  #distinct = new TextArena()
  /** Entries of the dictionary before this row group. */
  #before = 0
  /** Null as long as the dictionary is used. */
  #plain: PlainBytes | null = null

  constructor(name: string) {
    this.#name = name
  }

  pushAll(values: readonly unknown[], rows: RunRows, count: number): void {
    if (this.#plain !== null) {
      this.#pushPlain(this.#plain, values, rows, count)
      return
    }
    this.#codes = roomForInts(this.#codes, this.count + count)
    const codes = this.#codes
    const known = this.#known
    const at = this.count
    let length = 0
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'string') throw invalidInRun(this.#name, rows, i, 'a string', value)
      codes[at + i] = known.get(value) ?? this.#enter(value, rows, i)
      length += value.length
    }
    this.count += count
    this.byteLength += length
    if (isMostlyNew(this.#distinct.size - this.#before, this.count)) this.#spread()
  }

  #pushPlain(plain: PlainBytes, values: readonly unknown[], rows: RunRows, count: number): void {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (typeof value !== 'string') throw invalidInRun(this.#name, rows, i, 'a string', value)
      if (!plain.addText(value)) throw this.#halved(value, rows, i)
    }
    this.count += count
    this.byteLength = plain.byteLength
  }

  /** The code of a new text. */
  #enter(value: string, rows: RunRows, i: number): number {
    const code = this.#distinct.size
    if (!this.#distinct.append(value)) throw this.#halved(value, rows, i)
    this.#known.set(value, code)
    return code
  }

  #halved(value: string, rows: RunRows, i: number): Error {
    return invalidInRun(this.#name, rows, i, 'well-formed Unicode text', value)
  }

  /** From codes to texts end to end. */
  #spread(): void {
    const { bytes, starts } = this.#distinct
    const plain = new PlainBytes()
    for (let i = 0; i < this.count; i++) {
      const code = this.#codes[i]!
      plain.add(bytes, starts[code]!, starts[code + 1]!)
    }
    this.#plain = plain
    this.#forget()
    this.#codes = new Int32Array(0)
  }

  #forget(): void {
    this.#known = new Map()
    this.#distinct = new TextArena()
  }

  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    if (this.#plain !== null) return { source: this.#plain.source(bounds) }
    const rows = ascending(this.count)
    const vector = { kind: 'dictionary', valid: null, codes: this.#codes, dictionary: this.#distinct } as const
    const pages = chunkDictionary(vector, rows, this.count, bounds)
    return pages === undefined ? { source: entriesSource(vector, rows) } : { source: pages.indexes, dictionary: pages }
  }

  clear(): void {
    this.count = 0
    this.byteLength = 0
    if (this.#plain !== null) this.#plain.clear()
    else if (this.#distinct.size > DICTIONARY_MAX || this.#distinct.byteLength > DICTIONARY_BYTES_MAX) this.#forget()
    this.#before = this.#distinct.size
  }
}

function isMostlyNew(fresh: number, count: number): boolean {
  const judged = JUDGED.find(([values]) => count >= values)
  return judged !== undefined && fresh > count * judged[1]
}

export class BinaryValues implements LeafValues {
  readonly #name: string
  readonly #plain = new PlainBytes()

  constructor(name: string) {
    this.#name = name
  }

  get count(): number {
    return this.#plain.count
  }

  get byteLength(): number {
    return this.#plain.byteLength
  }

  pushAll(values: readonly unknown[], rows: RunRows, count: number): void {
    for (let i = 0; i < count; i++) {
      const value = values[i]
      if (!(value instanceof Uint8Array)) throw invalidInRun(this.#name, rows, i, 'a Uint8Array', value)
      this.#plain.add(value, 0, value.length)
    }
  }

  chunk(): Omit<ChunkValues, 'entries'> {
    return { source: this.#plain.source(null) }
  }

  clear(): void {
    this.#plain.clear()
  }
}
