import { bootedSql } from '#local/booted-sql.ts'
import type { Plan } from '#plan/plan.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import { plannedSqlTables } from '#runtime/tables.ts'

/** Postgres at `databaseUrl`, else PGlite in the folder; null when no output of the plan wants a database. */
export function openSql(plan: Plan, folder: string, databaseUrl: string | undefined): SqlSink | null {
  if (plannedSqlTables(plan).length === 0) return null
  const server = async (url: string): Promise<SqlSink> => {
    const { openPostgres } = await import('#adapters/postgres/postgres.ts')
    return openPostgres(url)
  }
  const embedded = async (): Promise<SqlSink> => {
    const { openPglite } = await import('#adapters/postgres/pglite.ts')
    return openPglite(folder)
  }
  // A server's tables may be another data folder's. The embedded database's are this one's: no start waits for its boot.
  return databaseUrl === undefined
    ? bootedSql(embedded, { wait: false })
    : bootedSql(() => server(databaseUrl), { wait: true })
}
