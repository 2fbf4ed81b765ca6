import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { SqlFault } from '#adapters/postgres/driver.ts'
import { openPostgres } from '#adapters/postgres/postgres.ts'
import { SessionDriver, sinkError } from '#adapters/postgres/session.ts'
import { isSluiceError } from '#core/errors.ts'

describe('openPostgres', () => {
  it('says which server it could not reach, without the password, and that it is worth a retry', async () => {
    const error: unknown = await openPostgres('postgres://ada:s%65cret@127.0.0.1:1/lake').catch(
      (error: unknown) => error,
    )
    expect(error).toMatchObject({
      code: 'SQL_SINK_FAILED',
      retryable: true,
      message:
        'Expected postgres://ada@127.0.0.1:1/lake to do its part, it answered: connect ECONNREFUSED 127.0.0.1:1. ' +
        'It will be tried again; check that the database is up and can be reached.',
    })
    expect(inspect(error)).not.toMatch(/s%65cret|secret/)
  })

  it.each(['', 'localhost/secret', 'mysql://ada:secret@localhost/lake'])(
    'refuses %j, and does not repeat it',
    async (url) => {
      const error: unknown = await openPostgres(url).catch((error: unknown) => error)
      expect(isSluiceError(error, 'SQL_SINK_FAILED') && !error.retryable).toBe(true)
      expect(inspect(error)).not.toContain('secret')
      expect((error as Error).message).toBe(
        'Expected a database URL such as postgres://user:password@host:5432/database, found something else. Correct it.',
      )
    },
  )
})

describe('A fault', () => {
  it.each([
    [undefined, true],
    ['08006', true],
    ['57P01', true],
    ['57P03', true],
    ['53300', true],
    ['40001', true],
    ['40P01', true],
    ['28P01', false],
    ['3D000', false],
    ['23502', false],
    ['42P01', false],
  ])('with SQLSTATE %s is worth a retry: %s', (sqlState, retryable) => {
    expect(sinkError('the database', new SqlFault('it failed', sqlState)).retryable).toBe(retryable)
  })
})

describe('A session', () => {
  const errorOf = (fault: SqlFault) => sinkError('the database', fault)

  /** Connections that write down what they are asked; `answers` throw instead. */
  const connections = (answers: Record<string, SqlFault> = {}) => {
    const said: string[] = []
    let opened = 0
    const connect = async () => {
      const number = ++opened
      return {
        query: async (sql: string) => {
          said.push(`${number}: ${sql}`)
          const fault = answers[sql]
          if (fault !== undefined) throw fault
          return []
        },
        ended: () => false,
        close: async () => void said.push(`${number}: closed`),
      }
    }
    return { said, connect }
  }

  it('lets nothing come between the statements of a transaction', async () => {
    const { said, connect } = connections()
    const driver = await SessionDriver.open(connect, errorOf)
    await Promise.all([
      driver.transaction(async (query) => {
        await query('a')
        await new Promise(setImmediate)
        await query('b')
      }),
      driver.query('c'),
      driver.transaction(async (query) => query('d')),
    ])
    expect(said).toEqual(['1: BEGIN', '1: a', '1: b', '1: COMMIT', '1: c', '1: BEGIN', '1: d', '1: COMMIT'])
  })

  it('rolls back a transaction that failed, and goes on', async () => {
    const { said, connect } = connections({ a: new SqlFault('no', '23502') })
    const driver = await SessionDriver.open(connect, errorOf)
    await expect(driver.transaction((query) => query('a'))).rejects.toMatchObject({ code: 'SQL_SINK_FAILED' })
    await driver.query('b')
    expect(said).toEqual(['1: BEGIN', '1: a', '1: ROLLBACK', '1: b'])
  })

  it('opens a new connection after a lost one', async () => {
    const { said, connect } = connections({ a: new SqlFault('gone', undefined) })
    const driver = await SessionDriver.open(connect, errorOf)
    await expect(driver.transaction((query) => query('a'))).rejects.toMatchObject({ retryable: true })
    await driver.query('b')
    await driver.close()
    expect(said).toEqual(['1: BEGIN', '1: a', '1: closed', '2: b', '2: closed'])
  })

  it('refuses to work once it is closed', async () => {
    const driver = await SessionDriver.open(connections().connect, errorOf)
    await driver.close()
    await expect(driver.query('a')).rejects.toThrow('the sink is closed')
  })
})
