import { SluiceError } from '#core/errors.ts'

/** Folder of the root that holds files while they are written. */
export const TEMP_FOLDER = '.sluice-tmp'

/** @throws SluiceError NAME_INVALID for a path that would leave the root or that no object store would give back as it was */
export function checkPath(path: string): void {
  if (path === '' || path.includes('\0') || path.includes('\\') || !path.split('/').every(isSegment)) {
    throw new SluiceError(
      'NAME_INVALID',
      `Expected an object path like folder/name, found ${JSON.stringify(path)}. A path is relative, has no empty, "." or ".." part and no backslash.`,
      { details: { path } },
    )
  }
}

function isSegment(segment: string): boolean {
  return segment !== '' && segment !== '.' && segment !== '..' && segment !== TEMP_FOLDER
}
