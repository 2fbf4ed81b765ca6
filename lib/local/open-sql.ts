import { bootedSql } from '#local/booted-sql.ts'
import type { Plan } from '#plan/plan.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import { plannedSqlTables } from '#runtime/tables.ts'

/** Postgres at `databaseUrl`, else PGlite in the folder; null when no output of the plan wants a database. */
export function openSql(plan: Plan, folder: string, databaseUrl: string | undefined): SqlSink | null {
  const tables = plannedSqlTables(plan)
  if (tables.length === 0) return null
  return bootedSql(async () => {
    if (databaseUrl !== undefined) {
      const { openPostgres } = await import('#adapters/postgres/postgres.ts')
      return openPostgres(databaseUrl)
    }
    const { openPglite } = await import('#adapters/postgres/pglite.ts')
    return openPglite(folder)
  }, tables)
}
