import type { SqlChange, SqlRow, SqlSink, SqlTable } from '#ports/sql-sink.ts'

/**
 * A SQL sink in memory: fences and rows move together or not at all, a row is replaced or deleted only by a higher revision.
 * Many sinks may share one database: each stands for one process's connection.
 */
export class MemorySqlSink implements SqlSink {
  readonly #tables = new Map<string, { readonly table: SqlTable; readonly rows: Map<string, SqlRow> }>()
  readonly #fences = new Map<string, number>()

  async prepare(tables: readonly SqlTable[]): Promise<void> {
    for (const table of tables) {
      this.#tables.set(table.name, { table, rows: this.#tables.get(table.name)?.rows ?? new Map() })
    }
  }

  async fence(name: string): Promise<number | null> {
    return this.#fences.get(name) ?? null
  }

  async apply(name: string, fence: number, changes: readonly SqlChange[]): Promise<boolean> {
    if (fence <= (this.#fences.get(name) ?? Number.NEGATIVE_INFINITY)) return false
    const targets = changes.map((change) => ({ change, ...this.#find(change.table) }))
    for (const { change, table, rows } of targets) {
      for (const row of change.upserts) if (isNewer(table, rows, row)) rows.set(keyOf(table, row), row)
      for (const row of change.deletes) if (isNewer(table, rows, row)) rows.delete(keyOf(table, row))
    }
    this.#fences.set(name, fence)
    return true
  }

  async close(): Promise<void> {}

  get tables(): readonly string[] {
    return [...this.#tables.keys()]
  }

  /** Rows of a table by column name. */
  rows(name: string): readonly Readonly<Record<string, unknown>>[] {
    const { table, rows } = this.#find(name)
    return [...rows.values()].map((row) => Object.fromEntries(table.fields.map((field, i) => [field.name, row[i]])))
  }

  #find(name: string) {
    const found = this.#tables.get(name)
    if (found === undefined) throw new RangeError(`table "${name}" was not prepared`)
    return found
  }
}

function keyOf({ fields, primaryKey }: SqlTable, row: SqlRow): string {
  return JSON.stringify(primaryKey.map((name) => row[fields.findIndex((field) => field.name === name)]))
}

/** Higher than the stored revision; in a table without revisions always. */
function isNewer(table: SqlTable, rows: ReadonlyMap<string, SqlRow>, row: SqlRow): boolean {
  const revision = table.fields.findIndex((field) => field.name === 'revision')
  const stored = rows.get(keyOf(table, row))
  return stored === undefined || revision < 0 || (row[revision] as number) > (stored[revision] as number)
}
