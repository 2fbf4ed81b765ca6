import { Buffer } from 'node:buffer'
import type { Dictionary } from '#schema/vector.ts'

/** Makes strings of runs of UTF-8 bytes; what is no UTF-8 becomes U+FFFD. */
export class ByteText {
  readonly #buffer: Buffer

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  text(start: number, end: number): string {
    return this.#buffer.toString('utf8', start, end)
  }
}

/** A dictionary that is whole: entry `code` is bytes[starts[code], starts[code + 1]). */
export class FixedDictionary implements Dictionary {
  readonly size: number
  readonly bytes: Uint8Array
  readonly starts: Int32Array
  readonly #texts: (string | undefined)[]
  readonly #source: ByteText

  constructor(bytes: Uint8Array, starts: Int32Array) {
    this.size = starts.length - 1
    this.bytes = bytes
    this.starts = starts
    this.#texts = new Array<string | undefined>(this.size).fill(undefined)
    this.#source = new ByteText(bytes)
  }

  text(code: number): string {
    const known = this.#texts[code]
    if (known !== undefined) return known
    const text = this.#source.text(this.starts[code]!, this.starts[code + 1]!)
    this.#texts[code] = text
    return text
  }
}
