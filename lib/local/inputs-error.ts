import { SluiceError } from '#core/errors.ts'

/** The error of a failed system call on an input file, in words that help. */
export function inputError(path: string, cause: unknown): SluiceError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown'
  const details = { path, code }
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const message = `There is no file ${path}. Check the path; relative paths start in the folder where the command runs.`
    return new SluiceError('INPUT_NOT_FOUND', message, { details, cause })
  }
  if (code === 'EISDIR') return folderError(path)
  const why = code === 'EACCES' || code === 'EPERM' ? 'no permission to read it' : `the system says ${code}`
  const message = `${path} can't be read: ${why}. Expected a file that this user may read.`
  return new SluiceError('INPUT_UNREADABLE', message, { details, cause })
}

export function folderError(path: string): SluiceError {
  return new SluiceError('INPUT_IS_FOLDER', `${path} is a folder, expected a file. Name the files in it one by one.`, {
    details: { path },
  })
}
