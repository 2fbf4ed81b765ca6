import type { SluiceError } from '#core/errors.ts'

/** A row as the server sends it; every selected column is cast to text, so that both drivers agree on the values. */
export type TextRow = Readonly<Record<string, string | null>>

/** Runs one statement. Parameters are text and cast in the statement (`$1::text::bigint`). */
export type Query = (sql: string, params?: readonly (string | null)[]) => Promise<readonly TextRow[]>

/** What the sink needs of a database: one session, one statement or transaction at a time. */
export interface SqlDriver {
  query: Query
  /** BEGIN, the work, COMMIT; ROLLBACK when the work throws. Nobody else's statement gets in between. */
  transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result>
  close(): Promise<void>
}

/** One connection, for `SessionDriver`. Its errors are `SqlFault`s. */
export interface Connection {
  query: Query
  /** True when it broke while nobody asked anything. */
  ended(): boolean
  close(): Promise<void>
}

/** What went wrong, before it becomes a SluiceError with the name of the database in it. */
export class SqlFault extends Error {
  override readonly name = 'SqlFault'
  /** Five characters (Appendix A of the PostgreSQL manual); undefined when the fault is not the server's answer. */
  readonly sqlState: string | undefined
  /** The connection can't be used again. */
  readonly lost: boolean

  constructor(message: string, sqlState: string | undefined) {
    super(message)
    this.sqlState = sqlState
    this.lost = sqlState === undefined || CONNECTION_STATE.test(sqlState)
  }
}

/** Connection exceptions, shutdown, crash, "starting up". */
const CONNECTION_STATE = /^(08...|57P0[1235])$/
/** Those that go away by themselves: too many connections, serialization failure, deadlock, lock not available. */
const PASSING_STATE = /^(53300|40001|40P01|55P03)$/

export function isRetryable(fault: SqlFault): boolean {
  return fault.lost || PASSING_STATE.test(fault.sqlState ?? '')
}

/** Turns a fault into the error that the caller of the sink sees. */
export type ErrorOf = (fault: SqlFault) => SluiceError
