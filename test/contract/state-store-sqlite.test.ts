import { chmodSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { Worker } from 'node:worker_threads'
import { describe, expect, it, onTestFinished } from 'vitest'
import { stateError } from '#adapters/sqlite/sqlite-error.ts'
import { SqliteStateStore } from '#adapters/sqlite/state-store.ts'
import type { FencedItem } from '#ports/state-store.ts'
import { temporaryFolder } from '../support/temp.ts'

const item = (id: string, fence: number, size = 10): FencedItem => ({
  group: 'g',
  id,
  fence,
  body: new Uint8Array(size).fill(fence),
})

const stateFile = (): string => join(temporaryFolder(), 'state.sqlite')

function openStore(file: string, options = {}): SqliteStateStore {
  const store = new SqliteStateStore(file, options)
  onTestFinished(() => store.close())
  return store
}

const errorOf = (run: () => unknown): unknown => {
  try {
    run()
  } catch (error) {
    return error
  }
  throw new Error('expected an error')
}

/** A file with 200 items of 2 KB, closed: everything is in the main file. */
async function filled(): Promise<string> {
  const file = stateFile()
  const store = openStore(file)
  await Promise.all(Array.from({ length: 200 }, (_, i) => store.put(item(`${i}`, i, 2_000), null)))
  await store.close()
  return file
}

const corrupt = (file: string, found: string): unknown => ({
  code: 'STATE_CORRUPT',
  message:
    `Expected a state file of Sluice at ${file}, found ${found}. Restore the whole data folder from a copy, ` +
    'or delete the data folder and rebuild it from its inputs; deleting this file alone would count records twice.',
})

describe('The state file', () => {
  it('keeps its items when it is opened again', async () => {
    const file = await filled()
    const store = openStore(file)
    expect(await store.list('g')).toHaveLength(200)
    expect((await store.get('g', '77'))!.fence).toBe(77)
  })

  it('is created whole: nothing else is left beside it', async () => {
    const file = stateFile()
    await openStore(file).close()
    expect(readdirSync(join(file, '..'))).toEqual(['state.sqlite'])
  })

  it('with a damaged header is refused', async () => {
    const file = await filled()
    const bytes = readFileSync(file)
    bytes.fill(0x55, 0, 64)
    writeFileSync(file, bytes)
    expect(errorOf(() => openStore(file))).toMatchObject(corrupt(file, 'a damaged or truncated one') as object)
  })

  it.each([1, 99, 100, 511, 2_000, 4_096, 100_000])(
    'truncated to %d bytes is refused, or says so when it is used',
    async (size) => {
      const file = await filled()
      truncateSync(file, size)
      const use = async (): Promise<unknown> => openStore(file).list('g')
      await expect(use()).rejects.toMatchObject({ code: 'STATE_CORRUPT', details: { file } })
    },
  )

  it('truncated to nothing is refused: to SQLite it would be a new one', async () => {
    const file = await filled()
    truncateSync(file, 0)
    expect(errorOf(() => openStore(file))).toMatchObject(corrupt(file, 'an empty file') as object)
  })

  it('of something else is refused', () => {
    const file = stateFile()
    const other = new DatabaseSync(file)
    other.exec('CREATE TABLE person (name TEXT)')
    other.close()
    expect(errorOf(() => openStore(file))).toMatchObject(corrupt(file, 'a database of something else') as object)
  })

  it('of a later format is refused', async () => {
    const file = await filled()
    const later = new DatabaseSync(file)
    later.exec('PRAGMA user_version = 2')
    later.close()
    const found = "one in format 2, which this release, with format 1, can't read"
    expect(errorOf(() => openStore(file))).toMatchObject(corrupt(file, found) as object)
  })

  it('can be read beside a writer, without writing', async () => {
    const file = await filled()
    const writer = openStore(file)
    const reader = openStore(file, { readonly: true })
    await writer.put(item('new', 1), null)
    expect((await reader.get('g', 'new'))!.fence).toBe(1)
    await expect(reader.put(item('x', 1), null)).rejects.toMatchObject({
      code: 'DATA_FOLDER_READ_ONLY',
      message:
        `${file} must be writable, but it can't be opened for writing. ` +
        'Change its permissions, or choose another --data folder.',
    })
    await Promise.all([
      expect(reader.put(item('x', 1), null)).rejects.toMatchObject({ code: 'DATA_FOLDER_READ_ONLY' }),
      expect(reader.delete('g', '1', 1)).rejects.toMatchObject({ code: 'DATA_FOLDER_READ_ONLY' }),
    ])
  })

  it('that is missing is not created for a reader', () => {
    const file = stateFile()
    expect(errorOf(() => openStore(file, { readonly: true }))).toMatchObject(corrupt(file, 'none') as object)
    expect(readdirSync(join(file, '..'))).toEqual([])
  })

  it.skipIf(process.getuid?.() === 0)('without write permission is refused for writing', async () => {
    const file = await filled()
    chmodSync(file, 0o400)
    expect(errorOf(() => openStore(file))).toMatchObject({ code: 'DATA_FOLDER_READ_ONLY' })
  })
})

describe('An error of SQLite', () => {
  const failing = (setUp: string, fail: string): unknown => {
    const database = new DatabaseSync(':memory:')
    database.exec(setUp)
    return errorOf(() => database.exec(fail))
  }

  it('for a full disk is DISK_FULL', () => {
    const fail = 'PRAGMA max_page_count = 2; INSERT INTO t VALUES (zeroblob(100000))'
    expect(stateError(failing('CREATE TABLE t (x)', fail), '/data/state.sqlite')).toMatchObject({
      code: 'DISK_FULL',
      message:
        'Writing /data/state.sqlite needs room on the disk, but none is left. ' +
        'Free some and start again: nothing written is lost.',
      retryable: false,
    })
  })

  it('for a lock is retryable', () => {
    const file = stateFile()
    const [holder, other] = [new DatabaseSync(file), new DatabaseSync(file)]
    holder.exec('CREATE TABLE t (x); BEGIN EXCLUSIVE')
    expect(
      stateError(
        errorOf(() => other.exec('INSERT INTO t VALUES (1)')),
        file,
      ),
    ).toMatchObject({
      code: 'DATA_FOLDER_IN_USE',
      retryable: true,
      message:
        `Expected to write ${file} within some seconds, but another process kept it locked. ` +
        'Stop that process; it is tried again.',
    })
    holder.close()
    other.close()
  })

  it('of any other kind stays as it is', () => {
    const error = failing('', 'SELECT * FROM missing')
    expect(stateError(error, 'x')).toBe(error)
    expect(stateError(null, 'x')).toBeNull()
  })
})

describe('Several threads on one state file', () => {
  const url = (path: string): string => JSON.stringify(new URL(`../../lib/${path}`, import.meta.url).href)

  /** Adds 1 to the fence of one item, 300 times, as any stage does it: by conditional put, again after a conflict. */
  const adder = (file: string): string => `
    async function main() {
      const { SqliteStateStore } = await import(${url('adapters/sqlite/state-store.ts')})
      const store = new SqliteStateStore(${JSON.stringify(file)})
      const body = new Uint8Array(100)
      for (let n = 0; n < 300; n++) {
        let stored = await store.get('g', 'sum')
        for (;;) {
          const fence = (stored?.fence ?? 0) + 1
          const result = await store.put({ group: 'g', id: 'sum', fence, body }, stored?.fence ?? null)
          if (result.ok) break
          stored = result.stored
        }
      }
      await store.close()
    }
    main()
  `

  it('lose no update, from its creation on', async () => {
    const file = stateFile()
    const exits = Array.from({ length: 4 }, () => {
      const worker = new Worker(adder(file), { eval: true })
      return new Promise((resolve, reject) => worker.once('exit', resolve).once('error', reject))
    })
    expect(await Promise.all(exits)).toEqual([0, 0, 0, 0])
    expect((await openStore(file).get('g', 'sum'))!.fence).toBe(1_200)
    expect(readdirSync(join(file, '..')).filter((name) => name.endsWith('.draft'))).toEqual([])
  })
})
