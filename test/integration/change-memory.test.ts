import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { DeltaTable } from '#delta/table.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { writeWideLog } from '../support/wide-log.ts'
import type { Changed } from './change-child.ts'

const MILLION = 1_000_000
const TABLE = 'wide'
const CHILD = fileURLToPath(new URL('./change-child.ts', import.meta.url))
/** Node ends a process that needs more. The list of files alone takes some 400 MB. */
const HEAP = ['--max-old-space-size=100']
/** 44 MB and three half spaces of 2: 50 MB in all. */
const SMALL_HEAP = ['--max-old-space-size=44', '--max-semi-space-size=2']

async function inChild(folder: string, change: string, heap: readonly string[] = HEAP): Promise<Changed> {
  const { stdout } = await promisify(execFile)(process.execPath, [...heap, CHILD, folder, TABLE, change])
  return JSON.parse(stdout) as Changed
}

describe('A table of a million files', () => {
  const folder = createTemporaryFolder()
  let latest = 0
  beforeAll(async () => {
    const log = { files: MILLION, tail: 900, checkpoint: true, checksum: true, days: 1_000 }
    latest = await writeWideLog(new DirectoryObjectStore(folder.path), TABLE, log)
  }, 300_000)
  afterAll(() => folder[Symbol.dispose]())

  test('is appended to in a heap of 50 MB by five requests, after an old checkpoint and after a new one', async () => {
    const requests = ['list', 'get', 'put', 'create', 'create']
    expect(await inChild(folder.path, 'append', SMALL_HEAP)).toMatchObject({ version: ++latest, requests })
    const store = new DirectoryObjectStore(folder.path)
    await (await DeltaTable.open({ store, clock: systemClock, ids: { next: randomUUID } }, TABLE)).checkpoint()
    expect(await inChild(folder.path, 'append', SMALL_HEAP)).toMatchObject({ version: ++latest, requests })
  }, 600_000)

  test('in a heap of 100 MB loses a partition, has another one overwritten, updated and merged into, and is looked through for small files', async () => {
    const each = { numRemovedFiles: 1_000 }
    expect(await inChild(folder.path, 'delete')).toMatchObject({ version: latest + 1, metrics: each })
    expect(await inChild(folder.path, 'overwrite')).toMatchObject({ version: latest + 2, metrics: each })
    expect(await inChild(folder.path, 'update')).toMatchObject({ version: latest + 2, committed: false })
    expect(await inChild(folder.path, 'merge')).toMatchObject({
      version: latest + 3,
      metrics: { numTargetRowsInserted: 1, numTargetFilesRemoved: 0 },
    })
    expect(await inChild(folder.path, 'optimize')).toMatchObject({ committed: false, metrics: each })
  }, 600_000)
})
