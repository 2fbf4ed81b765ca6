import { SluiceError } from '#core/errors.ts'

/** The operating system's `code` (`ENOSPC` …) of a failed call, if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** What a failed file operation means to the user: DISK_FULL, DATA_FOLDER_READ_ONLY, or the error as it is. */
export function diskError(error: unknown, path: string): unknown {
  const code = systemCode(error)
  const options = { details: { path }, cause: error }
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new SluiceError(
      'DISK_FULL',
      `Writing ${path} needs room on the disk, but none is left (${code}). Free some and start again: nothing written is lost.`,
      options,
    )
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
    return new SluiceError(
      'DATA_FOLDER_READ_ONLY',
      `${path} must be writable, but the system refuses it (${code}). Change its permissions, or choose another --data folder.`,
      options,
    )
  }
  return error
}
