import type { BytePieces } from '#core/byte-pieces.ts'
import type { Bytes, EpochMillis } from '#core/time.ts'

export interface ObjectInfo {
  readonly path: string
  readonly size: Bytes
  readonly modified: EpochMillis
}

/**
 * Objects by path ('/'-separated, no leading '/'), as S3 has them: whole objects appear at once or not at all, a read after a
 * write sees it, and LIST is in UTF-8 byte order.
 *
 * @throws SluiceError DISK_FULL, DATA_FOLDER_READ_ONLY where the store can't take more; retryable errors for network faults.
 */
export interface ObjectStore {
  /** For messages and for other engines: `file:///…`, `s3://…`, `memory://…`. */
  readonly uri: string
  /** One GET. `range` is half open, in bytes. @throws SluiceError OBJECT_NOT_FOUND */
  get(path: string, range?: { readonly start: Bytes; readonly end: Bytes }): Promise<Uint8Array>
  /** One HEAD. */
  head(path: string): Promise<ObjectInfo | undefined>
  /** One PUT; replaces what is there. */
  put(path: string, bytes: Uint8Array): Promise<void>
  /** The same of bytes in pieces. Left out by stores that would join them first, which whoever writes can do as well. */
  putPieces?(path: string, pieces: BytePieces): Promise<void>
  /** One conditional PUT (`If-None-Match: *`). False when the object exists; exactly one of many callers gets true. */
  create(path: string, bytes: Uint8Array): Promise<boolean>
  /** One DELETE; deleting nothing is no error. */
  delete(path: string): Promise<void>
  /** Paged LIST of all objects whose path starts with `prefix` and is > `startAfter`, in order. */
  list(prefix: string, options?: { readonly startAfter?: string }): AsyncIterable<ObjectInfo>
}
