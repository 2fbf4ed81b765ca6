import { readArgs } from '#cli/args.ts'
import { cellJson, cellText, deltaFormat } from '#cli/cell.ts'
import { Grid } from '#cli/grid.ts'
import { openTarget, TARGET_HELP } from '#cli/table-target.ts'
import { type Command, EXIT, type Terminal } from '#cli/terminal.ts'
import { count } from '#cli/text.ts'
import { SluiceError } from '#core/errors.ts'
import { nearest } from '#core/nearest.ts'
import { zone } from '#core/zone.ts'
import type { StructField } from '#delta/schema-json.ts'
import type { Snapshot } from '#delta/table.ts'

const HELP = `sluice show TABLE [options]

Prints rows of a table, in the order in which they were committed. For anything else: sluice query.

${TARGET_HELP}
  --limit N         so many rows (default 20)
  --columns A,B     these columns, in this order
  --version N       the table as it was at a version: see sluice history
  --zone ZONE       times in that zone, such as America/Chicago (default: UTC)
  --data DIR        data folder (default: the only one below .sluice)
  --json            a JSON object a line; bytes as text if they are UTF-8, else base64
`

export const showCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs(
      'show',
      args,
      {
        data: { type: 'string' },
        limit: { type: 'string' },
        columns: { type: 'string' },
        version: { type: 'string' },
        zone: { type: 'string' },
        json: { type: 'boolean' },
      },
      1,
    )
    const limit = options.limit()
    const version = options.count('version', { min: 0 })
    const zoneName = zone(options.text('zone') ?? 'UTC').name
    const { table, name } = await openTarget('show', options.positionals[0], options.text('data'), terminal)
    const snapshot = await table.snapshot(version === undefined ? {} : { version })
    const fields = chosen(snapshot.schema.fields, options.text('columns'), name)
    const source = { snapshot, fields, limit, zone: zoneName }
    if (options.flag('json')) await writeLines(terminal, source)
    else await writeTable(terminal, source)
    return EXIT.done
  },
}

const NUMBERS = /^(byte|short|integer|long|float|double|decimal\b.*)$/

interface Source {
  readonly snapshot: Snapshot
  readonly fields: readonly StructField[]
  readonly limit: number
  readonly zone: string
}

/** @throws SluiceError COLUMN_UNKNOWN */
function chosen(fields: readonly StructField[], columns: string | undefined, table: string): readonly StructField[] {
  if (columns === undefined) return fields
  const names = fields.map(({ name }) => name)
  return columns.split(',').map((column): StructField => {
    const name = column.trim()
    const field = fields.find((each) => each.name === name)
    if (field !== undefined) return field
    const near = nearest(name, names)
    const hint = near === undefined ? '' : ` Did you mean ${near}?`
    throw new SluiceError('COLUMN_UNKNOWN', `${table} has no column ${name}.${hint} Columns: ${names.join(', ')}.`)
  })
}

async function* rowsOf({ snapshot, fields, limit }: Source): AsyncGenerator<Readonly<Record<string, unknown>>> {
  if (limit === 0) return
  for await (const run of snapshot.rows({ columns: fields.map(({ name }) => name), limit })) yield* run
}

async function writeTable(terminal: Terminal, source: Source): Promise<void> {
  const { snapshot, fields, limit } = source
  const formats = fields.map((field) => deltaFormat(field, source.zone))
  const columns = fields.map(({ name, type }) => ({ title: name, right: NUMBERS.test(String(type)) }))
  const grid = new Grid(terminal, columns)
  for await (const row of rowsOf(source)) {
    await grid.add(fields.map(({ name }, i) => cellText(row[name], formats[i]!)))
  }
  await grid.end()
  const total = snapshot.totalRows()
  if (total !== null && total > limit) terminal.out(`… ${count(limit)} of ${count(total)} rows (--limit for more)\n`)
}

async function writeLines(terminal: Terminal, source: Source): Promise<void> {
  const formats = new Map(source.fields.map((field) => [field.name, deltaFormat(field, source.zone)]))
  for await (const row of rowsOf(source)) {
    const line = Object.fromEntries([...formats].map(([name, format]) => [name, cellJson(row[name], format)]))
    terminal.out(`${JSON.stringify(line)}\n`)
    await terminal.written()
  }
}
