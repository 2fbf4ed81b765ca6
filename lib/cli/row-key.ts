import { instantOf } from '#cli/instant.ts'
import { isoTime } from '#cli/text.ts'
import { SluiceError } from '#core/errors.ts'
import { DAY, type EpochMillis } from '#core/time.ts'
import type { Predicate, Snapshot } from '#delta/table.ts'
import type { WindowOutput, WindowSpec } from '#plan/plan.ts'
import type { ResultKey } from '#runtime/why.ts'
import { windowsContaining } from '#window/windows.ts'

/** A row of results in all its revisions, oldest first; none where nothing was published under the key. */
export interface KeyedRow {
  readonly key: ResultKey
  readonly revisions: readonly Readonly<Record<string, unknown>>[]
}

/**
 * Finds the row that `column=value` words mean: `window_start`, each group column, and `window_end` where windows of one start have
 * several ends.
 *
 * @throws SluiceError USAGE for words that are no key of the table, or that leave open which window is meant
 */
export async function rowWithKey(
  output: WindowOutput,
  snapshot: Snapshot,
  words: readonly string[],
): Promise<KeyedRow> {
  const given = parseWords(output, words)
  const start = given.get('window_start') as EpochMillis
  const group = output.groupBy.map((name) => given.get(name) ?? null)
  const rows = await rowsOf(snapshot, output, start, group)
  const end = (given.get('window_end') as EpochMillis | undefined) ?? onlyEnd(output, start, rows)
  const revisions = rows
    .filter((row) => row['window_end'] === end)
    .toSorted((a, b) => Number(a['revision']) - Number(b['revision']))
  return { key: { output, start, end, group }, revisions }
}

const WINDOW = ['window_start', 'window_end']

function parseWords(output: WindowOutput, words: readonly string[]): ReadonlyMap<string, unknown> {
  const wanted = ['window_start', ...output.groupBy]
  const known = [...WINDOW, ...output.groupBy]
  const given = new Map<string, unknown>()
  for (const word of words) {
    const at = word.indexOf('=')
    const name = word.slice(0, Math.max(0, at))
    if (!known.includes(name)) throw keyUsage(`${word} names no column of the key`, wanted)
    given.set(name, parsedValue(output, name, word.slice(at + 1)))
  }
  const missing = wanted.filter((name) => !given.has(name))
  if (missing.length > 0) throw keyUsage(`${missing.join(', ')} ${missing.length === 1 ? 'is' : 'are'} missing`, wanted)
  return given
}

function keyUsage(what: string, wanted: readonly string[]): SluiceError {
  return new SluiceError('USAGE', `A row has a key such as ${wanted.map((name) => `${name}=…`).join(' ')}: ${what}.`)
}

/** @throws SluiceError USAGE */
function parsedValue({ fields }: WindowOutput, name: string, text: string): unknown {
  const { kind, nullable } = fields.find((field) => field.name === name)!.column
  if (nullable && text === 'null') return null
  if (kind === 'timestamp') return instantOf(text, name, 'why')
  if (kind === 'date') return instantOf(text, name, 'why') / DAY
  if (kind === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  if (kind === 'int' || kind === 'long' || kind === 'double') {
    const number = Number(text)
    if (text.trim() !== '' && !Number.isNaN(number)) return number
  }
  if (kind === 'string') return text
  throw new SluiceError('USAGE', `${name} takes a value of type ${kind}, not ${text}. Try: sluice why --help`)
}

async function rowsOf(
  snapshot: Snapshot,
  { groupBy }: WindowOutput,
  start: EpochMillis,
  group: readonly unknown[],
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const isGroup = (row: Readonly<Record<string, unknown>>): boolean =>
    groupBy.every((name, i) => (row[name] ?? null) === group[i])
  const where: Predicate = { window_start: new Date(start) }
  const rows: Readonly<Record<string, unknown>>[] = []
  for await (const run of snapshot.rows({ where })) rows.push(...run.filter(isGroup))
  return rows
}

function onlyEnd(
  { window }: WindowOutput,
  start: EpochMillis,
  rows: readonly Readonly<Record<string, unknown>>[],
): EpochMillis {
  const published = [...new Set(rows.map((row) => row['window_end'] as EpochMillis))]
  const ends = published.length > 0 ? published : endsOf(window, start)
  if (ends.length === 1) return ends[0]!
  const which =
    ends.length === 0 ? 'no window starts there' : `windows end at ${ends.map((end) => isoTime(end)).join(', ')}`
  const what = ends.length === 0 ? 'Give the start of a window.' : 'Add window_end=… to the key.'
  throw new SluiceError('USAGE', `Expected one window that starts at ${isoTime(start)}, but ${which}. ${what}`)
}

function endsOf(window: WindowSpec, start: EpochMillis): readonly EpochMillis[] {
  if (window.kind === 'session') return []
  return windowsContaining(window, start).flatMap((one) => (one.start === start ? [one.end] : []))
}
