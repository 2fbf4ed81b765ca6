import { DAY } from '#core/time.ts'
import type { ColumnKind } from '#schema/column.ts'

/** Writes one column's values of a statement as an array literal of PostgreSQL: `{1,NULL,"a b"}` (manual, section 8.15.6). */
export class ArrayLiteral {
  readonly #write: (value: unknown) => string
  #text = '{'

  constructor(kind: ColumnKind) {
    this.#write = WRITERS[kind] ?? String
  }

  add(value: unknown): void {
    if (this.#text.length > 1) this.#text += ','
    this.#text += value === null || value === undefined ? 'NULL' : this.#write(value)
  }

  /** Characters so far. */
  get length(): number {
    return this.#text.length
  }

  finish(): string {
    return `${this.#text}}`
  }
}

const WRITERS: Partial<Record<ColumnKind, (value: unknown) => string>> = {
  string: (value) => quoted(value as string),
  double: (value) => (Object.is(value, -0) ? '-0' : String(value)),
  timestamp: (value) => `"${timestampText(value as number)}"`,
  date: (value) => `"${dateText(value as number)}"`,
  binary: (value) => `"\\\\x${hex(value as Uint8Array)}"`,
}

const SPECIAL = /["\\\0]/
const EACH_SPECIAL = /["\\\0]/g

/** PostgreSQL can't hold U+0000 in text: it is replaced by U+FFFD, as everything is that UTF-8 can't hold. */
function quoted(text: string): string {
  if (!SPECIAL.test(text)) return `"${text}"`
  return `"${text.replace(EACH_SPECIAL, (character) => (character === '\0' ? '\uFFFD' : `\\${character}`))}"`
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex')
}

/** PostgreSQL has no year 0 and no signed years: before year 1 it wants ` BC`, after 9999 just more digits. */
function timestampText(millis: number): string {
  const iso = new Date(millis).toISOString()
  return iso.length === 24 && !iso.startsWith('0000') ? iso : withEra(new Date(millis), iso.slice(-20))
}

function dateText(days: number): string {
  const date = new Date(days * DAY)
  const iso = date.toISOString()
  return iso.length === 24 && !iso.startsWith('0000') ? iso.slice(0, 10) : withEra(date, iso.slice(-20, -14))
}

function withEra(date: Date, afterYear: string): string {
  const year = date.getUTCFullYear()
  return year > 0 ? `${year}${afterYear}` : `${String(1 - year).padStart(4, '0')}${afterYear} BC`
}
