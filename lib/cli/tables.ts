import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { readArgs } from '#cli/args.ts'
import { locateData } from '#cli/data-location.ts'
import { readLake } from '#cli/lake-reader.ts'
import type { Command, Terminal } from '#cli/terminal.ts'
import { EXIT } from '#cli/terminal.ts'
import { alignTable, count, isoTime, size } from '#cli/text.ts'
import { isSluiceError, SluiceError } from '#core/errors.ts'
import { DeltaTable } from '#delta/table.ts'
import { findTables } from '#local/find-tables.ts'
import { openStore } from '#local/open-store.ts'

const HELP = `sluice tables [PLACE] [options]

Lists the tables of a data folder, or all Delta tables at another place: rows, files, bytes, version, time of the last commit.
Others may be writing to them.

  PLACE        a path or s3://bucket/path: a Delta table, or a folder with tables at any depth
  --data DIR   data folder (default: the only one below .sluice)
  --json       as one JSON document
`

interface ListedTable {
  readonly name: string
  readonly rows: number | null
  readonly files: number
  readonly bytes: number
  readonly version: number
  readonly committed: string
}

/** One that can't be read. */
interface FailedTable {
  readonly name: string
  readonly error: { readonly code: string; readonly message: string }
}

interface Listing {
  /** Where they are, as JSON has it. */
  readonly place: Readonly<Record<string, string>>
  readonly tables: readonly (ListedTable | FailedTable)[]
}

export const tablesCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs('tables', args, { data: { type: 'string' }, json: { type: 'boolean' } }, 1)
    const [place] = options.positionals
    const { place: where, tables } =
      place === undefined ? await inDataFolder(options.text('data'), terminal) : await atPlace(place, terminal)
    const failed = tables.filter((table) => 'error' in table)
    if (options.flag('json')) {
      terminal.out(`${JSON.stringify({ ...where, tables })}\n`)
    } else {
      terminal.out(
        alignTable(['table', 'rows', 'files', 'size', 'version', 'last commit'], cells(tables), [1, 2, 3, 4]),
      )
      for (const { name, error } of failed) terminal.err(`sluice: ${name}: ${error.code}: ${error.message}\n`)
    }
    return failed.length === 0 ? EXIT.done : EXIT.failed
  },
}

async function inDataFolder(named: string | undefined, terminal: Terminal): Promise<Listing> {
  const lake = readLake(locateData(named, terminal))
  const tables: ListedTable[] = []
  for (const name of lake.names) tables.push(await describe(name, await lake.open(name)))
  return { place: { dataFolder: lake.dataFolder }, tables }
}

/** Tables of anybody: one that can't be read must not hide the others. */
async function atPlace(place: string, terminal: Terminal): Promise<Listing> {
  const { store, path } = await openStore(place, terminal.workingFolder)
  const tables: (ListedTable | FailedTable)[] = []
  for await (const found of findTables(store, path)) {
    const name =
      found === path ? found.slice(found.lastIndexOf('/') + 1) : found.slice(path === '' ? 0 : path.length + 1)
    try {
      tables.push(await describe(name, await DeltaTable.open({ store, clock: systemClock, ids: randomIds }, found)))
    } catch (error) {
      if (!isSluiceError(error)) throw error
      tables.push({ name, error: { code: error.code, message: error.message } })
    }
  }
  if (tables.length > 0) return { place: { place }, tables }
  throw new SluiceError(
    'TABLE_UNKNOWN',
    `Expected Delta tables at ${store.uri}/${path}, found none. A table is a folder with a _delta_log: check the path.`,
    { details: { place } },
  )
}

async function describe(name: string, table: DeltaTable): Promise<ListedTable> {
  const snapshot = await table.snapshot()
  return {
    name,
    rows: snapshot.totalRows(),
    files: snapshot.files.length,
    bytes: snapshot.totalBytes,
    version: snapshot.version,
    committed: isoTime(snapshot.timestamp),
  }
}

function cells(tables: Listing['tables']): readonly (readonly string[])[] {
  return tables.map((table) => {
    if ('error' in table) return [table.name, '?', '?', '?', '?', table.error.code]
    const { name, rows, files, bytes, version, committed } = table
    return [name, rows === null ? '?' : count(rows), count(files), size(bytes), String(version), committed]
  })
}
