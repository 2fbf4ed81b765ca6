import { existsSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
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
                    or any Delta table by its folder or URI: ./lake/orders, s3://bucket/lake/orders`

/**
 * A table of the data folder by name, or any Delta table by its folder: a word with a slash, or one that names a folder with a log.
 *
 * @throws SluiceError USAGE without a word or for the URI of a store that we have not, what the store throws, DELTA_NOT_A_TABLE, TABLE_UNKNOWN
 */
export async function openTarget(
  command: string,
  word: string | undefined,
  data: string | undefined,
  terminal: Terminal,
): Promise<TableTarget> {
  if (word !== undefined && data === undefined) {
    const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(word)?.[1]?.toLowerCase()
    if (scheme === 's3' || scheme === 's3a') return openObject(word)
    if (scheme !== undefined && scheme !== 'file') {
      throw new SluiceError(
        'USAGE',
        `Expected a table's name, its folder or an s3:// URI, found ${word}: ${scheme}:// is no store that sluice has.`,
      )
    }
    const folder = resolve(terminal.workingFolder, scheme === 'file' ? fileURLToPath(word) : word)
    if (scheme === 'file' || /[/\\]/.test(word) || existsSync(join(folder, '_delta_log')))
      return openFolder(folder, word)
  }
  const lake = readLake(locateData(data, terminal))
  const table = await lake.open(needed(command, word, lake.names))
  return { table, name: table.path.replace('/', '.') }
}

/** The SDK is loaded only when it is needed. */
async function openObject(uri: string): Promise<TableTarget> {
  const [, bucket = '', path = ''] = /^[^:]+:\/\/([^/]*)\/?(.*?)\/*$/.exec(uri) ?? []
  if (bucket === '') throw new SluiceError('USAGE', `Expected s3://BUCKET/FOLDER, found ${uri}: it has no bucket.`)
  const { S3ObjectStore } = await import('#adapters/aws/s3-object-store.ts')
  const { systemRandom } = await import('#adapters/system/random.ts')
  const store = new S3ObjectStore({ bucket, clock: systemClock, random: systemRandom, ids: randomIds })
  return { table: await DeltaTable.open({ store, clock: systemClock, ids: randomIds }, path), name: uri }
}

async function openFolder(folder: string, name: string): Promise<TableTarget> {
  const deps = { store: new DirectoryObjectStore(dirname(folder)), clock: systemClock, ids: randomIds }
  return { table: await DeltaTable.open(deps, basename(folder)), name }
}
