import type { InputRow } from '#schema/row-block.ts'
import { invalidValue, NOT_NULLABLE, type RowPlace } from './invalid-value.ts'
import type { LeafColumn } from './leaf-column.ts'

/**
 * One node of the schema, which lays values out as levels and leaves (Dremel). `definition` is the level that what is above has
 * reached, `repetition` that of the list that goes on.
 */
export interface Node {
  write(value: unknown, repetition: number, definition: number): void
  /** Null from somewhere above. */
  skip(repetition: number, definition: number): void
}

export interface NodePlace {
  /** Names from the column down, for messages. */
  readonly name: string
  readonly nullable: boolean
  readonly place: RowPlace
}

/** What every object has by itself (`constructor`, `valueOf`) is no value of a row. */
const inherited = Object.prototype as unknown as InputRow

function valueIn(row: InputRow, name: string): unknown {
  const value = row[name]
  return value === undefined || value === inherited[name] ? null : value
}

/** A null that may stand there; throws for one that may not. */
function checkNull({ name, nullable, place }: NodePlace): void {
  if (nullable) return
  throw invalidValue(name, place.row, NOT_NULLABLE, null)
}

export class LeafNode implements Node {
  readonly #at: NodePlace
  readonly #column: LeafColumn

  constructor(at: NodePlace, column: LeafColumn) {
    this.#at = at
    this.#column = column
  }

  write(value: unknown, repetition: number, definition: number): void {
    if (value !== null && value !== undefined) {
      this.#column.push(value, repetition, this.#at.place.row)
      return
    }
    checkNull(this.#at)
    this.#column.pushNull(repetition, definition)
  }

  skip(repetition: number, definition: number): void {
    this.#column.pushNull(repetition, definition)
  }
}

interface StructPart {
  readonly name: string
  readonly node: Node
}

export class StructNode implements Node {
  readonly #at: NodePlace
  readonly #parts: readonly StructPart[]

  constructor(at: NodePlace, parts: readonly StructPart[]) {
    this.#at = at
    this.#parts = parts
  }

  write(value: unknown, repetition: number, definition: number): void {
    if (value === null || value === undefined) {
      checkNull(this.#at)
      this.skip(repetition, definition)
      return
    }
    if (typeof value !== 'object' || Array.isArray(value) || value instanceof Map) {
      throw invalidValue(this.#at.name, this.#at.place.row, 'an object with the fields of the struct', value)
    }
    const level = definition + (this.#at.nullable ? 1 : 0)
    for (const { name, node } of this.#parts) node.write(valueIn(value as InputRow, name), repetition, level)
  }

  skip(repetition: number, definition: number): void {
    for (const { node } of this.#parts) node.skip(repetition, definition)
  }
}

export class ListNode implements Node {
  /** How many there were, at any height. */
  nulls = 0
  readonly #at: NodePlace
  /** Repetition level of every element but the first. */
  readonly #level: number
  readonly #element: Node

  constructor(at: NodePlace, level: number, element: Node) {
    this.#at = at
    this.#level = level
    this.#element = element
  }

  write(value: unknown, repetition: number, definition: number): void {
    if (value === null || value === undefined) {
      checkNull(this.#at)
      this.skip(repetition, definition)
      return
    }
    if (!Array.isArray(value)) throw invalidValue(this.#at.name, this.#at.place.row, 'an array', value)
    const present = definition + (this.#at.nullable ? 1 : 0)
    if (value.length === 0) this.#element.skip(repetition, present)
    for (let i = 0; i < value.length; i++) {
      this.#element.write(value[i], i === 0 ? repetition : this.#level, present + 1)
    }
  }

  skip(repetition: number, definition: number): void {
    this.nulls++
    this.#element.skip(repetition, definition)
  }
}

export class MapNode implements Node {
  nulls = 0
  readonly #at: NodePlace
  readonly #level: number
  readonly #key: Node
  readonly #value: Node
  /** Plain objects are maps from text only. */
  readonly #textKeys: boolean

  constructor(at: NodePlace, level: number, key: Node, value: Node, textKeys: boolean) {
    this.#at = at
    this.#level = level
    this.#key = key
    this.#value = value
    this.#textKeys = textKeys
  }

  write(map: unknown, repetition: number, definition: number): void {
    if (map === null || map === undefined) {
      checkNull(this.#at)
      this.skip(repetition, definition)
      return
    }
    const present = definition + (this.#at.nullable ? 1 : 0)
    let next = repetition
    for (const [key, value] of this.#entries(map)) {
      this.#key.write(key, next, present + 1)
      this.#value.write(value, next, present + 1)
      next = this.#level
    }
    if (next === repetition) this.#skipBoth(repetition, present)
  }

  #entries(map: unknown): Iterable<readonly [unknown, unknown]> {
    if (map instanceof Map) return map
    if (this.#textKeys && typeof map === 'object' && map !== null && !Array.isArray(map)) return Object.entries(map)
    const expected = this.#textKeys ? 'a Map or a plain object' : 'a Map'
    throw invalidValue(this.#at.name, this.#at.place.row, expected, map)
  }

  skip(repetition: number, definition: number): void {
    this.nulls++
    this.#skipBoth(repetition, definition)
  }

  #skipBoth(repetition: number, definition: number): void {
    this.#key.skip(repetition, definition)
    this.#value.skip(repetition, definition)
  }
}
