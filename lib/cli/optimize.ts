import { readArgs } from '#cli/args.ts'
import { openTarget, TARGET_HELP } from '#cli/table-target.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { count, size } from '#cli/text.ts'
import { SluiceError } from '#core/errors.ts'
import type { OptimizeOptions, Predicate, WriteResult } from '#delta/table.ts'

const HELP = `sluice optimize TABLE [options]

Writes the small files of a Delta table together. No row changes; others may write meanwhile, they win. Then a checkpoint, if one is due.

${TARGET_HELP}
  --target SIZE     size of the files to make, such as 64MB (default 128MB)
  --cluster-by A,B  sort the rows by these columns, so that filters on them skip files
  --where JSON      only files that may have such rows: '{"district":"011"}'
  --dry-run         only say how many files would be written anew
  --data DIR        data folder (default: the only one below .sluice)
  --json            as one JSON document
`

const SPECS = {
  target: { type: 'string' },
  'cluster-by': { type: 'string' },
  where: { type: 'string' },
  'dry-run': { type: 'boolean' },
  data: { type: 'string' },
  json: { type: 'boolean' },
} as const

export const optimizeCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs('optimize', args, SPECS, 1)
    const target = options.text('target')
    const clusterBy = options.text('cluster-by')
    const where = options.text('where')
    const chosen: OptimizeOptions = {
      ...(target === undefined ? {} : { targetBytes: bytesOf(target) }),
      ...(clusterBy === undefined ? {} : { clusterBy: clusterBy.split(',').map((name) => name.trim()) }),
      ...(where === undefined ? {} : { where: predicateOf(where) }),
      dryRun: options.flag('dry-run'),
    }
    const { table, name } = await openTarget('optimize', options.positionals[0], options.text('data'), terminal)
    const result = await table.optimize(chosen)
    const checkpointed = result.committed && (await table.checkpointIfDue())
    if (options.flag('json')) terminal.out(`${JSON.stringify({ table: name, ...result, checkpointed })}\n`)
    else
      terminal.out(`${name}: ${textOf(result, options.flag('dry-run'))}${checkpointed ? '; checkpoint written' : ''}\n`)
    return EXIT.done
  },
}

function textOf({ version, committed, metrics }: WriteResult, dryRun: boolean): string {
  const { numRemovedFiles: from = 0, numAddedFiles: to = 0, numRemovedBytes = 0, numAddedBytes = 0 } = metrics
  if (dryRun && from > 0) return `${count(from)} files (${size(numRemovedBytes)}) would be written anew`
  if (!committed) return 'nothing to do'
  return `${count(from)} files (${size(numRemovedBytes)}) became ${count(to)} (${size(numAddedBytes)}) in version ${version}`
}

const UNITS: Readonly<Record<string, number>> = { '': 1, b: 1, kb: 1e3, mb: 1e6, gb: 1e9 }

function bytesOf(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text)
  const bytes = Number(match?.[1]) * (UNITS[match?.[2]?.toLowerCase() ?? '?'] ?? Number.NaN)
  if (bytes >= 1) return Math.round(bytes)
  throw new SluiceError('USAGE', `--target takes a size such as 64MB, not ${text}. Try: sluice optimize --help`)
}

function predicateOf(text: string): Predicate {
  try {
    return JSON.parse(text) as Predicate
  } catch {
    throw new SluiceError(
      'USAGE',
      `--where takes JSON such as '{"district":"011"}', not ${text}. Try: sluice optimize --help`,
    )
  }
}
