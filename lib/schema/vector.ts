import type { Fields, RecordHeader } from '#schema/column.ts'

/**
 * An append-only set of distinct strings with stable codes 0 … size − 1. Shared by the batches that were decoded with it;
 * a code, once given, means the same text for the dictionary's life.
 */
export interface Dictionary {
  readonly size: number
  /** UTF-8 bytes of all entries, end to end; entry `code` is [starts[code], starts[code + 1]). May be replaced as it grows. */
  readonly bytes: Uint8Array
  readonly starts: Int32Array
  /** The entry as a JavaScript string; decoded once, then kept. */
  text(code: number): string
}

/** 1 where the row has a value, 0 where it is null; `null` when every row has one. */
export type Validity = Uint8Array | null

/** Repeated text: a code per row. The code of a null row is 0 and means nothing. */
export interface DictionaryVector {
  readonly kind: 'dictionary'
  readonly valid: Validity
  readonly codes: Int32Array
  readonly dictionary: Dictionary
}

/** Text or bytes that rarely repeat: row i is buffer[starts[i], ends[i]), UTF-8 when the column is a string. */
export interface SlicesVector {
  readonly kind: 'slices'
  readonly valid: Validity
  readonly buffer: Uint8Array
  readonly starts: Int32Array
  readonly ends: Int32Array
}

/** int, long, double, timestamp (epoch milliseconds) and date (days): whole numbers are exact below 2^53. */
export interface NumberVector {
  readonly kind: 'number'
  readonly valid: Validity
  readonly values: Float64Array
}

export interface BooleanVector {
  readonly kind: 'boolean'
  readonly valid: Validity
  /** 0 or 1. */
  readonly values: Uint8Array
}

export interface PointVector {
  readonly kind: 'points'
  readonly valid: Validity
  readonly latitudes: Float64Array
  readonly longitudes: Float64Array
}

export interface HeadersVector {
  readonly kind: 'headers'
  readonly valid: Validity
  /** Null or empty for a record without headers. */
  readonly values: readonly (readonly RecordHeader[] | null)[]
}

export type Vector = DictionaryVector | SlicesVector | NumberVector | BooleanVector | PointVector | HeadersVector

/**
 * Rows as columns: what moves between the steps of a stage. `vectors[i]` holds `fields[i]`; typed arrays may be longer than
 * `rows`, the rest is scratch. The pipeline author never sees one.
 */
export interface ColumnBatch {
  readonly fields: Fields
  readonly rows: number
  readonly vectors: readonly Vector[]
}
