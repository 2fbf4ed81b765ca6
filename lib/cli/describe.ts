import { readArgs } from '#cli/args.ts'
import { openTarget, TARGET_HELP } from '#cli/table-target.ts'
import { type Command, EXIT } from '#cli/terminal.ts'
import { alignTable, count, isoTime, size, visible } from '#cli/text.ts'
import { typeText } from '#delta/schema-json.ts'
import type { TableDescription } from '#delta/table.ts'

const HELP = `sluice describe TABLE [options]

Says what a Delta table is: its columns, properties, files, protocol and transactions. Any Delta table, whoever wrote it.

${TARGET_HELP}
  --verify          compare the table with its checksum, and fail when they differ
  --data DIR        data folder (default: the only one below .sluice)
  --json            as one JSON document
`

export const describeCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const specs = { data: { type: 'string' }, verify: { type: 'boolean' }, json: { type: 'boolean' } } as const
    const options = readArgs('describe', args, specs, 1)
    const { table, name } = await openTarget('describe', options.positionals[0], options.text('data'), terminal)
    const described = await table.describe({ verify: options.flag('verify') })
    if (options.flag('json')) {
      const { committed, created } = described
      const times = { committed: isoTime(committed), created: created === null ? null : isoTime(created) }
      terminal.out(`${JSON.stringify({ table: name, ...described, ...times })}\n`)
    } else terminal.out(textOf(name, described))
    return EXIT.done
  },
}

function textOf(name: string, table: TableDescription): string {
  const facts: (readonly [string, string | null])[] = [
    ['table', name],
    ['at', table.uri],
    ['name', table.name],
    ['description', table.description],
    ['id', table.id],
    ['created', table.created === null ? null : isoTime(table.created)],
    ['version', `${table.version}, committed ${isoTime(table.committed)}`],
    ['checkpoint', table.checkpoint === null ? 'none' : `version ${table.checkpoint}`],
    ['rows', table.rows === null ? 'unknown: files without statistics' : count(table.rows)],
    ['files', `${count(table.files)}, ${size(table.bytes)}; ${count(table.tombstones)} removed ones remembered`],
    ['protocol', protocolText(table)],
    ['partitioned by', table.partitionColumns.join(', ') || 'nothing'],
  ]
  const rows = facts.flatMap(([label, value]) => (value === null ? [] : [[label, visible(value)]]))
  const columns = table.schema.fields.map(({ name: column, type, nullable }) => [
    visible(column),
    typeText(type),
    nullable ? 'null' : '',
  ])
  const properties = Object.entries(table.properties).map(([key, value]) => [visible(key), visible(value)])
  const txns = Object.entries(table.txns).map(([appId, version]) => [visible(appId), String(version)])
  return [
    withoutHeader(rows),
    `\n${alignTable(['column', 'type', ''], columns)}`,
    properties.length === 0 ? '' : `\n${alignTable(['property', 'value'], properties)}`,
    txns.length === 0 ? '' : `\n${alignTable(['application', 'version'], txns, [1])}`,
  ].join('')
}

function withoutHeader(rows: readonly (readonly string[])[]): string {
  const text = alignTable(['', ''], rows)
  return text.slice(text.indexOf('\n') + 1)
}

function protocolText({ minReaderVersion, minWriterVersion, features }: TableDescription): string {
  const versions = `reader ${minReaderVersion}, writer ${minWriterVersion}`
  return features.length === 0 ? versions : `${versions}: ${features.join(', ')}`
}
