import { readArgs } from '#cli/args.ts'
import { locateData } from '#cli/data-location.ts'
import { readLake } from '#cli/lake-reader.ts'
import { needed } from '#cli/table-argument.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { alignTable, count, isoTime, size } from '#cli/text.ts'

const HELP = `sluice history TABLE [options]

Lists the commits of a table, newest first: what each one added and removed, and who wrote it.

  TABLE        layer.table, or the table alone where only one layer has it
  --limit N    so many commits (default 20)
  --data DIR   data folder (default: the only one below .sluice)
  --json       as one JSON document
`

export const historyCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const specs = { data: { type: 'string' }, limit: { type: 'string' }, json: { type: 'boolean' } } as const
    const options = readArgs('history', args, specs, 1)
    const limit = options.count('limit', { min: 1, max: 1_000_000 }) ?? 20
    const lake = readLake(locateData(options.text('data'), terminal))
    const table = await lake.open(needed('history', options.positionals[0], lake.names))
    const history = await table.history(limit)
    if (options.flag('json')) {
      const commits = history.map((entry) => ({ ...entry, timestamp: isoTime(entry.timestamp) }))
      terminal.out(`${JSON.stringify({ table: table.path.replace('/', '.'), commits })}\n`)
      return EXIT.done
    }
    const rows = history.map((entry) => [
      String(entry.version),
      isoTime(entry.timestamp),
      entry.operation,
      `+${entry.filesAdded}${entry.filesRemoved === 0 ? '' : ` −${entry.filesRemoved}`}`,
      entry.rowsAdded === null ? '?' : count(entry.rowsAdded),
      size(entry.bytesAdded),
      entry.engine ?? '',
    ])
    terminal.out(alignTable(['version', 'committed', 'operation', 'files', 'rows', 'size', 'by'], rows, [0, 3, 4, 5]))
    return EXIT.done
  },
}
