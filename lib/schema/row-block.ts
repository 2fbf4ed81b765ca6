/** A row as a plain object; what is missing or undefined is null. */
export type InputRow = Readonly<Record<string, unknown>>

/** Rows of a block: together they fit in the processor's cache until all of their columns are done. */
export const BLOCK_ROWS = 1024

/** What every object has by itself (`constructor`, `valueOf`) is no value of a row. */
const inherited = Object.prototype as unknown as InputRow

/** Shapes of rows that are kept in mind. */
const SHAPES_MAX = 8

/** Properties that rows have, in their order. */
interface Shape {
  readonly keys: readonly string[]
  /** Where the values of each key go. */
  readonly columns: readonly unknown[][]
  /** Columns that are not among the keys. */
  readonly missing: readonly (readonly [name: string, column: unknown[]])[]
  /** Keys that are no columns. */
  readonly others: readonly string[]
}

/**
 * Rows laid out column by column, a block at a time. Each row is gone through once, in the order of its own properties, which the engine
 * does several times as fast as looking 22 names up; that order is remembered, as rows mostly share it.
 */
export class RowBlock {
  /** A value per row for each name, null where there is none. As long as a block may be, whatever `count` is. */
  readonly columns: readonly unknown[][]
  /** Rows laid out. */
  count = 0
  /** Whether one of them has a value under another name. */
  hasOthers = false
  readonly #names: readonly string[]
  readonly #spare: unknown[]
  #shape: Shape
  readonly #shapes: Shape[]

  /** @param rows that are laid out at once, at most */
  constructor(names: readonly string[], rows: number = BLOCK_ROWS) {
    this.#names = names
    this.columns = names.map(() => new Array<unknown>(rows).fill(null))
    this.#spare = new Array<unknown>(rows).fill(null)
    this.#shape = this.#shapeOf({})
    this.#shapes = [this.#shape]
  }

  /** Lays out rows [from, to) in place of those before. */
  take(rows: readonly InputRow[], from: number, to: number): void {
    this.count = to - from
    this.hasOthers = false
    for (let i = from; i < to; i++) {
      const row = rows[i]!
      if (!put(this.#shape, row, i - from)) this.#find(row, i - from)
      if (this.#shape.others.length > 0 && !this.hasOthers) {
        this.hasOthers = this.#shape.others.some((name) => row[name] !== undefined)
      }
    }
  }

  /** Lets go of the values. */
  clear(): void {
    for (const column of this.columns) column.fill(null)
    this.#spare.fill(null)
    this.count = 0
  }

  /** A row of another shape than the one before. */
  #find(row: InputRow, at: number): void {
    for (const shape of this.#shapes) {
      if (!put(shape, row, at)) continue
      this.#shape = shape
      return
    }
    this.#shape = this.#shapeOf(row)
    if (this.#shapes.length === SHAPES_MAX) this.#shapes.shift()
    this.#shapes.push(this.#shape)
    put(this.#shape, row, at)
  }

  #shapeOf(row: InputRow): Shape {
    const keys: string[] = []
    for (const key in row) keys.push(key)
    const columns = new Map(this.#names.map((name, i) => [name, this.columns[i]!]))
    const known = new Set(keys)
    return {
      keys,
      columns: keys.map((key) => columns.get(key) ?? this.#spare),
      missing: [...columns].filter(([name]) => !known.has(name)),
      others: keys.filter((key) => !columns.has(key)),
    }
  }
}

/** False when the row has other properties than the shape; what was put by then is put again. */
function put({ keys, columns, missing }: Shape, row: InputRow, at: number): boolean {
  let k = 0
  for (const key in row) {
    if (key !== keys[k]) return false
    const value = row[key]
    columns[k++]![at] = value === undefined ? null : value
  }
  if (k !== keys.length) return false
  // Not its own, or not enumerable: a getter of its class.
  for (const [name, column] of missing) {
    const value = row[name]
    column[at] = value === undefined || value === inherited[name] ? null : value
  }
  return true
}
