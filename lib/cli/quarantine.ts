import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { readArgs } from '#cli/args.ts'
import { cellFormat, cellJson, cellText } from '#cli/cell.ts'
import { locateData } from '#cli/data-location.ts'
import { Grid } from '#cli/grid.ts'
import { type LakeReader, readLake } from '#cli/lake-reader.ts'
import { lastRows } from '#cli/table-files.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { clip, count } from '#cli/text.ts'
import { SluiceError } from '#core/errors.ts'
import { inspectDataFolder } from '#local/data-folder.ts'
import { QUARANTINE_FIELDS } from '#plan/plan.ts'

const HELP = `sluice quarantine [options]

Prints the last records that were set aside, newest last: why, where in the topic they are, and what they hold.
For sums of them: sluice query "SELECT reason, count(*) FROM quarantine.crimes GROUP BY reason".

  --limit N    so many records (default 20)
  --data DIR   data folder (default: the only one below .sluice)
  --json       as one JSON document, with the whole records
`

/** In the order in which people ask. */
const SHOWN = ['append_time', 'partition', 'offset', 'reason', 'detail', 'value']
const VALUE_SHOWN = 200

export const quarantineCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const specs = { data: { type: 'string' }, limit: { type: 'string' }, json: { type: 'boolean' } } as const
    const options = readArgs('quarantine', args, specs, 0)
    const limit = options.limit()
    const lake = readLake(locateData(options.text('data'), terminal))
    const name = quarantineOf(lake)
    const snapshot = await (await lake.open(name)).snapshot()
    const rows = (await lastRows(lake.deps.store, name, snapshot, limit)).toSorted(byAppendTime)
    const total = snapshot.totalRows() ?? rows.length
    const formats = new Map(QUARANTINE_FIELDS.map((field) => [field.name, cellFormat(field, 'UTC')]))
    if (options.flag('json')) {
      const records = rows.map((row) =>
        Object.fromEntries([...formats].map(([column, format]) => [column, cellJson(row[column], format)])),
      )
      terminal.out(`${JSON.stringify({ table: name, total, records })}\n`)
      return EXIT.done
    }
    if (total === 0) {
      terminal.out(`Nothing is in quarantine (${name}).\n`)
      return EXIT.done
    }
    const grid = new Grid(
      terminal,
      SHOWN.map((title) => ({ title, right: title === 'partition' || title === 'offset' })),
    )
    for (const row of rows) {
      await grid.add(SHOWN.map((column) => clip(cellText(row[column], formats.get(column)!), VALUE_SHOWN)))
    }
    await grid.end()
    if (total > rows.length) terminal.out(`… the last ${count(rows.length)} of ${count(total)} (--limit for more)\n`)
    return EXIT.done
  },
}

/** @throws SluiceError TABLE_UNKNOWN */
function quarantineOf({ names, dataFolder }: LakeReader): string {
  const tables = names.filter((name) => name.startsWith('quarantine.'))
  if (tables.length === 1) return tables[0]!
  if (existsSync(join(dataFolder, 'sluice.json'))) {
    const own = `quarantine.${inspectDataFolder(dataFolder).pipeline.name}`
    if (tables.includes(own)) return own
  }
  throw new SluiceError(
    'TABLE_UNKNOWN',
    `Expected one quarantine table in ${dataFolder}, found ${tables.length === 0 ? 'none' : tables.join(', ')}. ` +
      'A pipeline that has run there has one; sluice show TABLE prints any table.',
  )
}

function byAppendTime(a: Readonly<Record<string, unknown>>, b: Readonly<Record<string, unknown>>): number {
  return Number(a['append_time']) - Number(b['append_time']) || Number(a['offset']) - Number(b['offset'])
}
