import type { SlicesVector, Vector } from '#schema/vector.ts'

const utf8 = new TextDecoder()

/** Reads the text or number of a row that has one; undefined for vectors that hold neither. Rows must not be null. */
export function scalarReader(vector: Vector): ((row: number) => number | string) | undefined {
  switch (vector.kind) {
    case 'number':
      return (row) => vector.values[row]!
    case 'dictionary':
      return (row) => vector.dictionary.text(vector.codes[row]!)
    case 'slices':
      return (row) => textAt(vector, row)
    default:
      return undefined
  }
}

function textAt(vector: SlicesVector, row: number): string {
  return utf8.decode(vector.buffer.subarray(vector.starts[row]!, vector.ends[row]!))
}
