import { readArgs } from '#cli/args.ts'
import { rebuildingOf } from '#cli/rebuild.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { alignTable, count, isoTime } from '#cli/text.ts'
import { openRebuild } from '#local/rebuilding.ts'
import { type DifferentRow, diffRebuild, type TableDiff } from '#runtime/diff.ts'

const HELP = `sluice diff PIPELINE [options]

What a rebuild would change: compares its tables with those that serve. Results are compared by window and group, the latest revision of
each; other tables by how often they have each row.

  PIPELINE     a module whose default export is a pipeline, or the name of one in pipelines/
  --limit N    so many different rows a table (default 20)
  --zone ZONE  times in that zone (default: UTC)
  --data DIR   data folder (default: the only one below .sluice)
  --json       as one JSON document

Exits with 1 when something is different.
`

export const diffCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const specs = {
      data: { type: 'string' },
      limit: { type: 'string' },
      zone: { type: 'string' },
      json: { type: 'boolean' },
    } as const
    const options = readArgs('diff', args, specs, 1)
    const limit = options.limit()
    const rebuilding = await rebuildingOf('diff', options.positionals[0], options.text('data'), terminal)
    try {
      const diffs = await diffRebuild(rebuilding.serving, await openRebuild(rebuilding), limit)
      const zone = options.text('zone') ?? 'UTC'
      if (options.flag('json'))
        terminal.out(`${JSON.stringify({ pipeline: rebuilding.serving.plan.name, tables: diffs })}\n`)
      else terminal.out(diffs.map((diff) => tableText(diff, zone)).join('\n'))
      return diffs.every(isSame) ? EXIT.done : EXIT.failed
    } finally {
      await rebuilding.close()
    }
  },
}

const isSame = ({ changed, onlyServing, onlyRebuilt }: TableDiff): boolean => changed + onlyServing + onlyRebuilt === 0

function tableText(diff: TableDiff, zone: string): string {
  const { table, same, changed, onlyServing, onlyRebuilt, rows } = diff
  if (isSame(diff)) return `${table}: the same ${count(same)} ${same === 1 ? 'row' : 'rows'}\n`
  const sums = [
    `${count(same)} rows the same`,
    ...(changed > 0 ? [`${count(changed)} changed`] : []),
    `${count(onlyServing)} only as it serves`,
    `${count(onlyRebuilt)} only rebuilt`,
  ]
  const head = `${table}: ${sums.join(', ')}\n`
  if (rows.length === 0) return head
  const columns = Object.keys(rows[0]!.key)
  const shown = rows.map((row) => [
    ...columns.map((column) => keyText(column, row.key[column], zone)),
    valuesText(row.serving),
    valuesText(row.rebuilt),
  ])
  const left = changed + onlyServing + onlyRebuilt - rows.length
  const more = left > 0 ? `… and ${count(left)} more\n` : ''
  return `${head}${alignTable([...columns, 'serving', 'rebuilt'], shown, [])}${more}`
}

const keyText = (column: string, value: unknown, zone: string): string =>
  column.startsWith('window_') && typeof value === 'number' ? isoTime(value, zone) : String(value)

function valuesText(values: DifferentRow['serving']): string {
  if (values === null) return '–'
  return Object.entries(values)
    .map(([name, value]) => `${name} ${JSON.stringify(value)}`)
    .join(', ')
}
