/** One component of a group: null, or the value of a string, number, time or boolean column. */
export type GroupValue = string | number | boolean | null

const SEPARATOR = '\u0000'
const ESCAPE = '\u0001'
const ESCAPED_SEPARATOR = `${ESCAPE}0`
const ESCAPED_ESCAPE = `${ESCAPE}1`

/**
 * A group's values as one string, the same string for the same values and no others: a letter for the kind, then the text;
 * components end at a NUL. `−0` and `0` are one group, NaN is a group, a lone surrogate becomes U+FFFD (as in UTF-8).
 */
export function encodeGroupKey(values: readonly GroupValue[]): string {
  return values.map(encodeComponent).join(SEPARATOR)
}

/** The values that `encodeGroupKey` was given. */
export function decodeGroupKey(key: string): readonly GroupValue[] {
  return key === '' ? [] : key.split(SEPARATOR).map(decodeComponent)
}

function encodeComponent(value: GroupValue): string {
  if (value === null) return 'z'
  if (typeof value === 'string') return `s${escapeText(value)}`
  if (typeof value === 'boolean') return value ? 't' : 'f'
  return `n${value}`
}

function decodeComponent(text: string): GroupValue {
  switch (text[0]) {
    case 's':
      return unescapeText(text.slice(1))
    case 'n':
      return Number(text.slice(1))
    case 't':
      return true
    case 'f':
      return false
    default:
      return null
  }
}

function escapeText(text: string): string {
  const valid = text.isWellFormed() ? text : text.toWellFormed()
  if (!valid.includes(SEPARATOR) && !valid.includes(ESCAPE)) return valid
  return valid.replaceAll(ESCAPE, ESCAPED_ESCAPE).replaceAll(SEPARATOR, ESCAPED_SEPARATOR)
}

function unescapeText(text: string): string {
  if (!text.includes(ESCAPE)) return text
  return text.replaceAll(ESCAPED_SEPARATOR, SEPARATOR).replaceAll(ESCAPED_ESCAPE, ESCAPE)
}
