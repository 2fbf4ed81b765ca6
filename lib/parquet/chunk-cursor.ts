import type { VectorBuilder } from './column-vectors.ts'
import { decodeValidity } from './hybrid-decoder.ts'
import type { LeafType } from './leaf-types.ts'
import type { PageHeader } from './page-header.ts'
import { PageReader, type StoredChunk } from './page-reader.ts'
import type { PageValues } from './value-decoder.ts'

/** The rows of one flat column chunk, read from front to back; pages that are passed over are not decompressed. */
export class ChunkCursor {
  readonly #pages: PageReader
  #page: OpenPage | undefined

  constructor(type: LeafType, chunk: StoredChunk) {
    this.#pages = new PageReader(type, chunk)
  }

  /** Passes over `rows`. */
  skip(rows: number): void {
    let left = rows
    while (left > 0) {
      if (this.#page === undefined) {
        const header = this.#nextHeader()
        if (header.values <= left) {
          this.#pages.skip(header)
          left -= header.values
          continue
        }
        this.#page = this.#open(header)
      }
      left -= this.#advance(Math.min(left, this.#page.rows - this.#page.row))
    }
  }

  /** Appends the next `rows` to the builder. */
  read(rows: number, builder: VectorBuilder): void {
    let left = rows
    while (left > 0) {
      this.#page ??= this.#open(this.#nextHeader())
      const { rows: pageRows, row, value, valid, values } = this.#page
      const count = Math.min(left, pageRows - row)
      builder.append(values, value, valid, row, count)
      left -= this.#advance(count)
    }
  }

  #advance(count: number): number {
    const page = this.#page!
    page.value += page.valid === null ? count : present(page.valid, page.row, count)
    page.row += count
    if (page.row === page.rows) this.#page = undefined
    return count
  }

  #nextHeader(): PageHeader {
    const header = this.#pages.header()
    if (header === undefined) throw new RangeError('a column has fewer values than its row group has rows')
    return header
  }

  #open(header: PageHeader): OpenPage {
    const page = this.#pages.open(header)
    const rows = page.entries
    let valid: Uint8Array | null = null
    let count = rows
    if (page.definitions !== null) {
      const { bytes, start, end } = page.definitions
      valid = new Uint8Array(rows)
      count = decodeValidity(bytes, start, end, valid, rows)
      if (count === rows) valid = null
    }
    return { rows, row: 0, value: 0, valid, values: this.#pages.values(page, count) }
  }
}

interface OpenPage {
  readonly rows: number
  /** The next row, and the next value. */
  row: number
  value: number
  readonly valid: Uint8Array | null
  readonly values: PageValues
}

function present(valid: Uint8Array, from: number, count: number): number {
  let values = 0
  for (let i = from; i < from + count; i++) values += valid[i]!
  return values
}
