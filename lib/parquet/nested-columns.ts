import type { SchemaTree } from 'hyparquet'
import type { LeafCursor } from './leaf-cursor.ts'
import { type LeafType, leafTypeOf } from './leaf-types.ts'
import { isList, isMap, listElement } from './read-values.ts'

/**
 * Reads one value after the other: the levels of the leaves below say what is null, empty or goes on (Dremel). All leaves of a node
 * move together: what is null or empty has one entry in each.
 */
type ValueReader = (leaves: readonly LeafCursor[]) => unknown

/** A nested column: its leaves in the order of the file, and how values are put together from them. */
export interface NestedColumn {
  readonly leaves: readonly { readonly path: string; readonly type: LeafType }[]
  readonly read: ValueReader
}

export function nestedColumnOf(tree: SchemaTree): NestedColumn {
  const builder = new ReaderBuilder()
  const read = builder.node(tree, 0, 0)
  return { leaves: builder.leaves, read }
}

class ReaderBuilder {
  readonly leaves: { readonly path: string; readonly type: LeafType }[] = []

  /** `definition` and `repetition`: the levels of what is above. */
  node(tree: SchemaTree, definition: number, repetition: number): ValueReader {
    const { repetition_type: kind } = tree.element
    // A repeated column without annotation is a list that is never null.
    if (kind === 'REPEATED') return this.#list(definition, repetition, (d, r) => this.#single(tree, d, r))
    return this.#single(tree, definition + (kind === 'OPTIONAL' ? 1 : 0), repetition)
  }

  /** One value of a node, present at level `definition`. */
  #single(tree: SchemaTree, definition: number, repetition: number): ValueReader {
    const { element, children } = tree
    const child = children[0]
    if (child === undefined) return this.#leaf(tree, definition, repetition)
    const isRepeated = child.element.repetition_type === 'REPEATED'
    if (isMap(element) && isRepeated && child.children.length === 2) return this.#map(child, definition, repetition)
    if (!isList(element) || children.length > 1) return this.#struct(tree, definition, repetition)
    // Lists in three levels, and the two older ways of writing them in two (LogicalTypes.md, backward compatibility).
    if (!isRepeated || child.children.length > 1) return this.#unwrapped(child, definition, repetition)
    const item = listElement(tree)
    return this.#list(definition, repetition, (d, r) =>
      item === undefined || item === child ? this.#single(child, d, r) : this.node(item, d, r),
    )
  }

  #leaf(tree: SchemaTree, definition: number, repetition: number): ValueReader {
    const at = this.leaves.length
    this.leaves.push({ path: tree.path.join('\u0000'), type: leafTypeOf(tree, definition, repetition) })
    return (leaves) => leaves[at]!.take()
  }

  #struct(tree: SchemaTree, definition: number, repetition: number): ValueReader {
    const from = this.leaves.length
    const names = tree.children.map(({ element }) => element.name)
    const parts = tree.children.map((child) => this.node(child, definition, repetition))
    const to = this.leaves.length
    const template: Record<string, unknown> = Object.fromEntries(names.map((name) => [name, null]))
    return (leaves) => {
      if (leaves[from]!.definition < definition) return skipAll(leaves, from, to, null)
      const struct = { ...template }
      for (let i = 0; i < parts.length; i++) struct[names[i]!] = parts[i]!(leaves)
      return struct
    }
  }

  /** A list that is null below level `definition`, and empty at it. */
  #list(definition: number, repetition: number, element: (d: number, r: number) => ValueReader): ValueReader {
    const from = this.leaves.length
    const level = repetition + 1
    const read = element(definition + 1, level)
    const to = this.leaves.length
    return (leaves) => {
      const first = leaves[from]!
      if (first.definition < definition) return skipAll(leaves, from, to, null)
      if (first.definition === definition) return skipAll(leaves, from, to, [])
      const list: unknown[] = []
      do list.push(read(leaves))
      while (first.repetition === level)
      return list
    }
  }

  #map(entries: SchemaTree, definition: number, repetition: number): ValueReader {
    const from = this.leaves.length
    const level = repetition + 1
    const key = this.node(entries.children[0]!, definition + 1, level)
    const value = this.node(entries.children[1]!, definition + 1, level)
    const to = this.leaves.length
    return (leaves) => {
      const first = leaves[from]!
      if (first.definition < definition) return skipAll(leaves, from, to, null)
      const map = new Map<unknown, unknown>()
      if (first.definition === definition) return skipAll(leaves, from, to, map)
      do map.set(key(leaves), value(leaves))
      while (first.repetition === level)
      return map
    }
  }

  /** A list that is its only child. */
  #unwrapped(child: SchemaTree, definition: number, repetition: number): ValueReader {
    const from = this.leaves.length
    const read = this.node(child, definition, repetition)
    const to = this.leaves.length
    return (leaves) => (leaves[from]!.definition < definition ? skipAll(leaves, from, to, null) : read(leaves))
  }
}

function skipAll<T>(leaves: readonly LeafCursor[], from: number, to: number, value: T): T {
  for (let i = from; i < to; i++) leaves[i]!.skip()
  return value
}
