import { SluiceError } from '#core/errors.ts'

export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}

export function notFound(uri: string, path: string, cause: unknown): SluiceError {
  return new SluiceError('OBJECT_NOT_FOUND', `Expected an object at ${uri}/${path}, found none.`, {
    details: { path },
    cause,
  })
}

/** What a failed system call means to the user; errors that mean nothing to them come back as they are. */
export function storeError(error: unknown, file: string): unknown {
  const code = errorCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SluiceError(
      'DISK_FULL',
      `No space left to write ${file}. Nothing half-written was kept; make room on that disk, or choose another data folder, and run again.`,
      { details: { path: file }, cause: error },
    )
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    const why = code === 'EROFS' ? 'its disk is mounted read-only' : 'this user may not'
    return new SluiceError(
      'DATA_FOLDER_READ_ONLY',
      `Expected to be able to use ${file}, but ${why} (${code}). Give the folder to this user, or choose another data folder.`,
      { details: { path: file }, cause: error },
    )
  }
  if (code !== undefined && PASSING.has(code)) {
    return new SluiceError(
      'STORE_UNAVAILABLE',
      `The system could not use ${file} just now (${code}). Trying again may help.`,
      {
        retryable: true,
        details: { path: file },
        cause: error,
      },
    )
  }
  return error
}

/** Faults that may pass by themselves: too many open files, a busy or failing disk. */
const PASSING = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'EBUSY', 'EIO', 'ETIMEDOUT'])
