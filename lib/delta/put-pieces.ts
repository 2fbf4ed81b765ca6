import { type BytePieces, joinedBytes } from '#core/byte-pieces.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** One PUT of bytes as they were made; they are joined only for a store that takes no pieces. */
export function putPieces(store: ObjectStore, path: string, pieces: BytePieces): Promise<void> {
  return pieces.length > 1 && store.putPieces !== undefined
    ? store.putPieces(path, pieces)
    : store.put(path, joinedBytes(pieces))
}
