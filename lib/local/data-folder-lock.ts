import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { isBusy, resultCode } from '#adapters/sqlite/sqlite-error.ts'
import { SluiceError } from '#core/errors.ts'
import { diskError } from './data-folder-error.ts'

/** The locks that this process holds: one that nothing refers to would be collected, and its lock let go. */
const held = new Set<DatabaseSync>()

/**
 * Takes the data folder for this process: an exclusive lock on a tiny SQLite file, held by an open transaction. The operating
 * system lets go of it when the process ends, however it ends. Returns what lets go of it earlier.
 *
 * @throws SluiceError DATA_FOLDER_IN_USE, DATA_FOLDER_READ_ONLY
 */
export function lockDataFolder(path: string): () => void {
  const owner = join(path, 'lock.pid')
  const database = exclusive(path, owner)
  try {
    // Only for messages: who holds the lock is up to the system.
    writeFileSync(owner, String(process.pid))
  } catch (error) {
    database.close()
    throw diskError(error, path)
  }
  held.add(database)
  return () => {
    if (!held.delete(database)) return
    rmSync(owner, { force: true })
    database.close()
  }
}

function exclusive(path: string, owner: string): DatabaseSync {
  let database: DatabaseSync | undefined
  try {
    database = new DatabaseSync(join(path, 'lock'), { timeout: 0 })
    // The journal in memory: no file but the locked one.
    database.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE')
    return database
  } catch (error) {
    if (database?.isOpen) database.close()
    if (isBusy(error)) throw inUse(path, owner, error)
    if (resultCode(error) === undefined) throw error
    throw readOnlyFolder(path, error)
  }
}

function inUse(path: string, owner: string, cause: unknown): SluiceError {
  const pid = ownerOf(owner)
  const who = pid === undefined ? 'another process has' : `process ${pid} has`
  return new SluiceError(
    'DATA_FOLDER_IN_USE',
    `Expected data folder ${path} to be free, but ${who} it open. Stop that one first, or choose another --data folder.`,
    { details: { path, pid }, cause },
  )
}

function ownerOf(file: string): number | undefined {
  try {
    const pid = Number(readFileSync(file, 'utf8'))
    return Number.isInteger(pid) && pid > 0 ? pid : undefined
  } catch {
    return undefined
  }
}

function readOnlyFolder(path: string, cause: unknown): SluiceError {
  return new SluiceError(
    'DATA_FOLDER_READ_ONLY',
    `Expected data folder ${path} to be writable, but nothing can be written there. ` +
      'Change its permissions, or choose another --data folder.',
    { details: { path }, cause },
  )
}
