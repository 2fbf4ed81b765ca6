import type { Dictionary } from '#schema/vector.ts'

const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Longer text is not looked at character by character. */
const SHORT = 64

/** A UTF-16 unit takes at most so many bytes of UTF-8. */
export const UNIT_BYTES_MAX = 3

/** Stores a text as UTF-8 from `at` on, where there is room for it; returns where it ends, −1 when it is not well-formed. */
export function putText(text: string, bytes: Uint8Array, at: number): number {
  const length = text.length
  let i = 0
  if (length <= SHORT) {
    for (; i < length; i++) {
      const code = text.charCodeAt(i)
      if (code >= 0x80) break
      bytes[at + i] = code
    }
  }
  if (i === length) return at + length
  return text.isWellFormed() ? at + encoder.encodeInto(text, bytes.subarray(at)).written : -1
}

/** `bytes` with room for `size` more after the first `used`. */
export function roomFor(bytes: Uint8Array<ArrayBuffer>, used: number, size: number): Uint8Array<ArrayBuffer> {
  if (used + size <= bytes.length) return bytes
  const grown = new Uint8Array(Math.max(bytes.length * 2, used + size))
  grown.set(bytes.subarray(0, used))
  return grown
}

/** `ints` with room for `length`. */
export function roomForInts(ints: Int32Array<ArrayBuffer>, length: number): Int32Array<ArrayBuffer> {
  if (length <= ints.length) return ints
  const grown = new Int32Array(Math.max(ints.length * 2, length))
  grown.set(ints)
  return grown
}

/** UTF-8 of texts that grows, end to end: text i is bytes[starts[i], starts[i + 1]). */
export class TextArena implements Dictionary {
  size = 0
  byteLength = 0
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(4096)
  starts: Int32Array<ArrayBuffer> = new Int32Array(256)

  /** False, and nothing is appended, for text that is not well-formed. */
  append(text: string): boolean {
    this.bytes = roomFor(this.bytes, this.byteLength, text.length * UNIT_BYTES_MAX)
    const end = putText(text, this.bytes, this.byteLength)
    if (end < 0) return false
    this.byteLength = end
    this.size++
    this.starts = roomForInts(this.starts, this.size + 1)
    this.starts[this.size] = end
    return true
  }

  /** Decoded each time. */
  text(code: number): string {
    return decoder.decode(this.bytes.subarray(this.starts[code], this.starts[code + 1]))
  }
}
