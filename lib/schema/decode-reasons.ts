/** Why a record is rejected. Stable: they are stored in quarantine, and people filter by them. */
export const REASONS = {
  malformed: 'malformed source record',
  tombstone: 'record without a value',
  utf8: 'invalid UTF-8',
  syntax: 'not a JSON object',
  depth: 'nested too deeply',
  null: 'null in a required column',
  text: 'text expected',
  nul: 'NUL character in text',
  surrogate: 'half a surrogate pair in text',
  boolean: 'boolean expected',
  number: 'number expected',
  whole: 'whole number expected',
  range: 'number out of range',
  infinite: 'number not finite',
  base64: 'base64 text expected',
  point: 'point expected',
  notADate: 'not a date',
  noSuchDate: 'no such date',
  noSuchLocalTime: 'no such local time',
} as const

export type Reason = (typeof REASONS)[keyof typeof REASONS]

/** Longest detail, in UTF-16 units. */
const DETAIL_MAX = 100

/** `prefix` and the text of bytes [start, end), fit to be stored as text: clipped, well formed, without NUL. */
export function detailOf(prefix: string, bytes: Uint8Array, start: number, end: number): string {
  const last = Math.min(end, start + DETAIL_MAX * 4)
  return clipped(
    prefix + Buffer.from(bytes.buffer, bytes.byteOffset + start, Math.max(last - start, 0)).toString('utf8'),
  )
}

export function clipped(text: string): string {
  const short = text.length > DETAIL_MAX ? `${text.slice(0, DETAIL_MAX - 1)}…` : text
  return short.toWellFormed().replaceAll('\0', '\ufffd')
}
