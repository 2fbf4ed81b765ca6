import { existsSync, readdirSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import type { Terminal } from '#cli/terminal.ts'
import { SluiceError } from '#core/errors.ts'

const DEFAULT_PARENT = '.sluice'

/**
 * The data folder that a reading command means: the one named with --data, else the only one below .sluice.
 *
 * @throws SluiceError DATA_FOLDER_NOT_FOUND, USAGE when there are several
 */
export function locateData(named: string | undefined, terminal: Terminal): string {
  const { workingFolder } = terminal
  if (named !== undefined) {
    const path = resolve(workingFolder, named)
    if (isDataFolder(path)) return path
    const found = statSync(path, { throwIfNoEntry: false }) === undefined ? 'nothing there' : 'none of its files there'
    throw notFound(`Expected a data folder at ${path}, found ${found}.`)
  }
  const parent = join(workingFolder, DEFAULT_PARENT)
  const folders = foldersIn(parent)
    .map((name) => join(parent, name))
    .filter(isDataFolder)
  if (folders.length === 1) return folders[0]!
  if (folders.length === 0) throw notFound(`Expected a data folder below ${parent}, found none.`)
  const names = folders.map((path) => relative(workingFolder, path)).join(', ')
  throw new SluiceError('USAGE', `There are several data folders: ${names}. Choose one with --data DIR.`)
}

function notFound(what: string): SluiceError {
  return new SluiceError(
    'DATA_FOLDER_NOT_FOUND',
    `${what} Name another one with --data DIR, or make one: sluice dev, or sluice run PIPELINE --input FILE.`,
  )
}

const isDataFolder = (path: string): boolean => existsSync(join(path, 'sluice.json')) || existsSync(join(path, 'lake'))

/** Names of the folders in a folder, in order; none if it isn't there. Those of our own begin with '_' or '.'. */
export function foldersIn(path: string): readonly string[] {
  if (!existsSync(path)) return []
  return readdirSync(path, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && !/^[._]/.test(entry.name))
    .map(({ name }) => name)
    .sort()
}
