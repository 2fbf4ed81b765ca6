import { readArgs } from '#cli/args.ts'
import { openTarget, TARGET_HELP } from '#cli/table-target.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { count, size } from '#cli/text.ts'
import type { Duration } from '#core/duration.ts'

const HELP = `sluice vacuum TABLE [options]

Deletes files that a Delta table lost longer ago than its retention (delta.deletedFileRetentionDuration, 7 days), and files that were
never committed. Older versions can't be read any more.

${TARGET_HELP}
  --older-than D    another time than the retention, such as '14 days'; a shorter one needs --force
  --force           allow a shorter time. Readers of older versions lose files, and so do writers that have not committed yet
  --log             also delete commits that are older than delta.logRetentionDuration (30 days), up to a checkpoint
  --dry-run         only list the files
  --data DIR        data folder (default: the only one below .sluice)
  --json            as one JSON document
`

const SPECS = {
  'older-than': { type: 'string' },
  force: { type: 'boolean' },
  log: { type: 'boolean' },
  'dry-run': { type: 'boolean' },
  data: { type: 'string' },
  json: { type: 'boolean' },
} as const

export const vacuumCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs('vacuum', args, SPECS, 1)
    const dryRun = options.flag('dry-run')
    const { table, name } = await openTarget('vacuum', options.positionals[0], options.text('data'), terminal)
    const olderThan = options.text('older-than')
    const result = await table.vacuum({
      dryRun,
      force: options.flag('force'),
      ...(olderThan === undefined ? {} : { olderThan: olderThan as Duration }),
    })
    const log = options.flag('log') && !dryRun ? await table.cleanLog() : null
    if (options.flag('json')) {
      terminal.out(`${JSON.stringify({ table: name, ...result, log })}\n`)
      return EXIT.done
    }
    if (dryRun) for (const path of result.paths) terminal.out(`${path}\n`)
    const files = `${count(result.paths.length)} files (${size(result.bytes)})`
    terminal.out(`${name}: ${files} ${dryRun ? 'would be deleted' : 'deleted'}, ${count(result.kept)} kept\n`)
    if (log !== null) terminal.out(`${name}: ${count(log.deleted.length)} files of the log deleted\n`)
    return EXIT.done
  },
}
