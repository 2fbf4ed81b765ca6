import { randomUUID } from 'node:crypto'
import * as nodeFiles from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { errorCode, notFound, storeError } from '#adapters/files/object-store-errors.ts'
import { type FileSystem, walk } from '#adapters/files/object-store-list.ts'
import { checkPath, TEMP_FOLDER } from '#adapters/files/object-store-paths.ts'
import type { BytePieces } from '#core/byte-pieces.ts'
import type { ObjectInfo, ObjectStore } from '#ports/object-store.ts'

export interface DirectoryObjectStoreOptions {
  /**
   * Flush every object and its folder to the disk before a write returns. Off by default: what was written survives a killed
   * process, not a power cut.
   */
  readonly durable?: boolean
  readonly files?: FileSystem
}

/** What one system call takes of them. */
const PIECES_AT_ONCE = 1024

/** A temporary file that old was left by a process that is gone. */
const STALE_MS = 86_400_000

/**
 * Objects as files below a root folder, which is made on the first write. An object appears whole or not at all: it is written
 * under a temporary name in `.sluice-tmp` of the root, then renamed (`put`) or linked (`create`: link(2) fails if the
 * name is taken, so one of many callers wins, across processes too). Temporary files are never listed.
 *
 * A path is an object or the folder of others, never both.
 */
export class DirectoryObjectStore implements ObjectStore {
  readonly uri: string
  private readonly root: string
  private readonly durable: boolean
  private readonly files: FileSystem
  private prepared: Promise<void> | null = null

  constructor(root: string, options: DirectoryObjectStoreOptions = {}) {
    this.root = resolve(root)
    this.uri = pathToFileURL(this.root).href
    this.durable = options.durable ?? false
    this.files = options.files ?? nodeFiles
  }

  async get(path: string, range?: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    const file = this.file(path)
    try {
      if (range !== undefined) return await this.readRange(file, range)
      const bytes = await this.files.readFile(file)
      return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    } catch (error) {
      throw isAbsent(error) ? notFound(this.uri, path, error) : storeError(error, file)
    }
  }

  async head(path: string): Promise<ObjectInfo | undefined> {
    const file = this.file(path)
    try {
      const stats = await this.files.stat(file)
      return stats.isFile() ? { path, size: stats.size, modified: Math.floor(stats.mtimeMs) } : undefined
    } catch (error) {
      if (isAbsent(error)) return undefined
      throw storeError(error, file)
    }
  }

  put(path: string, bytes: Uint8Array): Promise<void> {
    return this.putPieces(path, [bytes])
  }

  async putPieces(path: string, pieces: BytePieces): Promise<void> {
    await this.write(path, pieces, async (temp, file) => {
      await this.files.rename(temp, file)
      return true
    })
  }

  create(path: string, bytes: Uint8Array): Promise<boolean> {
    return this.write(path, [bytes], async (temp, file) => {
      try {
        await this.files.link(temp, file)
        return true
      } catch (error) {
        if (errorCode(error) === 'EEXIST') return false
        throw error
      } finally {
        await this.files.rm(temp, { force: true })
      }
    })
  }

  async delete(path: string): Promise<void> {
    const file = this.file(path)
    try {
      await this.files.rm(file)
    } catch (error) {
      if (!isAbsent(error)) throw storeError(error, file)
    }
  }

  async *list(prefix: string, options: { readonly startAfter?: string } = {}): AsyncIterable<ObjectInfo> {
    try {
      yield* walk(this.files, this.root, prefix, options.startAfter ?? '')
    } catch (error) {
      throw storeError(error, join(this.root, prefix))
    }
  }

  private file(path: string): string {
    checkPath(path)
    return join(this.root, path)
  }

  private async readRange(file: string, range: { readonly start: number; readonly end: number }): Promise<Uint8Array> {
    const handle = await this.files.open(file, 'r')
    try {
      const { size } = await handle.stat()
      const bytes = new Uint8Array(Math.max(0, Math.min(range.end, size) - range.start))
      let filled = 0
      while (filled < bytes.length) {
        const { bytesRead } = await handle.read(bytes, filled, bytes.length - filled, range.start + filled)
        if (bytesRead === 0) break
        filled += bytesRead
      }
      return filled === bytes.length ? bytes : bytes.subarray(0, filled)
    } finally {
      await handle.close()
    }
  }

  /** Writes a temporary file, then lets `publish` give it its name; whatever happens, no temporary file stays. */
  private async write(
    path: string,
    pieces: BytePieces,
    publish: (temp: string, file: string) => Promise<boolean>,
  ): Promise<boolean> {
    const file = this.file(path)
    this.prepared ??= this.prepare()
    const temp = join(this.root, TEMP_FOLDER, randomUUID())
    try {
      await this.prepared
      if (pieces.length === 1) await this.files.writeFile(temp, pieces[0]!, { flush: this.durable })
      else await this.writePieces(temp, pieces)
      const done = await this.publishInto(dirname(file), () => publish(temp, file))
      if (this.durable && done) await this.flushFolder(dirname(file))
      return done
    } catch (error) {
      this.prepared = null
      await this.files.rm(temp, { force: true }).catch(() => {})
      throw storeError(error, file)
    }
  }

  private async writePieces(file: string, pieces: BytePieces): Promise<void> {
    const handle = await this.files.open(file, 'w')
    try {
      let left = [...pieces]
      while (left.length > 0) {
        const { bytesWritten } = await handle.writev(left.slice(0, PIECES_AT_ONCE))
        left = behind(left, bytesWritten)
      }
      if (this.durable) await handle.sync()
    } finally {
      await handle.close()
    }
  }

  /** Most writes go to a folder that is there: make it only when the first try says that it is not. */
  private async publishInto(folder: string, publish: () => Promise<boolean>): Promise<boolean> {
    const exists = await this.files.stat(folder).then(
      () => true,
      () => false,
    )
    if (!exists) await this.files.mkdir(folder, { recursive: true })
    return publish()
  }

  private async prepare(): Promise<void> {
    const folder = join(this.root, TEMP_FOLDER)
    await this.files.mkdir(folder, { recursive: true })
    for (const name of await this.files.readdir(folder)) {
      const file = join(folder, name)
      const stats = await this.files.stat(file).catch(() => null)
      if (stats !== null && Date.now() - stats.mtimeMs > STALE_MS)
        await this.files.rm(file, { force: true }).catch(() => {})
    }
  }

  private async flushFolder(folder: string): Promise<void> {
    const handle = await this.files.open(folder, 'r')
    try {
      await handle.sync()
    } finally {
      await handle.close()
    }
  }
}

/** Pieces without their first `length` bytes. */
function behind(pieces: BytePieces, length: number): Uint8Array[] {
  let left = length
  let i = 0
  while (i < pieces.length && left >= pieces[i]!.length) left -= pieces[i++]!.length
  const rest = pieces.slice(i)
  if (left > 0) rest[0] = rest[0]!.subarray(left)
  return rest
}

/** A missing file; a file where the path wants a folder, and the other way round, hold no object of that name either. */
function isAbsent(error: unknown): boolean {
  const code = errorCode(error)
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'EISDIR' || code === 'ERR_FS_EISDIR'
}
