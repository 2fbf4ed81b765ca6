import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { locateData } from '#cli/data-location.ts'
import { readLake } from '#cli/lake-reader.ts'
import { needed } from '#cli/table-argument.ts'
import type { Terminal } from '#cli/terminal.ts'
import { SluiceError } from '#core/errors.ts'
import { DeltaTable } from '#delta/table.ts'

/** The table that a command is about, and what people call it. */
export interface TableTarget {
  readonly table: DeltaTable
  readonly name: string
}

/** Lines of help for the TABLE argument of commands that take any Delta table. */
export const TARGET_HELP = `  TABLE             layer.table of a data folder, or the table alone where only one layer has it;
                    or the folder of any Delta table: ./lake/orders`

/**
 * A table of the data folder by name, or any Delta table by its folder: a word with a slash, or one that names a folder with a log.
 *
 * @throws SluiceError USAGE without a word or for the URI of a store that we have not, DELTA_NOT_A_TABLE, TABLE_UNKNOWN
 */
export async function openTarget(
  command: string,
  word: string | undefined,
  data: string | undefined,
  terminal: Terminal,
): Promise<TableTarget> {
  if (word !== undefined && data === undefined) {
    const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(word)?.[1]?.toLowerCase()
    if (scheme !== undefined && scheme !== 'file') {
      throw new SluiceError(
        'USAGE',
        `Expected a folder or a table's name, found ${word}: ${scheme}:// is no store of this command.`,
      )
    }
    const folder = resolve(terminal.workingFolder, scheme === 'file' ? new URL(word).pathname : word)
    if (scheme === 'file' || /[/\\]/.test(word) || existsSync(join(folder, '_delta_log')))
      return openFolder(folder, word)
  }
  const lake = readLake(locateData(data, terminal))
  const table = await lake.open(needed(command, word, lake.names))
  return { table, name: table.path.replace('/', '.') }
}

async function openFolder(folder: string, name: string): Promise<TableTarget> {
  const deps = { store: new DirectoryObjectStore(dirname(folder)), clock: systemClock, ids: randomIds }
  return { table: await DeltaTable.open(deps, basename(folder)), name }
}
