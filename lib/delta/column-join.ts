import type { DecodedVector } from '#parquet/columns-reader.ts'
import type { ColumnKind } from '#schema/column.ts'
import { StringDictionary } from '#schema/dictionary.ts'
import type { DictionaryVector, SlicesVector, Validity, Vector } from '#schema/vector.ts'

/** Rows [from, to) of those that are selected; of all without a selection. */
export interface VectorPart {
  readonly vector: DecodedVector
  readonly select: Int32Array | null
  readonly from: number
  readonly to: number
}

/** After so many values a dictionary is given up if more than half of them were new. */
const JUDGED = 2048

/**
 * Parts of one column end to end. Text that repeats becomes codes of one dictionary.
 *
 * @returns null when a part holds values that no vector of a batch holds
 */
export function joinedVector(kind: ColumnKind, parts: readonly VectorPart[], rows: number): Vector | null {
  const wanted = FORMS[kind]
  if (wanted === undefined || !parts.every(({ vector }) => formOf(vector) === wanted || isAllNull(vector))) return null
  const valid = joinedValidity(parts, rows)
  switch (wanted) {
    case 'number': {
      const values = new Float64Array(rows)
      forEachPart(parts, (part, at) => {
        if (part.vector.kind === 'number') gather(part.vector.values, part, values, at)
      })
      return { kind: 'number', valid, values }
    }
    case 'boolean': {
      const values = new Uint8Array(rows)
      forEachPart(parts, (part, at) => {
        if (part.vector.kind === 'boolean') gather(part.vector.values, part, values, at)
      })
      return { kind: 'boolean', valid, values }
    }
    case 'text':
      return joinedCodes(parts, valid, rows) ?? joinedSlices(parts, valid, rows)
    case 'bytes':
      return joinedSlices(parts, valid, rows)
  }
}

type Form = 'number' | 'boolean' | 'text' | 'bytes'

const FORMS: { readonly [Kind in ColumnKind]?: Form } = {
  string: 'text',
  boolean: 'boolean',
  int: 'number',
  long: 'number',
  double: 'number',
  timestamp: 'number',
  date: 'number',
  binary: 'bytes',
}

function formOf(vector: DecodedVector): Form | undefined {
  switch (vector.kind) {
    case 'dictionary':
      return 'text'
    case 'slices':
      return vector.isText ? 'text' : 'bytes'
    case 'values':
      return undefined
    default:
      return vector.kind
  }
}

/** As columns come that a file lacks. */
function isAllNull(vector: DecodedVector): boolean {
  return vector.kind === 'values' && vector.values.every((value) => value === null)
}

function forEachPart(parts: readonly VectorPart[], each: (part: VectorPart, at: number) => void): void {
  let at = 0
  for (const part of parts) {
    each(part, at)
    at += part.to - part.from
  }
}

function gather<T extends Float64Array | Uint8Array>(source: T, part: VectorPart, target: T, at: number): void {
  const { select, from, to } = part
  if (select === null) target.set(source.subarray(from, to), at)
  else for (let i = from; i < to; i++) target[at + i - from] = source[select[i]!]!
}

function joinedValidity(parts: readonly VectorPart[], rows: number): Validity {
  if (parts.every(({ vector }) => vector.kind !== 'values' && vector.valid === null)) return null
  const valid = new Uint8Array(rows)
  forEachPart(parts, (part, at) => {
    const { vector, from, to } = part
    if (vector.kind === 'values') return
    if (vector.valid === null) valid.fill(1, at, at + to - from)
    else gather(vector.valid, part, valid, at)
  })
  return valid
}

/** Undefined when there is so much different text that codes do not pay. */
function joinedCodes(parts: readonly VectorPart[], valid: Validity, rows: number): DictionaryVector | undefined {
  const dictionary = new StringDictionary()
  const codes = new Int32Array(rows)
  let at = 0
  for (const { vector, select, from, to } of parts) {
    const known = vector.kind === 'dictionary' ? new Int32Array(vector.dictionary.size).fill(-1) : null
    for (let i = from; i < to; i++, at++) {
      if ((at & (JUDGED - 1)) === 0 && dictionary.size * 2 > at) return undefined
      if (valid !== null && valid[at] === 0) continue
      const row = select === null ? i : select[i]!
      if (vector.kind === 'dictionary') {
        const { bytes, starts } = vector.dictionary
        const code = vector.codes[row]!
        let joined = known![code]!
        if (joined < 0) {
          joined = dictionary.intern(bytes, starts[code]!, starts[code + 1]!)
          known![code] = joined
        }
        codes[at] = joined
      } else if (vector.kind === 'slices') {
        codes[at] = dictionary.intern(vector.buffer, vector.starts[row]!, vector.ends[row]!)
      }
    }
  }
  return { kind: 'dictionary', valid, codes, dictionary }
}

function joinedSlices(parts: readonly VectorPart[], valid: Validity, rows: number): SlicesVector {
  const buffers = new Map<Uint8Array, number>()
  let size = 0
  for (const { vector } of parts) {
    const bytes = bytesOf(vector)
    if (bytes === undefined || buffers.has(bytes)) continue
    buffers.set(bytes, size)
    size += bytes.length
  }
  const buffer = new Uint8Array(size)
  for (const [bytes, base] of buffers) buffer.set(bytes, base)
  const starts = new Int32Array(rows)
  const ends = new Int32Array(rows)
  forEachPart(parts, ({ vector, select, from, to }, at) => {
    const base = buffers.get(bytesOf(vector)!) ?? 0
    for (let i = from; i < to; i++) {
      const target = at + i - from
      if (valid !== null && valid[target] === 0) continue
      const row = select === null ? i : select[i]!
      if (vector.kind === 'slices') {
        starts[target] = base + vector.starts[row]!
        ends[target] = base + vector.ends[row]!
      } else if (vector.kind === 'dictionary') {
        const code = vector.codes[row]!
        starts[target] = base + vector.dictionary.starts[code]!
        ends[target] = base + vector.dictionary.starts[code + 1]!
      }
    }
  })
  return { kind: 'slices', valid, buffer, starts, ends }
}

function bytesOf(vector: DecodedVector): Uint8Array | undefined {
  if (vector.kind === 'slices') return vector.buffer
  return vector.kind === 'dictionary' ? vector.dictionary.bytes : undefined
}
