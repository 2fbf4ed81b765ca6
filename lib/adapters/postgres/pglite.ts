import { fork } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs'
import { basename, dirname, extname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { isSluiceError, SluiceError } from '#core/errors.ts'
import type { SqlSink } from '#ports/sql-sink.ts'
import { type Connection, type SqlDriver, SqlFault, type TextRow } from './driver.ts'
import { handOver } from './owners.ts'
import { copyTemplate, keepTemplate, templateFolder } from './pglite-template.ts'
import type { FromPgliteWorker, ToPgliteWorker } from './pglite-worker.ts'
import { SessionDriver, sinkError } from './session.ts'
import { PostgresSink } from './sink.ts'

const beside = (name: string): URL => new URL(`./${name}${extname(import.meta.url)}`, import.meta.url)

/**
 * The sink on PGlite, PostgreSQL in this process: a folder instead of a server. It runs in a thread of its own, takes about
 * 85 MB, and is there after 0.3 s. Creating the folder takes 3 s the first time, in a process of its own, as it needs 350 MB;
 * after that it is copied from a template in the user's cache folder.
 *
 * The end of the process at any moment leaves a folder that opens again with all and nothing but what was committed. The end
 * of the machine may not: PGlite does not wait for the disk.
 *
 * @throws SluiceError SQL_SINK_FAILED
 */
export async function openPglite(folder: string): Promise<SqlSink> {
  const driver = await pgliteDriver(folder)
  try {
    await handOver(driver.query)
  } catch (error) {
    // The next attempt must not find the folder open.
    await driver.close()
    throw error
  }
  return new PostgresSink(driver)
}

/** The database in a folder, for SQL of one's own. */
export async function pgliteDriver(folder: string): Promise<SqlDriver> {
  const path = resolve(folder)
  return SessionDriver.open(
    async () => {
      try {
        await createDatabase(path)
      } catch (error) {
        throw isSluiceError(error) || error instanceof SqlFault ? error : new SqlFault(messageOf(error), undefined)
      }
      return startWorker(path)
    },
    (fault) => sinkError(`the database in ${path}`, fault),
  )
}

/** Makes the database beside the folder and renames it: the folder is never half made. */
async function createDatabase(path: string): Promise<void> {
  if (existsSync(join(path, 'PG_VERSION'))) return
  if (existsSync(path) && readdirSync(path).length > 0) {
    throw new SluiceError(
      'SQL_SINK_FAILED',
      `Expected a database or nothing in ${path}, found other files. Move them away.`,
      { details: { path } },
    )
  }
  const parent = dirname(path)
  const prefix = `${basename(path)}.new-`
  mkdirSync(parent, { recursive: true })
  for (const name of readdirSync(parent)) {
    if (name.startsWith(prefix)) rmSync(join(parent, name), { recursive: true, force: true })
  }
  const half = mkdtempSync(join(parent, prefix))
  try {
    const template = templateFolder()
    if (!(await copyTemplate(template, half))) {
      await runCreator(half)
      await keepTemplate(half, template)
    }
    renameSync(half, path)
  } catch (error) {
    rmSync(half, { recursive: true, force: true })
    throw error
  }
}

function runCreator(folder: string): Promise<void> {
  const creator = fork(fileURLToPath(beside('pglite-create-worker')), [folder], {
    // The baseline compiler only: half the time and memory.
    execArgv: ['--liftoff-only'],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  creator.stderr!.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-2_000)
  })
  const { promise, resolve: done, reject } = Promise.withResolvers<void>()
  creator.once('error', (error) => reject(new SqlFault(error.message, undefined)))
  creator.once('exit', (code, signal) => {
    if (code === 0) done()
    else reject(new SqlFault(`creating it ended with ${signal ?? `code ${code}`}: ${said.trim()}`, undefined))
  })
  return promise
}

interface Waiting {
  readonly resolve: (rows: readonly TextRow[]) => void
  readonly reject: (fault: SqlFault) => void
}

async function startWorker(path: string): Promise<Connection> {
  const worker = new Worker(beside('pglite-worker'), { workerData: path, execArgv: [] })
  // The session has one question at a time.
  let waiting: Waiting | null = null
  const settle = (use: (waiting: Waiting) => void): void => {
    const was = waiting
    waiting = null
    worker.unref()
    if (was !== null) use(was)
  }
  worker.on('message', (answer: FromPgliteWorker) => {
    if (answer.kind === 'rows') settle(({ resolve }) => resolve(answer.rows))
    else settle(({ reject }) => reject(new SqlFault(answer.message, answer.sqlState ?? undefined)))
  })
  worker.on('error', (error) => settle(({ reject }) => reject(new SqlFault(messageOf(error), undefined))))
  let ended = false
  worker.on('exit', () => {
    ended = true
    settle(({ reject }) => reject(new SqlFault('its thread has ended', undefined)))
  })
  const ask = (message: ToPgliteWorker | null): Promise<readonly TextRow[]> => {
    if (ended) return Promise.reject(new SqlFault('its thread has ended', undefined))
    const { promise, resolve, reject } = Promise.withResolvers<readonly TextRow[]>()
    waiting = { resolve, reject }
    worker.ref()
    if (message !== null) worker.postMessage(message)
    return promise
  }
  try {
    await ask(null)
  } catch (error) {
    await worker.terminate()
    throw error
  }
  return {
    query: (sql, params = []) => ask({ kind: 'query', sql, params }),
    ended: () => ended,
    async close() {
      await ask({ kind: 'close' }).catch(() => {})
      await worker.terminate()
    },
  }
}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))
