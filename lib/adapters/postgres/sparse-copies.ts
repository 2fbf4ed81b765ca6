/** Copies of smaller arrays are left as they are. */
const LARGE = 64 * 1024 * 1024
const PAGE = 64 * 1024

/**
 * Makes a whole copy of a large byte array remember only the pages that aren't zero, and `set` put it back. For a process that
 * does nothing but create a database: PGlite copies its 134 MB of memory, nearly all of it untouched, and restores it before each
 * of initdb's steps, which would make every page of both resident.
 */
export function keepLargeCopiesSparse(): void {
  const bytes = Uint8Array.prototype
  const slice: (this: Uint8Array, start?: number, end?: number) => Uint8Array<ArrayBuffer> = bytes.slice
  const set: (this: Uint8Array, from: ArrayLike<number>, at?: number) => void = bytes.set
  /** By what stands for the copy; null for a page of zeros. */
  const copies = new WeakMap<object, readonly (Uint8Array | null)[]>()
  bytes.slice = function (this: Uint8Array, start?: number, end?: number): Uint8Array<ArrayBuffer> {
    if (this.length < LARGE || start !== undefined) return slice.call(this, start, end)
    const pages: (Uint8Array | null)[] = []
    for (let at = 0; at < this.length; at += PAGE) {
      const page = this.subarray(at, at + PAGE)
      pages.push(isZero(page) ? null : slice.call(page))
    }
    const copy = new Uint8Array(0)
    copies.set(copy, pages)
    return copy
  }
  bytes.set = function (this: Uint8Array, from: ArrayLike<number>, at?: number): void {
    const pages = copies.get(from)
    if (pages === undefined) {
      set.call(this, from, at)
      return
    }
    for (const [i, stored] of pages.entries()) {
      const page = this.subarray(i * PAGE, (i + 1) * PAGE)
      if (stored !== null) set.call(page, stored)
      // Reading a page that was never written to doesn't make it resident, writing zeros would.
      else if (!isZero(page)) page.fill(0)
    }
  }
}

function isZero(page: Uint8Array): boolean {
  if (page.byteOffset % 8 !== 0 || page.length % 8 !== 0) return page.every((byte) => byte === 0)
  const words = new BigUint64Array(page.buffer, page.byteOffset, page.length / 8)
  for (let i = 0; i < words.length; i++) if (words[i] !== 0n) return false
  return true
}
