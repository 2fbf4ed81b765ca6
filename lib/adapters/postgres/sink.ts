import type { SqlChange, SqlChanges, SqlSink, SqlTable } from '#ports/sql-sink.ts'
import type { Query, SqlDriver } from './driver.ts'
import { fenceOf, holdTables, type TablePlace } from './owners.ts'
import { TableStatements } from './statements.ts'
import { prepareTables } from './tables.ts'

const MOVE_FENCE =
  'INSERT INTO sluice_fence AS kept (name, fence) VALUES ($1::text, $2::text::bigint) ' +
  'ON CONFLICT (name) DO UPDATE SET fence = excluded.fence WHERE kept.fence < excluded.fence RETURNING fence::text'

interface OwnedTable {
  readonly statements: TableStatements
  readonly place: TablePlace
}

/** Thrown to roll back a transaction whose fence did not move. */
class FenceStands extends Error {}

/**
 * A SQL sink on PostgreSQL. The fence row is the first thing that a transaction writes, so its row lock makes writers with the
 * same name take turns, in whatever process they are.
 *
 * Cost of `apply`: BEGIN, the fence, the owner, one statement per 5,000 rows and table, COMMIT.
 */
export class PostgresSink implements SqlSink {
  readonly #driver: SqlDriver
  readonly #tables = new Map<string, OwnedTable>()
  #owner: string | null = null

  constructor(driver: SqlDriver) {
    this.#driver = driver
  }

  async prepare(tables: readonly SqlTable[], owner: string): Promise<void> {
    const statements = tables.map((table) => new TableStatements(table))
    const places = await this.#driver.transaction((query) => prepareTables(query, tables, owner))
    this.#owner = owner
    tables.forEach(({ name }, i) => {
      this.#tables.set(name, { statements: statements[i]!, place: places[i]! })
    })
  }

  async fence(name: string): Promise<number | null> {
    const sql = 'SELECT fence::text FROM sluice_fence WHERE name = $1::text'
    const [row] = await this.#driver.query(sql, [fenceOf(this.#preparedOwner(), name)])
    return row === undefined ? null : Number(row['fence'])
  }

  async apply(name: string, fence: number, changes: SqlChanges): Promise<boolean> {
    const owner = this.#preparedOwner()
    try {
      await this.#driver.transaction(async (query) => {
        const moved = await query(MOVE_FENCE, [fenceOf(owner, name), String(fence)])
        if (moved.length === 0) throw new FenceStands()
        const held = new Set<string>()
        if (Array.isArray(changes)) await this.#hold(query, changes, held, owner)
        for await (const change of changes) {
          const { statements } = this.#table(change.table)
          await this.#hold(query, [change], held, owner)
          if (change.replace === true) await query(statements.deleteAll)
          for (const { sql, params } of statements.upserts(change.upserts)) await query(sql, params)
          // After the upserts: a row that is both stays only if its revision is the higher one.
          for (const { sql, params } of statements.deletes(change.deletes)) await query(sql, params)
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

  async #hold(query: Query, changes: readonly SqlChange[], held: Set<string>, owner: string): Promise<void> {
    const news = [...new Set(changes.map(({ table }) => table))].filter((table) => !held.has(table))
    if (news.length === 0) return
    await holdTables(
      query,
      news.map((table) => this.#table(table).place),
      owner,
    )
    for (const table of news) held.add(table)
  }

  #preparedOwner(): string {
    if (this.#owner === null) throw new RangeError('the sink was not prepared')
    return this.#owner
  }

  #table(name: string): OwnedTable {
    const table = this.#tables.get(name)
    if (table === undefined) throw new RangeError(`table "${name}" was not prepared`)
    return table
  }
}
