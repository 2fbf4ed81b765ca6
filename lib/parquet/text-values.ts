import type { Dictionary } from '#schema/vector.ts'
import { slicesSource } from './byte-values.ts'
import type { ChunkValues } from './column-chunk.ts'
import { chunkDictionary, entriesSource } from './dictionary-values.ts'
import { invalidValue, type RowPlace } from './invalid-value.ts'
import type { LeafValues } from './leaf-column.ts'
import { ascending, int32Scratch } from './scratch.ts'
import type { Bounds } from './statistics.ts'

/** So many values are looked at before a dictionary is given up because more than half of them were new. */
const JUDGED = 2048

const encoder = new TextEncoder()
const codeScratch = int32Scratch()

/** Strings, kept as they are until their chunk is written: one that repeats is encoded once. */
export class TextValues implements LeafValues {
  byteLength = 0
  readonly #name: string
  readonly #place: RowPlace
  #values: string[] = []

  constructor(name: string, place: RowPlace) {
    this.#name = name
    this.#place = place
  }

  get count(): number {
    return this.#values.length
  }

  push(value: unknown): void {
    if (typeof value !== 'string') throw invalidValue(this.#name, this.#place.row, 'a string', value)
    if (!value.isWellFormed()) throw invalidValue(this.#name, this.#place.row, 'well-formed Unicode text', value)
    this.#values.push(value)
    this.byteLength += value.length
  }

  chunk(bounds: Bounds): Omit<ChunkValues, 'entries'> {
    const values = this.#values
    const codes = codeScratch.take(values.length)
    const distinct = distinctOf(values, codes)
    if (distinct === undefined) {
      const arena = new TextArena(values, this.byteLength)
      return { source: slicesSource(arena, ascending(values.length), bounds) }
    }
    const { bytes, starts } = new TextArena(distinct, 0)
    const dictionary: Dictionary = { size: distinct.length, bytes, starts, text: (code) => distinct[code]! }
    const vector = { kind: 'dictionary', valid: null, codes, dictionary } as const
    const rows = ascending(values.length)
    const pages = chunkDictionary(vector, rows, values.length, bounds)
    return pages === undefined ? { source: entriesSource(vector, rows) } : { source: pages.indexes, dictionary: pages }
  }

  clear(): void {
    this.#values = []
    this.byteLength = 0
  }
}

/** The distinct values in order of appearance, and the index of each value in `codes`; undefined when too few of them repeat. */
function distinctOf(values: readonly string[], codes: Int32Array): readonly string[] | undefined {
  const known = new Map<string, number>()
  const distinct: string[] = []
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    let code = known.get(value)
    if (code === undefined) {
      code = distinct.length
      known.set(value, code)
      distinct.push(value)
      if (i >= JUDGED && distinct.length * 2 > i) return undefined
    }
    codes[i] = code
  }
  return distinct
}

/** UTF-8 of texts, end to end: text i is bytes[starts[i], ends[i]), and ends[i] is starts[i + 1]. */
class TextArena {
  bytes: Uint8Array<ArrayBuffer>
  readonly starts: Int32Array
  readonly ends: Int32Array
  #end = 0

  constructor(texts: readonly string[], sizeHint: number) {
    this.bytes = new Uint8Array(sizeHint + 1024)
    this.starts = new Int32Array(texts.length + 1)
    this.ends = this.starts.subarray(1)
    for (let i = 0; i < texts.length; i++) {
      this.#append(texts[i]!)
      this.starts[i + 1] = this.#end
    }
  }

  get buffer(): Uint8Array {
    return this.bytes
  }

  #append(text: string): void {
    const length = text.length
    // A UTF-16 unit takes at most 3 bytes of UTF-8.
    if (this.#end + length * 3 > this.bytes.length) this.#grow(length * 3)
    const bytes = this.bytes
    let at = this.#end
    if (length <= 64) {
      let i = 0
      for (; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code >= 0x80) break
        bytes[at + i] = code
      }
      if (i === length) {
        this.#end = at + length
        return
      }
    }
    at += encoder.encodeInto(text, bytes.subarray(at)).written
    this.#end = at
  }

  #grow(size: number): void {
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.#end + size))
    grown.set(this.bytes.subarray(0, this.#end))
    this.bytes = grown
  }
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
    if (this.count === this.#starts.length) {
      const grown = new Int32Array(this.#starts.length * 2)
      grown.set(this.#starts)
      this.#starts = grown
    }
    this.#starts[this.count] = end
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
