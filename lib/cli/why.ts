import { readArgs } from '#cli/args.ts'
import { cellFormat, cellJson } from '#cli/cell.ts'
import { locateData } from '#cli/data-location.ts'
import { tableName } from '#cli/lake-reader.ts'
import { type KeyedRow, rowWithKey } from '#cli/row-key.ts'
import { type Command, EXIT, type Terminal } from '#cli/terminal.ts'
import { alignTable, count, isoTime } from '#cli/text.ts'
import { closesAt, type OpenReasons, openReasons, reasonsText } from '#cli/why-open.ts'
import { SluiceError } from '#core/errors.ts'
import { zone } from '#core/zone.ts'
import { DeltaTable } from '#delta/table.ts'
import { type DataFolder, type FolderPipeline, inspectDataFolder } from '#local/data-folder.ts'
import { findPipeline, loadPipeline } from '#local/pipeline-module.ts'
import { openRebuilding, type Rebuilding } from '#local/rebuilding.ts'
import { isWindowOutput, type WindowOutput } from '#plan/plan.ts'
import { tablePath } from '#runtime/runtime.ts'
import { type RecordsBehind, recordsBehind } from '#runtime/why.ts'

const HELP = `sluice why TABLE COLUMN=VALUE… [options]
sluice why --open [TABLE COLUMN=VALUE…] [options]

Lists the records behind a row of results: where each is in the topic and in bronze, and whether it counts, came too late, or was set
aside. With --open says why windows, or that one, are not closed yet: what the watermark waits for, how far behind it is, since when.

  TABLE            a table of a windowed output
  COLUMN=VALUE     the row's key: window_start and each group column; window_end where windows start together
  --open           why it is open
  --limit N        so many records, the first by event time (default 20)
  --zone ZONE      times in that zone (default: UTC)
  --pipeline FILE  module of the pipeline (default: pipelines/<name>.ts for the data folder's)
  --data DIR       data folder (default: the only one below .sluice)
  --json           as one JSON document

KAFKA_BROKERS=host:port,…   the broker, where the folder has read from one
`

const SPECS = {
  open: { type: 'boolean' },
  limit: { type: 'string' },
  zone: { type: 'string' },
  pipeline: { type: 'string' },
  data: { type: 'string' },
  json: { type: 'boolean' },
} as const

const WORDS_MAX = 64

interface Question {
  readonly words: readonly string[]
  readonly open: boolean
  readonly limit: number
  readonly zone: string
  readonly json: boolean
  readonly pipeline: string | undefined
}

export const whyCommand: Command = {
  help: HELP,
  async run(args, terminal) {
    const options = readArgs('why', args, SPECS, WORDS_MAX)
    const question: Question = {
      words: options.positionals,
      open: options.flag('open'),
      limit: options.limit(),
      zone: zone(options.text('zone') ?? 'UTC').name,
      json: options.flag('json'),
      pipeline: options.text('pipeline'),
    }
    const { folder, pipeline } = inspectDataFolder(locateData(options.text('data'), terminal))
    if (question.words.length === 0) {
      if (!question.open) throw new SluiceError('USAGE', 'Which row? Try: sluice why --help')
      answerOpen(await openReasons(folder, pipeline, terminal), question, terminal)
      return EXIT.done
    }
    const rebuilding = await openRebuilding(await planOf(question, pipeline, terminal), folder.path)
    try {
      checkDefinition(rebuilding)
      await answerRow(rebuilding, folder, pipeline, question, terminal)
    } finally {
      await rebuilding.close()
    }
    return EXIT.done
  },
}

const planOf = ({ pipeline }: Question, { name }: FolderPipeline, { workingFolder }: Terminal) =>
  loadPipeline(findPipeline(pipeline ?? name, workingFolder))

function checkDefinition({ folder, manifest, fingerprint }: Rebuilding): void {
  if (manifest.fingerprint === fingerprint) return
  throw new SluiceError(
    'WINDOW_STATE_MISMATCH',
    `Expected the definition of "${manifest.name}" that made the tables in ${folder.path}, found another one: it would judge the ` +
      'records in another way. Name the old module with --pipeline.',
    { details: { folder: folder.path, stored: manifest.fingerprint, now: fingerprint } },
  )
}

async function answerRow(
  rebuilding: Rebuilding,
  folder: DataFolder,
  pipeline: FolderPipeline,
  question: Question,
  terminal: Terminal,
): Promise<void> {
  const { serving } = rebuilding
  const { table, output } = outputOf(rebuilding, question.words[0]!)
  const snapshot = await (await DeltaTable.open(serving, tablePath(table))).snapshot()
  const row = await rowWithKey(output, snapshot, question.words.slice(1))
  if (question.open) {
    answerOpen(await openReasons(folder, pipeline, terminal), question, terminal, row)
    return
  }
  const behind = await recordsBehind(serving, row.key, question.limit)
  if (question.json) terminal.out(`${JSON.stringify(rowJson(table, row, behind))}\n`)
  else terminal.out(rowText(table, row, behind, question))
}

/** @throws SluiceError TABLE_UNKNOWN, USAGE for a table that holds no results */
function outputOf({ serving, folder }: Rebuilding, word: string): { table: string; output: WindowOutput } {
  const outputs = serving.plan.outputs.filter(isWindowOutput)
  const tables = outputs.flatMap((output) =>
    output.sinks.flatMap((sink) => (sink.kind === 'delta' ? [{ table: sink.table, output }] : [])),
  )
  const name = tableName(
    word,
    tables.map(({ table }) => table),
    folder.path,
  )
  return tables.find(({ table }) => table === name)!
}

