import { SluiceError } from '#core/errors.ts'

/** What Parquet and Hive can't hold in a name (without column mapping); objects of JavaScript can't hold `__proto__`. */
export const FORBIDDEN = /[ ,;{}()\n\t=]/

/** @throws SluiceError NAME_INVALID for names that no engine could tell apart, or that a data file can't hold; `where` has them */
export function checkColumnNames(names: readonly string[], where: string, forbidden: RegExp): void {
  const seen = new Map<string, string>()
  for (const name of names) {
    if (name === '' || name === '__proto__' || forbidden.test(name) || !name.isWellFormed()) {
      throw new SluiceError(
        'NAME_INVALID',
        `Expected a Delta column name without spaces and without any of ,;{}()=, found ${JSON.stringify(name)}. Rename the column.`,
        { details: { column: name } },
      )
    }
    const other = seen.get(name.toLowerCase())
    if (other !== undefined) {
      throw new SluiceError(
        'NAME_INVALID',
        `Columns ${JSON.stringify(other)} and ${JSON.stringify(name)} of ${where} differ only in case or not at all. SQL engines can't tell them apart: rename one.`,
        { details: { columns: [other, name] } },
      )
    }
    seen.set(name.toLowerCase(), name)
  }
}

/** Columns of a change feed beside those of the table (PROTOCOL.md, "Change Data Files"). */
const FEED_COLUMNS = new Set(['_change_type', '_commit_version', '_commit_timestamp'])

/** @throws SluiceError NAME_INVALID for a column that a table with a change feed can't have */
export function checkFeedNames(names: readonly string[]): void {
  const taken = names.find((name) => FEED_COLUMNS.has(name.toLowerCase()))
  if (taken === undefined) return
  throw new SluiceError(
    'NAME_INVALID',
    `Expected other columns than those that a change feed adds, found ${JSON.stringify(taken)}. Rename the column, or do without delta.enableChangeDataFeed.`,
    { details: { column: taken } },
  )
}
