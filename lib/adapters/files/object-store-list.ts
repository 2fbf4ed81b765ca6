import type { Dirent } from 'node:fs'
import type * as nodeFiles from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '#adapters/files/object-store-errors.ts'
import { checkPath, TEMP_FOLDER } from '#adapters/files/object-store-paths.ts'
import type { ObjectInfo } from '#ports/object-store.ts'

/** The part of node:fs/promises that the store uses; a test gives one that fails. */
export type FileSystem = Pick<
  typeof nodeFiles,
  'link' | 'mkdir' | 'open' | 'readFile' | 'readdir' | 'rename' | 'rm' | 'stat' | 'writeFile'
>

/** Text whose order is that of its bytes. */
const ASCII = /^[\x20-\x7e]*$/

/** Files whose size is asked for at once. */
const STATS_AT_ONCE = 64

interface Entry {
  readonly path: string
  /** UTF-8 of the path, with a '/' at the end for a folder: what orders it among its neighbours as their objects are. */
  readonly key: Buffer
  readonly folder: boolean
}

/**
 * All files below `root` whose path starts with `prefix` and is > `startAfter`, in byte order. Starts at the deepest folder that
 * the prefix names, and enters no folder that ends before `startAfter`.
 */
export async function* walk(
  files: FileSystem,
  root: string,
  prefix: string,
  startAfter: string,
): AsyncGenerator<ObjectInfo> {
  const slash = prefix.lastIndexOf('/')
  const folder = slash < 0 ? '' : prefix.slice(0, slash)
  if (folder !== '') checkPath(folder)
  yield* walkFolder(files, root, folder, prefix, Buffer.from(startAfter))
}

async function* walkFolder(
  files: FileSystem,
  root: string,
  folder: string,
  prefix: string,
  after: Buffer,
): AsyncGenerator<ObjectInfo> {
  const entries = await wanted(files, root, folder, prefix, after)
  let from = 0
  while (from < entries.length) {
    const entry = entries[from]!
    if (entry.folder) {
      yield* walkFolder(files, root, entry.path, prefix, after)
      from++
      continue
    }
    let to = from
    while (to < entries.length && to - from < STATS_AT_ONCE && !entries[to]!.folder) to++
    for (const info of await Promise.all(entries.slice(from, to).map(({ path }) => describe(files, root, path)))) {
      if (info !== undefined) yield info
    }
    from = to
  }
}

async function wanted(
  files: FileSystem,
  root: string,
  folder: string,
  prefix: string,
  after: Buffer,
): Promise<Entry[]> {
  const base = folder === '' ? '' : `${folder}/`
  const entries: Entry[] = []
  const text = after.toString()
  const comparable = ASCII.test(text)
  for (const dirent of await read(files, join(root, folder))) {
    if (folder === '' && dirent.name === TEMP_FOLDER) continue
    const path = base + dirent.name
    const isFolder = dirent.isDirectory()
    if (isFolder ? !`${path}/`.startsWith(prefix) : !path.startsWith(prefix) || !dirent.isFile()) continue
    // Most of a long log lies before the start of a LIST: passed over without a look at its bytes.
    if (comparable && !isFolder && path <= text && ASCII.test(path)) continue
    const key = Buffer.from(isFolder ? `${path}/` : path)
    // A folder that sorts before `after` is all before it, unless `after` lies inside.
    const inside = isFolder && after.length > key.length && after.subarray(0, key.length).equals(key)
    if (!inside && Buffer.compare(key, after) <= 0 && !(isFolder && key.equals(after))) continue
    entries.push({ path, key, folder: isFolder })
  }
  return entries.sort((a, b) => Buffer.compare(a.key, b.key))
}

async function read(files: FileSystem, folder: string): Promise<Dirent[]> {
  try {
    return await files.readdir(folder, { withFileTypes: true })
  } catch (error) {
    if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return []
    throw error
  }
}

/** Undefined for a file that was deleted since its folder was read. */
async function describe(files: FileSystem, root: string, path: string): Promise<ObjectInfo | undefined> {
  try {
    const stats = await files.stat(join(root, path))
    return { path, size: stats.size, modified: Math.floor(stats.mtimeMs) }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
