import { DeltaTable } from '#delta/table.ts'
import type { Fields } from '#schema/column.ts'
import { type Lake, lake, TABLE } from './fixtures.ts'

/** id, district, amount: rows to write, and to read back in the order of their ids. */
export const ITEM_FIELDS: Fields = [
  { name: 'id', column: { kind: 'long', nullable: false } },
  { name: 'district', column: { kind: 'string', nullable: true } },
  { name: 'amount', column: { kind: 'double', nullable: true } },
  { name: 'revision', column: { kind: 'int', nullable: true } },
]

export interface Item {
  readonly id: number
  readonly district: string | null
  readonly amount: number | null
  readonly revision: number | null
}

export const item = (id: number, rest: Partial<Item> = {}): Item => ({
  id,
  district: `0${id % 3}`,
  amount: id / 2,
  revision: 1,
  ...rest,
})

export const items = (from: number, to: number, rest: Partial<Item> = {}): readonly Item[] =>
  Array.from({ length: to - from }, (_, at) => item(from + at, rest))

export interface ItemsTable extends Lake {
  readonly table: DeltaTable
  /** Another client of the same table. */
  other(name?: string): Promise<DeltaTable>
}

export async function itemsTable(
  options: { readonly partitionBy?: readonly string[]; readonly properties?: Readonly<Record<string, string>> } = {},
): Promise<ItemsTable> {
  const made = lake()
  const table = await DeltaTable.create(made.deps(), TABLE, { fields: ITEM_FIELDS, ...options })
  return { ...made, table, other: (name = 'other') => DeltaTable.open(made.deps(made.memory, name), TABLE) }
}

export async function rowsIn(table: DeltaTable, version?: number): Promise<readonly Item[]> {
  const rows: Item[] = []
  const snapshot = await table.snapshot(version === undefined ? {} : { version })
  for await (const run of snapshot.rows()) rows.push(...(run as unknown as Item[]))
  return rows.sort((a, b) => a.id - b.id)
}
