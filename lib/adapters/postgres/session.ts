import { SluiceError } from '#core/errors.ts'
import { type Connection, type ErrorOf, isRetryable, type Query, type SqlDriver, SqlFault } from './driver.ts'

/** A driver over one connection: statements and transactions queue up, and after a lost connection the next one reconnects. */
export class SessionDriver implements SqlDriver {
  readonly #connect: () => Promise<Connection>
  readonly #errorOf: ErrorOf
  #connection: Connection | null = null
  #turn: Promise<unknown> = Promise.resolve()
  #closed = false

  private constructor(connect: () => Promise<Connection>, errorOf: ErrorOf) {
    this.#connect = connect
    this.#errorOf = errorOf
  }

  /** @throws SluiceError SQL_SINK_FAILED when the first connection fails */
  static async open(connect: () => Promise<Connection>, errorOf: ErrorOf): Promise<SessionDriver> {
    const driver = new SessionDriver(connect, errorOf)
    await driver.#alone(async () => {})
    return driver
  }

  query: Query = (sql, params) => this.#alone((connection) => connection.query(sql, params))

  transaction<Result>(work: (query: Query) => Promise<Result>): Promise<Result> {
    return this.#alone(async (connection) => {
      await connection.query('BEGIN')
      try {
        const result = await work(connection.query)
        await connection.query('COMMIT')
        return result
      } catch (error) {
        if (!isLost(error)) await connection.query('ROLLBACK')
        throw error
      }
    })
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#turn.catch(() => {})
    const connection = this.#connection
    this.#connection = null
    await connection?.close()
  }

  #alone<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    const turn = this.#turn.catch(() => {}).then(() => this.#work(work))
    this.#turn = turn
    return turn
  }

  async #work<Result>(work: (connection: Connection) => Promise<Result>): Promise<Result> {
    try {
      if (this.#closed) throw new SqlFault('the sink is closed', '57P01')
      if (this.#connection?.ended() === true) await this.#abandon()
      this.#connection ??= await this.#connect()
      return await work(this.#connection)
    } catch (error) {
      if (isLost(error)) await this.#abandon()
      throw error instanceof SqlFault ? this.#errorOf(error) : error
    }
  }

  async #abandon(): Promise<void> {
    const connection = this.#connection
    this.#connection = null
    await connection?.close().catch(() => {})
  }
}

const isLost = (error: unknown): boolean => error instanceof SqlFault && error.lost

/** `target` names the database without its password. */
export function sinkError(target: string, fault: SqlFault): SluiceError {
  const retryable = isRetryable(fault)
  const state = fault.sqlState === undefined ? '' : ` (SQLSTATE ${fault.sqlState})`
  const advice = retryable
    ? 'It will be tried again; check that the database is up and can be reached.'
    : 'Correct the cause: trying again will not help.'
  return new SluiceError(
    'SQL_SINK_FAILED',
    `Expected ${target} to do its part, it answered: ${fault.message}${state}. ${advice}`,
    { retryable, details: { target, ...(fault.sqlState === undefined ? {} : { sqlState: fault.sqlState }) } },
  )
}
