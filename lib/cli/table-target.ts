import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { locateData } from '#cli/data-location.ts'
import { readLake } from '#cli/lake-reader.ts'
import { needed } from '#cli/table-argument.ts'
import type { Terminal } from '#cli/terminal.ts'
import { DeltaTable } from '#delta/table.ts'
import { isPlace, openStore } from '#local/open-store.ts'

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
  if (word !== undefined && data === undefined && isPlace(word, terminal.workingFolder)) {
    const { store, path } = await openStore(word, terminal.workingFolder)
    return { table: await DeltaTable.open({ store, clock: systemClock, ids: randomIds }, path), name: word }
  }
  const lake = readLake(locateData(data, terminal))
  const table = await lake.open(needed(command, word, lake.names))
  return { table, name: table.path.replace('/', '.') }
}
