import { SluiceError } from '#core/errors.ts'
import type { DeletionVector } from '#delta/actions.ts'
import { crc32 } from '#delta/crc32.ts'
import type { LogPaths } from '#delta/log.ts'
import { dataPath } from '#delta/paths.ts'
import { RowSet } from '#delta/row-set.ts'
import { decodeZ85 } from '#delta/z85.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** Characters of a UUID in Z85, at the end of what may begin with a random prefix. */
const UUID_LENGTH = 20

/**
 * The rows that a deletion vector hides (PROTOCOL.md, "Deletion Vectors"). One range GET, none if it is in the log.
 *
 * @throws SluiceError DELTA_VECTOR_CORRUPT when it can't be read or fails its checksum, OBJECT_NOT_FOUND when its file is gone
 */
export async function readDeletionVector(store: ObjectStore, paths: LogPaths, vector: DeletionVector): Promise<RowSet> {
  const where = vector.storageType === 'i' ? 'in the log' : vectorPath(paths, store.uri, vector)
  try {
    const bytes = vector.storageType === 'i' ? inlineBytes(vector) : await storedBytes(store, where, vector)
    const rows = RowSet.decode(bytes)
    if (rows.size !== vector.cardinality) {
      throw new RangeError(`expected ${vector.cardinality} rows, found ${rows.size}`)
    }
    return rows
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause
    throw corrupt(paths, where, cause.message, cause)
  }
}

function inlineBytes({ pathOrInlineDv, sizeInBytes }: DeletionVector): Uint8Array {
  const bytes = decodeZ85(pathOrInlineDv)
  if (bytes.length < sizeInBytes) throw new RangeError(`expected ${sizeInBytes} bytes, found ${bytes.length}`)
  return bytes.subarray(0, sizeInBytes)
}

/** In a file: the size, the bitmap and its CRC-32, big endian. */
async function storedBytes(store: ObjectStore, path: string, vector: DeletionVector): Promise<Uint8Array> {
  const { sizeInBytes: size } = vector
  const start = vector.offset ?? 1
  const bytes = await store.get(path, { start, end: start + size + 8 })
  if (bytes.length < size + 8) throw new RangeError(`expected ${size + 8} bytes at ${start}, found ${bytes.length}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (view.getUint32(0) !== size) throw new RangeError(`expected a size of ${size} bytes, found ${view.getUint32(0)}`)
  const bitmap = bytes.subarray(4, 4 + size)
  const wanted = view.getUint32(4 + size)
  const found = crc32(bitmap)
  if (wanted !== found) throw new RangeError(`expected the CRC-32 ${hex(wanted)}, found ${hex(found)}`)
  return bitmap
}

/** Where the file of a vector that is not in the log lies in the store. */
export function vectorPath(paths: LogPaths, storeUri: string, vector: DeletionVector): string {
  const text = vector.pathOrInlineDv
  if (vector.storageType === 'p') return dataPath(paths, storeUri, text)
  if (vector.storageType !== 'u' || text.length < UUID_LENGTH) {
    throw corrupt(
      paths,
      'in the log',
      `expected a storage type of u, i or p and its path, found ${vector.storageType}`,
      undefined,
    )
  }
  const prefix = text.slice(0, -UUID_LENGTH)
  const uuid = uuidText(text.slice(-UUID_LENGTH), paths)
  return dataPath(paths, storeUri, `${prefix === '' ? '' : `${prefix}/`}deletion_vector_${uuid}.bin`)
}

function uuidText(text: string, paths: LogPaths): string {
  try {
    const digits = Array.from(decodeZ85(text), (byte) => byte.toString(16).padStart(2, '0')).join('')
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
  } catch (cause) {
    throw corrupt(paths, 'in the log', cause instanceof Error ? cause.message : String(cause), cause)
  }
}

function hex(value: number): string {
  return value.toString(16).padStart(8, '0')
}

function corrupt(paths: LogPaths, where: string, found: string, cause: unknown): SluiceError {
  return new SluiceError(
    'DELTA_VECTOR_CORRUPT',
    `Expected a deletion vector of ${paths.name} ${where === 'in the log' ? where : `at ${where}`}, but it is damaged: ${found}. Restore it from a copy: without it deleted rows would come back.`,
    { details: { table: paths.name, path: where }, cause },
  )
}
