import { physicalName, type TableLayout } from '#delta/layout.ts'
import { partitionText } from '#delta/partition-folder.ts'
import type { StructField } from '#delta/schema-json.ts'

/** Values of partition columns as text, by physical name. */
export type PartitionValues = Readonly<Record<string, string | null>>

/** Rows of one partition among those of a run. */
export interface Part {
  /** The same for the same values. */
  readonly key: string
  readonly values: PartitionValues
  readonly rows: readonly number[]
}

interface KnownPart extends Part {
  readonly rows: number[]
}

/** From one value of a partition column to those of the next, or to the part. */
type Branch = Map<unknown, Branch | KnownPart>

/** Partitions that are kept in mind. */
const KNOWN_MAX = 10_000

/** Tells the rows of a run apart by their partition: what the text of a value is, is found once. */
export class PartitionSplit {
  private readonly layout: TableLayout
  private readonly fields: readonly StructField[]
  private tree: Branch = new Map()
  private known = new Map<string, KnownPart>()

  constructor(layout: TableLayout, fields: readonly StructField[]) {
    this.layout = layout
    this.fields = fields
  }

  /**
   * The parts in the order of their first rows; good until the next call.
   *
   * @param columns values of the partition columns, in their order, in the form that `RowCheck` gives them
   * @throws SluiceError DELTA_SCHEMA_MISMATCH for a value that can't name a partition
   */
  split(columns: readonly (readonly unknown[])[], count: number): readonly Part[] {
    if (this.known.size > KNOWN_MAX) {
      this.tree = new Map()
      this.known = new Map()
    }
    const found: KnownPart[] = []
    for (let row = 0; row < count; row++) {
      const part = this.partOf(columns, row)
      if (part.rows.length === 0) found.push(part)
      part.rows.push(row)
    }
    const parts = found.map(({ key, values, rows }) => ({ key, values, rows: [...rows] }))
    for (const { rows } of found) rows.length = 0
    return parts
  }

  /** @param values one for each partition column */
  valuesOf(values: readonly unknown[]): PartitionValues {
    return Object.fromEntries(
      this.fields.map((field, i) => [physicalName(this.layout, field), partitionText(field.type, values[i])]),
    )
  }

  private partOf(columns: readonly (readonly unknown[])[], row: number): KnownPart {
    let branch = this.tree
    const last = columns.length - 1
    for (let i = 0; i < last; i++) {
      const value = columns[i]![row]
      let next = branch.get(value) as Branch | undefined
      if (next === undefined) {
        next = new Map()
        branch.set(value, next)
      }
      branch = next
    }
    const value = columns[last]![row]
    let part = branch.get(value) as KnownPart | undefined
    if (part === undefined) {
      part = this.knownPart(columns.map((column) => column[row]))
      branch.set(value, part)
    }
    return part
  }

  /** Values that are written the same are one partition. */
  private knownPart(row: readonly unknown[]): KnownPart {
    const values = this.valuesOf(row)
    const key = JSON.stringify(Object.values(values))
    let part = this.known.get(key)
    if (part === undefined) {
      part = { key, values, rows: [] }
      this.known.set(key, part)
    }
    return part
  }
}
