import { readArgs } from '#cli/args.ts'
import { openTarget, TARGET_HELP } from '#cli/table-target.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { alignTable, count, isoTime, size } from '#cli/text.ts'

const HELP = `sluice history TABLE [options]

Lists the commits of a table, newest first: what each one added and removed, and who wrote it.

${TARGET_HELP}
  --limit N         so many commits (default 20)
  --data DIR        data folder (default: the only one below .sluice)
  --json            as one JSON document
`

export const historyCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const specs = { data: { type: 'string' }, limit: { type: 'string' }, json: { type: 'boolean' } } as const
    const options = readArgs('history', args, specs, 1)
    const limit = options.limit()
    const { table, name } = await openTarget('history', options.positionals[0], options.text('data'), terminal)
    const history = await table.history(limit)
    if (options.flag('json')) {
      const commits = history.map((entry) => ({ ...entry, timestamp: isoTime(entry.timestamp) }))
      terminal.out(`${JSON.stringify({ table: name, commits })}\n`)
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
