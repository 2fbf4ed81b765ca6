import { setFlagsFromString } from 'node:v8'
import { parentPort, workerData } from 'node:worker_threads'
import type { TextRow } from './driver.ts'

export type ToPgliteWorker =
  | { readonly kind: 'query'; readonly sql: string; readonly params: readonly (string | null)[] }
  | { readonly kind: 'close' }

export type FromPgliteWorker =
  | { readonly kind: 'rows'; readonly rows: readonly TextRow[] }
  | { readonly kind: 'failed'; readonly message: string; readonly sqlState: string | null }

/** Commits between two looks at the write-ahead log, and how long it may get. */
const LOOK_EVERY = 8
const LOG_BYTES_MAX = 32 * 1024 * 1024

// V8's optimizing compiler takes 500 MB for PGlite's WebAssembly. These settings are the process's; what they change must come
// before PGlite is loaded. (`--liftoff-only` means the same, but is heard only when the process starts.)
for (const flag of ['--no-wasm-tier-up', '--no-wasm-dynamic-tiering']) setFlagsFromString(flag)
const { PGlite } = await import('@electric-sql/pglite')

const SETTINGS = {
  shared_buffers: '8MB',
  wal_buffers: '512kB',
  work_mem: '8MB',
  maintenance_work_mem: '8MB',
  temp_buffers: '1MB',
  max_connections: '4',
  autovacuum: 'off',
  min_wal_size: '4MB',
  max_wal_size: '32MB',
}

const port = parentPort!
const database = await PGlite.create({
  dataDir: workerData as string,
  startParams: [
    ...PGlite.defaultStartParams,
    ...Object.entries(SETTINGS).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
  ],
})

let commits = 0

/** Nothing else does: PostgreSQL's checkpointer is a process, and PGlite has one only. */
async function checkpoint(): Promise<void> {
  if (++commits % LOOK_EVERY !== 0) return
  const { rows } = await database.query<{ bytes: string }>(
    'SELECT (pg_current_wal_lsn() - redo_lsn)::text AS bytes FROM pg_control_checkpoint()',
  )
  if (Number(rows[0]?.bytes) > LOG_BYTES_MAX) await database.query('CHECKPOINT')
}

async function answer(message: ToPgliteWorker): Promise<FromPgliteWorker> {
  try {
    if (message.kind === 'close') {
      await database.close()
      return { kind: 'rows', rows: [] }
    }
    const { rows } = await database.query<TextRow>(message.sql, [...message.params])
    if (message.sql === 'COMMIT') await checkpoint()
    return { kind: 'rows', rows }
  } catch (error) {
    const { message: text, code } = error as { message: string; code?: unknown }
    return { kind: 'failed', message: text, sqlState: typeof code === 'string' ? code : null }
  }
}

port.on('message', async (message: ToPgliteWorker) => port.postMessage(await answer(message)))
port.postMessage({ kind: 'rows', rows: [] } satisfies FromPgliteWorker)
