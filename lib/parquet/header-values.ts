import type { RecordHeader } from '#schema/column.ts'
import type { HeadersVector } from '#schema/vector.ts'
import type { Entries } from './levels.ts'
import { unexpectedNull } from './levels.ts'
import type { RowIndex } from './number-values.ts'
import { PAGE_BYTES } from './page-buffer.ts'

/** Slices of one buffer: what `slicesSource` copies. */
export interface Slices {
  readonly buffer: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
}

/** The headers of a run of rows as two leaves. Arrays are new: only bronze has headers, and most topics have few. */
export interface FlatHeaders {
  readonly names: Slices
  readonly nameEntries: Entries
  readonly values: Slices
  readonly valueEntries: Entries
  /** Indexes into `names` and `values` of the entries that have one. */
  readonly presentNames: RowIndex
  readonly presentValues: RowIndex
  /** Rows without a list. */
  readonly nullRows: number
}

const encoder = new TextEncoder()

/**
 * Lays the lists of `count` rows out as entries with levels. A row without headers (`null` in the vector) is a null list where
 * the column is nullable, an empty one where it is not.
 *
 * @throws SluiceError PARQUET_VALUE_INVALID for an invalid row in a column that is not nullable
 */
export function flattenHeaders(
  column: string,
  nullable: boolean,
  vector: HeadersVector,
  rows: RowIndex,
  count: number,
): FlatHeaders {
  const size = measure(vector, rows, count)
  const names = emptySlices(size.nameBytes, size.entries)
  const values = emptySlices(size.valueBytes, size.entries)
  const nameLevels = new Int32Array(size.entries)
  const valueLevels = new Int32Array(size.entries)
  const repetitions = new Int32Array(size.entries)
  const presentNames = new Int32Array(size.entries)
  const presentValues = new Int32Array(size.entries)
  const pageEnds: number[] = []
  const emptyLevel = nullable ? 1 : 0
  let entry = 0
  let nameCount = 0
  let valueCount = 0
  let nameEnd = 0
  let valueEnd = 0
  let pageStart = 0
  let nullRows = 0
  for (let i = 0; i < count; i++) {
    const row = rows[i]!
    if (!nullable && isNull(vector, row)) throw unexpectedNull(column, row)
    const list = listOf(vector, row)
    if (nameEnd + valueEnd - pageStart >= PAGE_BYTES) {
      pageEnds.push(entry)
      pageStart = nameEnd + valueEnd
    }
    if (list === null && nullable) nullRows++
    if (list === null || list.length === 0) {
      const level = list === null ? 0 : emptyLevel
      nameLevels[entry] = level
      valueLevels[entry++] = level
      continue
    }
    for (let k = 0; k < list.length; k++) {
      const { name, value } = list[k]!
      names.starts[entry] = nameEnd
      nameEnd += encoder.encodeInto(name, names.buffer.subarray(nameEnd)).written
      names.ends[entry] = nameEnd
      presentNames[nameCount++] = entry
      nameLevels[entry] = emptyLevel + 1
      valueLevels[entry] = value === null ? emptyLevel + 1 : emptyLevel + 2
      repetitions[entry] = k === 0 ? 0 : 1
      if (value !== null) {
        values.buffer.set(value, valueEnd)
        values.starts[entry] = valueEnd
        valueEnd += value.length
        values.ends[entry] = valueEnd
        presentValues[valueCount++] = entry
      }
      entry++
    }
  }
  pageEnds.push(entry)
  const shared = { count: entry, repetitions, pageEnds }
  return {
    names,
    nameEntries: { ...shared, values: nameCount, definitions: nameLevels },
    values,
    valueEntries: { ...shared, values: valueCount, definitions: valueLevels },
    presentNames,
    presentValues,
    nullRows,
  }
}

function isNull({ valid }: HeadersVector, row: number): boolean {
  return valid !== null && valid[row]! === 0
}

function listOf(vector: HeadersVector, row: number): readonly RecordHeader[] | null {
  return isNull(vector, row) ? null : vector.values[row]!
}

function measure(vector: HeadersVector, rows: RowIndex, count: number) {
  let entries = 0
  let nameBytes = 0
  let valueBytes = 0
  for (let i = 0; i < count; i++) {
    const row = rows[i]!
    const list = listOf(vector, row)
    entries += list === null ? 1 : Math.max(1, list.length)
    if (list === null) continue
    for (let k = 0; k < list.length; k++) {
      const { name, value } = list[k]!
      // A UTF-16 unit takes at most 3 bytes of UTF-8.
      nameBytes += name.length * 3
      valueBytes += value === null ? 0 : value.length
    }
  }
  return { entries, nameBytes, valueBytes }
}

function emptySlices(bytes: number, entries: number) {
  return { buffer: new Uint8Array(bytes), starts: new Int32Array(entries), ends: new Int32Array(entries) }
}
