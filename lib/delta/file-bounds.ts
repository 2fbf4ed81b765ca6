import type { AddFile } from '#delta/actions.ts'
import type { ColumnPath } from '#delta/column-path.ts'
import type { TableLayout } from '#delta/layout.ts'
import type { KeyRange, Ordering } from '#delta/ordering.ts'
import { partitionValue } from '#delta/partition-values.ts'

/** Whether a column of a file may have nulls, and values. */
export interface Presence {
  readonly nulls: boolean
  readonly values: boolean
}

export interface FileBounds extends Presence, KeyRange {}

/** What the log tells of the values in one file: no more than is sure. */
export interface FileStatistics {
  presence(column: ColumnPath): Presence
  bounds(column: ColumnPath, ordering: Ordering): FileBounds
}

type Json = Readonly<Record<string, unknown>>

const ANY: Presence = { nulls: true, values: true }
const NONE: KeyRange = { low: undefined, high: undefined }

/** Of a file's partition values and statistics (PROTOCOL.md, "Per-file Statistics"), which are parsed when they are first asked for. */
export function fileStatistics(
  file: Pick<AddFile, 'partitionValues' | 'stats'>,
  layout: TableLayout,
  table: string,
): FileStatistics {
  let parsed: Json | undefined
  const stats = (): Json => {
    parsed ??= parseStats(file.stats)
    return parsed
  }
  const presence = (column: ColumnPath): Presence =>
    column.partition ? ofPartition(partitionValue(file, column, layout, table)) : presenceIn(stats(), column)
  return {
    presence,
    bounds: (column, ordering) => {
      if (column.partition) {
        const value = partitionValue(file, column, layout, table)
        const key = value === null ? undefined : ordering.key(value)
        const range = Number.isNaN(key) ? NONE : { low: key, high: key }
        return { ...ofPartition(value), ...range }
      }
      const { physical } = column
      const range = ordering.range(at(stats().minValues, physical), at(stats().maxValues, physical))
      return { ...presence(column), low: range.low, high: range.high }
    },
  }
}

function ofPartition(value: unknown): Presence {
  return { nulls: value === null, values: value !== null }
}

/** Counts are of all rows of the file, also of those that a deletion vector hides: none and all stay none and all. */
function presenceIn(stats: Json, { physical }: ColumnPath): Presence {
  const rows = stats.numRecords
  const nulls = at(stats.nullCount, physical)
  if (typeof nulls !== 'number') return ANY
  return { nulls: nulls > 0, values: typeof rows !== 'number' || nulls < rows }
}

function at(tree: unknown, path: readonly string[]): unknown {
  let value = tree
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Json)[name]
  }
  return value
}

/** Statistics are a help, never a must: damaged ones say nothing. */
function parseStats(text: string | undefined): Json {
  if (text === undefined) return {}
  try {
    const stats: unknown = JSON.parse(text)
    return typeof stats === 'object' && stats !== null ? (stats as Json) : {}
  } catch {
    return {}
  }
}
