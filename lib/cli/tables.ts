import { readArgs } from '#cli/args.ts'
import { locateData } from '#cli/data-location.ts'
import { readLake } from '#cli/lake-reader.ts'
import type { Command } from '#cli/terminal.ts'
import { EXIT } from '#cli/terminal.ts'
import { alignTable, count, isoTime, size } from '#cli/text.ts'

const HELP = `sluice tables [options]

Lists the tables of a data folder: rows, files, bytes, version, time of the last commit. A pipeline may be running in it.

  --data DIR   data folder (default: the only one below .sluice)
  --json       as one JSON document
`

export const tablesCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs('tables', args, { data: { type: 'string' }, json: { type: 'boolean' } }, 0)
    const lake = readLake(locateData(options.text('data'), terminal))
    const tables = []
    for (const name of lake.names) {
      const snapshot = await (await lake.open(name)).snapshot()
      tables.push({
        name,
        rows: snapshot.totalRows(),
        files: snapshot.files.length,
        bytes: snapshot.totalBytes,
        version: snapshot.version,
        committed: isoTime(snapshot.timestamp),
      })
    }
    if (options.flag('json')) {
      terminal.out(`${JSON.stringify({ dataFolder: lake.dataFolder, tables })}\n`)
      return EXIT.done
    }
    const rows = tables.map(({ name, rows, files, bytes, version, committed }) => [
      name,
      rows === null ? '?' : count(rows),
      count(files),
      size(bytes),
      String(version),
      committed,
    ])
    terminal.out(alignTable(['table', 'rows', 'files', 'size', 'version', 'last commit'], rows, [1, 2, 3, 4]))
    return EXIT.done
  },
}
