import { SluiceError } from '#core/errors.ts'
import type { LogPaths } from '#delta/log.ts'
import { parseObject } from '#delta/parse.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** The hint to the newest checkpoint (PROTOCOL.md, "Last Checkpoint File"). */

export interface LastCheckpoint {
  readonly version: number
}

/** The hint, or undefined when it is missing, empty or damaged: nothing is lost but time. One GET. */
export async function readLastCheckpoint(store: ObjectStore, paths: LogPaths): Promise<LastCheckpoint | undefined> {
  const bytes = await getIfPresent(store, paths.lastCheckpoint())
  const version = bytes === undefined ? undefined : parseObject(bytes)?.version
  return Number.isSafeInteger(version) && (version as number) >= 0 ? { version: version as number } : undefined
}

/** The bytes, or undefined if there is no such object. */
export async function getIfPresent(store: ObjectStore, path: string): Promise<Uint8Array | undefined> {
  try {
    return await store.get(path)
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'OBJECT_NOT_FOUND') return undefined
    throw error
  }
}
