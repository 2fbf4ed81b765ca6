import type { SqlChange, SqlSink, SqlTable } from '#ports/sql-sink.ts'
import type { SqlDriver } from './driver.ts'
import { TableStatements } from './statements.ts'
import { prepareTables } from './tables.ts'

const MOVE_FENCE =
  'INSERT INTO sluice_fence AS kept (name, fence) VALUES ($1::text, $2::text::bigint) ' +
  'ON CONFLICT (name) DO UPDATE SET fence = excluded.fence WHERE kept.fence < excluded.fence RETURNING fence::text'

/** Thrown to roll back a transaction whose fence did not move. */
class FenceStands extends Error {}

/**
 * A SQL sink on PostgreSQL. The fence row is the first thing that a transaction writes, so its row lock makes writers with the
 * same name take turns, in whatever process they are.
 *
 * Cost of `apply`: BEGIN, the fence, one statement per 5,000 rows and table, COMMIT.
 */
export class PostgresSink implements SqlSink {
  readonly #driver: SqlDriver
  readonly #tables = new Map<string, TableStatements>()

  constructor(driver: SqlDriver) {
    this.#driver = driver
  }

  async prepare(tables: readonly SqlTable[]): Promise<void> {
    const statements = tables.map((table) => [table.name, new TableStatements(table)] as const)
    await this.#driver.transaction((query) => prepareTables(query, tables))
    for (const [name, each] of statements) this.#tables.set(name, each)
  }

  async fence(name: string): Promise<number | null> {
    const [row] = await this.#driver.query('SELECT fence::text FROM sluice_fence WHERE name = $1::text', [name])
    return row === undefined ? null : Number(row['fence'])
  }

  async apply(name: string, fence: number, changes: readonly SqlChange[]): Promise<boolean> {
    const statements = changes.map((change) => ({ change, table: this.#table(change.table) }))
    try {
      await this.#driver.transaction(async (query) => {
        const moved = await query(MOVE_FENCE, [name, String(fence)])
        if (moved.length === 0) throw new FenceStands()
        for (const { change, table } of statements) {
          for (const { sql, params } of table.upserts(change.upserts)) await query(sql, params)
          // After the upserts: a row that is both stays only if its revision is the higher one.
          for (const { sql, params } of table.deletes(change.deletes)) await query(sql, params)
        }
      })
      return true
    } catch (error) {
      if (error instanceof FenceStands) return false
      throw error
    }
  }

  close(): Promise<void> {
    return this.#driver.close()
  }

  #table(name: string): TableStatements {
    const table = this.#tables.get(name)
    if (table === undefined) throw new RangeError(`table "${name}" was not prepared`)
    return table
  }
}
