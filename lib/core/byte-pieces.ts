import type { Bytes } from '#core/time.ts'

/** Bytes in pieces, one after the other, as they were made: joining them takes the same memory once more. */
export type BytePieces = readonly Uint8Array[]

export function lengthOf(pieces: BytePieces): Bytes {
  return pieces.reduce((sum, { length }) => sum + length, 0)
}

/** All of them as one array; the piece itself where there is one. */
export function joinedBytes(pieces: BytePieces): Uint8Array {
  return pieces.length === 1 ? pieces[0]! : bytesWithin(pieces, 0, lengthOf(pieces))
}

/** Bytes [from, to) of them all. */
export function bytesWithin(pieces: BytePieces, from: Bytes, to: Bytes): Uint8Array {
  const bytes = new Uint8Array(to - from)
  let at = 0
  for (const piece of pieces) {
    const start = Math.max(from - at, 0)
    const end = Math.min(to - at, piece.length)
    if (start < end) bytes.set(piece.subarray(start, end), at + start - from)
    at += piece.length
    if (at >= to) break
  }
  return bytes
}
