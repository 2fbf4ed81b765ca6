import { readArgs } from '#cli/args.ts'
import { instantOf } from '#cli/instant.ts'
import { openTarget, TARGET_HELP } from '#cli/table-target.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { count, isoTime, size } from '#cli/text.ts'
import { SluiceError } from '#core/errors.ts'
import type { WriteResult } from '#delta/table.ts'

const HELP = `sluice restore TABLE --version N | --time TIME [options]

Makes a Delta table what it was, as a new version: see sluice history for the old ones. Transactions stay as they are now, so that a
pipeline goes on where it is and does not bring back what is taken away here.

${TARGET_HELP}
  --version N       the version to go back to
  --time TIME       the last version that is not later, such as 2024-05-01T10:00:00Z
  --dry-run         only say how many files would come and go
  --data DIR        data folder (default: the only one below .sluice)
  --json            as one JSON document
`

const SPECS = {
  version: { type: 'string' },
  time: { type: 'string' },
  'dry-run': { type: 'boolean' },
  data: { type: 'string' },
  json: { type: 'boolean' },
} as const

export const restoreCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs('restore', args, SPECS, 1)
    const version = options.count('version', { min: 0 })
    const time = options.text('time')
    if ((version === undefined) === (time === undefined)) {
      throw new SluiceError('USAGE', 'To which version? Choose one of --version and --time. Try: sluice restore --help')
    }
    const choice = version === undefined ? { timestamp: timeOf(time!) } : { version }
    const { table, name } = await openTarget('restore', options.positionals[0], options.text('data'), terminal)
    const dryRun = options.flag('dry-run')
    const result = await table.restore({ ...choice, dryRun })
    const shown = version === undefined ? isoTime(timeOf(time!)) : `version ${version}`
    if (options.flag('json')) terminal.out(`${JSON.stringify({ table: name, ...result })}\n`)
    else terminal.out(`${name}: ${textOf(result, shown, dryRun)}\n`)
    return EXIT.done
  },
}

const timeOf = (text: string): number => instantOf(text, '--time', 'restore')

function textOf({ version, committed, metrics }: WriteResult, shown: string, dryRun: boolean): string {
  const { numRestoredFiles, restoredFilesSize = 0, numRemovedFiles = 0, removedFilesSize = 0 } = metrics
  if (numRestoredFiles === undefined) return `is what it was at ${shown} already`
  const files = `${count(numRestoredFiles)} files back (${size(restoredFilesSize)}), ${count(numRemovedFiles)} away (${size(removedFilesSize)})`
  if (dryRun) return `${files} to go back to ${shown}`
  return committed ? `is what it was at ${shown}, in version ${version}: ${files}` : 'nothing done'
}
