import { SluiceError } from '#core/errors.ts'
import type { Validity } from '#schema/vector.ts'
import { bitWidth, encodeHybrid, hybridBytesMax, writeRun } from './hybrid.ts'
import type { RowIndex } from './number-values.ts'
import { int32Scratch } from './scratch.ts'

/**
 * The entries of one column chunk: one per row, or one per element of a list (and one per list without elements). Which of
 * them have a value, and how they hang together, is in the levels.
 */
export interface Entries {
  readonly count: number
  /** How many of them have a value: those at the maximum definition level. */
  readonly values: number
  /** Null when every entry has a value. */
  readonly definitions: Int32Array | null
  /** Null when every entry starts a row. */
  readonly repetitions: Int32Array | null
  /** Where pages end, when that is not left to their size: ascending, the last one is `count`. */
  readonly pageEnds: readonly number[] | null
}

/** The entries of a flat column, and the rows of those that have a value. */
export interface FlatEntries {
  readonly entries: Entries
  readonly present: RowIndex
}

const definitionScratch = int32Scratch()
const presentScratch = int32Scratch()
const levelBytes = { bytes: new Uint8Array(0) }

/**
 * Entries of `count` rows of a flat column (or of a struct that may be null as a whole). Valid until the next call.
 *
 * @throws SluiceError PARQUET_VALUE_INVALID for a null in a column that is not nullable
 */
export function flatEntries(
  column: string,
  nullable: boolean,
  valid: Validity,
  rows: RowIndex,
  count: number,
): FlatEntries {
  const whole = { count, values: count, definitions: null, repetitions: null, pageEnds: null }
  if (valid === null) return { entries: whole, present: rows }
  const definitions = definitionScratch.take(count)
  const present = presentScratch.take(count)
  let values = 0
  for (let i = 0; i < count; i++) {
    const row = rows[i]!
    const has = valid[row]! === 0 ? 0 : 1
    definitions[i] = has
    present[values] = row
    values += has
  }
  if (values === count) return { entries: whole, present: rows }
  if (!nullable) throw unexpectedNull(column, rows[definitions.indexOf(0)]!)
  return { entries: { ...whole, values, definitions }, present }
}

export function unexpectedNull(column: string, row: number): SluiceError {
  return new SluiceError(
    'PARQUET_VALUE_INVALID',
    `Column "${column}", row ${row} of the batch: expected a value, because the column is not nullable, found null. ` +
      'Declare the column as nullable, or quarantine the row before it is written.',
    { details: { column, row } },
  )
}

/** More bytes than `encodeLevels` can need for `count` entries. */
export function levelBytesMax(count: number, definitionMax: number, repetitionMax: number): number {
  let bytes = 0
  if (repetitionMax > 0) bytes += 4 + hybridBytesMax(count, bitWidth(repetitionMax))
  if (definitionMax > 0) bytes += 4 + hybridBytesMax(count, bitWidth(definitionMax))
  return bytes
}

/**
 * The levels of entries [from, to) as a V1 data page holds them: repetition levels, then definition levels, each with its
 * length in 4 bytes, neither where its maximum is 0. A view, valid until the next call.
 */
export function encodeLevels(
  entries: Entries,
  from: number,
  to: number,
  definitionMax: number,
  repetitionMax: number,
): Uint8Array {
  const bytesMax = levelBytesMax(to - from, definitionMax, repetitionMax)
  if (levelBytes.bytes.length < bytesMax) levelBytes.bytes = new Uint8Array(bytesMax)
  const out = levelBytes.bytes
  let end = 0
  if (repetitionMax > 0) end = putLevels(entries.repetitions, 0, repetitionMax, from, to, out, end)
  if (definitionMax > 0) end = putLevels(entries.definitions, definitionMax, definitionMax, from, to, out, end)
  return out.subarray(0, end)
}

/** Gives back scratch memory above `lengthMax` elements. */
export function trimLevelScratch(lengthMax: number): void {
  definitionScratch.trim(lengthMax)
  presentScratch.trim(lengthMax)
  if (levelBytes.bytes.length > lengthMax) levelBytes.bytes = new Uint8Array(0)
}

/** `levels` null: all are `constant`. */
function putLevels(
  levels: Int32Array | null,
  constant: number,
  max: number,
  from: number,
  to: number,
  out: Uint8Array,
  at: number,
): number {
  const width = bitWidth(max)
  const start = at + 4
  const end =
    levels === null
      ? writeRun(constant, to - from, width, out, start)
      : encodeHybrid(levels, from, to, width, out, start)
  const length = end - start
  out[at] = length
  out[at + 1] = length >>> 8
  out[at + 2] = length >>> 16
  out[at + 3] = length >>> 24
  return end
}
