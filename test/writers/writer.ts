/**
 * Some of many writers to one table, a process of their own: started by writers-run.ts with their task as JSON. Each has a store, a
 * client and a table of its own. The process says `ready`, waits for a line on its input, appends, and says for each append how often
 * it tried to commit and how long that took. One that shall be killed between file and commit says which file it is, and waits.
 */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { isSluiceError } from '#core/errors.ts'
import { type DeltaDeps, DeltaTable, writeDataFile } from '#delta/table.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import type { Fields } from '#schema/column.ts'
import type { ColumnBatch } from '#schema/vector.ts'
import { CountingStore } from '../support/counting-store.ts'
import { dice } from '../support/dice.ts'
import { FaultyStore } from '../support/faulty-store.ts'

export const TABLE = 'silver/appends'

export const FIELDS: Fields = [
  { name: 'writer', column: { kind: 'int', nullable: false } },
  { name: 'append', column: { kind: 'int', nullable: false } },
]

/** Rows of one append. */
export const ROWS = 3

export interface WriterTask {
  readonly writers: readonly number[]
  readonly appends: number
  /** Share of requests that go wrong. */
  readonly faults: number
  readonly seed: number
  readonly place: Place
  /** The first writer writes the file of this append, says so, and waits for its end. */
  readonly holdAt?: number
}

export type Place =
  | { readonly kind: 'directory'; readonly folder: string }
  | { readonly kind: 's3'; readonly bucket: string }

/** What a writer says that waits to be killed: the data file that nobody will commit. */
export interface HoldReport {
  readonly holds: string
}

/** What a writer says after each append. */
export interface AppendReport {
  readonly attempts: number
  readonly millis: number
}

export async function storeAt(place: Place): Promise<ObjectStore> {
  if (place.kind === 'directory') return new DirectoryObjectStore(place.folder)
  return (await import('../support/s3-bucket.ts')).storeIn(place.bucket)
}

export function depsOn(store: ObjectStore): DeltaDeps {
  return { store, clock: systemClock, ids: { next: randomUUID } }
}

export function appIdOf(writer: number): string {
  return `writers/${writer}`
}

async function work(task: WriterTask): Promise<void> {
  const ready = await Promise.all(task.writers.map((writer) => prepare(task, writer)))
  process.stdout.write('ready\n')
  await once(process.stdin, 'data')
  process.stdin.destroy()
  await Promise.all(ready.map((run) => run()))
}

async function prepare(task: WriterTask, writer: number): Promise<() => Promise<void>> {
  const counting = new CountingStore(await storeAt(task.place))
  const store = new FaultyStore(counting)
  const deps = depsOn(store)
  const table = await DeltaTable.open(deps, TABLE)
  const appId = appIdOf(writer)
  const first = (await table.appendState()).txns.get(appId) ?? 0
  const appendNext = async (append: number): Promise<AppendReport> => {
    const add = (await writeDataFile(deps, TABLE, rowsOf(writer, append)))!
    if (append === task.holdAt && writer === task.writers[0]) await hold(add.path)
    counting.take()
    const began = performance.now()
    const { version } = await table.appendState()
    await table.commit({ readVersion: version, adds: [add], txns: [{ appId, version: append }] })
    const attempts = counting.take().filter((request) => /^create .*\/\d{20}\.json$/.test(request)).length
    return { attempts, millis: performance.now() - began }
  }
  return async () => {
    store.byChance(task.faults, dice(task.seed * 1_000 + writer))
    let append: number | undefined = first
    while (append === undefined || append < task.appends) {
      try {
        // After an error, the table says how far this writer is.
        append ??= (await table.appendState()).txns.get(appId) ?? 0
        if (append === task.appends) break
        const report = await appendNext(append + 1)
        append++
        process.stdout.write(`${JSON.stringify(report)}\n`)
      } catch (error) {
        if (!isSluiceError(error) || !(error.retryable || error.code === 'DELTA_TRANSACTION_CONFLICT')) throw error
        append = undefined
      }
    }
  }
}

/** Never ends. */
async function hold(file: string): Promise<void> {
  const report: HoldReport = { holds: decodeURIComponent(file) }
  process.stdout.write(`${JSON.stringify(report)}\n`)
  await new Promise(() => setInterval(() => {}, 60_000))
}

function rowsOf(writer: number, append: number): ColumnBatch {
  const column = (value: number) =>
    ({ kind: 'number', valid: null, values: new Float64Array(ROWS).fill(value) }) as const
  return { fields: FIELDS, rows: ROWS, vectors: [column(writer), column(append)] }
}

if (import.meta.main) await work(JSON.parse(process.argv[2] ?? '') as WriterTask)
