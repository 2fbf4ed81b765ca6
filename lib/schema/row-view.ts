import type { Fields } from '#schema/column.ts'
import type { ColumnBatch, DictionaryVector, SlicesVector, Vector } from '#schema/vector.ts'

/** A row as user functions see it: plan.ts has the same type. */
export type RowObject = Readonly<Record<string, unknown>>

export interface RowView {
  /**
   * The row, as one object that is the same for every row of the batch: its properties read the columns when they are asked
   * for. Valid until the next call; `toRow` makes one that stays. Its properties are not its own (`{ ...row }` is empty).
   */
  at(row: number): RowObject
}

/** Rows of a batch as objects, without making any. A text that repeats is decoded once for all batches with its dictionary. */
export function rowView(batch: ColumnBatch): RowView {
  return new (viewClass(batch.fields))(batch)
}

/** A row as an object of its own. */
export function toRow(batch: ColumnBatch, row: number): Record<string, unknown> {
  const object: Record<string, unknown> = {}
  for (const [index, { name, column }] of batch.fields.entries()) {
    Object.defineProperty(object, name, {
      value: valueAt(batch.vectors[index]!, column.kind === 'binary', row),
      writable: true,
      enumerable: true,
      configurable: true,
    })
  }
  return object
}

type ViewClass = new (batch: ColumnBatch) => RowView

const classes = new WeakMap<Fields, ViewClass>()

function viewClass(fields: Fields): ViewClass {
  let known = classes.get(fields)
  if (known === undefined) {
    known = defineView(fields)
    classes.set(fields, known)
  }
  return known
}

/** A class a field list: its getters know their column's place and kind. Private state, so that any column name is free. */
function defineView(fields: Fields): ViewClass {
  class Flyweight {
    readonly #vectors: readonly Vector[]
    #row = 0

    constructor(vectors: readonly Vector[]) {
      this.#vectors = vectors
    }

    static move(flyweight: Flyweight, row: number): Flyweight {
      flyweight.#row = row
      return flyweight
    }

    static value(flyweight: Flyweight, index: number, binary: boolean): unknown {
      return valueAt(flyweight.#vectors[index]!, binary, flyweight.#row)
    }
  }
  for (const [index, { name, column }] of fields.entries()) {
    const binary = column.kind === 'binary'
    const get = function (this: Flyweight): unknown {
      return Flyweight.value(this, index, binary)
    }
    Object.defineProperty(Flyweight.prototype, name, { get, enumerable: true, configurable: true })
  }
  return class {
    readonly #flyweight: Flyweight

    constructor(batch: ColumnBatch) {
      this.#flyweight = new Flyweight(batch.vectors)
    }

    at(row: number): RowObject {
      return Flyweight.move(this.#flyweight, row) as unknown as RowObject
    }
  }
}

/** The value of a vector's row as user code sees it (`ValueOf`), or null. */
function valueAt(vector: Vector, binary: boolean, row: number): unknown {
  if (vector.valid !== null && vector.valid[row] === 0) return null
  switch (vector.kind) {
    case 'number':
      return vector.values[row]
    case 'dictionary':
      return dictionaryText(vector, row)
    case 'slices':
      return sliceOf(vector, binary, row)
    case 'boolean':
      return vector.values[row] === 1
    case 'points':
      return { latitude: vector.latitudes[row], longitude: vector.longitudes[row] }
    case 'headers':
      return vector.values[row]
  }
}

const dictionaryText = (vector: DictionaryVector, row: number): string => vector.dictionary.text(vector.codes[row]!)

function sliceOf({ buffer, starts, ends }: SlicesVector, binary: boolean, row: number): string | Uint8Array {
  const start = starts[row]!
  if (binary) return buffer.subarray(start, ends[row])
  return Buffer.from(buffer.buffer, buffer.byteOffset + start, ends[row]! - start).toString('utf8')
}
