import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import type { WriteResult } from '#delta/opened-version.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { writeWideLog } from '../support/wide-log.ts'

const MILLION = 1_000_000
const TABLE = 'wide'
const CHILD = fileURLToPath(new URL('./change-child.ts', import.meta.url))
/** Node ends a process that needs more. The list of files alone takes some 400 MB. */
const HEAP = '--max-old-space-size=100'

async function inChild(folder: string, change: string): Promise<WriteResult> {
  const { stdout } = await promisify(execFile)(process.execPath, [HEAP, CHILD, folder, TABLE, change])
  return JSON.parse(stdout) as WriteResult
}

describe('A table of a million files, in a heap of 100 MB', () => {
  const folder = createTemporaryFolder()
  let latest = 0
  beforeAll(async () => {
    const log = { files: MILLION, tail: 10, checkpoint: true, checksum: true, days: 1_000 }
    latest = await writeWideLog(new DirectoryObjectStore(folder.path), TABLE, log)
  }, 300_000)
  afterAll(() => folder[Symbol.dispose]())

  test('loses a partition, has another one overwritten, updated and merged into, and is looked through for small files', async () => {
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
