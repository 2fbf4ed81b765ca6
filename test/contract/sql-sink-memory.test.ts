import { MemorySqlDatabase, MemorySqlSink } from '../support/memory-sql-sink.ts'
import { sqlOwnersContract } from './sql-sink-owners.ts'

sqlOwnersContract('The sink in memory', async () => {
  const database = new MemorySqlDatabase()
  return {
    session: async () => new MemorySqlSink(database),
    createByHand: async (table) => void database.tables.set(table.name, { table, rows: new Map() }),
    dropTable: async (name) => database.dropTable(name),
    async clearAsTold(refusal) {
      const { tables, found } = (refusal as { details: Record<string, readonly string[]> }).details
      for (const name of tables!) database.dropTable(name)
      for (const owner of found!) database.forgetFences(owner)
    },
    rows: async (name) => [...(database.tables.get(name)?.rows.values() ?? [])].map((row) => row.join(' ')).toSorted(),
  }
})
