import type { RowPlace } from './invalid-value.ts'
import { LeafColumn } from './leaf-column.ts'
import { leafValues } from './leaf-values.ts'
import type { FileLayout, LeafKind } from './leaves.ts'
import type { ParquetColumn, ParquetItem } from './schema.ts'
import { LeafNode, ListNode, MapNode, type Node, StructNode } from './shred-nodes.ts'

/** A column of rows on its way into leaves. */
export interface ColumnShredder {
  /** Takes the first `count` of a block's values, null where there is none; the first is of row `firstRow` of the file. */
  take(values: readonly unknown[], count: number, firstRow: number): void
}

/** What a table's statistics are about: leaves outside of lists and maps, and topmost lists and maps as a whole. */
export interface StatisticsSubject {
  readonly path: readonly string[]
  readonly kind: LeafKind | 'list' | 'map'
  /** Position among the leaves, or the node whose nulls count. */
  readonly of: number | { readonly nulls: number }
}

export interface Shredder {
  readonly columns: readonly ColumnShredder[]
  readonly leaves: readonly LeafColumn[]
  readonly subjects: readonly StatisticsSubject[]
}

/** What takes the rows of a file apart; `place` is where messages find the row. */
export function shredderOf(columns: readonly ParquetColumn[], layout: FileLayout, place: RowPlace): Shredder {
  const builder = new NodeBuilder(layout, place)
  const shredders = columns.map((column): ColumnShredder => {
    const firstLeaf = builder.leaves.length
    const node = builder.build(column, [column.name], 0)
    const leaves = builder.leaves.slice(firstLeaf)
    return {
      take(values, count, firstRow) {
        if (node instanceof LeafNode) {
          leaves[0]!.pushFlat(values, count, firstRow)
          return
        }
        for (let i = 0; i < count; i++) {
          place.row = firstRow + i
          node.write(values[i], 0, 0)
        }
        for (const leaf of leaves) leaf.flush()
      },
    }
  })
  return { columns: shredders, leaves: builder.leaves, subjects: builder.subjects }
}

class NodeBuilder {
  readonly leaves: LeafColumn[] = []
  readonly subjects: StatisticsSubject[] = []
  readonly #layout: FileLayout
  readonly #place: RowPlace

  constructor(layout: FileLayout, place: RowPlace) {
    this.#layout = layout
    this.#place = place
  }

  /** `lists`: how many lists and maps are above. */
  build({ type, nullable }: ParquetItem, path: readonly string[], lists: number): Node {
    const at = { name: path.join('.'), nullable, place: this.#place }
    if (typeof type === 'string' || type.kind === 'decimal') {
      const leaf = this.#layout.leaves[this.leaves.length]!
      const precision = typeof type === 'string' ? 0 : type.precision
      const column = new LeafColumn(leaf, leafValues(leaf, precision, at.name))
      if (lists === 0) this.subjects.push({ path, kind: leaf.kind, of: this.leaves.length })
      this.leaves.push(column)
      return new LeafNode(at, column)
    }
    if (type.kind === 'struct') {
      const parts = type.fields.map((field) => ({
        name: field.name,
        node: this.build(field, [...path, field.name], lists),
      }))
      return new StructNode(at, parts)
    }
    const before = this.subjects.length
    const inside = (item: ParquetItem, name: string): Node => this.build(item, [...path, name], lists + 1)
    const node =
      type.kind === 'list'
        ? new ListNode(at, lists + 1, inside(type.element, 'element'))
        : new MapNode(at, lists + 1, inside(type.key, 'key'), inside(type.value, 'value'), type.key.type === 'string')
    if (lists === 0) this.subjects.splice(before, 0, { path, kind: type.kind, of: node })
    return node
  }
}
