import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { DirectoryObjectStore } from '#adapters/files/object-store.ts'
import { systemClock } from '#adapters/system/clock.ts'
import { readCheckpoint } from '#delta/checkpoint-read.ts'
import { LogPaths, listLog } from '#delta/log.ts'
import { DeltaTable } from '#delta/table.ts'
import { createTemporaryFolder } from '../support/temp.ts'
import { writeWideLog } from '../support/wide-log.ts'
import type { CheckpointCost } from './checkpoint-child.ts'

const MILLION = 1_000_000
const TABLE = 'wide'
const CHILD = fileURLToPath(new URL('./checkpoint-child.ts', import.meta.url))

async function checkpointInChild(folder: string): Promise<CheckpointCost> {
  const { stdout } = await promisify(execFile)(process.execPath, [CHILD, folder, TABLE])
  return JSON.parse(stdout) as CheckpointCost
}

/** Of the newest checkpoint alone: how many different files it has, and its transactions. */
async function checkpointed(store: DirectoryObjectStore, version: number) {
  const paths = new LogPaths(TABLE)
  const [newest] = (await listLog(store, paths, version)).checkpoints
  const files = new Set<string>()
  const txns: [string, number][] = []
  for await (const actions of readCheckpoint(store, paths, newest!)) {
    for (const { path } of actions.adds) files.add(path)
    for (const txn of actions.txns) txns.push([txn.appId, txn.version])
  }
  return { version: newest!.version, fileCount: files.size, txns }
}

describe('A checkpoint of a table of a million files', () => {
  const folder = createTemporaryFolder()
  const store = new DirectoryObjectStore(folder.path)
  let latest = 0
  beforeAll(async () => {
    latest = await writeWideLog(store, TABLE, { files: MILLION, tail: 10, checkpoint: true, checksum: true })
  }, 300_000)
  afterAll(() => folder[Symbol.dispose]())

  test('takes less than 512 MB, from the many files of another writer’s checkpoint and from the one file of ours', async () => {
    const first = await checkpointInChild(folder.path)
    expect(first.version).toBe(latest)
    expect(first.peakMegabytes).toBeLessThan(512)

    const table = await DeltaTable.open({ store, clock: systemClock, ids: { next: randomUUID } }, TABLE)
    await table.append([{ id: 1 }])
    const second = await checkpointInChild(folder.path)
    expect(second.version).toBe(latest + 1)
    expect(second.peakMegabytes).toBeLessThan(512)
    expect(await checkpointed(store, latest + 1)).toEqual({
      version: latest + 1,
      fileCount: MILLION + 1,
      txns: [['writer', 7]],
    })
  })
})
