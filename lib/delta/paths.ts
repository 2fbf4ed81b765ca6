import { SluiceError } from '#core/errors.ts'
import type { LogPaths } from '#delta/log.ts'

/** A relative path that no object has: without a name, or with a part that is none. */
const NO_OBJECT = /^$|(^|\/)\.?(\/|$)|[\\\0]/

const SCHEME = /^([A-Za-z][A-Za-z0-9+.-]*):/

/** Names that one and the same store goes by in other engines. */
const ALIASES: Readonly<Record<string, string>> = { s3a: 's3', s3n: 's3', abfs: 'abfss', wasb: 'wasbs' }

/** A path as the log holds it: every part URI-encoded. */
export function encodePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

/**
 * Where the data file of an action lies in the store: relative to the table, or absolute in a table that was cloned without copying.
 *
 * @throws SluiceError DELTA_PATH_OUTSIDE for a file outside of the store, or a relative path that leaves the table; DELTA_LOG_CORRUPT
 * for a path that is no URI, or none of an object
 */
export function dataPath(paths: LogPaths, storeUri: string, path: string): string {
  const decoded = decode(paths, path)
  const isAbsolute = SCHEME.test(path) || decoded.startsWith('/')
  const inStore = isAbsolute ? below(storeUri, path) : paths.table + decoded
  const leaves = decoded.split('/').includes('..')
  if (!isAbsolute && leaves) {
    throw new SluiceError(
      'DELTA_PATH_OUTSIDE',
      `Expected the data files of ${paths.name} below its own folder, found ${path} in its log. Nothing there is read: restore the log from a copy, or copy the table instead of cloning it by reference.`,
      { details: { table: paths.name, path } },
    )
  }
  if (!isAbsolute && NO_OBJECT.test(decoded)) {
    throw new SluiceError(
      'DELTA_LOG_CORRUPT',
      `Expected the path of a data file, such as folder/name.parquet, found ${JSON.stringify(path)} in the log of ${paths.name}. Restore the log from a copy.`,
      { details: { path } },
    )
  }
  if (inStore === undefined || leaves) {
    throw new SluiceError(
      'DELTA_PATH_OUTSIDE',
      `Expected the data files of ${paths.name} below ${storeUri}, found ${path} in its log. Nothing else is read: open the store that has them all, or copy the table instead of cloning it by reference.`,
      { details: { table: paths.name, path } },
    )
  }
  return inStore
}

/** What follows the store's URI in an absolute path; undefined if it is another place. */
function below(storeUri: string, path: string): string | undefined {
  const root = segments(storeUri)
  const all = segments(path)
  // A path without a scheme is one of the store's own.
  const own = SCHEME.test(path) ? all : [root[0]!, ...(root[0] === 'file' ? [] : [root[1] ?? '']), ...all]
  if (own.length <= root.length || !root.every((part, at) => own[at] === part)) return undefined
  return own.slice(root.length).join('/')
}

/** Scheme, authority if there is one, and the decoded parts: `file:/a`, `file:///a` and `file://localhost/a` are the same. */
function segments(uri: string): string[] {
  const scheme = SCHEME.exec(uri)?.[1]?.toLowerCase()
  const rest = scheme === undefined ? uri : uri.slice(scheme.length + 1)
  const parts = rest.split('/').filter((part) => part !== '')
  if (scheme === undefined) return parts.map(decodeURIComponent)
  if (scheme === 'file' && rest.startsWith('//localhost/')) parts.shift()
  return [ALIASES[scheme] ?? scheme, ...parts.map(decodeURIComponent)]
}

function decode(paths: LogPaths, path: string): string {
  try {
    return decodeURIComponent(path)
  } catch (cause) {
    throw new SluiceError(
      'DELTA_LOG_CORRUPT',
      `Expected the path of a data file to be URI-encoded, found ${JSON.stringify(path)} in the log of ${paths.name}. Restore the log from a copy.`,
      { details: { path }, cause },
    )
  }
}
