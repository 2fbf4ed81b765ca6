import { Client } from 'pg'
import { SluiceError } from '#core/errors.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import { type Connection, type SqlDriver, SqlFault, type TextRow } from './driver.ts'
import { SessionDriver, sinkError } from './session.ts'
import { PostgresSink } from './sink.ts'

const CONNECT_MILLIS = 10_000
/** A statement writes 5,000 rows at most; one that takes longer than this has lost its server. */
const ANSWER_MILLIS = 120_000

/**
 * The sink on a PostgreSQL server (or one that speaks its protocol), over one connection.
 *
 * @param url `postgres://user:password@host:5432/database`; its password is in no message
 * @throws SluiceError SQL_SINK_FAILED, retryable when the server can't be reached
 */
export async function openPostgres(url: string): Promise<SqlSink> {
  return new PostgresSink(await postgresDriver(url))
}

/** The database behind a URL, for SQL of one's own. */
export async function postgresDriver(url: string): Promise<SqlDriver> {
  const { target, secrets } = describeUrl(url)
  return SessionDriver.open(
    () => connect(url, secrets),
    (fault) => sinkError(target, fault),
  )
}

async function connect(url: string, secrets: readonly string[]): Promise<Connection> {
  const client = new Client({
    connectionString: url,
    application_name: 'sluice',
    connectionTimeoutMillis: CONNECT_MILLIS,
    query_timeout: ANSWER_MILLIS,
    keepAlive: true,
  })
  let ended = false
  client.on('end', () => {
    ended = true
  })
  // Of a connection that breaks while idle: `ended` tells.
  client.on('error', () => {})
  try {
    await client.connect()
  } catch (error) {
    await client.end().catch(() => {})
    throw faultOf(error, secrets)
  }
  return {
    async query(sql, params = []) {
      try {
        const result = await client.query<TextRow>(sql, [...params])
        return result.rows
      } catch (error) {
        throw faultOf(error, secrets)
      }
    },
    ended: () => ended,
    close: () => client.end(),
  }
}

function faultOf(error: unknown, secrets: readonly string[]): SqlFault {
  const { message, code, errors } = error as { message: string; code?: unknown; errors?: readonly Error[] }
  const text = message || errors?.map((each) => each.message).join('; ') || String(code)
  const redacted = secrets.reduce((redacted, secret) => redacted.replaceAll(secret, '***'), text)
  return new SqlFault(redacted, typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : undefined)
}

/** The URL without its password, and the password as it could turn up in a message. */
function describeUrl(url: string): { readonly target: string; readonly secrets: readonly string[] } {
  const parsed = URL.parse(url)
  if (parsed === null || !/^postgres(ql)?:$/.test(parsed.protocol)) {
    throw new SluiceError(
      'SQL_SINK_FAILED',
      'Expected a database URL such as postgres://user:password@host:5432/database, found something else. Correct it.',
    )
  }
  const user = parsed.username === '' ? '' : `${parsed.username}@`
  const passwords = [parsed.password, decoded(parsed.password), parsed.searchParams.get('password') ?? '']
  return {
    target: `postgres://${user}${parsed.host}${parsed.pathname}`,
    secrets: [...new Set(passwords)].filter((password) => password !== ''),
  }
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}
