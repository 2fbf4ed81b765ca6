import type { Dictionary } from '#schema/vector.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Longer text is not looked at character by character. */
const SHORT = 64

/** UTF-8 of texts that grows, end to end: text i is bytes[starts[i], starts[i + 1]). */
export class TextArena implements Dictionary {
  size = 0
  byteLength = 0
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(4096)
  starts: Int32Array<ArrayBuffer> = new Int32Array(256)

  /** False, and nothing is appended, for text that is not well-formed. */
  append(text: string): boolean {
    const length = text.length
    // A UTF-16 unit takes at most 3 bytes of UTF-8.
    this.#reserve(length * 3)
    const bytes = this.bytes
    const at = this.byteLength
    let i = 0
    if (length <= SHORT) {
      for (; i < length; i++) {
        const code = text.charCodeAt(i)
        if (code >= 0x80) break
        bytes[at + i] = code
      }
    }
    if (i === length) {
      this.#end(at + length)
      return true
    }
    if (!text.isWellFormed()) return false
    this.#end(at + encoder.encodeInto(text, bytes.subarray(at)).written)
    return true
  }

  copy(source: Uint8Array, start: number, end: number): void {
    this.#reserve(end - start)
    this.bytes.set(source.subarray(start, end), this.byteLength)
    this.#end(this.byteLength + end - start)
  }

  /** Decoded each time. */
  text(code: number): string {
    return decoder.decode(this.bytes.subarray(this.starts[code], this.starts[code + 1]))
  }

  clear(): void {
    this.size = 0
    this.byteLength = 0
  }

  #end(end: number): void {
    this.byteLength = end
    this.size++
    if (this.size === this.starts.length) this.starts = doubled(this.starts)
    this.starts[this.size] = end
  }

  #reserve(size: number): void {
    if (this.byteLength + size <= this.bytes.length) return
    const grown = new Uint8Array(Math.max(this.bytes.length * 2, this.byteLength + size))
    grown.set(this.bytes.subarray(0, this.byteLength))
    this.bytes = grown
  }
}

function doubled(array: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
