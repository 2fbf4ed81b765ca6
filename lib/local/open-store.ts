import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { systemRandom } from '#adapters/system/random.ts'
import { SluiceError } from '#core/errors.ts'
import type { ObjectStore } from '#ports/object-store.ts'

/** A place in a store: a table, or a folder of tables. */
export interface OpenedStore {
  readonly store: ObjectStore
  /** Without '/' at its ends; empty for the store itself. */
  readonly path: string
}

const SCHEME = /^([a-z][a-z0-9+.-]+):\/\//i
/** Spark has other names for S3. */
const S3 = /^s3[an]?$/
const BUCKET_AND_KEY = /^[^:]+:\/\/([^/]*)\/*(.*?)\/*$/

/** Whether a word means a place and not a table's name: a URI, a path with a slash, a folder with a log. */
export function isPlace(word: string, workingFolder: string): boolean {
  if (SCHEME.test(word) || /[/\\]|^\.\.?$/.test(word)) return true
  return word !== '' && existsSync(join(resolve(workingFolder, word), '_delta_log'))
}

/**
 * The store of a local path, a `file://` or an `s3://bucket/path` URI, and the place in it. S3's client is loaded when it is asked for;
 * region, credentials and endpoint come from the environment, as for any AWS tool. Nothing is read.
 *
 * @throws SluiceError USAGE for any other URI
 */
export async function openStore(place: string, workingFolder: string): Promise<OpenedStore> {
  const scheme = SCHEME.exec(place)?.[1]?.toLowerCase()
  if (scheme !== undefined && S3.test(scheme)) return openBucket(place)
  if (scheme !== undefined && scheme !== 'file') {
    throw new SluiceError(
      'USAGE',
      `Expected a table's name, its folder or an s3:// URI, found ${place}: ${scheme}:// is no store that sluice has.`,
    )
  }
  const folder = resolve(workingFolder, scheme === 'file' ? fileOf(place) : place)
  // From its parent on, so that messages call a table by its name.
  return { store: new DirectoryObjectStore(dirname(folder)), path: basename(folder) }
}

async function openBucket(uri: string): Promise<OpenedStore> {
  const [, bucket = '', path = ''] = BUCKET_AND_KEY.exec(uri) ?? []
  if (bucket === '') throw new SluiceError('USAGE', `Expected s3://BUCKET/FOLDER, found ${uri}: it has no bucket.`)
  const { S3ObjectStore } = await import('#adapters/aws/s3-object-store.ts')
  const store = new S3ObjectStore({ bucket, clock: systemClock, random: systemRandom, ids: randomIds })
  return { store, path }
}

function fileOf(uri: string): string {
  try {
    return fileURLToPath(uri)
  } catch (cause) {
    throw new SluiceError('USAGE', `Expected a file on this machine as file:///path, found ${uri}.`, { cause })
  }
}
