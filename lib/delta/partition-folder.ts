import { SluiceError } from '#core/errors.ts'
import type { DeltaType } from '#delta/schema-json.ts'

/** Values of partition columns as text (PROTOCOL.md, "Partition Value Serialization"), and the folders named for them. */

/** Types whose values can name a partition. */
export function canPartition(type: DeltaType): boolean {
  return typeof type === 'string' && type !== 'binary' && type !== 'variant'
}

/**
 * Null for null and for empty text, which no engine tells apart.
 *
 * @param value in the form that `RowCheck` gives it
 * @throws SluiceError DELTA_SCHEMA_MISMATCH for what engines would read as another value
 */
export function partitionText(type: DeltaType, value: unknown): string | null {
  if (value === null || value === undefined || value === '') return null
  if (value === NULL_FOLDER) throw meansNull()
  if (type === 'date') return dateText(value as number)
  if (type === 'timestamp') return `${instantText(value as number, 'T')}Z`
  if (type === 'timestamp_ntz') return instantText(value as number, ' ')
  if (type === 'binary') return new TextDecoder('utf-8', { ignoreBOM: true }).decode(value as Uint8Array)
  return String(value)
}

const NULL_FOLDER = '__HIVE_DEFAULT_PARTITION__'
/** What Hive escapes in the names of folders; letters, digits and all of Unicode stay. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is escaped
const ESCAPED = /["#%'*/:=?\\{}[\]^<>|\u0000-\u001f\u007f]/g

/** `district=011/day=2024-05-01/`, or '' without partition columns. The path in the store: a log has it URI-encoded. */
export function partitionFolder(columns: readonly string[], values: Readonly<Record<string, string | null>>): string {
  const escaped = (text: string): string =>
    text.replaceAll(ESCAPED, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)
  return columns
    .map((name) => `${escaped(name)}=${values[name] == null ? NULL_FOLDER : escaped(values[name])}/`)
    .join('')
}

function meansNull(): SluiceError {
  return new SluiceError(
    'DELTA_SCHEMA_MISMATCH',
    `Expected a partition value, found "${NULL_FOLDER}", by which engines mean null. Partition by another column, or mend the row.`,
  )
}

function dateText(days: number): string {
  return isoText(days * 86_400_000).slice(0, 10)
}

/** To the microsecond: `2024-05-01T10:00:00.123456`. */
function instantText(millis: number, between: string): string {
  const whole = Math.floor(millis)
  const micros = Math.round((millis - whole) * 1000)
  if (micros === 1000) return instantText(whole + 1, between)
  return `${isoText(whole).slice(0, 23).replace('T', between)}${String(micros).padStart(3, '0')}`
}

/** Only years that are written in four digits: engines read no other. */
function isoText(millis: number): string {
  const date = new Date(millis)
  const year = date.getUTCFullYear()
  if (year >= 1 && year <= 9999) return date.toISOString()
  throw new SluiceError(
    'DELTA_SCHEMA_MISMATCH',
    `Expected a partition value from year 1 to 9999, found ${Number.isNaN(year) ? `${millis} ms` : `year ${year}`}. Partition by another column, or mend the row.`,
    { details: { millis } },
  )
}