function keyText({ key: { output, start, end, group } }: KeyedRow, zoneName: string): string {
  const groups = output.groupBy.map((name, i) => `, ${name} ${JSON.stringify(group[i])}`)
  return `window ${isoTime(start, zoneName)} to ${isoTime(end, zoneName)}${groups.join('')}`
}

function rowText(table: string, row: KeyedRow, behind: RecordsBehind, { zone: zoneName }: Question): string {
  const { sums, records, unreadable } = behind
  const parts = [
    `${count(sums.counted)} counted`,
    `${count(sums.late)} late`,
    `${count(sums.quarantined)} quarantined`,
    ...(sums.waiting > 0 ? [`${count(sums.waiting)} not applied yet`] : []),
  ]
  const lines = [`${table}: ${keyText(row, zoneName)}`, ...row.revisions.map((one) => revisionText(row, one))]
  if (row.revisions.length === 0) lines.push('No row: its window is open, or the row does not pass where.')
  lines.push('', `Records in bronze: ${parts.join(', ')}.`)
  if (unreadable > 0) lines.push(`${count(unreadable)} more, of whatever window, can't be read: see sluice quarantine.`)
  const shown = records.map((record) => [
    String(record.partition),
    String(record.offset),
    isoTime(record.eventTime, zoneName),
    isoTime(record.appendTime, zoneName),
    record.reason === null ? record.verdict : `${record.verdict}: ${record.reason}`,
  ])
  const all = Object.values(sums).reduce((sum, each) => sum + each, 0)
  const header = ['partition', 'offset', 'event time', 'append time', 'verdict']
  const list = shown.length === 0 ? '' : `\n${alignTable(header, shown, [0, 1])}`
  const more = all > records.length ? `… ${count(records.length)} of ${count(all)} records (--limit for more)\n` : ''
  return `${lines.join('\n')}\n${list}${more}`
}

function revisionText({ key: { output } }: KeyedRow, row: Readonly<Record<string, unknown>>): string {
  const values = output.aggregates.map(({ name }) => `${name} ${JSON.stringify(row[name] ?? null)}`)
  const final = row['is_final'] === true ? '' : output.emit === 'final' ? ', withdrawn' : ', not final'
  return `revision ${row['revision']}${final}: ${values.join(', ')}`
}

function rowJson(table: string, { key, revisions }: KeyedRow, { records, sums, unreadable }: RecordsBehind): object {
  const { output, start, end, group } = key
  const groups = Object.fromEntries(output.groupBy.map((name, i) => [name, group[i]]))
  const formats = new Map(output.fields.map((field) => [field.name, cellFormat(field, 'UTC')]))
  return {
    table,
    key: { window_start: isoTime(start), window_end: isoTime(end), ...groups },
    revisions: revisions.map((row) =>
      Object.fromEntries([...formats].map(([name, format]) => [name, cellJson(row[name], format)])),
    ),
    ...sums,
    unreadable,
    records: records.map((one) => ({
      ...one,
      eventTime: isoTime(one.eventTime),
      appendTime: isoTime(one.appendTime),
    })),
  }
}

function answerOpen(reasons: OpenReasons, question: Question, terminal: Terminal, row?: KeyedRow): void {
  if (question.json) {
    terminal.out(
      `${JSON.stringify({ ...openJson(reasons), ...(row === undefined ? {} : { window: windowJson(reasons, row) }) })}\n`,
    )
    return
  }
  terminal.out(
    `${row === undefined ? '' : windowText(reasons, row, question.zone)}${reasonsText(reasons, question.zone)}`,
  )
}

const iso = (instant: number | null): string | null => (instant === null ? null : isoTime(instant))

function openJson({ closedUpTo, watermark, outOfOrder, waitedFor, newest }: OpenReasons): object {
  return {
    closedUpTo: iso(closedUpTo),
    watermark: iso(watermark),
    outOfOrderMs: outOfOrder,
    waitedFor: waitedFor.map((one) => ({ ...one, maxEventTime: iso(one.maxEventTime), since: iso(one.since) })),
    newest: newest === null ? null : { eventTime: isoTime(newest.eventTime), appendTime: isoTime(newest.appendTime) },
  }
}

const isClosed = ({ closedUpTo }: OpenReasons, { key }: KeyedRow): boolean =>
  closedUpTo !== null && key.end <= closedUpTo

function windowJson(reasons: OpenReasons, row: KeyedRow): object {
  const { end } = row.key
  return { end: isoTime(end), closed: isClosed(reasons, row), closesAt: iso(closesAt(reasons, end)) }
}

function windowText(reasons: OpenReasons, row: KeyedRow, zoneName: string): string {
  const name = keyText(row, zoneName)
  if (isClosed(reasons, row)) return `The ${name} is closed.\n`
  if (row.revisions.some((one) => one['is_final'] === true)) {
    return `The ${name} is published, as its input had ended; what still comes corrects it until the watermark passes.\n`
  }
  const at = closesAt(reasons, row.key.end)
  const when = at === null ? '' : ` It closes at ${isoTime(at, zoneName)} if nothing newer comes.`
  return `The ${name} is open.${when}\n`
}
