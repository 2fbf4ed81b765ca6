import { TextArena } from '#schema/text-arena.ts'
import { slicesSource } from './byte-values.ts'
import type { ChunkValues } from './column-chunk.ts'
import { chunkDictionary, entriesSource } from './dictionary-values.ts'
import { invalidValue, type RowPlace } from './invalid-value.ts'
import type { LeafValues } from './leaf-column.ts'
import { ascending } from './scratch.ts'
import type { Bounds } from './statistics.ts'

/** After every 2,048 values of a row group its dictionary is given up if more than half of them were new. */
const JUDGED_MASK = 2047
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
  readonly #place: RowPlace
  #codes = new Int32Array(1024)
  #known = new Map<string, number>()
  #distinct = new TextArena()
  /** Entries of the dictionary before this row group. */
  #before = 0
  /** Null as long as the dictionary is used. */
  #arena: TextArena | null = null

  constructor(name: string, place: RowPlace) {
    this.#name = name
    this.#place = place
  }

  push(value: unknown): void {
    if (typeof value !== 'string') throw invalidValue(this.#name, this.#place.row, 'a string', value)
    this.byteLength += value.length
    if (this.#arena !== null) {
      this.#append(this.#arena, value)
      this.count++
      return
    }
    let code = this.#known.get(value)
    if (code === undefined) {
      code = this.#distinct.size
      this.#append(this.#distinct, value)
      this.#known.set(value, code)
    }
    if (this.count === this.#codes.length) this.#codes = doubled(this.#codes)
    this.#codes[this.count++] = code
    if ((this.count & JUDGED_MASK) === 0 && (this.#distinct.size - this.#before) * 2 > this.count) this.#spread()
  }

  pushAll(values: readonly unknown[], rows: Int32Array, count: number): void {
    const place = this.#place
    for (let i = 0; i < count; i++) {
      place.row = rows[i]!
      this.push(values[i])
    }
  }

  #append(arena: TextArena, value: string): void {
    if (!arena.append(value)) {
      throw invalidValue(this.#name, this.#place.row, 'well-formed Unicode text', value)
    }
  }

  /** From codes to texts end to end. */
  #spread(): void {
    const { bytes, starts } = this.#distinct
    const arena = new TextArena()
    for (let i = 0; i < this.count; i++) {
      const code = this.#codes[i]!
      arena.copy(bytes, starts[code]!, starts[code + 1]!)
    }
    this.#arena = arena
    this.#forget()
    this.#codes = new Int32Array(0)
  }

  #forget(): void {
    this.#known = new Map()
    this.#distinct = new TextArena()
  }

  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    const rows = ascending(this.count)
    if (this.#arena !== null) {
      const { bytes: buffer, starts } = this.#arena
      return { source: slicesSource({ buffer, starts, ends: starts.subarray(1) }, rows, bounds) }
    }
    const vector = { kind: 'dictionary', valid: null, codes: this.#codes, dictionary: this.#distinct } as const
    const pages = chunkDictionary(vector, rows, this.count, bounds)
    return pages === undefined ? { source: entriesSource(vector, rows) } : { source: pages.indexes, dictionary: pages }
  }

  clear(): void {
    this.count = 0
    this.byteLength = 0
    if (this.#arena !== null) this.#arena.clear()
    else if (this.#distinct.size > DICTIONARY_MAX || this.#distinct.byteLength > DICTIONARY_BYTES_MAX) this.#forget()
    this.#before = this.#distinct.size
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}

export class BinaryValues implements LeafValues {
  count = 0
  byteLength = 0
  readonly #name: string
  readonly #place: RowPlace
  #bytes = new Uint8Array(1024)
  #starts = new Int32Array(1025)

  constructor(name: string, place: RowPlace) {
    this.#name = name
    this.#place = place
  }

  push(value: unknown): void {
    if (!(value instanceof Uint8Array)) throw invalidValue(this.#name, this.#place.row, 'a Uint8Array', value)
    const end = this.byteLength + value.length
    if (end > this.#bytes.length) {
      const grown = new Uint8Array(Math.max(this.#bytes.length * 2, end))
      grown.set(this.#bytes.subarray(0, this.byteLength))
      this.#bytes = grown
    }
    this.#bytes.set(value, this.byteLength)
    this.byteLength = end
    this.count++
    if (this.count === this.#starts.length) this.#starts = doubled(this.#starts)
    this.#starts[this.count] = end
  }

  pushAll(values: readonly unknown[], rows: Int32Array, count: number): void {
    const place = this.#place
    for (let i = 0; i < count; i++) {
      place.row = rows[i]!
      this.push(values[i])
    }
  }

  chunk(): Omit<ChunkValues, 'entries'> {
    const slices = { buffer: this.#bytes, starts: this.#starts, ends: this.#starts.subarray(1) }
    return { source: slicesSource(slices, ascending(this.count), null) }
  }

  clear(): void {
    this.count = 0
    this.byteLength = 0
  }
}
