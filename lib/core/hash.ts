/**
 * Hashes over bytes. `murmur2` is Kafka's (a key's partition is part of the protocol between producers); `hashBytes` is for
 * tables in memory only and may change between versions: never store it. `hashText` is stored, and never changes.
 */

const MURMUR_SEED = 0x9747b28c | 0
const MURMUR_MIX = 0x5bd1e995

/** Kafka's murmur2 (org.apache.kafka.common.utils.Utils): signed 32 bits over bytes [start, end). */
export function murmur2(bytes: Uint8Array, start = 0, end: number = bytes.length): number {
  let hash = MURMUR_SEED ^ (end - start)
  let at = start
  for (; at + 4 <= end; at += 4) {
    let word = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)
    word = Math.imul(word, MURMUR_MIX)
    word ^= word >>> 24
    hash = Math.imul(hash, MURMUR_MIX) ^ Math.imul(word, MURMUR_MIX)
  }
  if (at < end) {
    if (end - at === 3) hash ^= bytes[at + 2]! << 16
    if (end - at >= 2) hash ^= bytes[at + 1]! << 8
    hash = Math.imul(hash ^ bytes[at]!, MURMUR_MIX)
  }
  hash = Math.imul(hash ^ (hash >>> 13), MURMUR_MIX)
  return hash ^ (hash >>> 15)
}

/** The partition that Kafka's default partitioner gives the key bytes[start, end). */
export function partitionFor(bytes: Uint8Array, start: number, end: number, partitions: number): number {
  return (murmur2(bytes, start, end) & 0x7fffffff) % partitions
}

const WORD_MIX = 0x9e3779b1 | 0
const LENGTH_MIX = 0x85ebca6b | 0

/** One step of `hashBytes`: folds the next four bytes (little endian) into the hash. */
export function hashWord(hash: number, word: number): number {
  const mixed = Math.imul(hash ^ word, WORD_MIX)
  return mixed ^ (mixed >>> 15)
}

/** Last step of `hashBytes`: the up to three bytes after the last whole word (little endian, 0 if none) and the length. */
export function hashEnd(hash: number, tail: number, length: number): number {
  let mixed = Math.imul(hash ^ tail, WORD_MIX)
  mixed = Math.imul(mixed ^ (mixed >>> 15) ^ length, LENGTH_MIX)
  return mixed ^ (mixed >>> 13)
}

/** A fast hash for interning: signed 32 bits. A scanner that already has the words may build it step by step. */
export function hashBytes(bytes: Uint8Array, start: number, end: number): number {
  let hash = 0
  let at = start
  for (; at + 4 <= end; at += 4) {
    hash = hashWord(hash, bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24))
  }
  return hashEnd(hash, tailOf(bytes, at, end), end - start)
}

/** The up to three bytes [at, end) as one little-endian number. */
export function tailOf(bytes: Uint8Array, at: number, end: number): number {
  const left = end - at
  if (left <= 0) return 0
  let tail = bytes[at]!
  if (left > 1) tail |= bytes[at + 1]! << 8
  if (left > 2) tail |= bytes[at + 2]! << 16
  return tail
}

/**
 * An unsigned 32-bit hash of a text's UTF-16 units (FNV-1a, then the finalizer of MurmurHash3), by which window state is split. It is
 * stored: it never changes.
 */
export function hashText(text: string): number {
  let hash = 0x811c9dc5 | 0
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
