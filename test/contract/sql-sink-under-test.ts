import type { SqlSink } from '#ports/sql-sink.ts'

export interface SqlUnderTest {
  readonly sink: SqlSink
  /** Runs a statement beside the sink; values as text. */
  query(sql: string): Promise<readonly Readonly<Record<string, string | null>>[]>
}
