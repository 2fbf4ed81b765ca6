import type { ColumnKind, Fields, GeoPoint, RecordHeader } from '#schema/column.ts'
import type { ColumnBatch, Dictionary, Vector } from '#schema/vector.ts'

export interface ColumnInput {
  readonly kind: ColumnKind
  readonly nullable?: boolean
  /** Null is a null; bytes and text may both be given for binary and string. */
  readonly values: readonly unknown[]
  /** How text lies in the batch. Default: slices. */
  readonly as?: 'dictionary' | 'slices'
}

/** A batch from values by column; every column must have as many values. */
export function batchOf(columns: Readonly<Record<string, ColumnInput>>): ColumnBatch {
  const entries = Object.entries(columns)
  const fields: Fields = entries.map(([name, { kind, nullable = true }]) => ({ name, column: { kind, nullable } }))
  return { fields, rows: entries[0]?.[1].values.length ?? 0, vectors: entries.map(([, input]) => vectorOf(input)) }
}

export function dictionaryOf(texts: readonly string[]): Dictionary {
  const parts = texts.map((text) => Buffer.from(text))
  const starts = new Int32Array(texts.length + 1)
  parts.forEach((part, i) => {
    starts[i + 1] = starts[i]! + part.length
  })
  return { size: texts.length, bytes: new Uint8Array(Buffer.concat(parts)), starts, text: (code) => texts[code]! }
}

function vectorOf({ kind, values, as }: ColumnInput): Vector {
  const nulls = values.some((value) => value === null)
  const valid = nulls ? Uint8Array.from(values, (value) => (value === null ? 0 : 1)) : null
  switch (kind) {
    case 'string':
      return as === 'dictionary' ? dictionaryVector(values, valid) : slicesVector(values, valid)
    case 'binary':
      return slicesVector(values, valid)
    case 'boolean':
      return { kind: 'boolean', valid, values: Uint8Array.from(values, (value) => (value === true ? 1 : 0)) }
    case 'geo_point': {
      const points = values as readonly (GeoPoint | null)[]
      const latitudes = Float64Array.from(points, (point) => point?.latitude ?? 0)
      const longitudes = Float64Array.from(points, (point) => point?.longitude ?? 0)
      return { kind: 'points', valid, latitudes, longitudes }
    }
    case 'headers':
      // A record without headers is null here, whether or not the column may be.
      return { kind: 'headers', valid: null, values: values as readonly (readonly RecordHeader[] | null)[] }
    default:
      // The value below a null is never looked at: one that would be refused shows it.
      return { kind: 'number', valid, values: Float64Array.from(values, (value) => (value as number) ?? Number.NaN) }
  }
}

function dictionaryVector(values: readonly unknown[], valid: Uint8Array | null): Vector {
  const texts = ['never used', ...new Set(values.filter((value) => value !== null) as string[])]
  const codeOf = new Map(texts.map((text, code) => [text, code]))
  const codes = Int32Array.from(values, (value) => (value === null ? 0 : codeOf.get(value as string)!))
  return { kind: 'dictionary', valid, codes, dictionary: dictionaryOf(texts) }
}

function slicesVector(values: readonly unknown[], valid: Uint8Array | null): Vector {
  const parts = values.map((value) => (value === null ? Buffer.alloc(0) : Buffer.from(value as string)))
  const starts = new Int32Array(values.length)
  const ends = new Int32Array(values.length)
  // A gap before each value, as between the records of a topic.
  let at = 0
  parts.forEach((part, i) => {
    starts[i] = at + 3
    at = starts[i]! + part.length
    ends[i] = at
  })
  const buffer = new Uint8Array(at).fill(0xff)
  parts.forEach((part, i) => {
    buffer.set(part, starts[i])
  })
  return { kind: 'slices', valid, buffer, starts, ends }
}
