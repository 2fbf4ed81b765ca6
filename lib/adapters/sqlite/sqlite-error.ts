import { SluiceError } from '#core/errors.ts'

/** Primary result codes, https://www.sqlite.org/rescode.html. The low byte of an extended code. */
const BUSY = 5
const LOCKED = 6
const READONLY = 8
const CORRUPT = 11
const FULL = 13
const CANTOPEN = 14
const NOTADB = 26
/** Extended: the index of the write-ahead log can't grow, which is what a full disk looks like there. */
const IOERR_SHMSIZE = 4874

/** SQLite's primary result code of a failed call; undefined for any other error. */
export function resultCode(error: unknown): number | undefined {
  const code = extendedCode(error)
  return code === undefined ? undefined : code & 0xff
}

function extendedCode(error: unknown): number | undefined {
  if (typeof error !== 'object' || error === null || !('errcode' in error)) return undefined
  return typeof error.errcode === 'number' ? error.errcode : undefined
}

export function isBusy(error: unknown): boolean {
  const code = resultCode(error)
  return code === BUSY || code === LOCKED
}

/** What a failed statement on the state file means to the user; any other error as it is. */
export function stateError(error: unknown, file: string): unknown {
  const options = { details: { file }, cause: error }
  switch (extendedCode(error) === IOERR_SHMSIZE ? FULL : resultCode(error)) {
    case CORRUPT:
    case NOTADB:
      return stateCorrupt(file, 'a damaged or truncated one', error)
    case FULL:
      return new SluiceError(
        'DISK_FULL',
        `Writing ${file} needs room on the disk, but none is left. Free some and start again: nothing written is lost.`,
        options,
      )
    case READONLY:
    case CANTOPEN:
      return new SluiceError(
        'DATA_FOLDER_READ_ONLY',
        `${file} must be writable, but it can't be opened for writing. Change its permissions, or choose another --data folder.`,
        options,
      )
    case BUSY:
    case LOCKED:
      return new SluiceError(
        'DATA_FOLDER_IN_USE',
        `Expected to write ${file} within some seconds, but another process kept it locked. Stop that process; it is tried again.`,
        { ...options, retryable: true },
      )
    default:
      return error
  }
}

export function stateCorrupt(file: string, found: string, cause?: unknown): SluiceError {
  return new SluiceError(
    'STATE_CORRUPT',
    `Expected a state file of Sluice at ${file}, found ${found}. Restore the whole data folder from a copy, ` +
      'or delete the data folder and rebuild it from its inputs; deleting this file alone would count records twice.',
    { details: { file }, cause },
  )
}
