import { hashBytes } from '#core/hash.ts'
import type { Dictionary } from '#schema/vector.ts'

const FIRST_SLOTS = 256
const FIRST_BYTES = 4096
/** Buffer behind the last entry, so that an entry may be compared four bytes at a time. */
const SLACK = 8

/**
 * A Dictionary that grows: open addressing over one arena of bytes. Interning text it already has allocates nothing.
 * It has no limit of its own; whoever fills it replaces it by a new one when `size` or `byteLength` is too large for them.
 */
export class StringDictionary implements Dictionary {
  size = 0
  bytes: Uint8Array<ArrayBuffer> = new Uint8Array(FIRST_BYTES)
  starts: Int32Array<ArrayBuffer> = new Int32Array(FIRST_SLOTS)
  private view = new DataView(this.bytes.buffer)
  private text8: Buffer = Buffer.from(this.bytes.buffer)
  /** Code + 1 of the entry in each slot, 0 for none; twice as many slots as entries or more. */
  private slots = new Int32Array(FIRST_SLOTS)
  private hashes = new Int32Array(FIRST_SLOTS)
  private readonly texts: (string | undefined)[] = []
  private source: Uint8Array = this.bytes
  private sourceView: DataView = this.view

  /** Bytes of all entries. */
  get byteLength(): number {
    return this.starts[this.size]!
  }

  text(code: number): string {
    const known = this.texts[code]
    if (known !== undefined) return known
    const text = this.text8.toString('utf8', this.starts[code], this.starts[code + 1])
    this.texts[code] = text
    return text
  }

  /** The code of buffer[start, end), which is added if it is new. */
  intern(buffer: Uint8Array, start: number, end: number): number {
    if (buffer !== this.source) {
      this.source = buffer
      this.sourceView = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    }
    return this.internHashed(buffer, this.sourceView, start, end, hashBytes(buffer, start, end))
  }

  /** The code of buffer[start, end), or −1. */
  indexOf(buffer: Uint8Array, start: number, end: number): number {
    const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength)
    return this.find(buffer, view, start, end, hashBytes(buffer, start, end))
  }

  /** As `intern`, for callers that have a view of the same buffer and `hashBytes(buffer, start, end)`. */
  internHashed(buffer: Uint8Array, view: DataView, start: number, end: number, hash: number): number {
    const slots = this.slots
    const mask = slots.length - 1
    let slot = hash & mask
    for (;;) {
      const code = slots[slot]! - 1
      if (code < 0) break
      if (this.hashes[code] === hash && this.equals(code, buffer, view, start, end)) return code
      slot = (slot + 1) & mask
    }
    return this.add(buffer, start, end, hash, slot)
  }

  /** As `indexOf`, for callers that have a view of the same buffer and `hashBytes(buffer, start, end)`. */
  find(buffer: Uint8Array, view: DataView, start: number, end: number, hash: number): number {
    const slots = this.slots
    const mask = slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const code = slots[slot]! - 1
      if (code < 0 || (this.hashes[code] === hash && this.equals(code, buffer, view, start, end))) return code
    }
  }

  private equals(code: number, buffer: Uint8Array, view: DataView, start: number, end: number): boolean {
    const from = this.starts[code]!
    const length = end - start
    if (this.starts[code + 1]! - from !== length) return false
    if (length < 4) {
      for (let at = 0; at < length; at++) if (this.bytes[from + at] !== buffer[start + at]) return false
      return true
    }
    const own = this.view
    const last = length - 4
    for (let at = 0; at < last; at += 4) {
      if (own.getInt32(from + at, true) !== view.getInt32(start + at, true)) return false
    }
    return own.getInt32(from + last, true) === view.getInt32(start + last, true)
  }

  private add(buffer: Uint8Array, start: number, end: number, hash: number, slot: number): number {
    const code = this.size
    const from = this.starts[code]!
    const to = from + (end - start)
    if (to + SLACK > this.bytes.length) this.growBytes(to + SLACK)
    const bytes = this.bytes
    for (let at = start, target = from; at < end; at++, target++) bytes[target] = buffer[at]!
    if (code + 2 > this.starts.length) {
      this.starts = grown(this.starts)
      this.hashes = grown(this.hashes)
    }
    this.starts[code + 1] = to
    this.hashes[code] = hash
    this.slots[slot] = code + 1
    this.texts.push(undefined)
    this.size = code + 1
    if (this.size * 2 > this.slots.length) this.rehash()
    return code
  }

  private growBytes(needed: number): void {
    const bytes = new Uint8Array(Math.max(needed, this.bytes.length * 2))
    bytes.set(this.bytes)
    this.bytes = bytes
    this.view = new DataView(bytes.buffer)
    this.text8 = Buffer.from(bytes.buffer)
  }

  private rehash(): void {
    const slots = new Int32Array(this.slots.length * 2)
    const mask = slots.length - 1
    for (let code = 0; code < this.size; code++) {
      let slot = this.hashes[code]! & mask
      while (slots[slot] !== 0) slot = (slot + 1) & mask
      slots[slot] = code + 1
    }
    this.slots = slots
  }
}

function grown(array: Int32Array): Int32Array<ArrayBuffer> {
  const larger = new Int32Array(array.length * 2)
  larger.set(array)
  return larger
}
