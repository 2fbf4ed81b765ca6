import { SluiceError } from '#core/errors.ts'
import type { SqlChange, SqlChanges, SqlRow, SqlSink, SqlTable } from '#ports/sql-sink.ts'

interface StoredTable {
  readonly table: SqlTable
  readonly rows: Map<string, SqlRow>
}

/** What several sinks share: tables, whose they are, fences. */
export class MemorySqlDatabase {
  readonly tables = new Map<string, StoredTable>()
  readonly owners = new Map<string, string>()
  /** By `<owner>/<name>`. */
  readonly fences = new Map<string, number>()

  dropTable(name: string): void {
    this.tables.delete(name)
  }

  forgetFences(owner: string): void {
    for (const name of this.fences.keys()) if (name.startsWith(`${owner}/`)) this.fences.delete(name)
  }
}

/**
 * A SQL sink in memory: fences and rows move together or not at all, a row is replaced or deleted only by a higher revision, and a
 * table is one owner's. Many sinks may share one database: each stands for one process's connection.
 */
export class MemorySqlSink implements SqlSink {
  readonly #database: MemorySqlDatabase
  #owner: string | null = null

  constructor(database = new MemorySqlDatabase()) {
    this.#database = database
  }

  async prepare(tables: readonly SqlTable[], owner: string): Promise<void> {
    const database = this.#database
    const existing = tables.flatMap(({ name }) => (database.tables.has(name) ? [name] : []))
    checkOwner(database, existing, owner)
    for (const table of tables) {
      const { name } = table
      const stored = database.tables.get(name)
      if (stored === undefined && database.owners.has(name)) database.forgetFences(owner)
      database.tables.set(name, { table, rows: stored?.rows ?? new Map() })
      database.owners.set(name, owner)
    }
    this.#owner = owner
  }

  async fence(name: string): Promise<number | null> {
    return this.#database.fences.get(this.#fenceOf(name)) ?? null
  }

  async apply(name: string, fence: number, coming: SqlChanges): Promise<boolean> {
    const key = this.#fenceOf(name)
    const changes: SqlChange[] = []
    for await (const change of coming) changes.push(change)
    if (fence <= (this.#database.fences.get(key) ?? Number.NEGATIVE_INFINITY)) return false
    const targets = changes.map((change) => ({ change, ...this.#find(change.table) }))
    checkOwner(
      this.#database,
      changes.map((change) => change.table),
      this.#owner!,
    )
    for (const { change, table, rows } of targets) {
      if (change.replace === true) rows.clear()
      for (const row of change.upserts) if (isNewer(table, rows, row)) rows.set(keyOf(table, row), row)
      for (const row of change.deletes) if (isNewer(table, rows, row)) rows.delete(keyOf(table, row))
    }
    this.#database.fences.set(key, fence)
    return true
  }

  async close(): Promise<void> {}

  get tables(): readonly string[] {
    return [...this.#database.tables.keys()]
  }

  /** Rows of a table by column name. */
  rows(name: string): readonly Readonly<Record<string, unknown>>[] {
    const { table, rows } = this.#find(name)
    return [...rows.values()].map((row) => Object.fromEntries(table.fields.map((field, i) => [field.name, row[i]])))
  }

  #fenceOf(name: string): string {
    if (this.#owner === null) throw new RangeError('the sink was not prepared')
    return `${this.#owner}/${name}`
  }

  #find(name: string): StoredTable {
    const found = this.#database.tables.get(name)
    if (found === undefined) throw new RangeError(`table "${name}" was not prepared`)
    return found
  }
}

function checkOwner({ owners }: MemorySqlDatabase, names: readonly string[], owner: string): void {
  const taken = names.filter((name) => (owners.get(name) ?? owner) !== owner)
  if (taken.length === 0) return
  const found = taken.map((name) => owners.get(name)!)
  throw new SluiceError(
    'SQL_TABLE_TAKEN',
    `Expected tables of state ${owner}, found ${taken.join(', ')} of ${found}.`,
    {
      details: { tables: taken, expected: owner, found },
    },
  )
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
