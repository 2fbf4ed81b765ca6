import { ByteText } from '#schema/byte-text.ts'
import { bitWidth } from './hybrid.ts'
import { decodeHybrid } from './hybrid-decoder.ts'
import type { LeafType } from './leaf-types.ts'
import { type DataPage, PageReader, type StoredChunk } from './page-reader.ts'
import type { PageValues } from './value-decoder.ts'

/** The entries of one leaf of a nested column, one after the other, with their levels. */
export class LeafCursor {
  /** Levels of the entry that is next; the repetition is −1 at the end. */
  definition = 0
  repetition = 0
  readonly #type: LeafType
  readonly #pages: PageReader
  #definitions: Int32Array | null = null
  #repetitions: Int32Array | null = null
  #entry = 0
  #entries = 0
  #value = 0
  #get: (value: number) => unknown = () => null

  constructor(type: LeafType, chunk: StoredChunk) {
    this.#type = type
    this.#pages = new PageReader(type, chunk)
    this.#entry = -1
    this.#next()
  }

  /** Passes over an entry that has no value. */
  skip(): void {
    if (this.repetition < 0) throw ended()
    this.#next()
  }

  /** The value of the next entry, null where it has none. */
  take(): unknown {
    if (this.repetition < 0) throw ended()
    const value = this.definition === this.#type.definitionMax ? this.#get(this.#value++) : null
    this.#next()
    return value
  }

  #next(): void {
    this.#entry++
    while (this.#entry >= this.#entries) {
      const header = this.#pages.header()
      if (header === undefined) {
        this.repetition = -1
        return
      }
      this.#open(this.#pages.open(header))
    }
    this.definition = this.#definitions === null ? this.#type.definitionMax : this.#definitions[this.#entry]!
    this.repetition = this.#repetitions === null ? 0 : this.#repetitions[this.#entry]!
  }

  #open(page: DataPage): void {
    const { definitionMax, repetitionMax } = this.#type
    const { entries } = page
    this.#repetitions = levelsOf(page.repetitions, repetitionMax, entries)
    this.#definitions = levelsOf(page.definitions, definitionMax, entries)
    let count = entries
    if (this.#definitions !== null) {
      count = 0
      for (let i = 0; i < entries; i++) if (this.#definitions[i] === definitionMax) count++
    }
    this.#get = getterOf(this.#pages.values(page, count), this.#type.form === 'text')
    this.#entries = entries
    this.#entry = 0
    this.#value = 0
  }
}

function ended(): RangeError {
  return new RangeError('a nested column has fewer values than its row group has rows')
}

function levelsOf(levels: DataPage['definitions'], max: number, entries: number): Int32Array | null {
  if (levels === null) return null
  const { bytes, start, end } = levels
  const decoded = decodeHybrid(bytes, start, end, bitWidth(max), entries)
  for (let i = 0; i < entries; i++)
    if (decoded[i]! > max) throw new RangeError(`level ${decoded[i]} where ${max} is the highest`)
  return decoded
}

function getterOf(values: PageValues, isText: boolean): (value: number) => unknown {
  switch (values.kind) {
    case 'numbers': {
      const { numbers, large } = values
      return large === null ? (i) => numbers[i]! : (i) => large.get(i) ?? numbers[i]!
    }
    case 'flags': {
      const { flags } = values
      return (i) => flags[i]! === 1
    }
    case 'slices': {
      const { bytes, starts, ends } = values
      if (!isText) return (i) => bytes.subarray(starts[i]!, ends[i]!)
      const source = new ByteText(bytes)
      return (i) => source.text(starts[i]!, ends[i]!)
    }
    case 'codes': {
      const { codes, dictionary } = values
      if (isText) return (i) => dictionary.text(codes[i]!)
      const { bytes, starts } = dictionary
      return (i) => bytes.subarray(starts[codes[i]!]!, starts[codes[i]! + 1]!)
    }
    case 'values':
      return (i) => values.values[i]
  }
}
