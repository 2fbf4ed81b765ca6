import { SluiceError } from '#core/errors.ts'
import type { LogPaths } from '#delta/log.ts'

const SCHEME = /^[A-Za-z][A-Za-z0-9+.-]*:/

/** A path as the log holds it: every part URI-encoded. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/**
 * Where the data file of an action lies in the store.
 *
 * @throws SluiceError DELTA_FEATURE_UNSUPPORTED for a file outside of the store (a table cloned without copying), DELTA_LOG_CORRUPT for a path that is no URI
 */
export function dataPath(paths: LogPaths, storeUri: string, path: string): string {
  let decoded: string
  try {
    decoded = decodeURIComponent(path)
  } catch (cause) {
    throw new SluiceError(
      'DELTA_LOG_CORRUPT',
      `Expected the path of a data file to be URI-encoded, found ${JSON.stringify(path)} in the log of ${paths.name}.`,
      { details: { path }, cause },
    )
  }
  if (!SCHEME.test(path) && !decoded.startsWith('/')) return paths.table + decoded
  if (path.startsWith(`${storeUri}/`)) return decodeURIComponent(path.slice(storeUri.length + 1))
  throw new SluiceError(
    'DELTA_FEATURE_UNSUPPORTED',
    `The table ${paths.name} names a data file outside of ${storeUri}: ${path}. Sluice reads files below that only; copy the table instead of cloning it by reference.`,
    { details: { path } },
  )
}
