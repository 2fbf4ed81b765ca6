/**
 * node bench/delta/tasks.ts <task> <table.parquet> <folder>: one task of the benchmark in this process. A new task is an entry here, one
 * of the same name in peers.py, and one in main.ts.
 */
import { readFileSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { randomIds } from '#adapters/system/ids.ts'
import { DeltaTable } from '#delta/table.ts'
import { readParquetColumns } from '#parquet/columns-reader.ts'
import { type ParquetRow, readParquetRows } from '#parquet/reader.ts'
import { encodeRows } from '#parquet/rows-writer.ts'
import { bytesSource, type ParquetSource } from '#parquet/source.ts'
import { encodeParquet } from '#parquet/writer.ts'
import type { ObjectStore } from '#ports/object-store.ts'
import type { ColumnBatch, Vector } from '#schema/vector.ts'
import { CRIME_COLUMNS, CRIME_FIELDS } from './crime-columns.ts'
import { type Done, report } from './measure.ts'

const TABLE = 'crimes'
/** Appends that a task of small batches makes. */
const APPENDS = 40

type Task = (input: string, folder: string, start: () => void) => Promise<Done>

/** Counts the bytes that are read. */
function counted(store: ObjectStore): { readonly store: ObjectStore; read(): number } {
  let bytes = 0
  const get: ObjectStore['get'] = async (path, range) => {
    const found = await store.get(path, range)
    bytes += found.length
    return found
  }
  return {
    store: new Proxy(store, {
      get: (target, name) => {
        const value: unknown = name === 'get' ? get : Reflect.get(target, name)
        return typeof value === 'function' && name !== 'get' ? value.bind(target) : value
      },
    }),
    read: () => bytes,
  }
}

function depsOf(store: ObjectStore) {
  return { store, clock: systemClock, ids: randomIds }
}

function directory(folder: string): ObjectStore {
  return new DirectoryObjectStore(join(folder, 'sluice'))
}

function newTable(folder: string): Promise<DeltaTable> {
  return DeltaTable.openOrCreate(depsOf(directory(folder)), TABLE, { fields: CRIME_FIELDS })
}

async function* batchesOf(input: string, rowEnd?: number): AsyncGenerator<ColumnBatch> {
  const source = bytesSource(new Uint8Array(readFileSync(input)))
  for await (const { rows, columns } of readParquetColumns(source, rowEnd === undefined ? {} : { rowEnd })) {
    yield { fields: CRIME_FIELDS, rows, vectors: [...columns.values()] as Vector[] }
  }
}

async function rowsOf(input: string, rowEnd: number): Promise<ParquetRow[]> {
  const rows: ParquetRow[] = []
  const source = bytesSource(new Uint8Array(readFileSync(input)))
  for await (const run of readParquetRows(source, { rowEnd })) for (const row of run) rows.push(row)
  return rows
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = []
  for await (const item of items) found.push(item)
  return found
}

/** Appends of `size` rows each; the times are per append. */
const appends =
  (size: number): Task =>
  async (input, folder, start) => {
    const rows = await rowsOf(input, size * Math.min(APPENDS, 400_000 / size))
    const table = await newTable(folder)
    await table.append(rows.slice(0, size))
    start()
    let done = 0
    for (let from = 0; from < rows.length; from += size, done++) await table.append(rows.slice(from, from + size))
    return { rows: rows.length, times: done }
  }

const TASKS: Readonly<Record<string, Task>> = {
  'encode 1 M from columns': async (input, _, start) => {
    const batches = await all(batchesOf(input))
    start()
    let bytes = 0
    for (const batch of batches) bytes += encodeParquet(batch).bytes.length
    return { bytes, rows: batches.reduce((sum, { rows }) => sum + rows, 0) }
  },
  'encode 1 M from rows': async (input, _, start) => {
    const rows = await rowsOf(input, 1_000_000)
    start()
    return { rows: rows.length, bytes: encodeRows(CRIME_COLUMNS, rows).byteLength }
  },
  'append 1 M from columns': async (input, folder, start) => {
    const batches = await all(batchesOf(input))
    const table = await newTable(folder)
    start()
    await table.append(batches)
    return { rows: batches.reduce((sum, { rows }) => sum + rows, 0) }
  },
  'append 1 M from rows': async (input, folder, start) => {
    const rows = await rowsOf(input, 1_000_000)
    const table = await newTable(folder)
    start()
    await table.append([rows])
    return { rows: rows.length }
  },
  'append 1 M as it is read': async (input, folder, start) => {
    const table = await newTable(folder)
    start()
    const file = await open(input)
    const source = {
      byteLength: (await file.stat()).size,
      slice: async (from: number, to: number) => {
        const { buffer } = await file.read(new Uint8Array(to - from), 0, to - from, from)
        return buffer.buffer
      },
    }
    await table.append(readParquetRows(source as ParquetSource))
    await file.close()
    return {}
  },
  'append 10 k': appends(10_000),
  'append 1 k': appends(1000),
  scan: async (_, folder, start) => {
    const { store, read } = counted(directory(folder))
    start()
    const snapshot = await (await DeltaTable.open(depsOf(store), TABLE)).snapshot()
    let rows = 0
    for (const { path, size } of snapshot.files) {
      const source = {
        byteLength: size,
        slice: async (from: number, to = size) =>
          new Uint8Array(await store.get(`${TABLE}/${path}`, { start: from, end: to })).buffer,
      }
      for await (const run of readParquetColumns(source)) rows += run.rows
    }
    return { rows, bytes: read() }
  },
  'scan to rows': async (_, folder, start) => {
    const { store, read } = counted(directory(folder))
    start()
    const snapshot = await (await DeltaTable.open(depsOf(store), TABLE)).snapshot()
    let rows = 0
    for await (const run of snapshot.rows()) rows += run.length
    return { rows, bytes: read() }
  },
  'filtered scan': async (_, folder, start) => {
    const { store, read } = counted(directory(folder))
    start()
    const snapshot = await (await DeltaTable.open(depsOf(store), TABLE)).snapshot()
    const where = { district: '011', date: { gte: '2018-08-20T00:00:00Z', lt: '2018-08-25T00:00:00Z' } }
    let rows = 0
    for await (const run of snapshot.rows({ where, columns: ['id', 'date', 'primary_type'] })) rows += run.length
    return { rows, bytes: read() }
  },
  'merge 10 k': async (input, folder, start) => {
    const table = await DeltaTable.open(depsOf(directory(folder)), TABLE)
    const rows = (await rowsOf(input, 10_000)).map((row, i) => ({ ...row, id: (row['id'] as number) + (i % 2) * 1e9 }))
    start()
    await table.merge([rows], { on: ['id'] })
    return { rows: rows.length }
  },
  'optimize 40 files': async (_, folder, start) => {
    const table = await DeltaTable.open(depsOf(directory(folder)), TABLE)
    start()
    await table.optimize()
    return { rows: (await table.snapshot()).totalRows() ?? 0 }
  },
}

const [name = '', input = '', folder = ''] = process.argv.slice(2)
const task = TASKS[name]
if (task === undefined) throw new Error(`no task "${name}": ${Object.keys(TASKS).join(', ')}`)
await report((start) => task(input, folder, start))
