/** A run of bytes in somebody's buffer, which must not change as long as this is held. */
export interface ByteRange {
  readonly bytes: Uint8Array
  readonly start: number
  readonly end: number
}

/** Unsigned byte order, which for UTF-8 is code point order: < 0, 0 or > 0. */
export function compareBytes(
  a: Uint8Array,
  aStart: number,
  aEnd: number,
  b: Uint8Array,
  bStart: number,
  bEnd: number,
): number {
  const shared = Math.min(aEnd - aStart, bEnd - bStart)
  for (let i = 0; i < shared; i++) {
    const difference = a[aStart + i]! - b[bStart + i]!
    if (difference !== 0) return difference
  }
  return aEnd - aStart - (bEnd - bStart)
}

export function compareRanges(a: ByteRange, b: ByteRange): number {
  return compareBytes(a.bytes, a.start, a.end, b.bytes, b.start, b.end)
}
